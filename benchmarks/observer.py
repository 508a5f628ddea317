"""Reads the records of executions again and again, and notes when each phase of each server first shows."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from threading import Event, Thread
from types import TracebackType

from benchmarks.waiting_waves import WaitingWave
from devstack.environment import REGION
from devstack.records import open_store
from drs_recovery.statuses import ServerPhase
from drs_recovery.store import WaveRef
from sandbox.testing import Sandbox

# Reading more would be a load of its own.
_MOST_EXECUTIONS = 5
_PAUSE_SECONDS = 0.25

# The entry of a job's log with which a server's phase begins (DescribeJobLogItems).
_FIRST_SIGNS = {
    "SNAPSHOT_START": ServerPhase.SNAPSHOT,
    "CONVERSION_START": ServerPhase.CONVERSION,
    "LAUNCH_START": ServerPhase.LAUNCH,
    "LAUNCH_END": ServerPhase.LAUNCHED,
}

Moment = tuple[str, ServerPhase]
"""Server id and the phase that it enters."""


class Observer:
    """
    A reader in a thread; used as a context.

    :param waves: the waves; of many a few are looked at.
    """

    def __init__(self, sandbox: Sandbox, waves: Sequence[WaitingWave]) -> None:
        self._waves = waves[:: max(len(waves) // _MOST_EXECUTIONS, 1)][:_MOST_EXECUTIONS]
        self._sandbox, self._store = sandbox, open_store(sandbox.url)
        self._stopped = Event()
        self._thread = Thread(target=self._look_again_and_again)
        self.reads = 0
        self.seen: dict[Moment, float] = {}

    def __enter__(self) -> Observer:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Look once more, and stop."""
        self._stopped.set()
        self._thread.join()

    def lags(self, since: float) -> dict[Moment, float]:
        """
        Seconds from each change in DRS to the first look that saw it.

        A phase that ended before anybody looked was never shown, and has none.

        :param since: epoch seconds; what DRS changed before is left out.
        """
        return {
            moment: max(self.seen[moment] - happened, 0.0)
            for moment, happened in phase_changes(self._sandbox, self._waves).items()
            if moment in self.seen and happened >= since
        }

    def _look_again_and_again(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._stopped.wait(_PAUSE_SECONDS)
            for wave in self._waves:
                self._look(wave)

    def _look(self, wave: WaitingWave) -> None:
        for server in self._store.get_servers(WaveRef(wave.execution_id, 1)):
            moment = server["sourceServerId"], ServerPhase(server["phase"])
            self.seen.setdefault(moment, time.time())
        self.reads += 1


def phase_changes(sandbox: Sandbox, waves: Iterable[WaitingWave]) -> dict[Moment, float]:
    """Read from the jobs' logs when each server entered each phase, in epoch seconds."""
    drs = sandbox.client("drs", REGION)
    return {
        (entry["eventData"]["sourceServerID"], _FIRST_SIGNS[entry["event"]]): datetime.fromisoformat(
            entry["logDateTime"]
        ).timestamp()
        for wave in waves
        for page in drs.get_paginator("describe_job_log_items").paginate(jobID=wave.job_id)
        for entry in page["items"]
        if entry["event"] in _FIRST_SIGNS
    }
