"""Schedules in words, and the times at which a drill was to start, also when clocks change."""

from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk import timezone
from airflow.timetables.base import TimeRestriction
from airflow.timetables.trigger import CronTriggerTimetable

from drs_recovery.plan.model import Schedule
from drs_recovery.web.plans.schedules import last_times, schedule_words


def times(cron: str, timezone: str, now: str, count: int = 2) -> list[str]:
    moments = last_times(
        Schedule(cron=cron, timezone=timezone), datetime.fromisoformat(now).timestamp(), count
    )
    return [f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}" for moment in moments]


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("0 3 1 * *", "At 03:00, on day 1 of the month"),
        ("30 2 * * sun", "At 02:30, only on Sunday"),
        ("@daily", "At 00:00, every day"),
        ("@hourly", "Every hour, every day"),
        ("@weekly", "At 00:00, only on Sunday"),
        ("@monthly", "At 00:00, on day 1 of the month"),
        ("@yearly", "At 00:00, on day 1 of the month, only in January"),
        ("0 3 * * 5#2", "At 03:00, on the second Friday of the month"),
        ("0 3 1 * 07", "cron 0 3 1 * 07"),
    ],
)
def test_a_schedule_is_said_in_words(cron: str, said: str) -> None:
    assert schedule_words(Schedule(cron=cron, timezone="Europe/Vienna")) == f"{said} (Europe/Vienna)"


def test_the_words_do_not_follow_the_language_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setattr("locale.getlocale", lambda: ("de_DE", "UTF-8"))

    assert schedule_words(Schedule(cron="1 3 1 * *")) == "At 03:01, on day 1 of the month (UTC)"


def test_times_are_those_before_now_newest_first() -> None:
    assert times("0 3 1 * *", "UTC", "2026-11-21T12:00:00Z") == ["2026-11-01 03:00", "2026-10-01 03:00"]


def test_a_time_that_is_now_does_not_count_yet() -> None:
    assert times("0 3 1 * *", "UTC", "2026-11-01T03:00:00Z", 1) == ["2026-10-01 03:00"]


def test_the_clock_on_the_wall_counts_in_summer_and_in_winter() -> None:
    assert times("0 3 1 * *", "America/New_York", "2026-11-21T12:00:00Z") == [
        "2026-11-01 08:00",
        "2026-10-01 07:00",
    ]


def test_a_time_that_the_change_to_summer_time_leaves_out_comes_an_hour_later() -> None:
    assert times("30 2 * * *", "Europe/Vienna", "2026-03-30T12:00:00Z", 3) == [
        "2026-03-30 00:30",
        "2026-03-29 01:30",
        "2026-03-28 01:30",
    ]


def test_a_time_that_comes_twice_in_autumn_counts_at_the_second_as_airflow_has_it() -> None:
    assert times("30 2 * * *", "Europe/Vienna", "2026-10-26T12:00:00Z", 3) == [
        "2026-10-26 01:30",
        "2026-10-25 01:30",
        "2026-10-24 00:30",
    ]


@pytest.mark.parametrize("cron", ["30 2 * * *", "15 * * * *", "0 3 * * sun", "*/20 1-3 * * *"])
@pytest.mark.parametrize("until", ["2026-03-30T12:00:00Z", "2026-10-26T12:00:00Z"])
def test_times_are_those_at_which_airflow_starts_drills(cron: str, until: str) -> None:
    now = datetime.fromisoformat(until)
    timetable = CronTriggerTimetable(cron, timezone="Europe/Vienna")
    window = TimeRestriction(timezone.coerce_datetime(now - timedelta(days=2)), None, catchup=True)
    started, last = [], None
    while (
        run := timetable.next_dagrun_info(last_automated_data_interval=last, restriction=window)
    ).run_after < now:
        started.append(run.run_after.timestamp())
        last = run.data_interval

    assert list(last_times(Schedule(cron=cron, timezone="Europe/Vienna"), now.timestamp(), len(started))) == [
        *reversed(started)
    ]


@pytest.mark.parametrize("cron", ["*/45 * * * *", "0 */5 * * *", "0 3 1 * fri", "7/25 * * * *"])
def test_words_that_would_say_another_time_are_not_said(cron: str) -> None:
    assert schedule_words(Schedule(cron=cron)) == f"cron {cron} (UTC)"


@pytest.mark.parametrize("cron", ["*/15 * * * *", "0 */6 * * *"])
def test_even_steps_are_said(cron: str) -> None:
    assert schedule_words(Schedule(cron=cron)).startswith(
        ("Every 15 minutes", "Every 6 hours", "At 0 minutes")
    )


def test_a_rare_day_is_found() -> None:
    assert times("0 0 29 2 *", "UTC", "2026-11-21T12:00:00Z") == ["2024-02-29 00:00", "2020-02-29 00:00"]
