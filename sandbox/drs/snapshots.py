"""
The points in time from which a server can be recovered.

DRS keeps, by default: every 10 minutes for an hour, every hour for a day, every day for a week. They lie
on a grid of the wall clock, so that ids stay the same and none has to be stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sandbox.drs.course_writer import stable_digest
from sandbox.drs.reading import Document, Reading
from sandbox.drs.servers import SourceServer

# (spacing, how far back), both in seconds.
_RETENTION = ((600, 3_600), (3_600, 86_400), (86_400, 604_800))


@dataclass(frozen=True)
class Snapshot:
    """A point in time of one server."""

    snapshot_id: str
    server_id: str
    taken_at: datetime

    def document(self, reading: Reading) -> Document:
        """As DescribeRecoverySnapshots shows it."""
        stamp = reading.stamp_wall(self.taken_at)
        volume = "snap-" + stable_digest(self.snapshot_id)[:17]
        return {
            "snapshotID": self.snapshot_id,
            "sourceServerID": self.server_id,
            "expectedTimestamp": stamp,
            "timestamp": stamp,
            "ebsSnapshots": [volume],
        }


def snapshots_of(server: SourceServer, reading: Reading) -> list[Snapshot]:
    """
    Every point in time of a server, newest first; none of a server that has not finished its first sync.

    :param server: the server; its lag ends the row of snapshots that long ago.
    :param reading: this look.
    """
    replication = server.replication(reading)
    if not replication.has_data:
        return []
    newest = (reading.wall() - (replication.lag_time or timedelta())).timestamp()
    moments = {
        tick * spacing
        for spacing, reach in _RETENTION
        for tick in range(int(newest - reach) // spacing + 1, int(newest) // spacing + 1)
    }
    return [_snapshot(server.server_id, moment) for moment in sorted(moments, reverse=True)]


def _snapshot(server_id: str, moment: int) -> Snapshot:
    snapshot_id = "pit-" + stable_digest(server_id, str(moment))[:17]
    return Snapshot(snapshot_id, server_id, datetime.fromtimestamp(moment, UTC))
