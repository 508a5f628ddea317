"""Work of a service over simulated time: written down when it starts, then a matter of the clock."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

# Until an agent or a service has taken a run up.
PENDING_SECONDS = 1.0
# Until something that was asked to stop has stopped.
STOPPING_SECONDS = 2.0


@dataclass
class Run:
    """
    One run.

    :param started: simulated second of its start.
    :param seconds: until it ends; None never ends.
    :param status: how it ends, in the words of its service.
    :param working: its status until then.
    :ivar stopped: simulated second at which it was asked to stop.
    """

    started: float
    seconds: float | None
    status: str
    working: str = "InProgress"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    stopped: float | None = None

    def ended_at(self) -> float | None:
        """Simulated second of its end; None if nothing ends it."""
        ends = [] if self.seconds is None else [self.started + self.seconds]
        if self.stopped is not None:
            ends.append(self.stopped + STOPPING_SECONDS)
        return min(ends, default=None)

    def has_ended(self, elapsed: float) -> bool:
        """Whether it is over at a simulated second."""
        end = self.ended_at()
        return end is not None and elapsed >= end

    def was_stopped(self) -> bool:
        """Whether it ends because it was asked to."""
        return self.stopped is not None and self.ended_at() == self.stopped + STOPPING_SECONDS

    def stop(self, elapsed: float) -> None:
        """Ask it to stop; what is over or stopping stays so."""
        if self.stopped is None and not self.has_ended(elapsed):
            self.stopped = elapsed

    def told(self, elapsed: float) -> str:
        """Its status at a simulated second, in the words of Systems Manager."""
        if self.has_ended(elapsed):
            return "Cancelled" if self.was_stopped() else self.status
        if self.stopped is not None:
            return "Cancelling"
        return self.working if elapsed >= self.started + PENDING_SECONDS else "Pending"
