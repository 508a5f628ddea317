"""Wait until it is a wave's turn to start jobs in DRS."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.hooks import PASSING_TROUBLE, describe
from drs_recovery.waiting.shared import shared_state
from drs_recovery.waves import QueuedWave

if TYPE_CHECKING:
    from drs_recovery.hooks import Target
    from drs_recovery.jobs import TargetState
    from drs_recovery.store import WaveRef

log = logging.getLogger(__name__)


class TurnWait:
    """
    A wave that waits in the queue; the store and DRS are asked in threads.

    :param deadline: epoch seconds after which waiting ends.
    :param poll_interval: seconds between two looks.
    """

    def __init__(self, ref: WaveRef, deadline: float, poll_interval: float) -> None:
        self._ref = ref
        self._deadline, self._poll_interval = deadline, poll_interval
        self._wave = QueuedWave(ref)

    async def end(self) -> str:
        """Pause first: the step has just looked. ``turn``, ``over`` or ``timeout``."""
        while True:
            await asyncio.sleep(self._pause())
            try:
                status = await self._look()
            except ExecutionNotFoundError:
                # The record was lost: the business of the step that waits.
                status = "over"
            except PASSING_TROUBLE as error:
                log.warning(
                    "execution %s: the queue was not read: %s", self._ref.execution_id, describe(error)
                )
                status = None
            if status is None and time.time() >= self._deadline:
                status = "timeout"
            if status is not None:
                return status

    async def _look(self) -> str | None:
        if not await shared_state().with_store(self._wave.still_waits):
            return "over"
        if self._wave.has_jobs:
            await shared_state().with_store_and_drs(self._wave.follow)
        states = await self._states()
        is_next: bool = bool(states) and await shared_state().with_store(self._wave.is_next, states)
        return "turn" if is_next else None

    async def _states(self) -> Mapping[Target, TargetState]:
        """Look at each target, side by side: one that does not answer does not hold up the others."""
        targets = self._wave.targets
        looks = await asyncio.gather(
            *(shared_state().queues.at(target, self._poll_interval / 2) for target in targets)
        )
        states: dict[Target, TargetState] = {}
        problems = []
        for target, look in zip(targets, looks, strict=True):
            if look.state is None:
                log.warning("execution %s: %s not asked: %s", self._ref.execution_id, target, look.problem)
                problems.append(f"{target.region} (connection {target.connection}): {look.problem}")
            else:
                states[target] = look.state
        await self._note("; ".join(problems))
        return states

    async def _note(self, problem: str) -> None:
        """Put on record which targets do not say whose turn it is; the queue on record is as of before."""
        ref, message = self._ref, f"DRS did not report its running jobs: {problem}"
        if problem:
            await shared_state().with_store(
                lambda store: store.waits.note(ref.execution_id, message, ref.number)
            )
        elif self._wave.is_noted:
            await shared_state().with_store(lambda store: store.waits.end(ref))

    def _pause(self) -> float:
        """Seconds to the next look, spread by a quarter so that many waves do not ask at once."""
        spread = self._poll_interval * random.uniform(0.75, 1.25)  # noqa: S311  # no secret
        return max(min(spread, self._deadline - time.time()), 0.1)
