"""
Let steps outlive an outage of the execution store, and log expected failures without a traceback.

A step leaves the worker and goes on when the store answers again: Airflow's retries are for tasks that
died, and an outage of an hour would use them up. Of a failure that is a result, such as a failed wave, the
text says everything; a traceback would look like a defect of this package.
"""

from __future__ import annotations

import functools
import logging
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import structlog
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.hooks import FORESEEN_ERRORS, describe
from drs_recovery.settings import poll_interval
from drs_recovery.store import execution_id, is_store_away

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from drs_recovery.store import ExecutionStore


log = logging.getLogger(__name__)


class ExpectedFailureError(AirflowFailException):
    """A step ends for good, and its text says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        log_without_traceback()


def log_without_traceback() -> None:
    """Have this process's logs name such failures by their text alone."""
    processors = structlog.get_config()["processors"]
    if _text_alone not in processors:
        processors.insert(0, _text_alone)


def _text_alone(_logger: Any, _method: str, event: Any) -> Any:
    told = event.get("exc_info")
    error = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(error, Exception) and isinstance(error, (ExpectedFailureError, *FORESEEN_ERRORS)):
        event.pop("exc_info")
        reason = str(error) if isinstance(error, ExpectedFailureError) else describe(error)
        event["event"] = f"{event['event']}: {reason}"
    return event


Result = TypeVar("Result")

# Seconds. Every wait has an end; a wave's time-out is longer only in a plan that says so.
LONGEST_OUTAGE = 24 * 3600.0


class OutlivesOutages:
    """A step that can be run again from its beginning, as often as needed."""

    away_since: float | None = None
    """Epoch seconds since which the store has not answered in full."""

    if TYPE_CHECKING:
        defer: Callable[..., NoReturn]
        execute: Callable[..., Any]
        hasty_store: Callable[[], ExecutionStore]

    def go_on_after_outage(self, context: Context, event: Any = None, *, since: float) -> Any:
        """
        Run the step again if the store answers; a quick look, so that no worker is held while it does not.

        :param since: epoch seconds since which the store has not answered.
        """
        dag_run, self.away_since = context["dag_run"], since
        try:
            self.hasty_store().get_execution(execution_id(dag_run.dag_id, dag_run.run_id))
        except ExecutionNotFoundError:
            pass
        except Exception as error:
            self.leave_worker_in_outage(error)
        return self.execute(context)

    def leave_worker_in_outage(self, error: Exception) -> NoReturn:
        """
        Wait in the triggerer while the store does not answer.

        :raises error: it is no outage, or has lasted for too long.
        """
        began = self.away_since or time.time()
        if not is_store_away(error) or time.time() - began > LONGEST_OUTAGE:
            raise error
        pause = poll_interval()
        log.warning("the execution store does not answer, asked again in %g s: %s", pause, describe(error))
        self.defer(
            trigger=TimeDeltaTrigger(timedelta(seconds=pause)),
            method_name="go_on_after_outage",
            kwargs={"since": began},
        )


def waits_for_the_next_run(step: Callable[..., Result]) -> Callable[..., Result]:
    """
    Let a step of housekeeping end at once, and fail, when the store does not answer; its next run goes on.

    What it has asked AWS for until then is found there. Runs that wait would keep the next one from coming.

    :param step: ``execute`` of an operator.
    """

    @functools.wraps(step)
    def run(operator: Any, context: Context) -> Result:
        try:
            return step(operator, context)
        except Exception as error:
            if not is_store_away(error):
                raise
            raise ExpectedFailureError(
                f"the execution store does not answer, the next run continues: {describe(error)}"
            ) from None

    return run


def outlives_outages(step: Callable[..., Result]) -> Callable[..., Result]:
    """
    Let a method of a step leave the worker when the store does not answer; the whole step runs again later.

    :param step: ``execute`` or what follows a deferral, of an :class:`OutlivesOutages`.
    """

    @functools.wraps(step)
    def run(operator: OutlivesOutages, context: Context, *args: Any, **options: Any) -> Result:
        try:
            return step(operator, context, *args, **options)
        except Exception as error:
            if not is_store_away(error):
                raise
            operator.leave_worker_in_outage(error)

    return run
