"""
Ask one question for all who wait for its answer, at intervals that back off.

The usual interval, shorter where an end is near, longer after failures, never sooner than AWS asks, and with
jitter, so that many triggerers do not ask at once.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from drs_recovery.hooks import retry_after

log = logging.getLogger(__name__)

# After failures the interval doubles up to this many seconds.
LONGEST_INTERVAL = 300.0

# Near its end a job is looked at so many times more often than usual.
FINEST = 6

# Of the time that is left until an expected end, a look comes after this part of it at the latest.
_PART_OF_THE_REST = 0.25

# An end that is so many usual intervals late can come at any time: then there is no reason to hurry.
_LATE = 10


@dataclass(frozen=True)
class PollSchedule:
    """
    How one waiter would like to be served.

    :param interval: its usual seconds between two looks.
    :param ends_at: epoch seconds at which what it waits for should end; None if nobody knows.
    :param deadline: epoch seconds at which it wants a last look.
    """

    interval: float
    ends_at: float | None
    deadline: float

    def pause(self, now: float) -> float:
        """Seconds until this waiter wants the next look."""
        return max(min(self._usual(now), self.deadline - now), 0.0)

    def patience(self, now: float) -> float:
        """
        Seconds for which this waiter can be left without a look after failures.

        At its deadline it wants one, and if that fails, too, the next ones without growing pauses.
        """
        return self.deadline - now if now < self.deadline else self.interval

    def _usual(self, now: float) -> float:
        if self.ends_at is None or now > self.ends_at + _LATE * self.interval:
            return self.interval
        near = max(self.ends_at - now, 0.0) * _PART_OF_THE_REST
        return min(max(near, self.interval / FINEST), self.interval)


def pause_of(
    schedules: Iterable[PollSchedule], now: float, failures: int, retry_after: float | None
) -> float:
    """
    Seconds until the next look that serves all: one question answers every waiter, so the soonest counts.

    :param schedules: of all waiters; at least one.
    :param now: epoch seconds of the last look, or of its failure.
    :param retry_after: seconds for which AWS asked to be left alone; None if it did not.
    """
    schedules = list(schedules)
    usual = min(schedule.interval for schedule in schedules)
    if failures:
        longest = max(LONGEST_INTERVAL, usual)
        pause = min(usual * 2.0 ** min(failures, 16), longest) * _spread()
        pause = max(pause, min(retry_after or 0.0, longest))
        pause = min(pause, min(schedule.patience(now) for schedule in schedules))
    else:
        pause = min(schedule.pause(now) for schedule in schedules) * _spread()
    # However many wait, and however many deadlines pass, the questions come no closer than this.
    return max(pause, usual / FINEST)


def _spread() -> float:
    return random.uniform(0.9, 1.1)  # noqa: S311  # keeps triggerers apart, no secret hangs on it


Found = TypeVar("Found")

# Seconds for which a poller that nobody needs keeps what it asks with.
_LINGER = 30.0


@dataclass(frozen=True)
class Answer(Generic[Found]):
    """
    What came of one question.

    :param asked_at: epoch seconds at which it was asked: what is true in it was true then or later.
    :param found: what there is, by key; keys of which nothing is known are left out. Empty after a failure.
    :param error: why there is no answer; None if it went well.
    """

    asked_at: float
    found: Mapping[str, Found]
    error: Exception | None = None


class Watch(Generic[Found]):
    """
    The part of a poller that one waiter sees.

    :param news: set with each answer; a waiter may use one for several watches.
    """

    def __init__(self, keys: Collection[str], schedule: PollSchedule, news: asyncio.Event) -> None:
        self.keys = frozenset(keys)
        self.schedule = schedule
        self._news = news
        self._answer: Answer[Found] | None = None

    def take(self) -> Answer[Found] | None:
        """The newest answer, once; a waiter that is slow misses those between."""
        answer, self._answer = self._answer, None
        return answer

    def give(self, answer: Answer[Found]) -> None:
        """Hand an answer over."""
        self._answer = answer
        self._news.set()


async def happens_within(event: asyncio.Event, seconds: float) -> bool:
    """
    Whether something happens in time.

    ``asyncio.wait_for`` would not do: in Python 3.11 it loses a cancellation that comes with the event.

    :param seconds: for how long; not at all if it is not positive.
    """
    try:
        async with asyncio.timeout(max(seconds, 0.0)):
            await event.wait()
    except TimeoutError:
        return False
    return True


class SharedPoller(Generic[Found]):
    """
    Ask as long as anybody waits.

    It belongs to one event loop. That one waiter fails or is cancelled concerns no other: the questions are
    asked by a task of the poller's own.

    :param ask: asks for some keys; raises errors of AWS.
    """

    def __init__(
        self,
        name: str,
        ask: Callable[[Collection[str]], Awaitable[Mapping[str, Found]]],
        give_up: Callable[[], Awaitable[None]],
    ) -> None:
        self.name = name
        self._ask, self._give_up = ask, give_up
        self._watches: set[Watch[Found]] = set()
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def join(self, watch: Watch[Found]) -> None:
        """Serve one more waiter; the first one is served at once."""
        self._watches.add(watch)
        self._changed.set()
        if self._task is None:
            # Without the context of the first waiter: what is logged here is not about its task.
            self._task = asyncio.get_running_loop().create_task(
                self._serve(), name=f"shared poller of {self.name}", context=contextvars.Context()
            )

    def leave(self, watch: Watch[Found]) -> None:
        """Forget a waiter."""
        self._watches.discard(watch)
        self._changed.set()

    async def _serve(self) -> None:
        try:
            while self._watches:
                await self._ask_while_somebody_waits()
                # The next wave of an execution comes soon: connections are kept for it.
                await self._changes_within(_LINGER)
        finally:
            self._task = None
            await self._give_up()

    async def _ask_while_somebody_waits(self) -> None:
        failures = 0
        while watches := list(self._watches):
            asked_at = time.time()
            answer = await self._look(asked_at, watches)
            failures = failures + 1 if answer.error else 0
            for watch in self._watches.intersection(watches):
                watch.give(answer)
            # AWS asks for a pause from its answer on; otherwise looks keep their distance, slow or not.
            since = time.time() if answer.error else asked_at
            while self._watches and not await self._is_due(since, failures, answer.error):
                pass

    async def _is_due(self, since: float, failures: int, error: Exception | None) -> bool:
        """Wait until the next look is due; False if the waiters changed before, who may want it sooner."""
        schedules = [watch.schedule for watch in self._watches]
        due = since + pause_of(schedules, since, failures, retry_after(error) if error else None)
        return not await self._changes_within(due - time.time())

    async def _changes_within(self, seconds: float) -> bool:
        """Whether somebody joins or leaves in this time."""
        self._changed.clear()
        return await happens_within(self._changed, seconds)

    async def _look(self, asked_at: float, watches: Iterable[Watch[Found]]) -> Answer[Found]:
        keys = frozenset[str]().union(*(watch.keys for watch in watches))
        try:
            return Answer(asked_at, await self._ask(keys))
        except Exception as error:  # whatever it is, those who wait must hear of it, and go on
            log.warning("%s: no answer this time: %s", self.name, error)
            return Answer(asked_at, {}, error)
