"""Schedules of drills: in words, and whether a plan has fallen behind its own."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from math import ceil
from zoneinfo import ZoneInfo

from cron_descriptor import ExpressionDescriptor, FormatException, MissingFieldException, Options
from croniter import croniter

from drs_recovery.plan import Schedule

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
    options = Options()
    options.use_24hour_time_format = True
    options.verbose = True
    options.locale_code = "en_US"  # else the words would follow the language of the machine
    try:
        words = ExpressionDescriptor(cron, options).get_description()
    except (FormatException, MissingFieldException):
        words = f"cron {schedule.cron}"
    return f"{words} ({schedule.timezone})"


def last_times(schedule: Schedule, now: float, count: int) -> tuple[float, ...]:
    """
    The latest times at which a drill was to start, newest first, in epoch seconds.

    As Airflow does, the expression is read on the clock on the wall: a time that the change to summer time
    leaves out comes an hour later, and one that comes twice in autumn counts at the first.

    :param schedule: of a plan.
    :param now: epoch seconds; only earlier times count.
    :param count: how many.
    """
    # Schedules come up at whole minutes, so that all moments of one minute have the same answer.
    return _times_before(schedule, ceil(now / 60), count)


@lru_cache(maxsize=1024)
def _times_before(schedule: Schedule, minute: int, count: int) -> tuple[float, ...]:
    """Plans share schedules, and pages are fetched again and again; croniter takes a millisecond a time."""
    zone = ZoneInfo(schedule.timezone)
    wall = datetime.fromtimestamp(60 * minute, zone).replace(tzinfo=None)
    ticks = croniter(schedule.cron, wall)
    return tuple(ticks.get_prev(datetime).replace(tzinfo=zone).timestamp() for _ in range(count))
