"""
Share pollers, views of queues and the store among the waits of one event loop.

A triggerer has one event loop, so it asks once for all. A new loop, after a fork or a restart, gets a state
of its own: objects of another loop cannot be used in it.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from drs_recovery.configured_store import execution_store
from drs_recovery.hooks import AsyncDrs, Clients, Target, describe
from drs_recovery.jobs import NOT_LOOKED_AT, TargetQueue
from drs_recovery.store import Execution, ExecutionStore
from drs_recovery.waiting.poller import SharedPoller

if TYPE_CHECKING:
    from drs_recovery.jobs import TargetState
    from drs_recovery.steps import BatchedKind, Place


@dataclass(frozen=True)
class QueueLook:
    """
    What one look at a target came to.

    :param state: of the target; None if it could not be asked.
    """

    state: TargetState | None
    problem: str | None = None


class TargetLooks:
    """
    The newest look at each target.

    However many waves wait in a target, it is looked at as often as if it were one.
    """

    def __init__(self, new_queue: Callable[[Target], TargetQueue] | None = None) -> None:
        self._new_queue = new_queue or _queue_of
        self._kept: dict[Target, _Kept] = {}

    async def at(self, target: Target, longest_ago: float) -> QueueLook:
        """
        Look at a target, unless somebody has looked just before.

        :param longest_ago: seconds after which a look is too old.
        """
        kept = self._kept.setdefault(target, _Kept())
        async with kept.lock:
            if kept.newest is None or time.monotonic() - kept.begun > longest_ago:
                begun = time.monotonic()
                newest = await asyncio.get_running_loop().run_in_executor(
                    kept.thread, self._look, target, kept
                )
                # Only now: a look that nobody waited for to the end does not make an older one look new.
                kept.begun, kept.newest = begun, newest
            return kept.newest

    def _look(self, target: Target, kept: _Kept) -> QueueLook:
        try:
            # After a failed look everything is made anew: expired credentials end with their client.
            kept.queue = kept.queue or self._new_queue(target)
            return QueueLook(kept.queue.look())
        except NOT_LOOKED_AT as error:
            kept.queue = None
            return QueueLook(None, describe(error))


class _Kept:
    """A target that waves wait for."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        # A target that hangs holds up no other one, and two looks at a target never run side by side.
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="drs-recovery-queue")
        self.queue: TargetQueue | None = None
        self.newest: QueueLook | None = None
        self.begun = 0.0


def _queue_of(target: Target) -> TargetQueue:
    return TargetQueue(execution_store(), Clients().at(*target))


Job = Mapping[str, Any]
"""As DRS lists it."""

Result = TypeVar("Result")

# Writes of waves at the same time: more would only wait for each other.
_THREADS = 8


class TargetPoller(SharedPoller[Job]):
    """The jobs of one account and Region."""

    def __init__(self, target: Target) -> None:
        self.drs = AsyncDrs(*target)
        super().__init__(
            f"DRS in {target.region} ({target.connection})", self.drs.describe_jobs, self.drs.close
        )


class SharedState:
    """
    What is shared in one event loop.

    ``clients`` are for what is asked in threads, ``queues`` looks at the queues for capacity in DRS,
    ``executions`` reads EXECUTION records.
    """

    def __init__(self, open_store: Callable[[], ExecutionStore] = execution_store) -> None:
        self._open_store = open_store
        self._store: ExecutionStore | None = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="drs-recovery-store")
        self._drs_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="drs-recovery-jobs")
        self._targets: dict[Target, TargetPoller] = {}
        self._batches: dict[tuple[str, Place], SharedPoller[Any]] = {}
        self._step_clients = Clients()
        self.clients = Clients()
        self.queues = TargetLooks()
        self.executions = SharedPoller[Execution](
            "the execution store", self._read_executions, self._forget_store
        )

    def target(self, target: Target) -> TargetPoller:
        """The poller of a target."""
        if target not in self._targets:
            self._targets[target] = TargetPoller(target)
        return self._targets[target]

    def batch(self, kind: BatchedKind, place: Place) -> SharedPoller[Any]:
        """The poller of what steps of a kind ask in a place."""
        key = (kind.service, place)
        if key not in self._batches:
            self._batches[key] = SharedPoller(
                f"{kind.service} in {place.region} ({place.connection})",
                lambda keys: self._ask_batch(kind, place, keys),
                lambda: self._forget_clients(place),
            )
        return self._batches[key]

    async def _ask_batch(self, kind: BatchedKind, place: Place, keys: Collection[str]) -> Mapping[str, Any]:
        def ask(_: ExecutionStore) -> Mapping[str, Any]:
            try:
                return kind.ask(self._step_clients.at(*place), sorted(keys))
            except Exception:
                self._step_clients.forget(Target(*place))
                raise

        return await self.with_store_and_drs(ask)

    async def _forget_clients(self, place: Place) -> None:
        self._step_clients.forget(Target(*place))

    async def with_store(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Do something with the store in a thread: boto3 blocks."""
        return await self._in(self._threads, work, *arguments)

    async def with_store_and_drs(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """The same for what asks DRS, too: a Region that hangs keeps nobody off the record."""
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
    """The loop that was last seen in this thread, with its state: a thread runs one loop at a time."""

    loop: asyncio.AbstractEventLoop | None = None
    state: SharedState


_here = _Here()


def shared_state() -> SharedState:
    """The shared state of the running event loop."""
    loop = asyncio.get_running_loop()
    if _here.loop is not loop:
        _here.loop, _here.state = loop, SharedState()
    return _here.state


# Looks without news that follow each other faster are written down together.
_SECONDS_TOGETHER = 10.0


class Looks:
    """The looks at the jobs of one wave; a look asks each of its targets."""

    def __init__(self) -> None:
        self.newest: float | None = None
        self._asked: Counter[Target] = Counter()
        self._recorded = 0
        self._recorded_at = time.time()

    def asked(self, target: Target, at: float, *, answered: bool) -> None:
        """
        Count that a target was asked.

        :param at: when, in epoch seconds.
        """
        self._asked[target] += 1
        if answered:
            self.newest = max(at, self.newest or at)

    @property
    def unrecorded(self) -> int:
        """How many looks there were since the last one on record."""
        return max(self._asked.values(), default=0) - self._recorded

    @property
    def are_due(self) -> bool:
        """Whether looks are to be put on record though they brought no news."""
        return self.unrecorded > 0 and time.time() >= self._recorded_at + _SECONDS_TOGETHER

    def recorded(self) -> None:
        """Remember that all looks are on record."""
        self._recorded += self.unrecorded
        self._recorded_at = time.time()
