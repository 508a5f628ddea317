"""Scales of charts: from seconds to positions, with lines at times that people count in."""

from __future__ import annotations

from dataclasses import dataclass

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE * count for count in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * count for count in (1, 2, 3, 6, 12)),
    *(_DAY * count for count in (1, 2, 7, 14, 30, 90)),
)


def time_step(longest: float, most: int) -> int:
    """
    Distance of the lines of a time axis: so many seconds, minutes, hours or days as people count in.

    :param longest: seconds that the axis must reach.
    :param most: how many steps there may be; only far beyond a year there are more.
    """
    return next((step for step in _STEPS if step * most >= longest), _STEPS[-1])


def time_ticks(longest: float, most: int = 5) -> tuple[int, ...]:
    """
    Seconds of the lines of a time axis, from zero to the first that is not below the longest.

    :param longest: seconds that the axis must reach.
    :param most: how many steps there may be.
    """
    step = time_step(longest, most)
    count = max(1, -(-longest // step))
    return tuple(step * number for number in range(int(count) + 1))


@dataclass(frozen=True)
class VerticalScale:
    """
    From seconds to y, with zero at the bottom.

    :param longest: seconds at the top.
    :param top: y of the top.
    :param bottom: y of zero.
    """

    longest: float
    top: float
    bottom: float

    def y(self, seconds: float) -> float:
        """
        Position of a duration; one that is too long ends at the top.

        :param seconds: not negative.
        """
        part = min(1.0, max(0.0, seconds / self.longest))
        return round(self.bottom - part * (self.bottom - self.top), 2)


@dataclass(frozen=True)
class Slots:
    """
    Equal places side by side, in percent of the width.

    :param count: how many.
    :param left: where the first one begins.
    :param right: where the last one ends.
    :param filled: part of a slot that its bar takes.
    """

    count: int
    left: float
    right: float
    filled: float = 0.7

    @property
    def width(self) -> float:
        """Width of a bar; few bars are not as wide as their slots."""
        return round(min(8.0, self._slot * self.filled), 2)

    def center(self, index: int) -> float:
        """
        Middle of a slot.

        :param index: from 0.
        """
        return round(self.left + (index + 0.5) * self._slot, 2)

    @property
    def _slot(self) -> float:
        return (self.right - self.left) / self.count
