"""Wait in the triggerer for the DRS jobs of one wave or of several."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from drs_recovery.exceptions import ExecutionNotFoundError, NewerRecordError
from drs_recovery.hooks import PASSING_TROUBLE, describe

if TYPE_CHECKING:
    from drs_recovery.waves import PollResult

# A record that was lost, or that a newer release wrote, is the business of the step that waits.
_ENDS: tuple[type[Exception], ...] = (*PASSING_TROUBLE, ExecutionNotFoundError, NewerRecordError)


class RecoveryJobTrigger(BaseTrigger):
    """
    Look at the jobs of waves until all are settled, the deadline has passed, or somebody cancels.

    All that wait in one triggerer look together, one DescribeJobs for each connection and Region, see
    :mod:`drs_recovery.waiting`. Restartable: what is known is in DRS and in the store. Fires one event
    ``{"status": "settled" | "cancelled" | "timeout", "problem": str | None}``; a timeout is preceded by a
    last look.

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
        """Take part in the looks of all that wait in this triggerer, until there is an end."""
        # The triggerer alone needs these: not the task that makes the trigger, nor the parsing of its DAG.
        from drs_recovery.waiting import PollSchedule, shared_state, waiting

        schedule = PollSchedule(self.poll_interval, None, self.deadline)
        try:
            async with waiting(shared_state(), self.execution_id, self.wave_numbers, schedule) as wait:
                while True:
                    look = await wait.look()
                    if status := self._end_of(look, is_over=wait.is_over):
                        break
                await wait.put_looks_on_record()
            event = {"status": status, "problem": look.problem}
        except _ENDS as error:
            event = {"status": "timeout", "problem": describe(error)}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's base is not annotated

    def _end_of(self, look: PollResult, *, is_over: bool) -> str | None:
        if look.settled:
            return "settled"
        if look.cancelled and self.until_cancelled:
            return "cancelled"
        return "timeout" if is_over else None
