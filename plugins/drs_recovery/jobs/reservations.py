"""
Reserve capacity for one DRS job within the quotas of its account and Region.

One read of the queue and of DRS's jobs decides whose turn it is; a conditional write reserves. Jobs that
others start by other means appear in DRS's list of jobs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from drs_recovery.exceptions import NotStartedError, StoreConflictError
from drs_recovery.hooks import (
    AWS_ERRORS,
    PASSING_TROUBLE,
    SHORT_PAUSE,
    START_RECOVERY_SECONDS,
    DrsHook,
    describe,
    retry_after,
)
from drs_recovery.jobs.schedule import Job, Limits, QueuePosition, TargetState, position_of
from drs_recovery.settings import hold_drills_during_recovery
from drs_recovery.store import WaveRef, retried_on_conflict

if TYPE_CHECKING:
    from drs_recovery.hooks import QuotasHook, TargetClients
    from drs_recovery.store import ExecutionStore, Queue, QueueEntry

log = logging.getLogger(__name__)

# DescribeJobs has no filter by status. Recovery jobs take hours at the most.
OLDEST_RUNNING_JOB = timedelta(days=2)

QUOTA_CODES: Mapping[str, str] = {
    "jobs_in_progress": "L-D88FAC3A",
    "servers_per_job": "L-B827C881",
    "servers_in_jobs": "L-05AFA8C6",
}


def read_limits(hook: QuotasHook) -> Limits:
    """
    Ask for the quotas of an account and Region; where Service Quotas has no value, AWS's default holds.

    :raises botocore errors: as they are.
    """
    values = {name: hook.drs_quota(code) for name, code in QUOTA_CODES.items()}
    return Limits(**{name: int(value) for name, value in values.items() if value is not None})


# Quotas change when AWS grants a request; asking takes three calls, so that the answer is shared for a while.
LIMITS_ARE_GOOD_FOR = 600.0

# Seconds until one process asks again after it was not told.
_LIMITS_PAUSE = 60.0

NOT_LOOKED_AT: tuple[type[Exception], ...] = (NotStartedError, *PASSING_TROUBLE)
"""Why a queue cannot be looked at now, although it could be later."""


class TargetQueue:
    """The queue of one account and Region."""

    def __init__(self, store: ExecutionStore, hooks: TargetClients) -> None:
        self._store, self._hooks = store, hooks
        self.limits: Mapping[str, Any] = {"time": 0.0}
        self._limits_asked = 0.0
        self._queue: Queue | None = None
        self._jobs: tuple[Job, ...] | None = None

    @cached_property
    def name(self) -> str:
        """
        Account and Region: the same through whatever connection they are reached.

        :raises NotStartedError: AWS does not tell the account now.
        """
        target = self._hooks.target
        try:
            return f"{self._hooks.account}:{target.region}"
        except AWS_ERRORS as error:
            raise _not_known(f"the account of connection {target.connection} is", error) from error

    def begin_look(self) -> None:
        """Read the queue for the next look."""
        self._queue, self._jobs = self._store.queue.read(self.name), None

    def read_jobs(self, since: datetime) -> tuple[Job, ...]:
        """
        Read DRS's jobs for the look that has begun.

        :raises botocore errors: DRS cannot be asked.
        """
        oldest = min(since, datetime.now(UTC) - OLDEST_RUNNING_JOB)
        self._jobs = tuple(self._hooks.drs.jobs_since(oldest))
        return self._jobs

    def look(self) -> TargetState:
        """
        Read the queue, then DRS's jobs: a job that leaves the queue meanwhile is among those.

        What was read for this look is taken once: whoever looks again reads anew.

        :raises NotStartedError: DRS cannot be asked.
        """
        queue, jobs = self._queue, self._jobs
        self._queue = self._jobs = None
        if queue is None or jobs is None:
            queue, jobs = self._store.queue.read(self.name), None
        return TargetState(
            region=self._hooks.target.region,
            limits=self._current_limits(queue.limits),
            jobs=recent_jobs(self._hooks.drs) if jobs is None else jobs,
            queue=queue,
            time=time.time(),
            hold_drills=hold_drills_during_recovery(),
        )

    def _current_limits(self, shared: Mapping[str, Any] | None) -> Limits:
        """The quotas as the queue has them or as Service Quotas tells; the defaults if nobody ever knew."""
        self.limits = max(self.limits, shared or {}, key=lambda known: known.get("time", 0.0))
        now = time.time()
        if now - self.limits["time"] > LIMITS_ARE_GOOD_FOR and now - self._limits_asked > _LIMITS_PAUSE:
            self._limits_asked = now
            self._read_limits()
        return Limits(**{name: value for name, value in self.limits.items() if name != "time"})

    def _read_limits(self) -> None:
        """Old quotas are better than none: a grant of AWS would be lost with one failed read."""
        try:
            self.limits = {**asdict(read_limits(self._hooks.quotas)), "time": time.time()}
        except AWS_ERRORS as error:
            log.warning("DRS's quotas in %s not read: %s", self.name, describe(error))


def recent_jobs(drs: DrsHook) -> tuple[Job, ...]:
    """
    Every job that can still run in a target, whoever started it, and those that ended not long ago.

    :raises NotStartedError: DRS does not tell, so that nobody knows whether there is capacity.
    """
    try:
        return tuple(drs.jobs_since(datetime.now(UTC) - OLDEST_RUNNING_JOB))
    except AWS_ERRORS as error:
        raise _not_known(f"the jobs that run in {drs.region_name} are", error) from error


def _not_known(what: str, error: Exception) -> NotStartedError:
    return NotStartedError(f"{what} not known: {describe(error)}", retry_after(error) or SHORT_PAUSE)


# Clocks of two hosts may differ by so many seconds.
CLOCK_MARGIN = 60.0

# A request that was sent is answered, or its job listed, within so many seconds after its reservation.
RESERVATION_SECONDS = START_RECOVERY_SECONDS + CLOCK_MARGIN


class QueuedError(NotStartedError):
    """It is not the job's turn."""

    def __init__(self, position: QueuePosition, entry: QueueEntry) -> None:
        self.queue_position, self.entry = position, entry
        super().__init__(position.reason, None)


