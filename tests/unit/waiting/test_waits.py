"""Waves that wait in one event loop: few calls of DRS and few writes, whoever waits, whatever goes wrong."""

from __future__ import annotations

import asyncio
import functools
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError

from benchmarks.made_executions import write
from drs_recovery.configured_store import execution_store
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.keys import wave_key
from drs_recovery.triggers.recovery_job import RecoveryJobTrigger
from drs_recovery.waiting.execution import waiting
from drs_recovery.waiting.poller import PollSchedule
from drs_recovery.waiting.shared import Looks, SharedState
from sandbox.testing import Sandbox
from tests.iam_policies import preparing_table
from tests.plan_documents import DB_2, WEST, application, database, plan
from tests.unit.steps import Steps

StepsOf = Callable[..., Steps]

INTERVAL = 0.2


@pytest.fixture
def started(steps_of: StepsOf) -> Steps:
    steps = steps_of(plan(database()))
    steps.open()
    steps.start()
    return steps


def trigger_for(
    steps: Steps, number: int = 1, seconds: float = 60, interval: float = INTERVAL
) -> RecoveryJobTrigger:
    return RecoveryJobTrigger(
        execution_id=steps.execution_id,
        wave_numbers=[number],
        deadline=time.time() + seconds,
        poll_interval=interval,
    )


def wave_of(steps: Steps) -> dict[str, Any]:
    return dict(steps.document["waves"][0])


async def status_of(trigger: RecoveryJobTrigger) -> str:
    event = await anext(trigger.run())
    return str(event.payload["status"])


def calls(aws: Sandbox) -> Counter[str]:
    return Counter(call["operation"] for call in (*drs_calls(aws), *aws.calls("dynamodb")))


def drs_calls(aws: Sandbox) -> list[dict[str, Any]]:
    """Not those of the other Region: a slow one of another test may be answered as late as here."""
    return [call for call in aws.calls("drs") if call["region"] != WEST]


async def quietly(aws: Sandbox, steps: Steps, waiters: int, interval: float = INTERVAL) -> Counter[str]:
    """What many waits cost in two seconds in which nothing happens."""
    waits = [asyncio.ensure_future(status_of(trigger_for(steps, interval=interval))) for _ in range(waiters)]
    await asyncio.sleep(1)
    before = await asyncio.to_thread(calls, aws)
    await asyncio.sleep(2)
    after = await asyncio.to_thread(calls, aws)
    for wait in waits:
        wait.cancel()
    return after - before


def test_many_waits_ask_drs_no_more_often_than_one(aws: Sandbox, started: Steps) -> None:
    aws.advance(20)
    one, many = (asyncio.run(quietly(aws, started, waiters)) for waiters in (1, 40))

    assert one["DescribeJobs"] >= 3
    # Ten in two seconds, a tenth more by chance, and one at each end.
    assert max(one["DescribeJobs"], many["DescribeJobs"]) <= 13
    assert one["BatchGetItem"] >= 3
    assert many["BatchGetItem"] <= 13


def test_looks_without_news_are_written_down_now_and_then(aws: Sandbox, started: Steps) -> None:
    aws.advance(20)
    spent = asyncio.run(quietly(aws, started, 1))

    # Every fourth look, 0.8 seconds apart: at most three in two seconds, of ten looks.
    assert 1 <= spent["TransactWriteItems"] <= 3


