"""Wait in the triggerer until DRS has room for the jobs of a wave, and it is their turn."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.hooks.clients import Place
from drs_recovery.hooks.errors import PASSING_TROUBLE, describe
from drs_recovery.jobs.schedule import PlaceState
from drs_recovery.waiting.hub import hub
from drs_recovery.waves.queue_wait import QueuedWave

log = logging.getLogger(__name__)


class QueueTurnTrigger(BaseTrigger):
    """
    Look at the queue until it is the wave's turn, the wave starts no more, or the deadline has passed.

    Fires one event ``{"status": "turn" | "over" | "timeout"}``. It starts nothing: the step that waits takes
    the room itself, on condition that nobody else was faster. Restartable: all that it knows is in the store
    and in DRS.

    :param execution_id: the execution.
    :param wave_number: from 1.
    :param deadline: epoch seconds after which waiting ends.
    :param poll_interval: seconds between two looks.
    """

    def __init__(self, *, execution_id: str, wave_number: int, deadline: float, poll_interval: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's base is not annotated
        self.execution_id = execution_id
        self.wave_number = wave_number
        self.deadline = deadline
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Path and arguments from which any triggerer can go on."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "execution_id": self.execution_id,
                "wave_number": self.wave_number,
                "deadline": self.deadline,
                "poll_interval": self.poll_interval,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Pause first: the step has just looked. The store and DRS are asked in threads."""
        wave = QueuedWave(self.execution_id, self.wave_number)
        while True:
            await asyncio.sleep(self._pause())
            try:
                status = await self._look(wave)
            except ExecutionNotFoundError:
                # The record was lost: the business of the step that waits.
                status = "over"
            except PASSING_TROUBLE as error:
                log.warning("execution %s: the queue was not read: %s", self.execution_id, describe(error))
                status = None
            if status is None and time.time() >= self.deadline:
                status = "timeout"
            if status is not None:
                yield TriggerEvent({"status": status})  # type: ignore[no-untyped-call]  # ditto
                return

    async def _look(self, wave: QueuedWave) -> str | None:
        if not await hub().with_store(wave.still_waits):
            return "over"
        if wave.has_jobs:
            await hub().with_store_and_drs(wave.follow)
        states = await self._states(wave)
        is_next: bool = bool(states) and await hub().with_store(wave.is_next, states)
        return "turn" if is_next else None

    async def _states(self, wave: QueuedWave) -> Mapping[Place, PlaceState]:
        """Look at each place, side by side: one that does not answer does not hold up the others."""
        places = wave.places
        looks = await asyncio.gather(*(hub().queues.at(place, self.poll_interval / 2) for place in places))
        states: dict[Place, PlaceState] = {}
        problems = []
        for place, look in zip(places, looks, strict=True):
            if look.state is None:
                log.warning("execution %s: %s not asked: %s", self.execution_id, place, look.problem)
                problems.append(f"{place.region} (connection {place.connection}): {look.problem}")
            else:
                states[place] = look.state
        await self._note(wave, "; ".join(problems))
        return states

    async def _note(self, wave: QueuedWave, problem: str) -> None:
        """Put on record which places do not say whose turn it is; the queue in the record is as of before."""
        execution_id, number = self.execution_id, self.wave_number
        if problem:
            message = f"DRS did not report its running jobs: {problem}"
            await hub().with_store(lambda store: store.waits.note(execution_id, message, number))
        elif wave.is_noted:
            await hub().with_store(lambda store: store.waits.end(execution_id, number))

    def _pause(self) -> float:
        """Seconds to the next look, spread by a quarter so that many waves do not ask at once."""
        spread = self.poll_interval * random.uniform(0.75, 1.25)  # noqa: S311  # no secret
        return max(min(spread, self.deadline - time.time()), 0.1)
