"""
Room in DRS for the jobs that terminate instances: they count for the quotas as every other job does.

They do not wait in the queue. A termination that finds no room is asked for again at the next look, and
takes none from a wave that waits.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

from drs_recovery.hooks.clients import PlaceClients
from drs_recovery.jobs.reservations import PlaceQueue
from drs_recovery.jobs.room import take_room
from drs_recovery.statuses import ExecutionType, Priority
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.queue_entries import NO_WAVE, UNANSWERED, QueueEntry
from drs_recovery.waves.retry import LISTING_SECONDS


class TerminationRoom:
    """
    Room for the terminations of an execution in one place, for one job after the other.

    :param store: the execution store.
    :param hooks: of the place.
    :param execution: EXECUTION record.
    """

    def __init__(self, store: ExecutionStore, hooks: PlaceClients, execution: Mapping[str, Any]) -> None:
        self._store, self._execution = store, execution
        self._place = PlaceQueue(store, hooks)
        self._taken = 0
        self._entry: QueueEntry | None = None

    def take(self, server_ids: Collection[str]) -> None:
        """
        Take room for a job.

        :param server_ids: DRS source servers whose instances it terminates.
        :raises QueuedError: there is none now, or a job holds one of the servers.
        :raises NotStartedError: that cannot be told now.
        """
        self._pass_over_unanswered(server_ids)
        self._taken += 1
        entry = QueueEntry(
            execution_id=self._execution["executionId"],
            plan_id=self._execution["planId"],
            execution_type=ExecutionType(self._execution["executionType"]),
            priority=Priority.LOW,
            wave_number=NO_WAVE,
            attempt=1,
            part=self._taken,
            server_ids=tuple(sorted(server_ids)),
            joined=time.time(),
        )
        self._entry = take_room(self._store, self._place, entry)

    def give_back(self) -> None:
        """Free the room of a job that DRS did not start."""
        if self._entry is not None:
            self._store.queue.leave(self._place.name, [self._entry])

    def started(self, job_id: str | None) -> None:
        """
        Say which job took the room: it stays taken until DRS lists the job.

        :param job_id: DRS job id; None if DRS did not tell, so that nobody knows whether there is one.
        """
        if self._entry is not None:
            until = self._entry.until if job_id is None else time.time() + LISTING_SECONDS
            self._store.queue.name_job(self._place.name, self._entry, job_id or UNANSWERED, until)

    def _pass_over_unanswered(self, server_ids: Collection[str]) -> None:
        """
        Free what earlier requests for these servers hold whose answers were lost.

        DRS is asked for its jobs after this, and refuses a second one for a server of a job that it does not
        list yet.
        """
        queue = self._store.queue.read(self._place.name)
        mine = queue.of_wave(self._execution["executionId"], NO_WAVE)
        unanswered = [one for one in mine if one.job_id == UNANSWERED]
        passed = [one for one in unanswered if not set(server_ids).isdisjoint(one.server_ids)]
        self._store.queue.leave(queue.place, passed)
