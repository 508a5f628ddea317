"""
Ask AWS one question for each of many things, at a bounded rate.

AWS publishes no limits of DRS's calls and throttles them by account and Region. Calls keep a rate, which
halves when AWS throttles and comes back slowly. botocore's own retries would be calls beyond it: there are
none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from drs_recovery.hooks.errors import AWS_ERRORS, is_transient, retry_after

# At AWS's usual tenths of a second for an answer, so many calls at once keep a rate of some ten a second.
_AT_ONCE = 8
# Seconds without any answer after which a target is left for later.
PATIENCE = 60.0
_SLOWEST = 10.0
_RECOVERY = 0.9

Thing = TypeVar("Thing")
Answer = TypeVar("Answer")


class Pace:
    """
    When the next call may be made; safe to use from many threads.

    :param per_second: calls a second while AWS does not throttle.
    """

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._usual = self._interval = 1.0 / per_second
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._next = clock()
        self._answered = clock()

    def wait(self) -> None:
        """Wait for the turn of one call."""
        with self._lock:
            turn = max(self._clock(), self._next)
            self._next = turn + self._interval
        self._sleep(max(0.0, turn - self._clock()))

    def answered(self) -> None:
        """Note an answer: the rate comes back."""
        with self._lock:
            self._answered = self._clock()
            self._interval = max(self._usual, self._interval * _RECOVERY)

    def refused(self, pause: float | None) -> bool:
        """
        Note trouble that may pass: the rate halves.

        :param pause: seconds that AWS asks to wait, if it does.
        :return: whether to go on; False if nothing was answered for long.
        """
        with self._lock:
            now = self._clock()
            self._interval = min(self._interval * 2, max(_SLOWEST, self._usual))
            self._next = max(self._next, now + (pause or self._interval))
            return max(now, self._next) - self._answered < PATIENCE


@dataclass
class Answers(Generic[Thing, Answer]):
    """
    What was answered.

    :param error: why the rest was not; None if everything was.
    """

    found: dict[Thing, Answer] = field(default_factory=dict)
    error: Exception | None = None


def ask_each(
    things: Iterable[Thing], ask: Callable[[Thing, Pace], Answer], pace: Pace
) -> Answers[Thing, Answer]:
    """
    Ask about each thing, some at a time; after a definite refusal, or none at all for long, ask no more.

    :param ask: waits for its turn before each of its calls.
    """
    answers = Answers[Thing, Answer]()
    wanted: Sequence[Thing] = list(dict.fromkeys(things))

    def one(thing: Thing) -> None:
        while answers.error is None:
            try:
                answers.found[thing] = ask(thing, pace)
            except AWS_ERRORS as error:
                if not (is_transient(error) and pace.refused(retry_after(error))):
                    answers.error = answers.error or error
            else:
                pace.answered()
                return

    with ThreadPoolExecutor(
        min(_AT_ONCE, max(1, len(wanted))), thread_name_prefix="drs-recovery-ask"
    ) as pool:
        list(pool.map(one, wanted))
    return answers
