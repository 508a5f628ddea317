"""Set right which plans are kept for the DAGs of live executions: what went wrong, what is left over."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from drs_recovery.closing.reconcile import ENDED_RUNS, RunStateOf
from drs_recovery.installation import elsewhere, installation
from drs_recovery.opening.live_plans import KeptPlan, delete_plan, keep_plan, kept_plans, read_plan
from drs_recovery.store.executions import ExecutionStore

log = logging.getLogger(__name__)


@dataclass
class PlanKeeping:
    """
    What one pass came to, by execution id.

    :param kept: live executions whose plan was not kept.
    :param deleted: executions whose plan is not needed any more.
    """

    kept: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


def set_kept_plans_right(store: ExecutionStore, run_state_of: RunStateOf) -> PlanKeeping:
    """
    Keep the plans of live executions, and no others.

    :param store: the execution store.
    :param run_state_of: asked for the run of every execution that makes a difference.
    """
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
