"""
The time of the simulation: wall time, stretched by a speed.

Nothing in the sandbox runs in the background. What has happened by now is computed from this clock whenever
somebody looks, so a test may replace the wall clock and never needs to sleep.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

Wall = Callable[[], float]

_EPOCH_OF_MONOTONIC = time.time() - time.monotonic()


def steady_wall() -> float:
    """Seconds since 1970 that never step back when the machine's clock is set."""
    return _EPOCH_OF_MONOTONIC + time.monotonic()


@dataclass(frozen=True)
class _Stretch:
    """From ``wall`` on, simulated time starts at ``elapsed`` and runs ``speed`` times as fast."""

    wall: float
    elapsed: float
    speed: float


@dataclass(frozen=True)
class _Jump:
    """So many seconds passed at one wall time."""

    wall: float
    seconds: float


class SimulatedClock:
    """
    Simulated seconds since the clock was made, and the wall time of each of them.

    :param wall: the wall clock, in seconds since 1970.
    """

    def __init__(self, speed: float = 1.0, wall: Wall = steady_wall) -> None:
        self._wall = wall
        self._stretches = [_Stretch(wall(), 0.0, _checked_speed(speed))]
        self._jumps: list[_Jump] = []
        self._skew = 0.0

    @property
    def speed(self) -> float:
        """Simulated seconds a real second."""
        return self._stretches[-1].speed

    def wall(self) -> float:
        """The right wall time, in seconds since 1970."""
        return self._wall()

    def now(self) -> datetime:
        """Wall time, UTC, as AWS's clock has it."""
        return datetime.fromtimestamp(self._wall() + self._skew, UTC)

    def elapsed(self) -> float:
        """Simulated seconds since the clock was made."""
        last = self._stretches[-1]
        return last.elapsed + (self._wall() - last.wall) * last.speed

    def when(self, elapsed: float) -> datetime:
        """Wall time of a simulated moment by AWS's clock, UTC; what was jumped over happened at the jump."""
        index = max(bisect_right(self._stretches, elapsed, key=lambda stretch: stretch.elapsed) - 1, 0)
        stretch = self._stretches[index]
        wall = stretch.wall + (elapsed - stretch.elapsed) / stretch.speed
        if index + 1 < len(self._stretches):
            wall = min(wall, self._stretches[index + 1].wall)
        return datetime.fromtimestamp(wall + self._skew, UTC)

    def age(self) -> float:
        """
        Seconds since 1970 in which something can have grown old: wall time, and whatever was jumped over.

        The speed does not count: it is for jobs to be quick, and a day would be over in the blink of an eye.
        """
        return self._aged(self._wall()) + self._skew

    def age_at(self, elapsed: float) -> float:
        """The age in a simulated moment."""
        return self._aged(self.when(elapsed).timestamp() - self._skew) + self._skew

    def dated(self, age: float) -> datetime:
        """Wall time of an age by AWS's clock, UTC; what was jumped over happened at the jump."""
        wall = age - self._skew
        for jump in self._jumps:
            if wall <= jump.wall:
                break
            wall = max(wall - jump.seconds, jump.wall)
        return datetime.fromtimestamp(wall + self._skew, UTC)

    def _aged(self, wall: float) -> float:
        return wall + sum(jump.seconds for jump in self._jumps if jump.wall <= wall)

    def set_skew(self, seconds: float) -> None:
        """
        Let AWS's clock differ from everybody else's.

        :param seconds: how far it is ahead; below 0 it is behind.
        """
        self._skew = seconds

    def set_speed(self, speed: float) -> None:
        """
        Change the speed from now on; what has happened keeps its times.

        :raises ValueError: for a speed of 0 or less.
        """
        self._stretches.append(_Stretch(self._wall(), self.elapsed(), _checked_speed(speed)))

    def advance(self, seconds: float) -> None:
        """
        Jump forward in simulated time.

        :raises ValueError: for a jump back.
        """
        if seconds < 0:
            raise ValueError(f"the clock cannot go back, and {seconds} is below 0")
        self._stretches.append(_Stretch(self._wall(), self.elapsed() + seconds, self.speed))
        self._jumps.append(_Jump(self._stretches[-1].wall, seconds))


def _checked_speed(speed: float) -> float:
    if not speed > 0:
        raise ValueError(f"the speed must be above 0, not {speed}")
    return speed
