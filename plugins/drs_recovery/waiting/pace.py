"""
How long to wait before the next look: pure rules over seconds.

The usual interval, shorter where an end is near, longer after failures, never sooner than AWS asks, and a
little different each time, so that many triggerers do not ask at once.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

# After failures the interval doubles up to this many seconds.
LONGEST_INTERVAL = 300.0

# Near its end a job is looked at so many times more often than usual.
FINEST = 6

# Of the time that is left until an expected end, a look comes after this part of it at the latest.
_PART_OF_THE_REST = 0.25

# An end that is so many usual intervals late can come at any time: then there is no reason to hurry.
_LATE = 10


@dataclass(frozen=True)
class Wish:
    """
    How one waiter would like to be served.

    :param interval: its usual seconds between two looks.
    :param ends_at: epoch seconds at which what it waits for should end; None if nobody knows.
    :param deadline: epoch seconds at which it wants a last look.
    """

    interval: float
    ends_at: float | None
    deadline: float

    def pause(self, now: float) -> float:
        """
        Seconds until this waiter wants the next look.

        :param now: epoch seconds.
        """
        return max(min(self._usual(now), self.deadline - now), 0.0)

    def patience(self, now: float) -> float:
        """
        Seconds for which this waiter can be left without a look after failures.

        At its deadline it wants one, and if that fails, too, the next ones without growing pauses.

        :param now: epoch seconds.
        """
        return self.deadline - now if now < self.deadline else self.interval

    def _usual(self, now: float) -> float:
        if self.ends_at is None or now > self.ends_at + _LATE * self.interval:
            return self.interval
        near = max(self.ends_at - now, 0.0) * _PART_OF_THE_REST
        return min(max(near, self.interval / FINEST), self.interval)


def pause_of(wishes: Iterable[Wish], now: float, failures: int, retry_after: float | None) -> float:
    """
    Seconds until the next look that serves all: one question answers every waiter, so the soonest counts.

    :param wishes: of all waiters; at least one.
    :param now: epoch seconds of the last look, or of its failure.
    :param failures: how many looks in a row failed.
    :param retry_after: seconds for which AWS asked to be left alone; None if it did not.
    """
    wishes = list(wishes)
    usual = min(wish.interval for wish in wishes)
    if failures:
        longest = max(LONGEST_INTERVAL, usual)
        pause = min(usual * 2.0 ** min(failures, 16), longest) * _spread()
        pause = max(pause, min(retry_after or 0.0, longest))
        pause = min(pause, min(wish.patience(now) for wish in wishes))
    else:
        pause = min(wish.pause(now) for wish in wishes) * _spread()
    # However many wait, and however many deadlines pass, the questions come no closer than this.
    return max(pause, usual / FINEST)


def _spread() -> float:
    return random.uniform(0.9, 1.1)  # noqa: S311  # keeps triggerers apart, no secret hangs on it
