"""
Decide whether a wave still waits for DRS capacity, at which position, and whether it is its turn.

Between the first step of an execution and the start of its first wave, executions that were triggered later
would overtake it: an early queue position prevents that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from drs_recovery.hooks import Clients, Target
from drs_recovery.jobs import JobPart, awaited_parts
from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.store import WaveRef, attempt_of
from drs_recovery.waves.polling import WaveWatcher
from drs_recovery.waves.reservations import lease, waits_until

if TYPE_CHECKING:
    from drs_recovery.jobs import QueuePosition, TargetState
    from drs_recovery.store import ExecutionStore, QueueEntry, ServerStatus


class QueuedWave:
    """
    A wave whose jobs wait for room.

    :ivar has_jobs: whether some of its jobs are started already.
    :ivar is_noted: whether its record says that something but its turn is waited for.
    """

    def __init__(self, ref: WaveRef) -> None:
        self._ref = ref
        self._servers: Sequence[ServerStatus] = ()
        self._parts: Sequence[JobPart] = ()
        self._attempt = 0
        self._clients = Clients()
        self.has_jobs = self.is_noted = False

    @property
    def targets(self) -> set[Target]:
        """Where its jobs wait."""
        return {part.target for part in self._parts}

    def still_waits(self, store: ExecutionStore) -> bool:
        """
        Read whether it still waits, and for what.

        :return: False if nothing is to be started any more, such as after a cancellation.
        """
        execution = store.get_execution(self._ref.execution_id)
        wave = store.get_wave(self._ref)
        status = execution["status"]
        if wave["status"] != WaveStatus.PENDING or status.is_final or status is ExecutionStatus.CANCELLING:
            return False
        self.has_jobs, self._attempt = bool(wave["jobs"]), attempt_of(wave)
        self.is_noted = "waitingFor" in wave
        # Which servers an attempt starts does not change, and a wave can have hundreds.
        self._servers = self._servers or store.get_servers(self._ref)
        self._parts = awaited_parts(wave, self._servers)
        return bool(self._parts)

    def follow(self, store: ExecutionStore) -> None:
        """Look at those of its jobs that run while others wait."""
        WaveWatcher(store, self._clients).look(self._ref)

    def is_next(self, store: ExecutionStore, states: Mapping[Target, TargetState]) -> bool:
        """
        Whether it is the turn of one of its jobs; if not, say so in the record and stay in the queue.

        :param states: of its targets, as far as they could be looked at; at least one.
        """
        parts = [part for part in self._parts if part.target in states]
        positions = [self._position_of(part, states[part.target]) for part in parts]
        if any(position is None or position.is_now for position in positions):
            return True
        for state in states.values():
            self._stay(store, state)
        last = max(
            (position for position in positions if position is not None), key=lambda position: position.number
        )
        store.waits.queue_wave(self._ref, last.number, last.reason)
        return False

    def _position_of(self, part: JobPart, state: TargetState) -> QueuePosition | None:
        """Where a job stands; None if the step has to do something: join the queue, or adopt the job."""
        entry = next((entry for entry in self._entries(state) if entry.part == part.number), None)
        if entry is None or state.job_of(entry) is not None:
            return None
        return state.positions.get(entry.order)

    def _entries(self, state: TargetState) -> Iterator[QueueEntry]:
        of_wave = state.queue.of_wave(self._ref)
        return (one for one in of_wave if one.waits and one.attempt == self._attempt)

    def _stay(self, store: ExecutionStore, state: TargetState) -> None:
        for entry in self._entries(state):
            if entry.until - time.time() < lease() / 2:
                store.queue.wait(state.queue.target, entry, waits_until())
