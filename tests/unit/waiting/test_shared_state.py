"""What is shared in an event loop, and with whom."""

from __future__ import annotations

import asyncio
from threading import Event, Thread
from typing import TYPE_CHECKING, cast

from drs_recovery.hooks.clients import Target
from drs_recovery.waiting.shared import SharedState, shared_state

if TYPE_CHECKING:
    from drs_recovery.store.executions import ExecutionStore

EAST, WEST = Target("aws_default", "us-east-1"), Target("aws_default", "us-west-2")


async def two() -> tuple[SharedState, SharedState]:
    await asyncio.sleep(0)
    return shared_state(), shared_state()


def test_one_loop_has_one_hub_and_another_loop_another_one() -> None:
    first, second = asyncio.run(two())
    third, _ = asyncio.run(two())

    assert first is second
    assert first is not third


def test_loops_of_two_threads_do_not_disturb_each_other() -> None:
    async def beside_another() -> bool:
        mine = shared_state()
        other = Thread(target=lambda: asyncio.run(two()))
        other.start()
        await asyncio.to_thread(other.join)
        return shared_state() is mine

    assert asyncio.run(beside_another())


def test_a_place_has_one_poller() -> None:
    async def pollers() -> tuple[object, object, object]:
        return shared_state().target(EAST), shared_state().target(EAST), shared_state().target(WEST)

    east, same, west = asyncio.run(pollers())
    assert east is same
    assert east is not west


def test_regions_that_hang_keep_nobody_off_the_record() -> None:
    may_end = Event()

    async def write_while_many_ask() -> str:
        shared = SharedState(lambda: cast("ExecutionStore", None))
        asking = [
            asyncio.ensure_future(shared.with_store_and_drs(lambda _: may_end.wait(30))) for _ in range(50)
        ]
        written = await shared.with_store(lambda _: "written")
        assert not any(one.done() for one in asking)
        may_end.set()
        await asyncio.gather(*asking)
        return written

    assert asyncio.run(write_while_many_ask()) == "written"
