"""Which executions of a plan its card shows."""

from __future__ import annotations

from collections.abc import Sequence

from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store.facts import is_drill, is_good_drill
from drs_recovery.web.plans.inputs import PlanPast, Record


def past_of(executions: Sequence[Record], *, has_older: bool) -> PlanPast:
    """
    Pick the executions that a card shows.

    :param executions: EXECUTION records of the plan, newest first.
    :param has_older: whether the plan has older ones.
    """
    ended = [one for one in executions if ExecutionStatus(one["status"]).is_final and not one.get("dryRun")]
    recoveries = (one for one in ended if one["executionType"] == ExecutionType.RECOVERY)
    return PlanPast(
        live=tuple(one for one in executions if not ExecutionStatus(one["status"]).is_final),
        last_drill=next(filter(is_drill, ended), None),
        last_good_drill=next(filter(is_good_drill, ended), None),
        last_recovery=next(recoveries, None),
        looked_back=len(executions) if has_older else None,
    )
