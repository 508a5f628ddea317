"""Wait in the triggerer until DRS has capacity for the jobs of a wave, and it is their turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


class QueueTurnTrigger(BaseTrigger):
    """
    Look at the queue until it is the wave's turn, the wave starts no more, or the deadline has passed.

    Fires one event ``{"status": "turn" | "over" | "timeout"}``. It starts nothing: the step that waits takes
    the room itself, on condition that nobody else was faster. Restartable: all that it knows is in the store
    and in DRS.

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
        """Look until there is an end."""
        # The triggerer alone needs these: not the task that makes the trigger, nor the parsing of its DAG.
        from drs_recovery.store import WaveRef
        from drs_recovery.waiting import TurnWait

        ref = WaveRef(self.execution_id, self.wave_number)
        wait = TurnWait(ref, self.deadline, self.poll_interval)
        event = {"status": await wait.end()}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's base is not annotated
