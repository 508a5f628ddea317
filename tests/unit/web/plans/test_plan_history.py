"""The executions of a plan, its schedule, and what they prove."""

from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk import timezone
from airflow.timetables.base import TimeRestriction
from airflow.timetables.trigger import CronTriggerTimetable

from drs_recovery.plan.model import Schedule
from drs_recovery.web.plans.plan_history import (
    PlanHistory,
    ProofState,
    drill_proof,
    history_of,
    last_times,
    schedule_words,
)
from tests.unit.web.plan_records import DAY, NOW, execution, live


def test_the_newest_of_each_kind_is_picked() -> None:
    executions = [
        live(9),
        execution(10, status="SKIPPED", completedWaves=0),
        execution(8, dryRun=True),
        execution(7, completedWaves=1),
        execution(6, executionType="RECOVERY", dryRun=True),
        execution(5),
        execution(4, executionType="RECOVERY", status="FAILED"),
        execution(3),
        execution(2, executionType="RECOVERY"),
    ]

    history = history_of(executions, has_older=False)

    assert history == PlanHistory(
        executions=executions,
        live=(executions[0],),
        last_drill=executions[3],
        last_good_drill=executions[5],
        last_recovery=executions[6],
    )


def test_how_far_was_looked_back_is_known_where_there_is_more() -> None:
    assert history_of([execution()], has_older=True).looked_back == 1
    assert history_of((), has_older=False) == PlanHistory()


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


MONTHLY = Schedule(cron="0 3 1 * *")
JULY = {**execution(), "endTime": at("2026-07-01T04:00:00Z")}


def test_a_plan_without_a_good_drill_is_warned_of() -> None:
    proof = drill_proof(PlanHistory(), MONTHLY, NOW)

    assert (proof.state, proof.is_warning, proof.execution_id) == (ProofState.NEVER, True, None)
    assert proof.sentence == "No good drill yet: nothing proves that this plan works"


def test_a_good_drill_that_may_be_older_than_what_was_looked_at_is_not_denied() -> None:
    proof = drill_proof(PlanHistory(looked_back=100), MONTHLY, NOW)

    assert proof.sentence == (
        "No good drill among its last 100 executions: nothing proves that this plan works"
    )


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ("2026-07-20T00:00:00Z", ProofState.FRESH),
        # The drill of August may just be running, or have failed a moment ago.
        ("2026-08-01T03:00:01Z", ProofState.FRESH),
        ("2026-08-31T23:00:00Z", ProofState.FRESH),
        ("2026-09-01T03:00:00Z", ProofState.FRESH),
        ("2026-09-01T03:00:01Z", ProofState.OVERDUE),
    ],
)
def test_a_schedule_that_came_up_twice_since_makes_a_drill_too_old(now: str, state: ProofState) -> None:
    assert drill_proof(PlanHistory(last_good_drill=JULY), MONTHLY, at(now)).state is state


def test_a_drill_that_ended_after_its_time_came_up_counts_for_that_time() -> None:
    slow = {**execution(), "endTime": at("2026-08-01T03:30:00Z")}

    assert (
        drill_proof(PlanHistory(last_good_drill=slow), MONTHLY, at("2026-09-20T00:00:00Z")).state
        is ProofState.FRESH
    )


def test_a_drill_that_is_too_old_is_told_with_its_age() -> None:
    proof = drill_proof(PlanHistory(last_good_drill=JULY), MONTHLY, at("2026-09-11T12:00:00Z"))

    assert proof.sentence == (
        "Last good drill 72 days ago: its schedule has come up at least twice since, without a good drill"
    )


@pytest.mark.parametrize(("days", "state"), [(90, ProofState.FRESH), (90.01, ProofState.OVERDUE)])
def test_without_a_schedule_a_drill_is_too_old_after_a_quarter(days: float, state: ProofState) -> None:
    assert drill_proof(PlanHistory(last_good_drill=execution(days_ago=days)), None, NOW).state is state


def test_a_rare_schedule_is_kept_although_a_quarter_is_over() -> None:
    proof = drill_proof(PlanHistory(last_good_drill=execution(days_ago=200)), Schedule(cron="@yearly"), NOW)

    assert proof.state is ProofState.FRESH


@pytest.mark.parametrize(
    ("days", "age"),
    [(0.0001, "less than a minute"), (0.02, "28 min"), (0.05, "1 hour"), (1.5, "36 hours"), (40, "40 days")],
)
def test_an_age_has_one_unit(days: float, age: str) -> None:
    assert (
        drill_proof(PlanHistory(last_good_drill=execution(days_ago=days)), None, NOW).sentence
        == f"Last good drill {age} ago"
    )


def test_clocks_that_disagree_make_no_negative_age() -> None:
    assert (
        drill_proof(PlanHistory(last_good_drill={**execution(), "endTime": NOW + DAY}), None, NOW).sentence
        == "Last good drill less than a minute ago"
    )


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
