"""When the last good drill is too old to prove anything."""

from datetime import datetime

import pytest

from drs_recovery.plan.model import Schedule
from drs_recovery.web.plans.drill_proof import ProofState, drill_proof
from drs_recovery.web.plans.sources import PlanPast
from tests.unit.web.plan_records import DAY, NOW, execution


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


MONTHLY = Schedule(cron="0 3 1 * *")
JULY = {**execution(), "endTime": at("2026-07-01T04:00:00Z")}


def test_a_plan_without_a_good_drill_is_warned_of() -> None:
    proof = drill_proof(PlanPast(), MONTHLY, NOW)

    assert (proof.state, proof.is_warning, proof.execution_id, proof.age) == (
        ProofState.NEVER,
        True,
        None,
        "",
    )
    assert proof.sentence == "No good drill yet: nothing proves that this plan works"


def test_a_good_drill_that_may_be_older_than_what_was_looked_at_is_not_denied() -> None:
    proof = drill_proof(PlanPast(looked_back=100), MONTHLY, NOW)

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
    assert drill_proof(PlanPast(last_good_drill=JULY), MONTHLY, at(now)).state is state


def test_a_drill_that_ended_after_its_time_came_up_counts_for_that_time() -> None:
    slow = {**execution(), "endTime": at("2026-08-01T03:30:00Z")}

    assert (
        drill_proof(PlanPast(last_good_drill=slow), MONTHLY, at("2026-09-20T00:00:00Z")).state
        is ProofState.FRESH
    )


def test_a_drill_that_is_too_old_is_told_with_its_age() -> None:
    proof = drill_proof(PlanPast(last_good_drill=JULY), MONTHLY, at("2026-09-11T12:00:00Z"))

    assert proof.age == "72 days"
    assert proof.sentence == (
        "Last good drill 72 days ago: its schedule has come up at least twice since, without a good drill"
    )


@pytest.mark.parametrize(("days", "state"), [(90, ProofState.FRESH), (90.01, ProofState.OVERDUE)])
def test_without_a_schedule_a_drill_is_too_old_after_a_quarter(days: float, state: ProofState) -> None:
    assert drill_proof(PlanPast(last_good_drill=execution(days_ago=days)), None, NOW).state is state


def test_a_rare_schedule_is_kept_although_a_quarter_is_over() -> None:
    proof = drill_proof(PlanPast(last_good_drill=execution(days_ago=200)), Schedule(cron="@yearly"), NOW)

    assert proof.state is ProofState.FRESH


@pytest.mark.parametrize(
    ("days", "age"),
    [(0.0001, "less than a minute"), (0.02, "28 min"), (0.05, "1 hour"), (1.5, "36 hours"), (40, "40 days")],
)
def test_an_age_has_one_unit(days: float, age: str) -> None:
    assert (
        drill_proof(PlanPast(last_good_drill=execution(days_ago=days)), None, NOW).sentence
        == f"Last good drill {age} ago"
    )


def test_clocks_that_disagree_make_no_negative_age() -> None:
    assert (
        drill_proof(PlanPast(last_good_drill={**execution(), "endTime": NOW + DAY}), None, NOW).age
        == "less than a minute"
    )
