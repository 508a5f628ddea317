"""The trigger: data that any triggerer can go on with, and one event at the end."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from airflow.sdk.module_loading import import_string
from airflow.serialization.serialized_objects import BaseSerialization

from drs_recovery.statuses import ServerPhase
from drs_recovery.store import WaveRef
from drs_recovery.store.records import ServerSeen, WavePoll
from drs_recovery.triggers.recovery_job import RecoveryJobTrigger
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, DB_2, application, database, plan
from tests.unit.steps import Steps

StepsOf = Callable[..., Steps]


def trigger_for(
    steps: Steps, *numbers: int, seconds: float = 60, poll_interval: float = 0.1
) -> RecoveryJobTrigger:
    return RecoveryJobTrigger(
        execution_id=steps.execution_id,
        wave_numbers=numbers or (1,),
        deadline=time.time() + seconds,
        poll_interval=poll_interval,
    )


async def first_event(
    trigger: RecoveryJobTrigger, after_a_moment: Callable[[], None] | None = None
) -> dict[str, Any]:
    async def later() -> None:
        if after_a_moment is not None:
            await asyncio.sleep(0.2)
            await asyncio.to_thread(after_a_moment)

    event, _ = await asyncio.gather(anext(trigger.run()), later())
    return dict(event.payload)


@pytest.fixture
def started(steps_of: StepsOf) -> Steps:
    steps = steps_of(plan(database()))
    steps.open()
    steps.start()
    return steps


def test_it_survives_serialization() -> None:
    trigger = RecoveryJobTrigger(execution_id="e", wave_numbers=(2, 3), deadline=17.5, poll_interval=30)

    path, arguments = trigger.serialize()

    assert path == "drs_recovery.triggers.recovery_job.RecoveryJobTrigger"
    assert arguments == {
        "execution_id": "e",
        "wave_numbers": [2, 3],
        "deadline": 17.5,
        "poll_interval": 30,
        "until_cancelled": True,
    }
    stored = BaseSerialization.deserialize(BaseSerialization.serialize(arguments))
    assert import_string(path)(**stored).serialize() == (path, arguments)


def test_one_event_comes_when_the_jobs_are_completed(aws: Sandbox, started: Steps) -> None:
    event = asyncio.run(first_event(trigger_for(started), lambda: aws.advance(600)))

    assert event == {"status": "settled", "problem": None}
    assert [s["phase"] for s in started.document["waves"][0]["serverStatuses"]] == ["LAUNCHED", "LAUNCHED"]
    assert started.document["waves"][0]["status"] == "POLLING"


def test_what_a_look_changes_is_told_in_the_log_of_the_trigger_that_waits_for_it(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    both = [
        steps_of(plan(wave, id=name), run_id=name) for name, wave in (("a", database()), ("b", application()))
    ]
    for steps in both:
        steps.open()
        steps.start()
    told: list[tuple[str, str]] = []

    class Triggerer(logging.Handler):
        """Sorts lines into the logs of triggers, by what Airflow's triggerer binds to each."""

        def emit(self, record: logging.LogRecord) -> None:
            line = json.loads(record.getMessage().partition(" ")[2])
            told.append((structlog.contextvars.get_contextvars().get("trigger_id"), line["execution"]))

    async def waits(steps: Steps) -> None:
        structlog.contextvars.bind_contextvars(trigger_id=steps.execution_id)
        await first_event(trigger_for(steps), lambda: aws.advance(300))

    async def wait_for_both() -> None:
        await asyncio.gather(*(asyncio.create_task(waits(steps)) for steps in both))

    log, triggerer = logging.getLogger("drs_recovery.transitions"), Triggerer()
    log.addHandler(triggerer)
    level = log.level
    log.setLevel(logging.INFO)
    try:
        asyncio.run(wait_for_both())
    finally:
        log.removeHandler(triggerer)
        log.setLevel(level)

    assert {execution for _, execution in told} == {steps.execution_id for steps in both}
    assert all(trigger == execution for trigger, execution in told)


def test_progress_is_on_record_after_each_look(aws: Sandbox, started: Steps) -> None:
    seen = []
    for seconds in (10, 100, 200):
        aws.advance(seconds)
        asyncio.run(first_event(trigger_for(started, seconds=0)))
        seen.append({s["phase"] for s in started.document["waves"][0]["serverStatuses"]})

    assert seen == [{"SNAPSHOT"}, {"CONVERSION"}, {"LAUNCH"}]


def test_it_waits_for_every_wave_that_it_was_given(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(), application(depends_on=[])))
    steps.open()
    steps.start(1)
    aws.advance(600)
    steps.start(2)

    assert asyncio.run(first_event(trigger_for(steps, 1, 2, seconds=0)))["status"] == "timeout"
    aws.advance(600)
    assert asyncio.run(first_event(trigger_for(steps, 1, 2, seconds=0)))["status"] == "settled"