def reserve_capacity(store: ExecutionStore, target: TargetQueue, entry: QueueEntry) -> QueueEntry:
    """
    Reserve capacity for a job; also if an earlier try took it and died, so that it lasts for this one.

    :raises QueuedError: it is not its turn.
    :raises NotStartedError: DRS cannot be asked, or too many reserve capacity at the same time.
    """
    try:
        return _reserve(store, target, entry)
    except StoreConflictError as error:
        raise NotStartedError(f"many executions start jobs at once: {error}", SHORT_PAUSE) from error


@retried_on_conflict
def _reserve(store: ExecutionStore, target: TargetQueue, entry: QueueEntry) -> QueueEntry:
    state = target.look()
    mine = state.queue.standing(entry)
    if state.job_of(mine) is not None:
        raise NotStartedError("DRS lists the job of an earlier request, whose answer was lost", SHORT_PAUSE)
    ghosts = _ghosts(state, mine)
    # What got capacity last is looked for by whoever reserves capacity next; the next but one takes it out.
    stays = {mine.order, state.queue.last}
    store.queue.leave(target.name, [one for one in (*state.over(), *ghosts) if one.order not in stays])
    position = position_of(mine, replace(state, queue=state.queue.without(ghosts)))
    # A reservation stays, whoever comes: the request it was made for may be under way.
    if not (position.is_now or mine.holds_reservation(state.time)):
        raise QueuedError(position, mine)
    return store.queue.reserve(state.queue, mine, time.time() + RESERVATION_SECONDS, target.limits)


def _ghosts(state: TargetState, mine: QueueEntry) -> list[QueueEntry]:
    """What earlier attempts at the wave have left in the queue."""
    of_wave = state.queue.of_wave(WaveRef(mine.execution_id, mine.wave_number))
    return [one for one in of_wave if one.waits and one.attempt < mine.attempt]
