"""Executions as rows of a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store.facts import cancel_words, was_cancelled
from drs_recovery.web.allowed_actions import is_live
from drs_recovery.web.executions.cancelled import first_line
from drs_recovery.web.executions.gates import who_answers
from drs_recovery.web.shared.badges import Badge, badge_of
from drs_recovery.web.shared.formatting import Clock, Sentence, clock, counted, cut, opening
from drs_recovery.web.shared.instances import checked_note, leaves_instances
from drs_recovery.web.shared.marks import Mark, mark_of
from drs_recovery.web.shared.page_moment import page_moment
from drs_recovery.web.shared.timestamps import Moment

_LONGEST_NOTE = 120


@dataclass(frozen=True)
class ExecutionRow:
    """
    One execution of a list.

    :param execution_id: its id.
    :param plan_id: id of the plan.
    :param plan_name: name of the plan.
    :param badge: drill or real recovery, and whether it is a dry run.
    :param status: its status.
    :param submitted: when it was opened.
    :param clock: how long it took or has taken.
    :param waves: such as ``2 of 3 waves``.
    :param servers: such as ``6 of 6 servers ready``, with how many failed; empty before they are known.
    :param started_by: who started it.
    :param ticket: number in a ticketing tool.
    :param note: what a person should know: who cancelled it and why, the error, or what is waited for.
    :param instances_run: that it has ended, and instances of it may still run and cost money; None if not.
    :param is_live: whether it has not ended.
    """

    execution_id: str
    plan_id: str
    plan_name: str
    badge: Badge
    status: Mark
    submitted: Moment
    clock: Clock
    waves: str
    servers: str
    started_by: str
    ticket: str | None
    note: str | None
    instances_run: Sentence | None
    is_live: bool


def execution_row(execution: Mapping[str, Any], now: float) -> ExecutionRow:
    """
    A row.

    :param execution: EXECUTION record.
    :param now: epoch seconds.
    """
    progress, live = execution["progress"], is_live(execution)
    begun = execution.get("startTime", execution["submittedTime"])
    return ExecutionRow(
        execution_id=execution["executionId"],
        plan_id=execution["planId"],
        plan_name=execution["planName"],
        badge=badge_of(execution),
        status=mark_of(execution),
        submitted=Moment.at(execution["submittedTime"]),
        clock=clock(begun, None if live else execution.get("endTime"), page_moment(execution, now)),
        waves=f"{execution['completedWaves']} of {counted(execution['totalWaves'], 'wave')}",
        servers=_servers(progress),
        started_by=execution["initiatedBy"],
        ticket=execution.get("ticket"),
        note=_note(execution),
        instances_run=checked_note(execution) if leaves_instances(execution) else None,
        is_live=live,
    )


def _servers(progress: Mapping[str, int]) -> str:
    if not progress["totalServers"]:
        return ""
    failed = f", {progress['failed']} failed" if progress["failed"] else ""
    return f"{progress['ready']} of {counted(progress['totalServers'], 'server')} ready{failed}"


def _note(execution: Mapping[str, Any]) -> str | None:
    if paused := execution.get("paused"):
        return f"Waiting for {who_answers(paused.get('approvers'))}: wave {paused['wave']}"
    if execution.get("terminationError") and not execution.get("instancesTerminated"):
        return "Not every instance could be terminated"
    if (words := cancel_words(execution)) and was_cancelled(execution):
        begin = f"being {words}" if is_live(execution) else words
        return cut(f"{opening(first_line(begin))}.", _LONGEST_NOTE)
    if execution.get("error") and execution["status"] != ExecutionStatus.COMPLETED:
        return cut(_in_one_line(execution["error"]), _LONGEST_NOTE)
    return None


def _in_one_line(error: str) -> str:
    """What an error begins with; where that only announces a list, with the first of the list."""
    first, *more = error.splitlines()
    return f"{first} {more[0].removeprefix('- ')}" if more and first.endswith(":") else first
