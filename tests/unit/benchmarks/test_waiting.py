"""Waves are waited for in each way, and what that took of AWS is counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator

import pytest

from benchmarks import aws_calls, freshness, peer_watchers
from benchmarks.peer_watchers import wait_per_server, wait_per_wave
from benchmarks.waiting_waves import Launches, Task, sandbox_without_limits, start_waves
from sandbox.testing import Sandbox

FAST = 400.0
A_LAUNCH = 1_000.0
"""Simulated seconds that no launch takes."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_without_limits() as sandbox:
        yield sandbox


@pytest.fixture
def _aws(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", sandbox.url)
    peer_watchers._client.cache_clear()
    yield
    peer_watchers._client.cache_clear()


def launch_after_two_looks(sandbox: Sandbox) -> None:
    """Let the launches end, but only when somebody has looked twice."""
    while len(sandbox.calls("drs", "DescribeJobs")) < 2:
        time.sleep(0.05)
    sandbox.advance(A_LAUNCH)


@pytest.mark.usefixtures("_aws")
@pytest.mark.parametrize(
    ("way", "writes"), [(wait_per_server, False), (wait_per_wave, True)], ids=["server", "wave"]
)
def test_another_design_waits_until_every_server_is_launched(
    sandbox: Sandbox, way: Callable[[Task], Coroutine[None, None, Launches]], writes: bool
) -> None:
    waves = start_waves(sandbox, 1, 2)
    sandbox.control("DELETE", "/calls")

    async def wait() -> Launches:
        launches, _ = await asyncio.gather(
            way(Task(tuple(waves), 0.2, 60)), asyncio.to_thread(launch_after_two_looks, sandbox)
        )
        return launches

    launches = asyncio.run(wait())

    assert set(launches) == set(waves[0].server_ids)
    assert len(sandbox.calls("drs", "DescribeJobs")) > 2
    assert bool(sandbox.calls("dynamodb", "PutItem")) is writes


def test_a_task_survives_the_way_to_another_process(sandbox: Sandbox) -> None:
    task = Task(tuple(start_waves(sandbox, 2, 1)), 0.5, 60)

    assert Task.from_json(task.to_json()) == task


def test_the_products_waiting_is_measured_from_start_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (aws_calls, freshness):
        monkeypatch.setattr(module, "WAVES", (1,))
        monkeypatch.setattr(module, "SPEED", FAST)

    (calls,) = aws_calls.run().rows
    (fresh,) = freshness.run().rows

    assert calls["relative to one wave"] == 1
    assert calls["DescribeJobs per minute"] > 0
    assert calls["DynamoDB calls per minute"] > 0
    assert calls["write units per wave"] > 0
    assert fresh["changes seen"] > 0
    assert 0 < fresh["median s"] <= fresh["worst s"]
