"""A witness of an execution: every reading of the record that it is shown must be true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.statuses import ExecutionStatus, ServerPhase, WaveStatus

# Parts of a progress besides its sum.
_TOTAL = "totalServers"


class Witness:
    """Look at readings of one execution document, in order, and keep what was untrue."""

    def __init__(self) -> None:
        self.readings = 0
        self.lies: list[str] = []
        self._highest: dict[str, float] = {}

    def look(self, document: Mapping[str, Any]) -> None:
        """Check one reading by itself and against the earlier ones."""
        self.readings += 1
        self._sums("execution", document["progress"])
        self._never_less("completedWaves", document["completedWaves"])
        self._never_less("lastPolledTime", document.get("lastPolledTime", 0))
        waves = document["waves"]
        if ExecutionStatus(document["status"]).is_final:
            open_waves = [w["waveNumber"] for w in waves if not WaveStatus(w["status"]).is_final]
            self._demand(not open_waves, f"{document['status']} while waves {open_waves} are open")
        for wave in waves:
            self._look_at_wave(wave)

    def _look_at_wave(self, wave: Mapping[str, Any]) -> None:
        name = f"wave {wave['waveNumber']}"
        self._sums(name, wave["progress"])
        self._never_less(f"{name} pollAttempts", wave["pollAttempts"])
        # A new attempt is the only way back; a wave that was passed over may run after one at another wave.
        if "startTime" in wave:
            ended = WaveStatus(wave["status"]).is_final
            self._never_less(f"{name} attempt {_attempt(wave)} ended", int(ended))
        for server in wave["serverStatuses"]:
            server_name = f"{name} {server['sourceServerId']} attempt {_attempt(server)}"
            self._never_less(f"{server_name} phase", ServerPhase(server["phase"]).rank)
            self._never_less(f"{server_name} history", len(server["transitionHistory"]))
            for key in ("instanceId", "privateIp", "launchTime", "launchedTime"):
                self._never_less(f"{server_name} has {key}", int(bool(server.get(key))))
            if wave["status"] == WaveStatus.COMPLETED and server["phase"] == ServerPhase.READY:
                has_details = bool(server.get("instanceId")) and bool(server.get("privateIp"))
                self._demand(has_details, f"{name} is COMPLETED and {server_name} has no instance or address")

    def _sums(self, name: str, progress: Mapping[str, int]) -> None:
        parts = sum(count for part, count in progress.items() if part != _TOTAL)
        self._demand(parts == progress[_TOTAL], f"{name}: the parts of {dict(progress)} do not sum")

    def _never_less(self, name: str, value: float) -> None:
        before = self._highest.get(name, value)
        self._demand(value >= before, f"{name} went back from {before} to {value}")
        self._highest[name] = max(before, value)

    def _demand(self, holds: bool, lie: str) -> None:
        if not holds:
            self.lies.append(lie)


def _attempt(record: Mapping[str, Any]) -> int:
    return int(record.get("attempt", 1))
