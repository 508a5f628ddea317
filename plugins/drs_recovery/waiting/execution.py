"""Wait for waves of one execution, together with all that wait in the same event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.hooks import PASSING_TROUBLE, describe
from drs_recovery.store import WaveRef, public
from drs_recovery.waiting.poller import PollSchedule, Watch, happens_within, pause_of
from drs_recovery.waiting.wave import WaveWait
from drs_recovery.waves import PollResult, joined, requested_at

if TYPE_CHECKING:
    from drs_recovery.store import Execution, ExecutionStore, WaveRecord, WaveRecords
    from drs_recovery.waiting.shared import SharedState


# Every question to AWS has its own end long before: if none comes, something is broken, and the wait ends.
_LONGEST_LAST_LOOK = 300.0

log = logging.getLogger(__name__)

# If AWS does not answer at the deadline, it is asked for so many intervals more.
_LAST_INTERVALS = 10

# The jobs are looked at so many times before it is asked again whether the execution is being cancelled.
_POLLS_BETWEEN = 2


@dataclass(frozen=True)
class Waves:
    """What a wait begins with, as the store has it."""

    execution: Execution
    waves: Sequence[WaveRecords]


class ExecutionWait:
    """A wait that has begun."""

    def __init__(self, shared: SharedState, found: Waves, schedule: PollSchedule) -> None:
        self._shared, self._schedule = shared, schedule
        self._news = asyncio.Event()
        self._begun_at = time.time()
        # A triggerer that was away can begin long after the deadline; then, too, there is a last look.
        self._last_look_from = max(schedule.deadline, self._begun_at)
        self._execution: Execution = found.execution
        self._of_execution: Watch[Execution] = Watch(
            [found.execution["executionId"]],
            replace(schedule, interval=_POLLS_BETWEEN * schedule.interval),
            self._news,
        )
        shared.executions.join(self._of_execution)
        self._waves = [
            WaveWait(shared, records, _schedule_for(cast("WaveRecord", records.wave), schedule), self._news)
            for records in found.waves
        ]

    def leave(self) -> None:
        """Wait no more."""
        self._shared.executions.leave(self._of_execution)
        for wave in self._waves:
            wave.leave()

    async def look(self) -> PollResult:
        """
        Wait for answers, put on record what they say, and tell what is known then.

        :return: also without news when the deadline comes.
        :raises TransitionRefusedError: the execution has ended.
        :raises ExecutionNotFoundError: its record is not there any more.
        """
        await self._next_news()
        answer = self._of_execution.take()
        if answer is not None and answer.error is None:
            execution_id = self._execution["executionId"]
            if execution_id not in answer.found:
                raise ExecutionNotFoundError(execution_id)
            self._execution = answer.found[execution_id]
        await asyncio.gather(*(wave.take_news() for wave in self._waves))
        return PollResult(
            settled=all(wave.is_settled(self._execution) for wave in self._waves),
            problem=joined(wave.problem for wave in self._waves),
            cancelled="cancel" in self._execution and self._was_asked_since(self._begun_at),
        )

    async def put_looks_on_record(self) -> None:
        """Record the looks that brought no news: the wait ends, and what it came to is judged."""
        try:
            await asyncio.gather(*(wave.put_looks_on_record() for wave in self._waves))
        except PASSING_TROUBLE as error:
            log.warning("polls are not recorded: %s", describe(error))

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed, and everything answered once more after it, or does not answer."""
        deadline, now = self._schedule.deadline, time.time()
        if now < deadline:
            return False
        if all(wave.was_answered_since(deadline) for wave in self._waves):
            return True
        is_tried_enough = now >= self._last_look_from + _LAST_INTERVALS * self._schedule.interval
        return (is_tried_enough and self._was_asked_since(deadline)) or now >= self._ends_at

    @property
    def _ends_at(self) -> float:
        """Epoch seconds at which the wait ends even if it gets no answers any more."""
        longest = max(_LONGEST_LAST_LOOK, _LAST_INTERVALS * self._schedule.interval)
        return self._last_look_from + longest

    def _was_asked_since(self, moment: float) -> bool:
        return all(wave.was_asked_since(moment) for wave in self._waves)

    async def _next_news(self) -> None:
        now = time.time()
        until = self._schedule.deadline if now < self._schedule.deadline else self._ends_at
        if await happens_within(self._news, until - now):
            self._news.clear()


@asynccontextmanager
async def waiting(
    shared: SharedState, execution_id: str, wave_numbers: Sequence[int], schedule: PollSchedule
) -> AsyncIterator[ExecutionWait]:
    """
    Wait for waves as long as the context is open.

    :raises botocore errors: the store could not be read until the deadline.
    """
    wait = ExecutionWait(shared, await _found(shared, execution_id, wave_numbers, schedule), schedule)
    try:
        yield wait
    finally:
        wait.leave()


async def _found(
    shared: SharedState, execution_id: str, wave_numbers: Sequence[int], schedule: PollSchedule
) -> Waves:
    failures = 0
    while True:
        try:
            return await shared.with_store(_read, execution_id, wave_numbers)
        except PASSING_TROUBLE:
            failures += 1
            if time.time() >= schedule.deadline:
                raise
            await asyncio.sleep(pause_of([schedule], time.time(), failures, None))


def _read(store: ExecutionStore, execution_id: str, wave_numbers: Sequence[int]) -> Waves:
    waves = [store.polls.get_wave_records(WaveRef(execution_id, number)) for number in wave_numbers]
    return Waves(cast("Execution", public(waves[0].execution)), waves)


def _schedule_for(wave: WaveRecord, schedule: PollSchedule) -> PollSchedule:
    """The same, with the time at which the wave should end, where its plan has a history."""
    if "expectedDuration" not in wave or not wave["jobs"]:
        return schedule
    began = max(requested_at(job) for job in wave["jobs"])
    return replace(schedule, ends_at=began + float(wave["expectedDuration"]))
