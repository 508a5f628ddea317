"""
Reserve capacity in DRS for the jobs of a wave before they are started, so that DRS refuses none.

All executions of an account and Region share one queue, in which a job waits that finds no capacity.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from drs_recovery.exceptions import InstancesInUseError, NotStartedError, WaveRefusedError
from drs_recovery.hooks import FORESEEN_ERRORS, LISTING_SECONDS, describe
from drs_recovery.jobs import (
    CLOCK_MARGIN,
    NOT_LOOKED_AT,
    JobPart,
    QueuedError,
    TargetQueue,
    parts_of_attempt,
    reserve_capacity,
    targets_of,
)
from drs_recovery.plan import plan_from_snapshot
from drs_recovery.preflight import UseCheck
from drs_recovery.settings import poll_interval
from drs_recovery.statuses import Priority, WaveStatus
from drs_recovery.store import QueueEntry, WaveRef, attempt_of, waits_for_capacity_only, wanted_since
from drs_recovery.waves.rules import check_not_ending, gate_is_asked

if TYPE_CHECKING:
    from drs_recovery.hooks import Clients, Target
    from drs_recovery.store import (
        ExecutionDocument,
        ExecutionRecord,
        ExecutionStore,
        ServerStatus,
        Wave,
        WaveRecord,
    )

log = logging.getLogger(__name__)


class WaveReservations:
    """Reserve capacity for the jobs of one wave's attempt."""

    def __init__(
        self, store: ExecutionStore, clients: Clients, execution: ExecutionRecord, wave: WaveRecord
    ) -> None:
        self._store, self._clients = store, clients
        self._execution, self._wave = execution, wave
        self._priority = Priority(plan_from_snapshot(execution["planSnapshot"]).priority)
        self._queues: dict[Target, TargetQueue] = {}
        self._reserved: dict[int, QueueEntry] = {}

    def look(self, part: JobPart) -> None:
        """Read the queue of a job before DRS's jobs are read."""
        self._queue_of(part).begin_look()

    def jobs(self, part: JobPart, since: datetime) -> Sequence[Mapping[str, Any]]:
        """Read DRS's jobs in the target of a job, those since a moment at the least."""
        return self._queue_of(part).read_jobs(since)

    def reserve(self, part: JobPart) -> None:
        """
        Reserve capacity for a job; also if an earlier try took it and died, so that it lasts for this one.

        :raises QueuedError: it is not its turn; it is in the queue now.
        :raises NotStartedError: DRS cannot be asked, or too many reserve capacity at the same time.
        :raises WaveRefusedError: the execution has begun to end meanwhile.
        :raises InstancesInUseError: the launch would end instances of a real recovery.
        """
        queue = self._queue_of(part)
        try:
            self._reserved[part.number] = reserve_capacity(self._store, queue, self._entry(part))
        except QueuedError as error:
            self._store.queue.wait(queue.name, error.entry, waits_until())
            raise
        self._check_still_wanted(part)

    def _check_still_wanted(self, part: JobPart) -> None:
        """
        Ask once more, since to find capacity can take a while.

        Whoever closes an execution waits for requests that were sent until then, but not for ever.
        """
        try:
            check_not_ending(self._store.get_own_execution(self._execution["executionId"]))
            UseCheck(self._store, self._clients, self._execution).demand_unused(
                part, self._wave["waveNumber"]
            )
        except NotStartedError:
            self.release(part)
            raise
        except (WaveRefusedError, InstancesInUseError):
            self._store.queue.leave(self._queue_of(part).name, [self._reserved.pop(part.number)])
            raise

    def join(self, part: JobPart) -> None:
        """Wait in the queue without checking for capacity; a job that has a reservation keeps it."""
        queue = self._store.queue.read(self._queue_of(part).name)
        mine = queue.standing(self._entry(part))
        if mine.waits:
            self._store.queue.wait(queue.target, mine, waits_until())

    def release(self, part: JobPart) -> None:
        """Release the reservation of a job that DRS did not start; the job keeps its queue position."""
        entry = self._reserved.pop(part.number)
        self._store.queue.wait(self._queue_of(part).name, entry, waits_until())

    def started(self, part: JobPart, job_id: str) -> None:
        """Say which job has the reservation: it stands until DRS lists the job."""
        entry = self._reserved.pop(part.number, None)
        if entry is not None:
            until = time.time() + LISTING_SECONDS
            self._store.queue.name_job(self._queue_of(part).name, entry, job_id, until)

    def _queue_of(self, part: JobPart) -> TargetQueue:
        if part.target not in self._queues:
            self._queues[part.target] = TargetQueue(self._store, self._clients.at(*part.target))
        return self._queues[part.target]

    def _entry(self, part: JobPart) -> QueueEntry:
        return QueueEntry(
            execution_id=self._execution["executionId"],
            plan_id=self._execution["planId"],
            execution_type=self._execution["executionType"],
            priority=self._priority,
            wave_number=self._wave["waveNumber"],
            attempt=attempt_of(self._wave),
            part=part.number,
            server_ids=part.server_ids,
            joined=wanted_since(self._execution, self._wave),
        )


