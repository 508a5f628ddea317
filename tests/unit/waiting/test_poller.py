"""One question for all who wait; nobody's end or failure concerns the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection

import pytest

from drs_recovery.waiting.poller import Answer, PollSchedule, SharedPoller, Watch

INTERVAL = 0.05


class Oracle:
    """Knows about each key how often it was asked; keeps count of its own fate."""

    def __init__(self) -> None:
        self.asked: list[frozenset[str]] = []
        self.given_up = 0
        self.error: Exception | None = None
        self.poller: SharedPoller[int] = SharedPoller("an oracle", self.ask, self.give_up)

    async def ask(self, keys: Collection[str]) -> dict[str, int]:
        self.asked.append(frozenset(keys))
        if self.error is not None:
            raise self.error
        return {key: len(self.asked) for key in keys}

    async def give_up(self) -> None:
        self.given_up += 1

    def join(self, *keys: str, interval: float = INTERVAL) -> tuple[Watch[int], asyncio.Event]:
        news = asyncio.Event()
        watch: Watch[int] = Watch(keys, PollSchedule(interval, None, time.time() + 60), news)
        self.poller.join(watch)
        return watch, news


async def next_of(watch: Watch[int], news: asyncio.Event) -> Answer[int]:
    await asyncio.wait_for(news.wait(), 10)
    news.clear()
    answer = watch.take()
    assert answer is not None
    return answer


def run(story: Callable[[Oracle], Awaitable[None]]) -> Oracle:
    async def told() -> Oracle:
        oracle = Oracle()
        await story(oracle)
        return oracle

    return asyncio.run(told())


def test_all_who_wait_are_served_by_one_question() -> None:
    async def story(oracle: Oracle) -> None:
        expected = {f"key-{number}": 1 for number in range(200)}
        # No second question while the answers are read, however slow the machine is.
        waiters = [oracle.join(key, interval=60.0) for key in expected]
        for waiter in waiters:
            assert (await next_of(*waiter)).found == expected

    assert len(run(story).asked) == 1


def test_the_number_of_questions_does_not_grow_with_those_who_wait() -> None:
    async def story(oracle: Oracle) -> None:
        first = oracle.join("first")
        for number in range(100):
            oracle.join(f"late-{number}")
            await asyncio.sleep(0)
        before = len(oracle.asked)
        for _ in range(3):
            await next_of(*first)
        assert len(oracle.asked) - before <= 3

    run(story)


def test_who_joins_later_is_asked_for_and_who_left_is_not() -> None:
    async def story(oracle: Oracle) -> None:
        first, second = oracle.join("a"), None
        await next_of(*first)
        second = oracle.join("b")
        await next_of(*second)
        oracle.poller.leave(first[0])
        await next_of(*second)

    assert [sorted(keys) for keys in run(story).asked] == [["a"], ["a", "b"], ["b"]]


def test_an_answer_is_for_those_who_waited_when_it_was_asked_for() -> None:
    async def story(oracle: Oracle) -> None:
        asking, late = asyncio.Event(), asyncio.Event()

        async def slow(keys: Collection[str]) -> dict[str, int]:
            asking.set()
            await late.wait()
            return await Oracle.ask(oracle, keys)

        oracle.poller = SharedPoller("a slow oracle", slow, oracle.give_up)
        first = oracle.join("a")
        await asking.wait()
        second = oracle.join("b")
        late.set()
        assert (await next_of(*first)).found == {"a": 1}
        assert second[0].take() is None
        assert (await next_of(*second)).found == {"a": 2, "b": 2}

    run(story)


def test_a_waiter_that_is_cancelled_takes_nothing_from_the_others() -> None:
    async def story(oracle: Oracle) -> None:
        gone, stays = oracle.join("gone"), oracle.join("stays")
        waiting = asyncio.ensure_future(next_of(*gone))
        await next_of(*stays)
        waiting.cancel()
        oracle.poller.leave(gone[0])
        for _ in range(2):
            assert (await next_of(*stays)).error is None

    run(story)


def test_a_failure_reaches_all_and_ends_nothing() -> None:
    async def story(oracle: Oracle) -> None:
        oracle.error = RuntimeError("not now")
        waiters = [oracle.join("a"), oracle.join("b")]
        for waiter in waiters:
            answer = await next_of(*waiter)
            assert (answer.found, answer.error) == ({}, oracle.error)
        oracle.error = None
        for waiter in waiters:
            assert (await next_of(*waiter)).error is None

    run(story)


def test_a_slow_waiter_finds_the_newest_answer_once() -> None:
    async def story(oracle: Oracle) -> None:
        slow, quick = oracle.join("slow"), oracle.join("quick")
        for _ in range(3):
            await next_of(*quick)
        assert (await next_of(*slow)).found["slow"] == 3
        assert slow[0].take() is None

    run(story)


def test_when_nobody_waits_nothing_is_asked_and_the_next_one_is_served_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(oracle: Oracle) -> None:
        for round_number in (1, 2):
            waiter = oracle.join("a")
            await next_of(*waiter)
            oracle.poller.leave(waiter[0])
            await asyncio.sleep(3 * INTERVAL)
            assert len(oracle.asked) == round_number
        assert oracle.given_up == 0
        monkeypatch.setattr("drs_recovery.waiting.poller._LINGER", 0.0)
        waiter = oracle.join("a")
        await next_of(*waiter)
        oracle.poller.leave(waiter[0])
        await asyncio.sleep(3 * INTERVAL)
        assert oracle.given_up == 1
        await next_of(*oracle.join("again"))

    run(story)


def test_the_end_of_the_loop_lets_everything_go() -> None:
    async def story(oracle: Oracle) -> None:
        await next_of(*oracle.join("a"))

    assert run(story).given_up == 1
