"""The queue for room in DRS in one place: everything that decides whose turn it is, read in one look."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from drs_recovery.hooks.clients import PlaceClients
from drs_recovery.hooks.drs import DrsHook
from drs_recovery.hooks.errors import AWS_ERRORS, PASSING_TROUBLE, describe, retry_after
from drs_recovery.jobs.quotas import OLDEST_RUNNING_JOB, read_limits
from drs_recovery.jobs.schedule import Job, Limits, PlaceState
from drs_recovery.jobs.starter import SHORT_PAUSE, NotStartedError
from drs_recovery.settings import hold_drills_during_recovery
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.queue_entries import Queue

# Quotas change when AWS grants a request; asking takes three calls, so that the answer is shared for a while.
LIMITS_ARE_GOOD_FOR = 600.0

# Seconds until one process asks again after it was not told.
_LIMITS_PAUSE = 60.0

NOT_LOOKED_AT: tuple[type[Exception], ...] = (NotStartedError, *PASSING_TROUBLE)
"""Why a queue cannot be looked at now, although it could be later."""

log = logging.getLogger(__name__)


class PlaceQueue:
    """
    The queue of one account and Region.

    :param store: the execution store.
    :param hooks: of the place.
    """

    def __init__(self, store: ExecutionStore, hooks: PlaceClients) -> None:
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
        place = self._hooks.place
        try:
            return f"{self._hooks.account}:{place.region}"
        except AWS_ERRORS as error:
            raise _not_known(f"the account of connection {place.connection} is", error) from error

    def begin_look(self) -> None:
        """Read the queue for the next look."""
        self._queue, self._jobs = self._store.queue.read(self.name), None

    def read_jobs(self, since: datetime) -> tuple[Job, ...]:
        """
        Read DRS's jobs for the look that has begun.

        :param since: the jobs that are created after it are among them, too.
        :raises botocore errors: DRS cannot be asked.
        """
        oldest = min(since, datetime.now(UTC) - OLDEST_RUNNING_JOB)
        self._jobs = tuple(self._hooks.drs.jobs_since(oldest))
        return self._jobs

    def look(self) -> PlaceState:
        """
        Read the queue, then DRS's jobs: a job that leaves the queue meanwhile is among those.

        What was read for this look is taken once: whoever looks again reads anew.

        :raises NotStartedError: DRS cannot be asked.
        """
        queue, jobs = self._queue, self._jobs
        self._queue = self._jobs = None
        if queue is None or jobs is None:
            queue, jobs = self._store.queue.read(self.name), None
        return PlaceState(
            region=self._hooks.place.region,
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
    Every job that can still run in a place, whoever started it, and those that ended not long ago.

    :param drs: DRS there.
    :raises NotStartedError: DRS does not tell, so that nobody knows whether there is room.
    """
    try:
        return tuple(drs.jobs_since(datetime.now(UTC) - OLDEST_RUNNING_JOB))
    except AWS_ERRORS as error:
        raise _not_known(f"the jobs that run in {drs.region_name} are", error) from error


def _not_known(what: str, error: Exception) -> NotStartedError:
    return NotStartedError(f"{what} not known: {describe(error)}", retry_after(error) or SHORT_PAUSE)
