"""The queue for room in DRS in one place: everything that decides whose turn it is, read in one look."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from drs_recovery.engine.clients import PlaceClients
from drs_recovery.engine.job_starter import SHORT_PAUSE, NotStartedError
from drs_recovery.engine.preflight_jobs import OLDEST_RUNNING_JOB, Job, Limits, read_limits
from drs_recovery.engine.queue_rules import PlaceState
from drs_recovery.hooks.drs import DrsHook
from drs_recovery.hooks.errors import AWS_ERRORS, describe, retry_after
from drs_recovery.settings import hold_drills_during_recovery
from drs_recovery.store import ExecutionStore

# Quotas change when AWS grants a request; asking takes three calls, so that the answer is shared for a while.
LIMITS_ARE_GOOD_FOR = 600.0

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

    @cached_property
    def name(self) -> str:
        """Account and Region: the same through whatever connection they are reached."""
        return f"{self._hooks.account}:{self._hooks.place.region}"

    def look(self) -> PlaceState:
        """
        Read the queue, then DRS's jobs: a job that leaves the queue meanwhile is among those.

        :raises NotStartedError: DRS cannot be asked.
        """
        queue = self._store.read_queue(self.name)
        return PlaceState(
            region=self._hooks.place.region,
            limits=self._current_limits(queue.limits),
            jobs=recent_jobs(self._hooks.drs),
            queue=queue,
            time=time.time(),
            hold_drills=hold_drills_during_recovery(),
        )

    def _current_limits(self, shared: Mapping[str, Any] | None) -> Limits:
        """The quotas as the queue has them, or as Service Quotas tells; the defaults where it does not."""
        self.limits = max(self.limits, shared or {}, key=lambda known: known.get("time", 0.0))
        if time.time() - self.limits["time"] > LIMITS_ARE_GOOD_FOR:
            self.limits = {**asdict(self._read_limits()), "time": time.time()}
        return Limits(**{name: value for name, value in self.limits.items() if name != "time"})

    def _read_limits(self) -> Limits:
        try:
            return read_limits(self._hooks.quotas)
        except AWS_ERRORS as error:
            log.warning("DRS's quotas in %s not read, the defaults count: %s", self.name, describe(error))
            return Limits()


def recent_jobs(drs: DrsHook) -> tuple[Job, ...]:
    """
    Every job that can still run in a place, whoever started it, and those that ended not long ago.

    :param drs: DRS there.
    :raises NotStartedError: DRS does not tell, so that nobody knows whether there is room.
    """
    try:
        return tuple(drs.jobs_since(datetime.now(UTC) - OLDEST_RUNNING_JOB))
    except AWS_ERRORS as error:
        reason = f"the jobs that run in {drs.region_name} are not known: {describe(error)}"
        raise NotStartedError(reason, retry_after(error) or SHORT_PAUSE) from error
