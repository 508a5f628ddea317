"""Collect plans for the console: plan files, their executions, what Airflow knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache, partial
from math import ceil
from typing import TYPE_CHECKING, TypeVar

from airflow.sdk import timezone
from airflow.timetables.interval import CronDataIntervalTimetable
from cron_descriptor import ExpressionDescriptor, FormatException, MissingFieldException, Options

from drs_recovery.statuses import ExecutionType
from drs_recovery.store import ExecutionFilter, is_drill, is_good_drill
from drs_recovery.web.shared import Timestamp, rough_words

if TYPE_CHECKING:
    from drs_recovery.plan import Schedule
    from drs_recovery.store import Execution, ExecutionStore, Wave


class PlanKind(StrEnum):
    """What became of a plan's file; NO_FILE is of a plan that only Airflow knows yet."""

    GOOD = "GOOD"
    BROKEN = "BROKEN"
    NO_FILE = "NO_FILE"


@dataclass(frozen=True)
class PlanHistory:
    """
    The newest executions of a plan, and those of them that its card shows.

    :param executions: newest first.
    :param live: those that have not ended, newest first.
    :param last_drill: the newest drill that has ended, however it ended; no dry run.
    :param last_good_drill: the newest that :func:`~drs_recovery.store.facts.is_good_drill` accepts.
    :param last_recovery: the newest real recovery that has ended; no dry run.
    :param looked_back: how many executions were looked at, if there are older ones; None if all were.
    """

    executions: Sequence[Execution] = ()
    live: tuple[Execution, ...] = ()
    last_drill: Execution | None = None
    last_good_drill: Execution | None = None
    last_recovery: Execution | None = None
    looked_back: int | None = None

    @property
    def where(self) -> str:
        """What was looked at, if it was not all: a thing that is not found there may be older."""
        return "" if self.looked_back is None else f"among its last {self.looked_back} executions"


def history_of(executions: Sequence[Execution], *, has_older: bool) -> PlanHistory:
    """Pick the executions that a card shows."""
    ended = [one for one in executions if one["status"].is_final and not one.get("dryRun")]
    recoveries = (one for one in ended if one["executionType"] == ExecutionType.RECOVERY)
    return PlanHistory(
        executions=executions,
        live=tuple(one for one in executions if not one["status"].is_final),
        last_drill=next(filter(is_drill, ended), None),
        last_good_drill=next(filter(is_good_drill, ended), None),
        last_recovery=next(recoveries, None),
        looked_back=len(executions) if has_older else None,
    )


# How far back cards and charts look.
_LOOK_BACK = 50
# As many connections as the store's client keeps open.
_AT_ONCE = 10

Found = TypeVar("Found")


def read_history(store: ExecutionStore, plan_id: str) -> PlanHistory:
    """Read the newest executions of a plan."""
    page = store.listings.page(ExecutionFilter(plan_id=plan_id), _LOOK_BACK)
    return history_of(page.items, has_older=page.cursor is not None)


def read_histories(store: ExecutionStore, plan_ids: Iterable[str]) -> dict[str, PlanHistory]:
    """Read the newest executions of several plans, by plan id."""
    ids = list(plan_ids)
    return dict(zip(ids, _side_by_side(partial(read_history, store), ids), strict=True))


def read_waves(store: ExecutionStore, executions: Iterable[Execution]) -> dict[str, list[Wave]]:
    """Read the waves of executions, by execution id."""
    ids = [execution["executionId"] for execution in executions]
    documents = _side_by_side(store.get_document, ids)
    return {document["executionId"]: document["waves"] for document in documents}


def _side_by_side(read: Callable[[str], Found], ids: Sequence[str]) -> list[Found]:
    """Read one thing for each id; one after the other a page of many would take seconds."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(read, ids))


OLDEST_WITHOUT_SCHEDULE = 90 * 86_400.0
"""
Seconds after which a good drill of a plan without a schedule is old.