def test_a_request_to_cancel_ends_the_waiting_after_a_look(started: Steps) -> None:
    def cancel() -> None:
        started.store.ending.request_cancel(started.execution_id, "alice", "wrong plan")

    assert asyncio.run(first_event(trigger_for(started), cancel))["status"] == "cancelled"


def test_the_jobs_of_a_cancelled_execution_can_be_followed_to_their_end(aws: Sandbox, started: Steps) -> None:
    started.store.ending.request_cancel(started.execution_id, "alice", "wrong plan")
    trigger = RecoveryJobTrigger(
        execution_id=started.execution_id,
        wave_numbers=[1],
        deadline=time.time() + 60,
        poll_interval=0.1,
        until_cancelled=False,
    )

    assert asyncio.run(first_event(trigger, lambda: aws.advance(600)))["status"] == "settled"


def test_the_last_look_is_after_the_deadline(aws: Sandbox, started: Steps) -> None:
    aws.advance(600)

    assert asyncio.run(first_event(trigger_for(started, seconds=-5)))["status"] == "settled"


def test_a_triggerer_that_was_away_for_long_begins_with_a_look(aws: Sandbox, started: Steps) -> None:
    aws.advance(600)

    assert asyncio.run(first_event(trigger_for(started, seconds=-4000)))["status"] == "settled"


def test_trouble_at_the_deadline_does_not_keep_a_wave_from_its_last_look(
    aws: Sandbox, started: Steps
) -> None:
    aws.advance(600)
    aws.add_fault("error", operation="DescribeJobs", status=403, code="AccessDeniedException", times=2)

    event = asyncio.run(first_event(trigger_for(started, seconds=0, poll_interval=1)))

    assert event == {"status": "settled", "problem": None}


def test_another_triggerer_goes_on_from_the_stored_arguments(aws: Sandbox, started: Steps) -> None:
    killed = trigger_for(started)

    async def run_and_kill() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(killed.run()), 0.3)

    asyncio.run(run_and_kill())
    before = started.document["waves"][0]["pollAttempts"]
    aws.advance(600)
    _, arguments = killed.serialize()

    event = asyncio.run(first_event(RecoveryJobTrigger(**arguments)))

    assert event["status"] == "settled"
    assert started.document["waves"][0]["pollAttempts"] > before


def test_trouble_is_on_record_while_it_lasts_and_does_not_end_the_wait(aws: Sandbox, started: Steps) -> None:
    aws.add_fault(
        "error", operation="DescribeJobs", status=403, code="AccessDeniedException", message="not now"
    )

    event = asyncio.run(first_event(trigger_for(started, seconds=0)))

    target = "DRS in us-east-1 (connection aws_default)"
    assert event == {"status": "timeout", "problem": f"{target}: AccessDeniedException: not now"}
    assert "not now" in started.document["waves"][0]["lastPollError"]["message"]
    aws.clear_faults()
    aws.advance(600)
    assert asyncio.run(first_event(trigger_for(started)))["status"] == "settled"
    assert "lastPollError" not in started.document["waves"][0]


def test_an_unreachable_store_does_not_end_the_wait(aws: Sandbox, started: Steps) -> None:
    aws.advance(600)
    aws.add_fault("error", service="dynamodb", status=400, code="AccessDeniedException", times=2)

    event = asyncio.run(first_event(trigger_for(started)))

    assert event["status"] == "settled"


def test_nothing_is_settled_before_it_is_on_record(aws: Sandbox, started: Steps) -> None:
    launched = tuple(
        ServerSeen(server_id, launch_status="LAUNCHED", phase=ServerPhase.LAUNCHED)
        for server_id in (DB_1, DB_2)
    )
    started.store.polls.record(WaveRef(started.execution_id, 1), WavePoll(servers=launched))
    aws.advance(600)
    aws.add_fault("error", operation="TransactWriteItems", status=400, code="AccessDeniedException", times=1)

    event = asyncio.run(first_event(trigger_for(started)))

    assert event == {"status": "settled", "problem": None}
    assert [job["status"] for job in started.document["waves"][0]["jobs"]] == ["COMPLETED"]


def test_waiting_does_not_block_the_triggerers_loop(aws: Sandbox, started: Steps) -> None:
    aws.add_fault("delay", operation="DescribeJobs", seconds=0.5, times=1)

    async def beats_while_waiting() -> int:
        look = asyncio.ensure_future(anext(trigger_for(started, seconds=0).run()))
        beats = 0
        while not look.done():
            await asyncio.sleep(0.01)
            beats += 1
        return beats

    assert asyncio.run(beats_while_waiting()) > 10
