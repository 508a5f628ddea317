"""
Take over the executions of another Airflow installation, one after the other.

The controller of each moves once, by a conditional write. Then its DAG run is triggered here under the same
id, finds the record, and goes on with it. Every step can be repeated: a takeover that was cut off goes on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow.utils.types import DagRunType

from drs_recovery.closing import ExecutionCloser, ending_without_run
from drs_recovery.exceptions import AirflowApiError
from drs_recovery.hooks import FORESEEN_ERRORS, describe
from drs_recovery.notifications import Announcer
from drs_recovery.opening import keep_plan
from drs_recovery.standby.records import RecordMender
from drs_recovery.statuses import SkipCause, WaveStatus
from drs_recovery.store import named, taken_from

if TYPE_CHECKING:
    from drs_recovery.standby.airflow_api import AirflowApi
    from drs_recovery.store import Execution, ExecutionDocument, ExecutionRecord, ExecutionStore

_ENDED_RUNS = frozenset({"success", "failed"})

# Seconds for which a takeover waits for a DAG that Airflow does not know yet, and for a run that is skipped;
# and between two looks.
_DAG_PATIENCE, _RUN_PATIENCE, _LOOK_INTERVAL = 120.0, 60.0, 1.0

_PAGE = 200

log = logging.getLogger(__name__)


@dataclass
class Wanted:
    """
    What there is to take over.

    :param live: they go on here.
    :param ended: they left instances that somebody must be able to clean up.
    :param unnamed: live, and their records name no installation.
    """

    live: list[Execution] = field(default_factory=list)
    ended: list[Execution] = field(default_factory=list)
    unnamed: list[Execution] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """What became of one execution. :ivar is_done: whether nothing is left for the command to do."""

    execution: Execution
    what: str
    is_done: bool = True


def wanted_of(store: ExecutionStore, old: str, here: str) -> Wanted:
    """
    Find the executions of an installation, and those that an earlier try has taken over and not begun.

    Real recoveries come first.
    """
    found = Wanted()
    for execution in _all(store):
        controller = execution.get("controller")
        is_live = not execution["status"].is_final
        if controller is None and is_live:
            found.unnamed.append(execution)
        elif is_live and (controller == old or _was_taken_over(execution, old, here)):
            found.live.append(execution)
        elif controller == old and execution.get("instancesLeft") and not execution["instancesTerminated"]:
            found.ended.append(execution)
    found.live.sort(key=lambda one: one["isDrill"])
    return found


def _was_taken_over(execution: Execution, old: str, here: str) -> bool:
    taken = taken_from(execution, old)
    return execution.get("controller") == here and taken is not None and taken["controller"] == here


def _all(store: ExecutionStore) -> Iterator[Execution]:
    """Every execution once: a replica may lack the record by which one is listed, or says that it lives."""
    seen: set[str] = set()
    for execution in store.listings.live():
        seen.add(execution["executionId"])
        yield execution
    cursor: str | None = None
    while True:
        page = store.listings.page(limit=_PAGE, cursor=cursor)
        yield from (one for one in page.items if one["executionId"] not in seen)
        cursor = page.cursor
        if cursor is None:
            return


class Takeover:
    """
    Takes executions over.

    :param here: name of this installation, in which the store acts.
    :param actor: who wants it.
    """

    def __init__(self, store: ExecutionStore, airflow: AirflowApi, here: str, actor: str) -> None:
        self._store, self._airflow = store, airflow
        self._here, self._actor = here, actor

    def take_ended(self, execution: Execution) -> Outcome:
        """Become the one who cleans up what an execution has left."""
        try:
            self._move(execution)
        except Exception as error:  # whatever is wrong with one, the others are taken over
            return Outcome(execution, describe(error), is_done=False)
        return Outcome(execution, "its instances are cleaned up from here")

    def take_live(self, execution: Execution) -> Outcome:
        """Become the one who runs an execution, and go on with it; trouble is no trouble of the others."""
        try:
            return Outcome(execution, self._go_on(execution))
        except Exception as error:  # whatever is wrong with one, the others are taken over
            why, unforeseen = describe(error), not isinstance(error, FORESEEN_ERRORS)
            log.warning("execution %s: %s", execution["executionId"], why, exc_info=unforeseen)
            return Outcome(execution, f"{why}; give the command again", is_done=False)

    def _move(self, execution: Execution) -> bool:
        old = execution.get("controller")
        return self._store.takeovers.take_over(execution["executionId"], old, self._here, self._actor)

    def _go_on(self, execution: Execution) -> str:
        dag_id, run_id = execution["dagId"], execution["dagRunId"]
        state = self._settled_state(execution)
        if not self._move(execution) and state is not None and state not in _ENDED_RUNS:
            return f"its DAG run is {state} already"
        record = self._store.get_execution(execution["executionId"])
        told = "".join(f"; {one}" for one in RecordMender(self._store, record).mend())
        if other := self._store.locks.hold_plan(record["executionId"]):
            told += f"; the plan has another live execution: {named(other)}"
        if state is None and DagRunType.from_run_id(run_id) is not DagRunType.MANUAL:
            return self._close(record) + told
        self._await_dag(record)
        unpaused = f"; {dag_id} was paused, and is not any more" if self._airflow.unpause(dag_id) else ""
        if state is None:
            self._airflow.trigger(dag_id, run_id, options_of(self._store.get_document(record["executionId"])))
        elif state in _ENDED_RUNS:
            self._airflow.start_over(dag_id, run_id)
        return f"its DAG run {'is started over' if state in _ENDED_RUNS else 'goes on'} here{unpaused}{told}"

    def _settled_state(self, execution: Execution) -> str | None:
        """
        State of the run of the same id, which is being skipped here as long as the execution is not ours.

        Half of it skipped and half of it not, it would look like one that was ended by hand.
        """
        dag_id, run_id, deadline = execution["dagId"], execution["dagRunId"], time.monotonic() + _RUN_PATIENCE
        while True:
            state = self._airflow.run_state(dag_id, run_id)
            if state != "running" or execution.get("controller") == self._here:
                return state
            if time.monotonic() > deadline:
                raise AirflowApiError(f"the DAG run {run_id}", "one of that id is still running here")
            time.sleep(_LOOK_INTERVAL)

    def _await_dag(self, record: ExecutionRecord) -> None:
        """Keep the plan, from which the DAG is made where its file is not there, and wait for the DAG."""
        deadline = time.monotonic() + _DAG_PATIENCE
        keep_plan(record)
        while not self._airflow.has_dag(record["dagId"]):
            if time.monotonic() > deadline:
                raise AirflowApiError(
                    f"the DAG run {record['dagRunId']}",
                    f"it has no DAG {record['dagId']}: see whether the DAG processor runs",
                )
            time.sleep(_LOOK_INTERVAL)
            # Housekeeping removes the plans of runs that it does not find.
            keep_plan(record)

    def _close(self, record: ExecutionRecord) -> str:
        """End an execution that cannot go on: Airflow keeps the ids of such runs to itself."""
        execution_id = record["executionId"]
        reason = (
            f"taken over by the Airflow installation {self._here}, in which its DAG run {record['dagRunId']} "
            "cannot be triggered: Airflow reserves such run ids for itself"
        )
        self._store.ending.request_cancel(execution_id, self._actor, reason)
        document = self._store.get_document(execution_id)
        pending = ExecutionCloser(self._store).close(document, ending_without_run(document, None))
        if pending is not None:
            return f"it is being closed, by housekeeping from now on: {pending.what}"
        Announcer(self._store).announce(execution_id)
        return f"it is closed, {self._store.get_execution(execution_id)['status']}"


def options_of(document: ExecutionDocument) -> Mapping[str, Any]:
    """The options with which an execution was triggered, for a run that opens it once more."""
    left_out = [wave for wave in document["waves"] if wave.get("skipCause") == SkipCause.NOT_CHOSEN]
    chosen = [
        wave["waveNumber"]
        for wave in document["waves"]
        if wave not in left_out and wave["status"] != WaveStatus.SKIPPED
    ]
    options = {
        "execution_type": document["executionType"].value,
        "ticket": document.get("ticket"),
        "reason": document.get("reason"),
        "dry_run": document.get("dryRun"),
        "keep_instances": document.get("keepInstances"),
        "replace_execution": document.get("replaceExecution"),
        "waves": chosen if left_out else None,
    }
    return {name: value for name, value in options.items() if value}
