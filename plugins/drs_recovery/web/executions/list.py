"""Show executions as rows of a list, filtered by the form above it."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from drs_recovery.plan import PLAN_ID_PATTERN
from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store import Execution, ExecutionFilter, ServerCounts, cancel_words, is_live, was_cancelled
from drs_recovery.web.dependencies import LiveRecoveries, Store, plan_names
from drs_recovery.web.executions.gates import approvers_of
from drs_recovery.web.executions.headline import first_line
from drs_recovery.web.problems import invalid
from drs_recovery.web.rendering import Links, render
from drs_recovery.web.security import CurrentPerson, Person
from drs_recovery.web.shared import (
    Clock,
    RunSummary,
    clock,
    counted,
    cut,
    execution_mark,
    opening,
    page_time,
    run_summary,
)

_LONGEST_NOTE = 120


@dataclass(frozen=True)
class ExecutionRow:
    """
    One execution of a list.

    :param servers: such as ``6 of 6 servers ready``, with how many failed; empty before they are known.
    :param note: who cancelled it and why, the error, or what is waited for; None if there is nothing to say.
    """

    run: RunSummary
    plan_id: str
    clock: Clock
    waves: str
    servers: str
    note: str | None
    is_live: bool


def execution_row(execution: Execution, now: float) -> ExecutionRow:
    """A row."""
    progress, live = execution["progress"], is_live(execution)
    begun = execution.get("startTime", execution["submittedTime"])
    return ExecutionRow(
        run=run_summary(execution),
        plan_id=execution["planId"],
        clock=clock(begun, None if live else execution.get("endTime"), page_time(execution, now)),
        waves=f"{execution['completedWaves']} of {counted(execution['totalWaves'], 'wave')}",
        servers=_servers(progress),
        note=_note(execution),
        is_live=live,
    )


def _servers(progress: ServerCounts) -> str:
    if not progress["totalServers"]:
        return ""
    failed = f", {progress['failed']} failed" if progress["failed"] else ""
    return f"{progress['ready']} of {counted(progress['totalServers'], 'server')} ready{failed}"


def _note(execution: Execution) -> str | None:
    if paused := execution.get("paused"):
        return f"Waiting for {approvers_of(paused)}: wave {paused['wave']}"
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


@dataclass(frozen=True)
class Wanted:
    """
    The fields as they were sent; an empty one makes no difference.

    :param cancelled: ``true`` for those that were ended before their time, ``false`` for the others.
    :param since: opened then or later, in UTC, as ``<input type=datetime-local>`` writes it.
    """

    plan: str = ""
    status: str = ""
    type: str = ""
    cancelled: str = ""
    ticket: str = ""
    since: str = ""
    until: str = ""

    @property
    def is_filtered(self) -> bool:
        """Whether any field is filled in."""
        return any(asdict(self).values())

    def query(self, **more: str) -> str:
        """The same as the query of an address."""
        fields = {name: value for name, value in {**asdict(self), **more}.items() if value}
        return f"?{urlencode(fields)}" if fields else ""

    def filter_for(self, person: Person) -> ExecutionFilter:
        """The filter, limited to what a person may see; raises a Problem if a field makes no sense."""
        if self.plan and not re.fullmatch(PLAN_ID_PATTERN, self.plan, re.ASCII):
            raise invalid(f"{cut(self.plan, 100)!r} is not a plan id")
        until = _moment(self.until)
        try:
            return ExecutionFilter(
                plan_id=self.plan or None,
                plan_ids=person.listed_plan_ids(self.plan or None),
                may_list=person.sees_plan,
                status=ExecutionStatus(self.status) if self.status else None,
                execution_type=ExecutionType(self.type) if self.type else None,
                cancelled=_truth(self.cancelled),
                ticket=self.ticket.strip() or None,
                since=_moment(self.since),
                until=None if until is None else until + 59.999,
            )
        except ValueError as error:
            raise invalid(f"the list cannot be filtered: {error}") from error


def _truth(text: str) -> bool | None:
    truths = {"": None, "true": True, "false": False}
    if text not in truths:
        raise invalid(f"cancelled={cut(text, 100)!r} is invalid; it is true or false")
    return truths[text]


def _moment(text: str) -> float | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{text!r} is not a time; write it as 2026-11-21T05:42") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


WantedExecutions = Annotated[Wanted, Depends(Wanted)]


# Seconds after which the browser asks for the list again.
_REFRESH = 10
_ON_A_PAGE = 50

router = APIRouter()


@router.get("/executions", name="executions")
def executions(
    request: Request,
    wanted: WantedExecutions,
    store: Store,
    person: CurrentPerson,
    recoveries: LiveRecoveries,
    cursor: str = "",
) -> Response:
    """List executions, newest first."""
    page = store.listings.page(wanted.filter_for(person), _ON_A_PAGE, cursor or None)
    address, now = Links(request).to("executions"), time.time()
    return render(
        request,
        "executions.html",
        recoveries=recoveries,
        rows=[execution_row(item, now) for item in page.items],
        wanted=wanted,
        plans=plan_names(store, person),
        statuses=[execution_mark(status) for status in ExecutionStatus],
        older=address + wanted.query(cursor=page.cursor) if page.cursor else None,
        newest=address + wanted.query() if cursor else None,
        refresh=_REFRESH,
    )