def lease() -> float:
    """Seconds for which an entry counts that nobody renews: a few looks may fail, or a triggerer restart."""
    return max(5 * poll_interval(), 5 * CLOCK_MARGIN)


def waits_until() -> float:
    """Epoch seconds until which an entry counts that is made or renewed now."""
    return time.time() + lease()


def leave_queues(
    store: ExecutionStore,
    clients: Clients,
    wave: WaveRecord,
    servers: Iterable[ServerStatus],
    parts: Collection[int] | None = None,
) -> None:
    """
    Take the waiting jobs of a wave that are started no more out of the queues.

    Best effort: an entry that is not renewed expires after some minutes.

    :param parts: numbers of those jobs; None for all.
    """
    for target in targets_of(servers):
        try:
            queue = store.queue.read(TargetQueue(store, clients.at(*target)).name)
            of_wave = queue.of_wave(WaveRef.of(wave))
            mine = [one for one in of_wave if parts is None or one.part in parts]
            store.queue.leave(queue.target, [entry for entry in mine if entry.waits])
        except NOT_LOOKED_AT as error:
            log.warning(
                "wave %s is still in the queue of %s: %s", wave["waveNumber"], target, describe(error)
            )


def join_queue_early(store: ExecutionStore, clients: Clients, document: ExecutionDocument) -> None:
    """
    Let the first wave join the queues, if it waits for nobody and nothing.

    Best effort: a wave that is in no queue joins when its own step runs.
    """
    wave = _early_wave(document)
    # A record that an earlier release has opened does not say where in the queue the place would be.
    if wave is None or "runStartTime" not in document:
        return
    try:
        _join(store, clients, document, wave)
    except Exception as error:
        why, unforeseen = describe(error), not isinstance(error, FORESEEN_ERRORS)
        message = "wave %s joins no queue before its own step: %s"
        log.warning(message, wave["waveNumber"], why, exc_info=unforeseen)


def leave_queue_early(store: ExecutionStore, clients: Clients, document: ExecutionDocument) -> None:
    """Take the wave out of the queues if its own step never ran."""
    if wave := _early_wave(document):
        leave_queues(store, clients, wave, wave["serverStatuses"])


def _join(store: ExecutionStore, clients: Clients, document: ExecutionDocument, wave: Wave) -> None:
    reservations = WaveReservations(store, clients, document, wave)
    for part in parts_of_attempt(wave, wave["serverStatuses"]):
        reservations.join(part)
    try:
        # Whoever closes the execution may have looked at the queue before this.
        check_not_ending(store.get_execution(document["executionId"]))
    except WaveRefusedError:
        leave_queues(store, clients, wave, wave["serverStatuses"])


def _early_wave(document: ExecutionDocument) -> Wave | None:
    """
    The first wave that has no question to people before it and that nobody has asked to start yet.

    Of several side by side it is the last one, since the queue goes by their numbers: in front of the others
    its place would keep them from starting until its own step runs.
    """
    plan = plan_from_snapshot(document["planSnapshot"])
    about_to_start = (
        wave
        for wave in reversed(document["waves"])
        if wave["status"] == WaveStatus.NOT_STARTED
        and waits_for_capacity_only(wave)
        and not gate_is_asked(document, plan, wave["waveNumber"])
    )
    return next(about_to_start, None)
