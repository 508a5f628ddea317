"""How often and when DRS was asked about a wave, and what of that is on record."""

from __future__ import annotations

import time
from collections import Counter

from drs_recovery.hooks.clients import Place

# Looks without news that follow each other faster are written down together.
_SECONDS_TOGETHER = 10.0


class Looks:
    """The looks at the jobs of one wave; a look asks each of its places."""

    def __init__(self) -> None:
        self.newest: float | None = None
        self._asked: Counter[Place] = Counter()
        self._recorded = 0
        self._recorded_at = time.time()

    def asked(self, place: Place, at: float, *, answered: bool) -> None:
        """
        Count that a place was asked.

        :param at: when, in epoch seconds.
        """
        self._asked[place] += 1
        if answered:
            self.newest = max(at, self.newest or at)

    @property
    def unrecorded(self) -> int:
        """How many looks there were since the last one on record."""
        return max(self._asked.values(), default=0) - self._recorded

    @property
    def are_due(self) -> bool:
        """Whether looks are to be put on record though they brought no news."""
        return self.unrecorded > 0 and time.time() >= self._recorded_at + _SECONDS_TOGETHER

    def recorded(self) -> None:
        """Remember that all looks are on record."""
        self._recorded += self.unrecorded
        self._recorded_at = time.time()
