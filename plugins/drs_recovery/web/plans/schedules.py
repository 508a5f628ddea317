"""Schedules of drills: in words, and whether a plan has fallen behind its own."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import ceil

from airflow.sdk import timezone
from airflow.timetables.interval import CronDataIntervalTimetable
from cron_descriptor import ExpressionDescriptor, FormatException, MissingFieldException, Options

from drs_recovery.plan.model import Schedule

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
    """
    Say when drills run, such as ``At 03:00, on day 1 of the month (America/New_York)``.

    :param schedule: of a plan; an expression for which there are no words is shown as it is.
    """
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

    :param schedule: of a plan.
    :param now: epoch seconds; only earlier times count.
    :param count: how many.
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
