"""EC2 details of servers that are launched while their wave still runs, brought in beside its looks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from drs_recovery.hooks.clients import Clients
from drs_recovery.hooks.errors import describe
from drs_recovery.statuses import ServerPhase
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.polls import FollowedWave
from drs_recovery.waiting.hub import Hub
from drs_recovery.waves.enrichment import InstanceEnricher, has_details

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

    :param hub: of the running event loop.
    :param execution_id: the execution.
    :param number: of the wave, from 1.
    :param interval: seconds between two looks at the wave's jobs.
    :param followed: the wave, as the polls of its jobs leave it.
    """

    def __init__(
        self, hub: Hub, execution_id: str, number: int, interval: float, followed: FollowedWave
    ) -> None:
        self._hub, self._at, self._followed = hub, (execution_id, number), followed
        self._pause = _LOOKS_BETWEEN * interval
        self._known: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._next_at = 0.0

    def look_for(self, servers: Iterable[Mapping[str, Any]]) -> None:
        """
        Begin to look if a server was launched whose details are not on record.

        :param servers: SERVER records of the wave.
        """
        wanted = {
            server["sourceServerId"]
            for server in servers
            if ServerPhase(server["phase"]) in _LAUNCHED and not has_details(server)
        }
        is_busy = self._task is not None and not self._task.done()
        if wanted - self._known and not is_busy and time.time() >= self._next_at:
            self._task = asyncio.create_task(self._look())

    async def finish(self) -> None:
        """Let a look that is under way end, for some seconds: it must not cross what comes next."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_LONGEST_END)

    def leave(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()

    async def _look(self) -> None:
        try:
            found = await self._hub.with_store_and_drs(_note, self._hub.clients, self._followed, *self._at)
            self._known.update(found)
        except Exception as error:  # whatever it is, the wave goes on
            log.info("execution %s wave %s: no details yet: %s", *self._at, describe(error))
        finally:
            self._next_at = time.time() + self._pause


def _note(
    store: ExecutionStore, clients: Clients, followed: FollowedWave, execution_id: str, number: int
) -> tuple[str, ...]:
    return InstanceEnricher(store, clients, patience=0).note(execution_id, number, followed=followed)
