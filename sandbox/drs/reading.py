"""What one call sees: the moment, and the standing faults that distort what it is shown."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sandbox.faults import Values
from sandbox.world import World

Document = dict[str, Any]

# A key that no model has: a client must not stumble over what AWS adds later.
_EXTRA = {"sandboxExtraKey": {"added": "by the sandbox"}}


class Reading:
    """
    One look at the state of a Region.

    :param world: clock and faults.
    :param region: the Region.
    """

    def __init__(self, world: World, region: str) -> None:
        self._world, self._region = world, region
        self.elapsed = world.clock.elapsed()
        self._offset_form = self.fault("offset_timestamps") is not None
        self._adds_keys = self.fault("extra_keys") is not None

    def fault(self, kind: str, **subject: Any) -> Values | None:
        """
        The READ fault of a kind that stands here, if any.

        :param kind: name of the kind.
        :param subject: such as ``server="s-…"``.
        """
        return self._world.faults.standing(kind, region=self._region, **subject)

    def faults(self, kind: str) -> list[Values]:
        """
        Every READ fault of a kind that stands here, oldest first.

        :param kind: name of the kind.
        """
        return self._world.faults.all_standing(kind, region=self._region)

    def strike(self, kinds: Collection[str], **subject: Any) -> dict[str, Values]:
        """
        Take the START faults that strike here, kind to values.

        :param kinds: names of the kinds to look for.
        :param subject: such as ``server="s-…"``.
        """
        return self._world.faults.strike(kinds, region=self._region, **subject)

    def within(self, elapsed: float, filters: Document) -> bool:
        """Whether a simulated moment is inside the ``fromDate`` and ``toDate`` of a filter."""
        return _inside(self.wall_time(elapsed), filters.get("fromDate"), filters.get("toDate"))

    def wall_within(self, moment: datetime, filters: Document) -> bool:
        """Whether a wall time is inside the ``fromDateTime`` and ``toDateTime`` of a filter."""
        return _inside(moment, filters.get("fromDateTime"), filters.get("toDateTime"))

    def wall(self) -> datetime:
        """Wall time of this look, UTC."""
        return self._world.clock.now()

    def wall_time(self, elapsed: float) -> datetime:
        """Wall time of a simulated moment, UTC."""
        return self._world.clock.when(elapsed)

    def stamp(self, elapsed: float) -> str:
        """
        A simulated moment as DRS writes times.

        :param elapsed: simulated seconds of the clock.
        """
        return self.stamp_wall(self.wall_time(elapsed))

    def stamp_wall(self, moment: datetime) -> str:
        """A wall time as DRS writes times: mostly with Z, sometimes with an offset."""
        text = moment.astimezone(UTC).isoformat(timespec="microseconds")
        return text if self._offset_form else text.replace("+00:00", "Z")

    def shown(self, document: Document) -> Document:
        """A row as it leaves the API."""
        return {**document, **_EXTRA} if self._adds_keys else document


def _inside(moment: datetime, start: str | None, end: str | None) -> bool:
    after = start is None or datetime.fromisoformat(start) <= moment
    return after and (end is None or moment <= datetime.fromisoformat(end))
