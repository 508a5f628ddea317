"""Questions about many things at a bounded rate, with a clock that only waits move."""

from __future__ import annotations

import threading

import pytest
from botocore.exceptions import ClientError

from drs_recovery.hooks import Pace, ask_each
from drs_recovery.hooks.pacing import PATIENCE


class Clock:
    """Time that passes while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


def pace(per_second: float = 5.0) -> tuple[Pace, Clock]:
    clock = Clock()
    return Pace(per_second, clock, clock.sleep), clock


def refusal(code: str = "ThrottlingException", status: int = 429) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeRecoverySnapshots")


def test_calls_keep_the_rate() -> None:
    turn, clock = pace(5.0)
    for _ in range(11):
        turn.wait()
    assert clock.now == pytest.approx(2.0)


def test_the_rate_halves_when_aws_throttles_and_comes_back() -> None:
    turn, clock = pace(10.0)
    assert turn.refused(None)
    turn.wait()
    before = clock.now
    turn.wait()
    assert clock.now - before == pytest.approx(0.2)
    for _ in range(20):
        turn.answered()
    turn.wait()
    before = clock.now
    turn.wait()
    assert clock.now - before == pytest.approx(0.1)


def test_as_long_as_aws_asks_for_nothing_is_asked() -> None:
    turn, clock = pace()
    assert turn.refused(7.0)
    turn.wait()
    assert clock.now >= 7.0


def test_what_was_throttled_is_asked_again_until_it_is_answered() -> None:
    turn, _ = pace()
    left = {"a": 2, "b": 0, "c": 1}

    def ask(thing: str, turns: Pace) -> str:
        turns.wait()
        if left[thing]:
            left[thing] -= 1
            raise refusal()
        return thing.upper()

    answers = ask_each("abcab", ask, turn)

    assert answers.found == {"a": "A", "b": "B", "c": "C"}
    assert answers.error is None


def test_a_definite_refusal_ends_the_questions() -> None:
    turn, _ = pace()

    def ask(_thing: str, turns: Pace) -> str:
        turns.wait()
        raise refusal("AccessDeniedException", 403)

    assert "AccessDenied" in str(ask_each("abc", ask, turn).error)


def test_without_any_answer_for_long_the_rest_is_left() -> None:
    turn, clock = pace()

    def ask(_thing: str, turns: Pace) -> str:
        turns.wait()
        raise refusal()

    answers = ask_each("a", ask, turn)

    assert "Throttling" in str(answers.error)
    assert PATIENCE / 2 < clock.now <= PATIENCE * 1.5
