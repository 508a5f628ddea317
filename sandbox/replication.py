"""How the data of a source server arrives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

# Source: ``DataReplicationState`` in botocore's model.
REPLICATION_STATES = (
    "STOPPED", "INITIATING", "INITIAL_SYNC", "BACKLOG", "CREATING_SNAPSHOT",
    "CONTINUOUS", "PAUSED", "RESCAN", "STALLED", "DISCONNECTED",
)  # fmt: skip

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def is_duration(text: object) -> bool:
    """Whether a value is an ISO-8601 duration of days, hours, minutes and seconds."""
    return isinstance(text, str) and _DURATION.fullmatch(text) is not None


@dataclass(frozen=True)
class Replication:
    """
    How the data of a server arrives.

    :param state: ``dataReplicationState``.
    :param lag: ISO-8601 duration, or None when DRS does not know it.
    """

    state: str = "CONTINUOUS"
    lag: str | None = "P0D"

    @property
    def lag_time(self) -> timedelta | None:
        """The lag as a duration; None when it is not known."""
        match = _DURATION.fullmatch(self.lag or "")
        if match is None:
            return None
        days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)

    @property
    def takes_snapshots(self) -> bool:
        """Whether a new snapshot can be taken on demand."""
        return self.state not in ("STALLED", "DISCONNECTED", "STOPPED", "PAUSED")

    @property
    def has_data(self) -> bool:
        """Whether the first sync has ended, so that there is something to launch."""
        return self.state not in ("INITIATING", "INITIAL_SYNC")
