"""What the steps of a recovery share: their execution, their store, and when an error ends them for good."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from drs_recovery.configured_store import execution_store
from drs_recovery.exceptions import ExecutionError, ExecutionNotFoundError, TransitionRefusedError
from drs_recovery.hooks import FORESEEN_ERRORS, describe
from drs_recovery.installation import OwnName, checked_claim, elsewhere, installation, own_name
from drs_recovery.notifications import Announcer
from drs_recovery.operators.outages import ExpectedFailureError, OutlivesOutages, log_without_traceback
from drs_recovery.plan import RecoveryPlan, plan_from_snapshot
from drs_recovery.store import execution_id, is_store_away, taken_from, why_read_only

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from drs_recovery.notifications import Asked
    from drs_recovery.store import ExecutionDocument, ExecutionRecord, ExecutionStore, WaveRecord

_log = logging.getLogger(__name__)

# A resumed task can be failed by a stale answer of the process that parked it, and a worker can die: every
# step is safe to run again and gets the chance to, soon. The pauses double, so that the last of these tries
# comes after some minutes of an outage.
RETRIES = 6
RETRY_DELAY = timedelta(seconds=5)
RETRY_BACKOFF = 2


def quick_retries(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Give a task the retries that every step has, unless its author chose others."""
    defaults = {
        "retries": RETRIES,
        "retry_delay": RETRY_DELAY,
        "retry_exponential_backoff": RETRY_BACKOFF,
    }
    return {**defaults, **kwargs}


def until_deadline(seconds: float, deadline: float) -> float:
    """
    A pause that does not sleep through the end of what is waited for: a last look comes then.

    :param deadline: epoch seconds at which waiting ends.
    """
    return max(min(seconds, deadline - time.time()), 0.0)


# Errors that a retry cannot mend.
_FINAL_ERRORS = (ExecutionError, TransitionRefusedError, ExecutionNotFoundError)


@contextmanager
def fails_for_good() -> Iterator[None]:
    """Turn an error that a retry cannot mend into one that Airflow does not retry, and log both in a line."""
    try:
        yield
    except _FINAL_ERRORS as error:
        raise ExpectedFailureError(str(error)) from None
    except FORESEEN_ERRORS:
        log_without_traceback()
        raise


@dataclass
class News:
    """What a step knows of what people are to be told."""

    document: ExecutionDocument | None = None


class RecoveryMixin(OutlivesOutages):
    """Execution and store of the DAG run that a task belongs to."""

    if TYPE_CHECKING:
        defer: Callable[..., NoReturn]
        task_id: str

    def look_again_in(self, seconds: float, method_name: str = "execute_complete") -> NoReturn:
        """Leave the worker and run a method later."""
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=seconds)), method_name=method_name)

    @cached_property
    def store(self) -> ExecutionStore:
        """The configured execution store, opened when a task first needs it."""
        return execution_store()

    def hasty_store(self) -> ExecutionStore:
        """The same for a quick look whether it answers."""
        return execution_store(hasty=True)

    @cached_property
    def installation(self) -> str:
        """Name of this Airflow installation."""
        with fails_for_good():
            return installation(self.store)

    @cached_property
    def _ours(self) -> OwnName:
        with fails_for_good():
            return own_name()

    def execution_id_of(self, context: Context) -> str:
        """
        Id of the execution that this DAG run stands for.

        :raises AirflowSkipException: another installation opened it: two that have the same plans and
            schedules have the same runs, and of one execution only one of them takes care.
        """
        execution = self.own_id(context)
        self.own_record(execution)
        return execution

    @staticmethod
    def own_id(context: Context) -> str:
        """Id of the execution that this DAG run stands for, whoever opened it."""
        dag_run = context["dag_run"]
        return execution_id(dag_run.dag_id, dag_run.run_id)

    def own_record(self, execution: str) -> ExecutionRecord | None:
        """The EXECUTION record; see :meth:`own_records`."""
        return self.own_records(execution)[0]

    def own_records(
        self, execution: str, number: int | None = None
    ) -> tuple[ExecutionRecord | None, WaveRecord | None]:
        """
        The EXECUTION record, and that of a wave; None for each that does not exist.

        :param number: of the wave, from 1; None for none.
        :raises AirflowSkipException: it belongs to another installation.
        :raises ExpectedFailureError: another one has taken it over, or a newer release wrote the record: this
            run must not look like a good one.
        """
        installations = self.store.installations
        record, claim, wave = installations.get_execution_and_claim(execution, self._ours.name, number)
        if record is None:
            return None, None
        with fails_for_good():
            claim = claim or self.store.installations.claim(*self._ours)
            name = checked_claim(self.store, self._ours, claim)
        if reason := elsewhere(record, name):
            if taken_from(record, name) or why_read_only(record):
                raise ExpectedFailureError(f"nothing is done: {reason}")
            raise AirflowSkipException(f"nothing is done: {reason}")
        return record, wave

    @staticmethod
    def task_states(context: Context) -> dict[str, str | None]:
        """States of the run's tasks by task id."""
        dag_run = context["dag_run"]
        states = context["ti"].get_task_states(dag_id=dag_run.dag_id, run_ids=[dag_run.run_id])
        return dict(states.get(dag_run.run_id, {}))

    def announce(
        self, execution: str, asked: Asked | None = None, document: ExecutionDocument | None = None
    ) -> None:
        """
        Tell people what happened to the execution and was not told yet, whichever step it happened in.

        Takes some seconds at the most and never raises: nobody's recovery depends on a message.
        """
        try:
            Announcer(self.store).announce(execution, asked, document)
        except Exception as error:
            unforeseen = not isinstance(error, FORESEEN_ERRORS)
            message = "execution %s: what happened was not announced: %s"
            _log.warning(message, execution, describe(error), exc_info=unforeseen)

    @contextmanager
    def noting(self, execution: str) -> Iterator[None]:
        """Put on record why a step fails that is tried again: nobody should have to search logs for it."""
        try:
            yield
        except (*_FINAL_ERRORS, AirflowException):
            raise
        except Exception as error:
            if is_store_away(error):
                raise
            message = f"the task {self.task_id} failed and is tried again: {describe(error)}"
            try:
                self.store.waits.note(execution, message, getattr(self, "wave_number", None))
            except Exception as unwritten:
                _log.warning("execution %s: %s; not recorded: %s", execution, message, describe(unwritten))
            raise

    @contextmanager
    def announcing(self, execution: str) -> Iterator[News]:
        """Announce what a step brought about, also when the step fails; not when it only waits."""
        news = News()
        try:
            with self.noting(execution):
                yield news
        except Exception as error:
            if not is_store_away(error):
                self.announce(execution)
            raise
        self.announce(execution, document=news.document)

    def plan_of(self, execution: str) -> RecoveryPlan:
        """The plan with which the execution was opened: editing a file never changes a running recovery."""
        return plan_from_snapshot(self.store.get_execution(execution)["planSnapshot"])


class RecoveryOperator(RecoveryMixin, BaseOperator):
    """Base of the operators that act on an execution."""

    ui_color = "#dbe9f6"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**quick_retries(kwargs))

    def execute_complete(self, context: Context, event: Any) -> Any:
        """Go on after a pause: every step looks for what it already did, so it simply runs again."""
        return self.execute(context)
