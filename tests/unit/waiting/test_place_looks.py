"""However many waves wait in a place, it is looked at as often as if it were one."""

from __future__ import annotations

import asyncio

from drs_recovery.engine.clients import Place
from drs_recovery.waiting.place_looks import PlaceLooks, QueueLook
from sandbox.testing import Sandbox

EAST, WEST = Place("aws_default", "us-east-1"), Place("aws_default", "us-west-2")


def looks(*wanted: tuple[Place, float]) -> list[QueueLook]:
    """Ask for looks from the same moment on."""

    async def ask() -> list[QueueLook]:
        shared = PlaceLooks()
        return await asyncio.gather(*(shared.at(place, longest_ago) for place, longest_ago in wanted))

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
