"""Read EC2 details of launched servers, and job logs, while their wave still runs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drs_recovery.hooks import describe
from drs_recovery.statuses import JOB_COMPLETED, JOB_PENDING, ServerPhase
from drs_recovery.waves import InstanceEnricher, has_details, needs_no_more_polls

if TYPE_CHECKING:
    from drs_recovery.hooks import Clients
    from drs_recovery.store import ExecutionStore, FollowedWave, ServerStatus, WaveRef
    from drs_recovery.waiting.shared import SharedState

# Details that are not there yet are looked for again after so many looks at the wave's jobs.
_LOOKS_BETWEEN = 2

# Seconds that the end of a wait is put off at most.
_LONGEST_END = 5.0

_LAUNCHED = frozenset({ServerPhase.LAUNCHED, ServerPhase.POST_LAUNCH})

log = logging.getLogger(__name__)


class EarlyDetails:
    """
    Looks for the details of one wave's instances, one after the other, in a thread.

    Nothing hangs on them: trouble is told when the wave's last step looks.

    :param interval: seconds between two looks at the wave's jobs.
    """

    def __init__(self, shared: SharedState, ref: WaveRef, interval: float, followed: FollowedWave) -> None:
        self._shared, self._ref, self._followed = shared, ref, followed
        self._pause = _LOOKS_BETWEEN * interval
        self._known: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._next_at = 0.0

    def look_for(self, servers: Iterable[ServerStatus]) -> None:
        """Begin to look if a server was launched whose details are not on record."""
        unknown = [server for server in servers if server["sourceServerId"] not in self._known]
        is_wanted = any(server["phase"] in _LAUNCHED and not has_details(server) for server in unknown)
        is_busy = self._task is not None and not self._task.done()
        if is_wanted and not is_busy and time.time() >= self._next_at:
            self._task = asyncio.create_task(self._look(unknown))

    async def finish(self) -> None:
        """Let a look that is under way end, for some seconds: it must not cross what comes next."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_LONGEST_END)

    def leave(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()

    async def _look(self, servers: Sequence[ServerStatus]) -> None:
        try:
            arguments = self._shared.clients, servers, self._followed, self._ref
            found = await self._shared.with_store_and_drs(_note, *arguments)
            self._known.update(found)
        except Exception as error:  # whatever it is, the wave goes on
            log.info("%s: no details yet: %s", self._ref, describe(error))
        finally:
            self._next_at = time.time() + self._pause


def _note(
    store: ExecutionStore,
    clients: Clients,
    servers: Sequence[ServerStatus],
    followed: FollowedWave,
    ref: WaveRef,
) -> tuple[str, ...]:
    enricher = InstanceEnricher(store, clients, patience=0)
    return enricher.note(ref, servers, followed=followed)


Job = Mapping[str, Any]
Log = Sequence[Mapping[str, Any]]

# A log that does not change is read less and less often, down to one look in so many.
_SELDOM = 2.0

# Looks in a row at which a log cannot be read, before people are told and nobody waits for it any more.
_TRIES = 3


class JobLog:
    """
    The log of one job, as far as it was read.

    :param interval: seconds between two looks at the job.
    """

    def __init__(self, interval: float) -> None:
        self.items: Log = ()
        self._interval = self._pause = interval
        self._job: Job | None = None
        self._read_at = 0.0
        self._failures = 0

    @property
    def is_late(self) -> bool:
        """Whether it could not be read just now, but may well be at one of the next looks."""
        return 0 < self._failures < _TRIES

    def may_have_news(self, job: Job, servers: Iterable[ServerStatus], now: float) -> bool:
        """
        Whether to read it after a look.

        :param job: ``Job`` as DRS shows it now.
        """
        if job.get("status") == JOB_PENDING:
            return False
        if job != self._job:
            # What the job itself does not say: why a server failed, or in which phase it is.
            return True
        if job.get("status") == JOB_COMPLETED or now < self._read_at + self._pause:
            return False
        # After LAUNCH the next thing to happen to a server is in the job itself.
        return any(
            server["phase"].rank < ServerPhase.LAUNCH.rank
            for server in servers
            if not needs_no_more_polls(server)
        )

    def keep(self, job: Job, items: Log, now: float) -> None:
        """
        Remember what was read.

        :param items: ``JobLog`` s, oldest first.
        """
        has_news = job != self._job or len(items) != len(self.items)
        self._pause = self._interval if has_news else min(2 * self._pause, _SELDOM * self._interval)
        self.items, self._job, self._read_at = items, job, now
        self._failures = 0

    def miss(self) -> None:
        """Remember that it could not be read: each look tries it again."""
        self._failures += 1
