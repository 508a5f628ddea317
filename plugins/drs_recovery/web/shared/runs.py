"""One execution in a line, as cards and histories of plans show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drs_recovery.durations import words
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store.facts import is_good_drill
from drs_recovery.web.shared.formatting import Moment, Sentence, moment_if
from drs_recovery.web.shared.instances import checked_note, leaves_instances
from drs_recovery.web.shared.marks import Badge, Mark, badge_of, mark_of


@dataclass(frozen=True)
class RunSummary:
    """
    An execution in a line.

    :param execution_id: for the link.
    :param plan_name: name of the plan.
    :param badge: drill or real recovery, and whether it is a dry run.
    :param status: mark of its status.
    :param note: what qualifies the status, such as ``2 of 3 waves completed``; empty if nothing does.
    :param proves_plan: whether it is a good drill of the whole plan.
    :param submitted: when it was triggered.
    :param ended: when it ended; None while it lives.
    :param duration: in words; empty while it lives.
    :param started_by: who or what triggered it.
    :param ticket: number in a ticketing tool; empty without one.
    :param instances_run: that it has ended, and instances of it may still run and cost money; None if not.
    """

    execution_id: str
    plan_name: str
    badge: Badge
    status: Mark
    note: str
    proves_plan: bool
    submitted: Moment
    ended: Moment | None
    duration: str
    started_by: str
    ticket: str
    instances_run: Sentence | None


def run_summary(execution: Mapping[str, Any]) -> RunSummary:
    """
    Sum up an execution.

    :param execution: EXECUTION record.
    """
    is_final = ExecutionStatus(execution["status"]).is_final
    return RunSummary(
        execution_id=execution["executionId"],
        plan_name=execution["planName"],
        badge=badge_of(execution),
        status=mark_of(execution),
        note=coverage_note(execution),
        proves_plan=is_good_drill(execution),
        submitted=Moment.at(execution["submittedTime"]),
        ended=moment_if(execution.get("endTime")) if is_final else None,
        duration=words(execution.get("duration")) if is_final else "",
        started_by=execution["initiatedBy"],
        ticket=execution.get("ticket", ""),
        instances_run=checked_note(execution) if leaves_instances(execution) else None,
    )


def coverage_note(execution: Mapping[str, Any]) -> str:
    """
    Say how much of the plan was done where the status alone would say too much or too little; else empty.

    :param execution: EXECUTION record.
    """
    if execution.get("dryRun") or execution["status"] == ExecutionStatus.SKIPPED:
        return "launched nothing"
    completed, total = execution["completedWaves"], execution["totalWaves"]
    if ExecutionStatus(execution["status"]).is_final and completed < total:
        return f"{completed} of {total} waves completed"
    return ""
