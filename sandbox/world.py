"""
What is true for the whole process: clock, quotas, faults, calls, writes, sessions, policies, applications.

moto keeps its services in module variables, one world a process; the sandbox has to do the same.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from threading import RLock
from typing import Any

from sandbox.activity import CallLog, WriteMeter
from sandbox.applications import Applications
from sandbox.authorization import Authorization
from sandbox.aws_requests import SessionBook
from sandbox.clock import SimulatedClock
from sandbox.faults import FaultBook


class QuotaRefusedError(ValueError):
    """A quota has an unknown name or is no whole number."""


@dataclass(frozen=True)
class Quotas:
    """DRS's quotas an account and Region; the defaults are those of AWS's documentation."""

    jobs_in_progress: int = 20
    servers_per_job: int = 100
    servers_in_jobs: int = 500

    def changed(self, values: Any) -> Quotas:
        """
        These quotas with some other values.

        :raises QuotaRefusedError: naming the known quotas.
        """
        known = [field.name for field in fields(self)]
        good = isinstance(values, dict) and all(
            name in known and isinstance(value, int) and not isinstance(value, bool) and value >= 0
            for name, value in values.items()
        )
        if not good:
            raise QuotaRefusedError(f"expected whole numbers for some of {', '.join(known)}, not {values!r}")
        return replace(self, **values)

    def document(self) -> dict[str, int]:
        """Name to number."""
        return asdict(self)


class World:
    """The state that all simulated services share; :attr:`lock` guards every change of it."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.clock = SimulatedClock()
        self.quotas = Quotas()
        self.calls = CallLog()
        self.writes = WriteMeter()
        self.faults = FaultBook(lambda: self.clock)
        self.sessions = SessionBook(lambda: self.clock)
        self.authorization = Authorization(self.sessions)
        self.applications = Applications(self.faults)
        # Whether scripts of Run Command are really run, on this machine.
        self.runs_commands = False

    def reset(self, clock: SimulatedClock | None = None) -> None:
        """
        Forget quotas, faults, calls, writes, sessions, policies, applications and skew.

        :param clock: the clock to go on with; left out, time goes on at the same speed.
        """
        with self.lock:
            self.clock = clock or self.clock
            self.clock.set_skew(0)
            self.quotas = Quotas()
            self.calls.clear()
            self.writes.clear()
            self.faults.clear()
            self.sessions.clear()
            self.authorization.clear()
            self.applications.clear()


WORLD = World()