def test_polls_on_record_are_the_looks_and_their_newest_time(
    aws: Sandbox, started: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.advance(20)
    asked: list[float] = []
    count = Looks.asked

    def counted(looks: Looks, target: Any, at: float, *, answered: bool) -> None:
        asked.append(at)
        count(looks, target, at, answered=answered)

    monkeypatch.setattr(Looks, "asked", counted)

    assert asyncio.run(status_of(trigger_for(started, seconds=2))) == "timeout"

    wave = wave_of(started)
    assert wave["pollAttempts"] == len(asked) > 1
    assert wave["lastPolledTime"] == pytest.approx(asked[-1], abs=0.001)
    assert started.document["lastPolledTime"] == wave["lastPolledTime"]
    assert started.store.get_execution(started.execution_id)["lastPolledTime"] <= wave["lastPolledTime"]


def test_the_log_is_left_alone_once_every_server_is_being_launched(aws: Sandbox, started: Steps) -> None:
    aws.advance(330)
    spent = asyncio.run(quietly(aws, started, 1))

    assert spent["DescribeJobs"] >= 3
    assert spent["DescribeJobLogItems"] == 0
    assert {s["phase"] for s in started.document["waves"][0]["serverStatuses"]} == {"LAUNCH"}


def test_a_slow_region_does_not_delay_another(aws: Sandbox, steps_of: StepsOf) -> None:
    west = {"application": {"servers": ["s-8888888888888888a"], "region": WEST}}
    aws.add_servers({"id": "s-8888888888888888a", "name": "app-west", "region": WEST})
    steps = steps_of(plan(database(), application(depends_on=[]), groups=west))
    steps.open()
    steps.start(1)
    steps.start(2)
    aws.advance(900)
    aws.add_fault("delay", operation="DescribeJobs", region=WEST, seconds=8)

    async def first() -> tuple[str, bool]:
        slow = asyncio.ensure_future(status_of(trigger_for(steps, 2)))
        quick = await status_of(trigger_for(steps, 1))
        was_waiting = not slow.done()
        slow.cancel()
        return quick, was_waiting

    assert asyncio.run(first()) == ("settled", True)


def test_a_wait_that_fails_or_is_cancelled_ends_alone(aws: Sandbox, started: Steps) -> None:
    async def story() -> list[Any]:
        unknown = trigger_for(started)
        unknown.execution_id = "nobody"
        waits = [
            asyncio.ensure_future(status_of(trigger))
            for trigger in (unknown, *map(trigger_for, [started] * 3))
        ]
        await asyncio.sleep(0.5)
        waits[1].cancel()
        await asyncio.to_thread(aws.advance, 900)
        return await asyncio.gather(*waits, return_exceptions=True)

    failed, cancelled, *others = asyncio.run(story())
    assert failed == "timeout"
    assert isinstance(cancelled, asyncio.CancelledError)
    assert others == ["settled", "settled"]


def test_throttling_slows_all_down_and_retry_after_is_obeyed(aws: Sandbox, started: Steps) -> None:
    aws.advance(900)
    aws.add_fault(
        "error", operation="DescribeJobs", status=429, code="ThrottlingException", retry_after=2, times=2
    )

    async def story() -> list[str]:
        return await asyncio.gather(*(status_of(trigger_for(started)) for _ in range(5)))

    began = len(drs_calls(aws))
    assert asyncio.run(story()) == ["settled"] * 5
    asked = [call for call in drs_calls(aws)[began:] if call["operation"] == "DescribeJobs"]
    assert [call["status"] for call in asked[:3]] == [429, 429, 200]
    # The client itself tries twice.
    _, refused, next_one = (datetime.fromisoformat(call["time"]) for call in asked[:3])
    assert next_one - refused >= timedelta(seconds=2)


def test_a_store_that_cannot_even_be_opened_does_not_end_a_wait(aws: Sandbox, started: Steps) -> None:
    aws.advance(900)
    is_broken = False

    def open_store() -> ExecutionStore:
        if is_broken:
            raise NoCredentialsError
        return execution_store()

    async def story() -> bool:
        nonlocal is_broken
        schedule = PollSchedule(INTERVAL, None, time.time() + 60)
        async with waiting(SharedState(open_store), started.execution_id, [1], schedule) as wait:
            for service in ("drs", "dynamodb"):
                denied = {"service": service, "status": 400, "code": "AccessDeniedException"}
                await asyncio.to_thread(functools.partial(aws.add_fault, "error", **denied))
            is_broken, until = True, time.time() + 3
            while time.time() < until:
                await wait.look()
            is_broken = False
            await asyncio.to_thread(aws.clear_faults)
            while not (await wait.look()).settled:
                pass
        return True

    assert asyncio.run(story())


def test_each_look_of_a_new_loop_begins_anew(aws: Sandbox, started: Steps) -> None:
    assert asyncio.run(status_of(trigger_for(started, seconds=0))) == "timeout"
    aws.advance(900)
    assert asyncio.run(status_of(trigger_for(started, seconds=0))) == "settled"


def test_near_the_end_that_earlier_executions_foretell_drs_is_asked_more_often(
    aws: Sandbox, started: Steps
) -> None:
    aws.advance(330)
    table = preparing_table(started.store.table)
    wave = table.get(wave_key(WaveRef(started.execution_id, 1))) or {}
    # An end that is late is expected at any moment, for ten intervals: for longer than is counted here.
    interval = 3 * INTERVAL
    usual = asyncio.run(quietly(aws, started, 1, interval))["DescribeJobs"]
    soon = time.time() - wave["jobs"][0]["requestedTime"] + 1
    write(table, [{**wave, "expectedDuration": soon}])

    assert asyncio.run(quietly(aws, started, 1, interval))["DescribeJobs"] > 1.5 * usual


def test_details_of_a_launched_server_are_on_record_while_the_wave_runs(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    aws.add_fault("slow_launch", server=DB_2, seconds=3600)
    steps = steps_of(plan(database()))
    steps.open()
    steps.start()
    aws.advance(600)

    async def story() -> dict[str, Any]:
        wait = asyncio.ensure_future(status_of(trigger_for(steps)))
        while "privateIp" not in (server := await asyncio.to_thread(steps.server, "crm-db-01")):
            await asyncio.sleep(0.05)
        wait.cancel()
        return server

    server = asyncio.run(story())
    # Known, and not called ready: post-launch actions may still come, and the wave's last step judges.
    assert (server["phase"], server["instanceState"]) == ("LAUNCHED", "running")
    assert server["ec2LaunchTime"] > 0
    assert wave_of(steps)["status"] == "POLLING"
    assert "instanceId" not in steps.server("crm-db-02")


NO_LOG = {
    "kind": "error",
    "operation": "DescribeJobLogItems",
    "status": 403,
    "code": "AccessDeniedException",
    "message": "not the log",
}


def test_a_log_that_cannot_be_read_keeps_no_job_off_the_record_and_is_told(
    aws: Sandbox, started: Steps
) -> None:
    aws.advance(330)
    aws.add_fault(**NO_LOG)

    async def story() -> tuple[dict[str, Any], dict[str, Any]]:
        event = asyncio.ensure_future(anext(trigger_for(started).run()))
        while "lastPollError" not in (wave := await asyncio.to_thread(wave_of, started)):
            await asyncio.sleep(0.1)
        await asyncio.to_thread(aws.advance, 600)
        return wave, (await event).payload

    running, event = asyncio.run(story())
    job_id = running["jobs"][0]["jobId"]
    assert running["jobs"][0]["status"] == "STARTED"
    assert {server["launchStatus"] for server in running["serverStatuses"]} == {"IN_PROGRESS"}
    assert (
        running["lastPollError"]["message"]
        == f"the log of {job_id} cannot be read: AccessDeniedException: not the log"
    )
    assert event == {"status": "settled", "problem": None}
    assert [job["status"] for job in wave_of(started)["jobs"]] == ["COMPLETED"]


@pytest.mark.parametrize(
    ("times", "reason"), [(2, "no capacity"), (None, "whose log cannot be read: AccessDeniedException")]
)
def test_the_reason_of_a_failure_is_waited_for_but_not_for_ever(
    aws: Sandbox, steps_of: StepsOf, times: int | None, reason: str
) -> None:
    aws.add_fault("launch_failed", server=DB_2, raw_error="no capacity")
    steps = steps_of(plan(database()))
    steps.open()
    steps.start()
    aws.advance(900)
    aws.add_fault(**NO_LOG, **({} if times is None else {"times": times}))

    assert asyncio.run(status_of(trigger_for(steps))) == "settled"
    assert reason in steps.server("crm-db-02")["error"]


def test_slow_logs_delay_neither_the_record_nor_the_end_of_a_wait(
    aws: Sandbox, started: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drs_recovery.waiting.wave._LONGEST_LOG_READ", 0.5)
    aws.advance(330)
    aws.add_fault("delay", operation="DescribeJobLogItems", seconds=15)

    async def story() -> list[str]:
        return await asyncio.gather(*(status_of(trigger_for(started, seconds=1)) for _ in range(10)))

    began = time.monotonic()
    assert asyncio.run(story()) == ["timeout"] * 10
    # The first logs would come after fifteen seconds, the last of them after forty-five.
    assert time.monotonic() - began < 14
    assert {server["launchStatus"] for server in wave_of(started)["serverStatuses"]} == {"IN_PROGRESS"}
