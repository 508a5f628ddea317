"""
What the waits of one event loop share: a poller for each place, looks at queues, and the store.

A triggerer has one event loop, so that it asks once for all. A new loop, be it after a fork or a restart,
gets a hub of its own: nothing of another loop can be used in it.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from drs_recovery.hooks.async_drs import AsyncDrs
from drs_recovery.hooks.clients import Clients, Place
from drs_recovery.settings import execution_store
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.waiting.place_looks import PlaceLooks
from drs_recovery.waiting.poller import SharedPoller

Job = Mapping[str, Any]
Execution = Mapping[str, Any]

Result = TypeVar("Result")

# Writes of waves at the same time: more would only wait for each other.
_THREADS = 8


class PlacePoller(SharedPoller[Job]):
    """
    The jobs of one account and Region.

    :param place: connection and Region.
    """

    def __init__(self, place: Place) -> None:
        self.drs = AsyncDrs(*place)
        super().__init__(
            f"DRS in {place.region} ({place.connection})", self.drs.describe_jobs, self.drs.close
        )


class Hub:
    """
    What is shared in one event loop.

    ``clients`` are for what is asked in threads, ``queues`` looks at the queues for room in DRS,
    ``executions`` reads EXECUTION records.

    :param open_store: gives an execution store.
    """

    def __init__(self, open_store: Callable[[], ExecutionStore] = execution_store) -> None:
        self._open_store = open_store
        self._store: ExecutionStore | None = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="drs-recovery-store")
        self._drs_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="drs-recovery-jobs")
        self._places: dict[Place, PlacePoller] = {}
        self.clients = Clients()
        self.queues = PlaceLooks()
        self.executions = SharedPoller[Execution](
            "the execution store", self._read_executions, self._forget_store
        )

    def place(self, place: Place) -> PlacePoller:
        """The poller of a place."""
        if place not in self._places:
            self._places[place] = PlacePoller(place)
        return self._places[place]

    async def with_store(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """
        Do something with the store in a thread: boto3 blocks.

        :param work: takes the store, then the arguments.
        """
        return await self._in(self._threads, work, *arguments)

    async def with_store_and_drs(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """
        The same for what asks DRS, too: a Region that hangs keeps nobody off the record.

        :param work: takes the store, then the arguments.
        """
        return await self._in(self._drs_threads, work, *arguments)

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[..., Result], *arguments: Any) -> Result:
        def in_thread() -> Result:
            store = self._store = self._store or self._open_store()
            try:
                return work(store, *arguments)
            except Exception:
                # Expired credentials end with their client.
                self._store = None
                raise

        # With what Airflow knows of the trigger that asks: what the thread logs is for its task's log.
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(threads, context.run, in_thread)

    async def _read_executions(self, execution_ids: Collection[str]) -> dict[str, Execution]:
        found = await self.with_store(ExecutionStore.get_executions, execution_ids)
        return {str(execution["executionId"]): execution for execution in found}

    async def _forget_store(self) -> None:
        self._store = None


class _Here(threading.local):
    """The loop that was last seen in this thread, with its hub: a thread runs one loop at a time."""

    loop: asyncio.AbstractEventLoop | None = None
    hub: Hub


_here = _Here()


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if _here.loop is not loop:
        _here.loop, _here.hub = loop, Hub()
    return _here.hub
