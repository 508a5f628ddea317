"""What was measured against what the plan promises."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from drs_recovery.durations import words
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.web.shared.formatting import Sentence, Timestamp, timestamp_if
from drs_recovery.web.shared.instances import checked_note, leaves_instances
from drs_recovery.web.shared.marks import Badge, Mark, badge_of, mark_of

if TYPE_CHECKING:
    from drs_recovery.store import Execution, Times


class ObjectiveState(StrEnum):
    """What came of an objective."""

    MET = "MET"
    MISSED = "MISSED"
    NOT_MEASURED = "NOT_MEASURED"
    NO_OBJECTIVE = "NO_OBJECTIVE"


@dataclass(frozen=True)
class ObjectiveResult:
    """
    One objective and what was measured.

    :param state: what came of it; NO_OBJECTIVE also where a measure is known.
    :param sentence: all of it, such as ``RTO 42 min of 1 h: met``.
    :param measured: seconds; None if unknown.
    :param target: seconds; None without an objective.
    """

    name: str
    state: ObjectiveState
    sentence: str
    measured: float | None
    target: float | None


def objective_results(measured: Times, objectives: Times) -> tuple[ObjectiveResult, ObjectiveResult]:
    """Compare what was measured with both objectives of the plan."""
    return (
        _result("RTO", measured.get("rto"), objectives.get("rto")),
        _result("RPO", measured.get("rpo"), objectives.get("rpo")),
    )


def _result(name: str, value: float | None, limit: float | None) -> ObjectiveResult:
    state = _state(value, limit)
    sentences = {
        ObjectiveState.MET: f"{name} {words(value)} of {words(limit)}: met",
        ObjectiveState.MISSED: f"{name} {words(value)} of {words(limit)}: missed by {_excess(value, limit)}",
        ObjectiveState.NOT_MEASURED: f"{name} not measured; the objective is {words(limit)}",
        ObjectiveState.NO_OBJECTIVE: f"{name} {words(value) or 'not measured'}; the plan has no objective",
    }
    return ObjectiveResult(name, state, sentences[state], value, limit)


def _excess(value: float | None, limit: float | None) -> str:
    # Never "by 0 s", and told to the second, which a span of more than an hour is not.
    return words(max(1, (value or 0) - (limit or 0)))


def _state(value: float | None, limit: float | None) -> ObjectiveState:
    if limit is None:
        return ObjectiveState.NO_OBJECTIVE
    if value is None:
        return ObjectiveState.NOT_MEASURED
    return ObjectiveState.MET if value <= limit else ObjectiveState.MISSED


@dataclass(frozen=True)
class RunSummary:
    """
    An execution in a line.

    :param note: what qualifies the status, such as ``2 of 3 waves completed``; empty if nothing does.
    :param ended: when it ended; None while it lives.
    :param duration: in words; empty while it lives.
    :param instances_run: that it has ended, and instances of it may still run and cost money; None if not.
    """

    execution_id: str
    plan_name: str
    badge: Badge
    status: Mark
    note: str
    submitted: Timestamp
    ended: Timestamp | None
    duration: str
    started_by: str
    ticket: str
    instances_run: Sentence | None


def run_summary(execution: Execution) -> RunSummary:
    """Sum up an execution."""
    is_final = execution["status"].is_final
    return RunSummary(
        execution_id=execution["executionId"],
        plan_name=execution["planName"],
        badge=badge_of(execution),
        status=mark_of(execution),
        note=coverage_note(execution),
        submitted=Timestamp.at(execution["submittedTime"]),
        ended=timestamp_if(execution.get("endTime")) if is_final else None,
        duration=words(execution.get("duration")) if is_final else "",
        started_by=execution["initiatedBy"],
        ticket=execution.get("ticket", ""),
        instances_run=checked_note(execution) if leaves_instances(execution) else None,
    )


def coverage_note(execution: Execution) -> str:
    """Say how much of the plan was done where the status alone would mislead; else empty."""
    if execution.get("dryRun") or execution["status"] == ExecutionStatus.SKIPPED:
        return "launched nothing"
    completed, total = execution["completedWaves"], execution["totalWaves"]
    if execution["status"].is_final and completed < total:
        return f"{completed} of {total} waves completed"
    return ""
