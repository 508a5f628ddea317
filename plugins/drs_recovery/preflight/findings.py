"""What speaks against an execution, before it is known how much that counts for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from drs_recovery.statuses import ExecutionType, FindingSeverity
from drs_recovery.store import NewFinding, NewServer


class Severity(Enum):
    """How much a check counts."""

    PREVENTS = auto()
    """It cannot work: an error for a drill and for a real recovery."""

    ENDANGERS = auto()
    """An error for a drill, which can wait; a warning for a real recovery, which has to try."""

    NOTABLE = auto()
    """A warning for both."""


@dataclass(frozen=True)
class Check:
    """
    Something that a check saw.

    :param what: what is wrong, a sentence without its full stop.
    :param server: the server that it is about, if it is about one.
    :param wave_number: the wave that it is about, from 1; None for the whole execution.
    """

    severity: Severity
    what: str
    remedy: str
    server: NewServer | None = None
    wave_number: int | None = None

    def finding_for(self, execution_type: ExecutionType) -> NewFinding:
        """Say what it means for an execution."""
        return NewFinding(
            severity=self._severity(execution_type),
            what=self.what,
            remedy=self.remedy,
            source_server_id=self.server.source_server_id if self.server else None,
            server_name=self.server.server_name if self.server else None,
            wave_number=self.wave_number,
        )

    def _severity(self, execution_type: ExecutionType) -> FindingSeverity:
        drill = execution_type is ExecutionType.DRILL
        blocks = self.severity is Severity.PREVENTS or (drill and self.severity is Severity.ENDANGERS)
        return FindingSeverity.ERROR if blocks else FindingSeverity.WARNING
