"""One look at DRS and at its queue for all the waves of a triggerer that wait for room in the same place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from drs_recovery.hooks.clients import Clients, Place
from drs_recovery.hooks.errors import describe
from drs_recovery.jobs.reservations import NOT_LOOKED_AT, PlaceQueue
from drs_recovery.jobs.schedule import PlaceState
from drs_recovery.settings import execution_store


@dataclass(frozen=True)
class QueueLook:
    """
    What one look at a place came to.

    :param state: of the place; None if it could not be asked.
    :param problem: why not.
    """

    state: PlaceState | None
    problem: str | None = None


class PlaceLooks:
    """
    The newest look at each place.

    However many waves wait in a place, it is looked at as often as if it were one.

    :param new_queue: makes the queue of a place, in a thread.
    """

    def __init__(self, new_queue: Callable[[Place], PlaceQueue] | None = None) -> None:
        self._new_queue = new_queue or _queue_of
        self._kept: dict[Place, _Kept] = {}

    async def at(self, place: Place, longest_ago: float) -> QueueLook:
        """
        Look at a place, unless somebody has looked just before.

        :param place: connection and Region.
        :param longest_ago: seconds after which a look is too old.
        """
        kept = self._kept.setdefault(place, _Kept())
        async with kept.lock:
            if kept.newest is None or time.monotonic() - kept.begun > longest_ago:
                begun = time.monotonic()
                newest = await asyncio.get_running_loop().run_in_executor(
                    kept.thread, self._look, place, kept
                )
                # Only now: a look that nobody waited for to the end does not make an older one look new.
                kept.begun, kept.newest = begun, newest
            return kept.newest

    def _look(self, place: Place, kept: _Kept) -> QueueLook:
        try:
            # After a failed look everything is made anew: expired credentials end with their client.
            kept.queue = kept.queue or self._new_queue(place)
            return QueueLook(kept.queue.look())
        except NOT_LOOKED_AT as error:
            kept.queue = None
            return QueueLook(None, describe(error))


class _Kept:
    """A place that waves wait for."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        # A place that hangs holds up no other one, and two looks at a place never run side by side.
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="drs-recovery-queue")
        self.queue: PlaceQueue | None = None
        self.newest: QueueLook | None = None
        self.begun = 0.0


def _queue_of(place: Place) -> PlaceQueue:
    return PlaceQueue(execution_store(), Clients().at(*place))
