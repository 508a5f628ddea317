"""How long it is to the next look."""

from __future__ import annotations

import math

import pytest

from drs_recovery.waiting.poller import FINEST, LONGEST_INTERVAL, PollSchedule, pause_of

NOW = 1_800_000_000.0
FAR = NOW + 9999


def schedule(interval: float = 30, ends_in: float | None = None, deadline: float = FAR) -> PollSchedule:
    return PollSchedule(interval, None if ends_in is None else NOW + ends_in, deadline)


def pauses(
    *schedules: PollSchedule, failures: int = 0, retry_after: float | None = None
) -> tuple[float, float]:
    """The shortest and the longest of many."""
    found = [pause_of(schedules, NOW, failures, retry_after) for _ in range(200)]
    return min(found), max(found)


@pytest.mark.parametrize(
    ("failures", "retry_after", "middle"),
    [
        (0, None, 30),
        (1, None, 60),
        (2, None, 120),
        (9, None, LONGEST_INTERVAL),
    ],
)
def test_it_grows_with_trouble_up_to_a_limit_and_is_never_twice_the_same(
    failures: int, retry_after: float | None, middle: float
) -> None:
    shortest, longest = pauses(schedule(), failures=failures, retry_after=retry_after)

    assert 0.9 * middle <= shortest < 0.95 * middle
    assert 1.05 * middle < longest <= 1.1 * middle


@pytest.mark.parametrize(("retry_after", "shortest"), [(40, 54), (120, 120), (9999, LONGEST_INTERVAL)])
def test_it_is_never_shorter_than_aws_asks_within_that_limit(retry_after: float, shortest: float) -> None:
    assert pauses(schedule(), failures=1, retry_after=retry_after)[0] >= shortest
    assert pauses(schedule(), failures=1, retry_after=retry_after)[1] <= max(66, shortest)


@pytest.mark.parametrize(
    ("ends_in", "middle"),
    [(600, 30), (120, 30), (60, 15), (24, 6), (10, 5), (0, 5), (-200, 5), (-301, 30)],
)
def test_it_is_shorter_near_an_expected_end(ends_in: float, middle: float) -> None:
    shortest, longest = pauses(schedule(ends_in=ends_in))

    assert max(0.9 * middle, 30 / FINEST) <= shortest <= longest <= 1.1 * middle


def test_the_soonest_wish_counts_but_many_are_not_served_more_often_than_one() -> None:
    near = schedule(ends_in=0)

    assert pauses(schedule(), near)[1] <= 5.5
    assert pauses(*[near] * 200)[0] >= 5


@pytest.mark.parametrize("failures", [0, 5])
def test_a_look_comes_at_a_deadline(failures: int) -> None:
    shortest, longest = pauses(schedule(), schedule(deadline=NOW + 12), failures=failures)

    assert 0.9 * 12 <= shortest <= longest <= 1.1 * 12


def test_deadlines_that_have_passed_do_not_make_it_ask_without_a_pause() -> None:
    assert pauses(schedule(deadline=NOW - 5)) == (5, 5)


def test_who_gets_no_answer_at_a_deadline_asks_on_at_the_usual_interval() -> None:
    assert pauses(schedule(deadline=NOW - 5), failures=5) == (30, 30)


def test_any_number_of_failures_has_a_pause() -> None:
    assert math.isfinite(pauses(schedule(), failures=10**6)[1])
