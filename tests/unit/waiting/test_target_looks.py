"""However many waves wait in a place, it is looked at as often as if it were one."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, cast

from drs_recovery.hooks.clients import Target
from drs_recovery.waiting.shared import QueueLook, TargetLooks
from sandbox.testing import Sandbox

if TYPE_CHECKING:
    from drs_recovery.jobs.reservations import TargetQueue

EAST, WEST = Target("aws_default", "us-east-1"), Target("aws_default", "us-west-2")


def looks(*wanted: tuple[Target, float]) -> list[QueueLook]:
    """Ask for looks from the same moment on."""

    async def ask() -> list[QueueLook]:
        shared = TargetLooks()
        return await asyncio.gather(*(shared.at(target, longest_ago) for target, longest_ago in wanted))

    return asyncio.run(ask())


def asked(aws: Sandbox) -> int:
    return len(aws.calls("drs", "DescribeJobs"))


def test_many_that_ask_at_once_share_a_look(aws: Sandbox) -> None:
    answers = looks(*[(EAST, 60.0)] * 20)

    assert asked(aws) == 1
    assert len({id(answer) for answer in answers}) == 1


def test_each_place_has_its_own(aws: Sandbox) -> None:
    east, west = looks((EAST, 60.0), (WEST, 60.0))

    assert asked(aws) == 2
    assert east.state is not None
    assert west.state is not None
    assert (east.state.region, west.state.region) == ("us-east-1", "us-west-2")


def test_a_look_that_is_too_old_is_not_shared(aws: Sandbox) -> None:
    looks((EAST, 60.0), (EAST, 0.0))

    assert asked(aws) == 2


def test_a_look_that_failed_is_told_to_all_and_made_anew_later(aws: Sandbox) -> None:
    aws.add_fault("error", operation="DescribeJobs", status=403, code="AccessDeniedException", times=1)

    first, second, third = looks((EAST, 60.0), (EAST, 60.0), (EAST, 0.0))

    assert first.state is None
    assert first.problem is not None
    assert "AccessDenied" in first.problem
    assert second is first
    assert third.state is not None


class SlowQueue:
    """A queue whose looks take as long as a test likes."""

    def __init__(self) -> None:
        self.looks = 0
        self.may_end = threading.Event()
        self.may_end.set()

    def look(self) -> Any:
        self.looks += 1
        self.may_end.wait(30)
        return self.looks


def test_a_look_that_nobody_waited_for_does_not_make_an_older_one_look_new() -> None:
    queue, longest_ago = SlowQueue(), 0.05

    async def ask() -> QueueLook:
        shared = TargetLooks(lambda _: cast("TargetQueue", queue))
        await shared.at(EAST, longest_ago)
        await asyncio.sleep(2 * longest_ago)
        queue.may_end.clear()
        given_up = asyncio.ensure_future(shared.at(EAST, longest_ago))
        while queue.looks < 2:
            await asyncio.sleep(0.01)
        given_up.cancel()
        queue.may_end.set()
        return await shared.at(EAST, longest_ago)

    assert asyncio.run(ask()).state == 3


def test_a_place_that_hangs_holds_up_no_other_one() -> None:
    hanging, answering = SlowQueue(), SlowQueue()
    hanging.may_end.clear()
    queues = {EAST: hanging, WEST: answering}

    async def ask() -> QueueLook:
        shared = TargetLooks(lambda target: cast("TargetQueue", queues[target]))
        waiting = asyncio.ensure_future(shared.at(EAST, 60))
        answer = await shared.at(WEST, 60)
        assert not waiting.done()
        hanging.may_end.set()
        await waiting
        return answer

    assert asyncio.run(ask()).state == 1
