"""Wait in the triggerer for the end of a step's attempt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


class StepTrigger(BaseTrigger):
    """
    Look at a step until its attempt has ended; what was seen, and the end, are in the store.

    Steps of one kind that are asked for together share one question for each place, see
    :mod:`drs_recovery.waiting`. Restartable: all that it knows is in the store. Fires one event ``{"status":
    "over" | "trouble"}``, which says nothing of the result.

    :param side: ``before`` or ``after`` the launch of the wave.
    :param deadline: epoch seconds after which the waiting ends, whatever is on record.
    """

    def __init__(
        self, *, execution_id: str, wave_number: int, side: str, step_number: int, deadline: float
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's base is not annotated
        self.execution_id = execution_id
        self.wave_number = wave_number
        self.side = side
        self.step_number = step_number
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Path and arguments from which any triggerer can go on."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "execution_id": self.execution_id,
                "wave_number": self.wave_number,
                "side": self.side,
                "step_number": self.step_number,
                "deadline": self.deadline,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is an end."""
        # The triggerer alone needs these: not the task that makes the trigger, nor the parsing of its DAG.
        from drs_recovery.store import StepRef
        from drs_recovery.waiting import StepWait

        ref = StepRef(self.execution_id, self.wave_number, self.side, self.step_number)
        event = {"status": await StepWait(ref, self.deadline).end()}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's base is not annotated
