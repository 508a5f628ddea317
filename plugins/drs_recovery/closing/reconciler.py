"""
Close executions whose DAG run is gone, and correct which plans are kept for live executions.

The last line behind ``finalize_execution``. A record whose run is alive is left to it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drs_recovery.closing.close import ExecutionCloser
from drs_recovery.closing.outcome import ending_without_run
from drs_recovery.hooks import FORESEEN_ERRORS, describe
from drs_recovery.installation import elsewhere, installation
from drs_recovery.opening import KeptPlan, delete_plan, keep_plan, kept_plans, read_plan
from drs_recovery.store import is_store_away

if TYPE_CHECKING:
    from drs_recovery.store import Execution, ExecutionStore

RunStateOf = Callable[[str, str], str | None]
"""Gives the state of a DAG run by DAG id and run id, as Airflow names it; None if there is no such run."""

ENDED_RUNS = frozenset({"success", "failed", None})

# A record may be younger than what Airflow tells of its run, and the last task of a run that was just ended
# may still be at work. Longer than any pause between two looks of a run that is alive.
GRACE_SECONDS = 360.0

# Its run may be in another Airflow that shares the table.
_NOBODYS = (
    "an installation that has its DAG run: its record names no installation, and this one has no such DAG run"
)

# Its takeover was cut off, or Airflow's API could not be reached.
_NOT_TRIGGERED = "its DAG run, which the takeover was to trigger here: give the command takeover again"

log = logging.getLogger(__name__)


@dataclass
class Reconciliation:
    """What one pass came to, by execution id."""

    closed: list[str] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def reconcile(
    store: ExecutionStore, run_state_of: RunStateOf, *, grace: float = GRACE_SECONDS
) -> Reconciliation:
    """
    Take every execution of this installation that its DAG run left behind one step towards its final status.

    One pass looks once and does not wait: what still runs is left for the next one.

    :param grace: seconds for which a new record, or a cancelled one whose run is alive, is left alone.
    """
    result = Reconciliation()
    closer, name = ExecutionCloser(store), installation(store)
    for execution in store.listings.live():
        execution_id = execution["executionId"]
        if elsewhere(execution, name):
            continue
        try:
            state = run_state_of(execution["dagId"], execution["dagRunId"])
            if not _is_left_behind(execution, state, time.time() - grace):
                continue
            if state is None and (why := _waits_for_a_run(execution)):
                result.waiting[execution_id] = why
            else:
                _close(store, closer, execution_id, state, result)
        except Exception as error:  # whatever is wrong with one record, the others get their end
            if is_store_away(error):
                raise
            why, unforeseen = describe(error), not isinstance(error, FORESEEN_ERRORS)
            log.warning("execution %s: not reconciled this time: %s", execution_id, why, exc_info=unforeseen)
            result.failed[execution_id] = why
    return result


def _is_left_behind(execution: Execution, run_state: str | None, before: float) -> bool:
    if max(execution["submittedTime"], _taken_over_at(execution)) > before:
        return False
    if run_state in ENDED_RUNS:
        return True
    # Whoever cancelled it did not do so in Airflow, and its run waits for an answer that may never come.
    return "cancel" in execution and execution["lastUpdatedTime"] <= before


def _waits_for_a_run(execution: Execution) -> str | None:
    """What a live execution without a DAG run waits for; None if it is to be closed."""
    if "controller" not in execution:
        return _NOBODYS
    return _NOT_TRIGGERED if "takeovers" in execution and "cancel" not in execution else None


def _taken_over_at(execution: Execution) -> float:
    return max((one["time"] for one in execution.get("takeovers", ())), default=0.0)


def _close(
    store: ExecutionStore,
    closer: ExecutionCloser,
    execution_id: str,
    run_state: str | None,
    result: Reconciliation,
) -> None:
    ending = ending_without_run(store.get_document(execution_id), run_state)
    store.ending.begin_reconciling(execution_id, run_state or "deleted")
    pending = closer.close(store.get_document(execution_id), ending)
    if pending is None:
        log.info("execution %s, whose DAG run is %s, is closed", execution_id, run_state or "deleted")
        result.closed.append(execution_id)
    else:
        result.waiting[execution_id] = pending.what


@dataclass
class PlanKeeping:
    """
    What one pass came to, by execution id.

    :param kept: live executions whose plan was not kept.
    """

    kept: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


def set_kept_plans_right(store: ExecutionStore, run_state_of: RunStateOf) -> PlanKeeping:
    """Keep the plans of live executions, and no others."""
    result, name = PlanKeeping(), installation(store)
    kept = {plan.execution_id: plan for plan in kept_plans()}
    for row in store.listings.live():
        if row["executionId"] in kept or elsewhere(row, name):
            continue
        if run_state_of(row["dagId"], row["dagRunId"]) not in ENDED_RUNS:
            keep_plan(store.get_execution(row["executionId"]))
            result.kept.append(row["executionId"])
    for execution_id, plan in kept.items():
        # By its run, not by its record: a record that ended may have a run that has not, or begins anew.
        if _is_over(plan, run_state_of):
            delete_plan(plan)
            result.deleted.append(execution_id)
    return result


def _is_over(kept: KeptPlan, run_state_of: RunStateOf) -> bool:
    plan = read_plan(kept)
    # What cannot be read helps nobody; if its execution lives, the next pass keeps its plan anew.
    return plan is None or run_state_of(kept.dag_id, plan.dag_run_id) in ENDED_RUNS
