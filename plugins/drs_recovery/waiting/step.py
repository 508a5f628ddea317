"""Wait for a step's attempt: look at it in threads, or ask together with all that wait for the same."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drs_recovery.exceptions import ExecutionNotFoundError, TransitionRefusedError
from drs_recovery.hooks import PASSING_TROUBLE, describe
from drs_recovery.waiting.poller import PollSchedule, Watch, happens_within
from drs_recovery.waiting.shared import shared_state
from drs_recovery.waves import StepLife

if TYPE_CHECKING:
    from drs_recovery.steps import BatchedKind, Place
    from drs_recovery.store import ExecutionStore, StepRef
    from drs_recovery.waiting.shared import SharedState

log = logging.getLogger(__name__)

# After trouble with the store it is tried again after so many seconds.
_TROUBLE_SECONDS = 5.0

# Between two looks there are at least so many seconds, whatever a kind asks for.
_SHORTEST_PAUSE = 0.05


class StepWait:
    """
    A step that waits.

    :param deadline: epoch seconds after which the waiting ends; the attempt's own time-out comes before.
    """

    def __init__(self, ref: StepRef, deadline: float) -> None:
        self._ref, self._deadline = ref, deadline
        self._life: StepLife | None = None
        self._watches: dict[Place, Watch[Any]] = {}
        self._news = asyncio.Event()

    async def end(self) -> str:
        """``over`` when the attempt has ended, ``trouble`` if that could not be seen until the deadline."""
        shared = shared_state()
        try:
            while True:
                try:
                    if await self._look(shared):
                        return "over"
                    pause = self._pause()
                except (ExecutionNotFoundError, TransitionRefusedError):
                    # The business of the task that waits.
                    return "over"
                except PASSING_TROUBLE as error:
                    log.warning("execution %s: no look: %s", self._ref.execution_id, describe(error))
                    self._life, pause = None, _TROUBLE_SECONDS
                if time.time() >= self._deadline:
                    return "trouble"
                if not self._watches:
                    await asyncio.sleep(pause)
        finally:
            self._leave(shared)

    async def _look(self, shared: SharedState) -> bool:
        if self._life is None:
            self._life = await shared.with_store(self._new_life)
        life = self._life
        batched = await shared.with_store_and_drs(lambda _: _questions(life))
        if batched is None:
            self._leave(shared)
            await shared.with_store_and_drs(lambda _: life.look())
            return life.is_over
        kind, questions = batched
        answers = await self._answers(shared, life, kind, questions)
        if answers is not None:
            await shared.with_store_and_drs(lambda _: _take(life, answers))
        return life.is_over

    def _new_life(self, store: ExecutionStore) -> StepLife:
        return StepLife(store, self._ref)

    async def _answers(
        self,
        shared: SharedState,
        life: StepLife,
        kind: BatchedKind,
        questions: Mapping[Place, frozenset[str]],
    ) -> Mapping[str, Any] | Exception | None:
        """What all places say; the error of one that does not answer. None if there is no news yet."""
        if {place: watch.keys for place, watch in self._watches.items()} != questions:
            self._leave(shared)
            run = life.run()
            deadline = self._deadline if run is None else run.deadline
            schedule = PollSchedule(life.pause or kind_interval(life), None, deadline)
            self._watches = {place: Watch(keys, schedule, self._news) for place, keys in questions.items()}
            for place, watch in self._watches.items():
                shared.batch(kind, place).join(watch)
        found: dict[str, Any] = {}
        for watch in self._watches.values():
            answer = watch.take()
            while answer is None:
                self._news.clear()
                if not await happens_within(self._news, self._deadline - time.time()):
                    return None
                answer = watch.take()
            if answer.error is not None:
                return answer.error
            found |= answer.found
        return found

    def _pause(self) -> float:
        life_pause = self._life.pause if self._life else 0.0
        return max(min(life_pause, self._deadline - time.time()), _SHORTEST_PAUSE)

    def _leave(self, shared: SharedState) -> None:
        kind = self._life.batched if self._life and self._watches else None
        for place, watch in self._watches.items():
            if kind is not None:
                shared.batch(kind, place).leave(watch)
        self._watches = {}


def kind_interval(life: StepLife) -> float:
    """Seconds between two looks at a step."""
    return life.planned.step.interval.total_seconds()


def _questions(life: StepLife) -> tuple[BatchedKind, Mapping[Place, frozenset[str]]] | None:
    """What is asked together with others; None if the step looks by itself: its kind does, or it starts."""
    kind, run = life.batched, life.run()
    if kind is None or run is None or not (kind.is_probe or run.external_ids):
        return None
    return kind, {place: frozenset(keys) for place, keys in kind.questions(run).items()}


def _take(life: StepLife, answers: Mapping[str, Any] | Exception) -> None:
    if isinstance(answers, Exception):
        life.failed(answers)
    else:
        life.look(answers)