A quarter: AWS's advice for DRS is to drill often, auditors commonly ask for at least one test a year, and
within three months most servers see a change of their operating system or their application.
"""

_TWICE_LATE = "its schedule has come up at least twice since, without a good drill"


class ProofState(StrEnum):
    """Whether the last good drill still counts."""

    FRESH = "FRESH"
    OVERDUE = "OVERDUE"
    NEVER = "NEVER"


@dataclass(frozen=True)
class DrillProof:
    """
    The last good drill and its age.

    :param sentence: all of it in words; the warning, unless the state is FRESH.
    """

    state: ProofState
    execution_id: str | None
    ended: Timestamp | None
    sentence: str

    @property
    def is_warning(self) -> bool:
        """Whether somebody should start a drill."""
        return self.state is not ProofState.FRESH


def drill_proof(history: PlanHistory, schedule: Schedule | None, now: float) -> DrillProof:
    """
    Judge the last good drill of a plan.

    :param schedule: of the plan; None without one, and for a plan that cannot be read.
    """
    if history.last_good_drill is None:
        sentence = f"No good drill {history.where or 'yet'}: nothing proves that this plan works"
        return DrillProof(ProofState.NEVER, None, None, sentence)
    ended = float(history.last_good_drill["endTime"])
    age = rough_words(max(0.0, now - ended))
    complaint = _complaint(ended, schedule, now)
    return DrillProof(
        state=ProofState.OVERDUE if complaint else ProofState.FRESH,
        execution_id=history.last_good_drill["executionId"],
        ended=Timestamp.at(ended),
        sentence=f"Last good drill {age} ago" + (f": {complaint}" if complaint else ""),
    )


def _complaint(ended: float, schedule: Schedule | None, now: float) -> str | None:
    """
    Say why a drill is too old, or None.

    A schedule is kept until it has come up twice since: at the first time the next drill may just be running.
    """
    if schedule is not None:
        before_last = last_times(schedule, now, 2)[1]
        return _TWICE_LATE if ended < before_last else None
    if now - ended > OLDEST_WITHOUT_SCHEDULE:
        return f"older than {rough_words(OLDEST_WITHOUT_SCHEDULE)}"
    return None


_INSTANT, _HOUR = timedelta(seconds=1), timedelta(hours=1)
_STEP = re.compile(r"/(\d+)")

# The library that says a schedule in words does not know the short forms.
_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}


@lru_cache(maxsize=1024)
def schedule_words(schedule: Schedule) -> str:
    """Say when drills run, such as ``At 03:00, on day 1 of the month (America/New_York)``."""
    cron = _ALIASES.get(schedule.cron, schedule.cron)
    words = None if _is_misdescribed(cron) else _words(cron)
    return f"{words or f'cron {schedule.cron}'} ({schedule.timezone})"


def _words(cron: str) -> str | None:
    options = Options()
    options.use_24hour_time_format = True
    options.verbose = True
    options.locale_code = "en_US"  # else the words would follow the language of the machine
    try:
        return str(ExpressionDescriptor(cron, options).get_description())
    except (FormatException, MissingFieldException):
        return None


def _is_misdescribed(cron: str) -> bool:
    """
    Whether the library's words say another time.

    It calls minutes 0 and 45 "every 45 minutes", and a day of the month or of the week both of them.
    """
    fields = cron.split()
    steps = (_STEP.search(field) for field in fields[:2])
    uneven = any(step and size % int(step[1]) for step, size in zip(steps, (60, 24), strict=True))
    return uneven or not ({"*", "?"} & {fields[2], fields[4]})


def last_times(schedule: Schedule, now: float, count: int) -> tuple[float, ...]:
    """
    The latest times at which a drill was to start, newest first, in epoch seconds.

    They come from Airflow's own reading of the expression, which has rules for the hours that the change
    to and from summer time leaves out or repeats.

    :param now: epoch seconds; only earlier times count.
    """
    # Schedules come up at whole minutes, so that all moments of one minute have the same answer.
    return _times_before(schedule, ceil(now / 60), count)


@lru_cache(maxsize=1024)
def _times_before(schedule: Schedule, minute: int, count: int) -> tuple[float, ...]:
    """Plans share schedules, and pages are fetched again and again; each time takes a millisecond."""
    # Its end is the latest tick that has come; the timetable of the DAGs shares the code, but tells none.
    timetable = CronDataIntervalTimetable(schedule.cron, timezone=schedule.timezone)
    times: list[float] = []
    before = timezone.coerce_datetime(datetime.fromtimestamp(60 * minute, UTC))
    for _ in range(count):
        moment = before - _INSTANT
        # Behind a change to summer time Airflow takes the time that was left out for yet to come.
        while (end := timetable.infer_manual_data_interval(run_after=moment).end) >= before:
            moment -= _HOUR
        times.append(end.timestamp())
        before = end
    return tuple(times)
