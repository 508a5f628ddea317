"""Wait in the triggerer for the DRS jobs of one wave or of several."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from drs_recovery.engine.polling import Look, WaveWatcher
from drs_recovery.settings import execution_store

# Under throttling the pause doubles with every failed look up to this many seconds.
LONGEST_PAUSE = 300.0


class RecoveryJobTrigger(BaseTrigger):
    """
    Look at the jobs of waves until all are settled, the deadline has passed, or somebody cancels.

    Restartable: each look reads and writes DRS and the store only. Fires one event
    ``{"status": "settled" | "cancelled" | "timeout", "problem": str | None}``; a timeout is preceded by a
    last look.

    :param execution_id: the execution.
    :param wave_numbers: the waves to look at, from 1.
    :param deadline: epoch seconds after which waiting ends.
    :param poll_interval: seconds between two looks.
    :param until_cancelled: whether a request to cancel the execution ends the waiting; it does not for the
        step that follows the jobs of a cancelled execution.
    """

    def __init__(
        self,
        *,
        execution_id: str,
        wave_numbers: Sequence[int],
        deadline: float,
        poll_interval: float,
        until_cancelled: bool = True,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's base is not annotated
        self.execution_id = execution_id
        self.wave_numbers = list(wave_numbers)
        self.deadline = deadline
        self.poll_interval = poll_interval
        self.until_cancelled = until_cancelled

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Path and arguments from which any triggerer can go on."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "execution_id": self.execution_id,
                "wave_numbers": self.wave_numbers,
                "deadline": self.deadline,
                "poll_interval": self.poll_interval,
                "until_cancelled": self.until_cancelled,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, pause, look again; boto3 blocks, so that every look runs in a thread."""
        watcher: WaveWatcher | None = None
        failed_looks = 0
        while True:
            # After a failed look everything is made anew: expired credentials end with their client.
            if watcher is None:
                watcher = await asyncio.to_thread(_new_watcher)
            past_deadline = time.time() >= self.deadline
            look = await self._look_at_all(watcher)
            if status := self._end_of(look, past_deadline):
                yield TriggerEvent({"status": status, "problem": look.problem})  # type: ignore[no-untyped-call]  # ditto
                return
            if look.problem:
                watcher, failed_looks = None, failed_looks + 1
            else:
                failed_looks = 0
            await asyncio.sleep(self._pause(failed_looks, look.retry_after))

    async def _look_at_all(self, watcher: WaveWatcher) -> Look:
        looks = [
            await asyncio.to_thread(watcher.look, self.execution_id, number) for number in self.wave_numbers
        ]
        troubled = next((look for look in looks if look.problem), None)
        return troubled or Look(
            settled=all(look.settled for look in looks), cancelled=any(look.cancelled for look in looks)
        )

    def _end_of(self, look: Look, past_deadline: bool) -> str | None:
        if look.settled:
            return "settled"
        if look.cancelled and self.until_cancelled:
            return "cancelled"
        return "timeout" if past_deadline else None

    def _pause(self, failed_looks: int, retry_after: float | None) -> float:
        """Seconds to the next look: longer after failures, never past the deadline, spread by a tenth."""
        wanted = max(self.poll_interval * 2.0 ** min(failed_looks, 16), retry_after or 0.0)
        pause = min(wanted, max(LONGEST_PAUSE, self.poll_interval))
        spread = pause * random.uniform(0.9, 1.1)  # noqa: S311  # keeps many waves from asking at once
        return max(min(spread, self.deadline - time.time()), 0.1)


def _new_watcher() -> WaveWatcher:
    return WaveWatcher(execution_store())
