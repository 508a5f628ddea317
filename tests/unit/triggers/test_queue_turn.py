"""Waiting for one's turn: few looks however many wait, one event, and a place that is kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from airflow.sdk.module_loading import import_string
from airflow.serialization.serialized_objects import BaseSerialization

from drs_recovery.triggers.queue_turn import QueueTurnTrigger
from sandbox.testing import Sandbox
from tests.plan_documents import APP_1, DB_1, DB_2, WEB_1, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

TARGET = "123456789012:us-east-1"


def trigger_for(steps: Steps, seconds: float = 60, poll_interval: float = 0.1) -> QueueTurnTrigger:
    return QueueTurnTrigger(
        execution_id=steps.execution_id,
        wave_number=1,
        deadline=time.time() + seconds,
        poll_interval=poll_interval,
    )


async def first_event(trigger: QueueTurnTrigger, meanwhile: Callable[[], None] = lambda: None) -> str:
    """What it fires, when something happens after its first looks."""

    async def later() -> None:
        await asyncio.sleep(0.4)
        await asyncio.to_thread(meanwhile)

    event, _ = await asyncio.gather(anext(trigger.run()), later())
    assert set(event.payload) == {"status"}
    return str(event.payload["status"])


def in_queue(steps_of: StepsOf, servers: Sequence[str]) -> list[Steps]:
    """Drills of one server each, which wait behind a job that is not theirs."""
    waiting = []
    for number, server in enumerate(servers):
        groups = {"one": {"servers": [server]}}
        steps = steps_of(
            plan({"groups": ["one"]}, groups=groups, id=f"p{number}"), run_id=f"manual__{number}"
        )
        steps.open()
        deferred(steps.start)
        waiting.append(steps)
    return waiting


@pytest.fixture
def full(aws: Sandbox) -> Sandbox:
    """One job may run, and one does."""
    aws.control("PUT", "/quotas", {"jobs_in_progress": 1})
    aws.client("drs").start_recovery(sourceServers=[{"sourceServerID": WEB_1}], isDrill=True)
    return aws


@pytest.fixture
def queued(full: Sandbox, steps_of: StepsOf) -> Steps:
    return in_queue(steps_of, [DB_1])[0]


def test_it_survives_serialization() -> None:
    trigger = QueueTurnTrigger(execution_id="e", wave_number=2, deadline=17.5, poll_interval=30)

    path, arguments = trigger.serialize()

    assert path == "drs_recovery.triggers.queue_turn.QueueTurnTrigger"
    stored = BaseSerialization.deserialize(BaseSerialization.serialize(arguments))
    assert import_string(path)(**stored).serialize() == (path, arguments)


def test_it_fires_when_room_appears(full: Sandbox, queued: Steps) -> None:
    assert asyncio.run(first_event(trigger_for(queued), lambda: full.advance(3600))) == "turn"

    assert len(queued.start()) == 1


def test_of_those_that_wait_only_the_first_is_told_to_start(full: Sandbox, steps_of: StepsOf) -> None:
    first, second, third = in_queue(steps_of, [DB_1, DB_2, APP_1])
    full.advance(3600)

    assert asyncio.run(first_event(trigger_for(first))) == "turn"
    assert asyncio.run(first_event(trigger_for(second, seconds=0.5))) == "timeout"
    assert asyncio.run(first_event(trigger_for(third, seconds=0.5))) == "timeout"


def test_the_record_says_that_the_wave_moved_up(full: Sandbox, steps_of: StepsOf) -> None:
    first, second = in_queue(steps_of, [DB_1, DB_2])
    assert second.document["waves"][0]["queue"]["position"] == 2
    full.advance(3600)
    first.start()

    asyncio.run(first_event(trigger_for(second, seconds=0.5)))

    assert second.document["waves"][0]["queue"]["position"] == 1
    assert second.events.count("WAVE_QUEUED") == 1


def test_a_place_that_does_not_answer_does_not_hold_up_another_one(full: Sandbox, steps_of: StepsOf) -> None:
    servers = {"east": DB_1, "west": "s-4444444444444444a"}
    regions = {"east": "us-east-1", "west": "us-west-2"}
    blocker = {"id": "s-4444444444444444b", "name": "other", "region": "us-west-2"}
    full.add_servers(blocker)
    full.client("drs", "us-west-2").start_recovery(
        sourceServers=[{"sourceServerID": blocker["id"]}], isDrill=True
    )
    groups = {name: {"servers": [server], "region": regions[name]} for name, server in servers.items()}
    steps = steps_of(plan({"groups": ["east", "west"]}, groups=groups))
    steps.open()
    deferred(steps.start)
    full.advance(3600)
    full.add_fault(
        "error", operation="DescribeJobs", region="us-west-2", status=500, code="InternalServerException"
    )

    assert asyncio.run(first_event(trigger_for(steps))) == "turn"


def test_a_wave_does_not_wait_for_its_own_job(full: Sandbox, queued: Steps) -> None:
    full.advance(3600)
    tags = {"dr:executionId": queued.execution_id, "dr:wave": "1", "dr:part": "1", "dr:attempt": "1"}
    full.client("drs").start_recovery(sourceServers=[{"sourceServerID": DB_1}], isDrill=True, tags=tags)

    assert asyncio.run(first_event(trigger_for(queued))) == "turn"

    assert len(queued.start()) == 1
    assert len(queued.document["waves"][0]["jobs"]) == 1


def test_what_an_earlier_attempt_left_in_the_queue_is_not_kept_there(full: Sandbox, queued: Steps) -> None:
    (entry,) = queued.store.queue.read(TARGET).entries
    ghost = replace(entry, attempt=0, version=0)
    queued.store.queue.wait(TARGET, ghost, time.time() + 20)

    asyncio.run(first_event(trigger_for(queued, seconds=0.5)))

    assert queued.store.queue.read(TARGET).entries[0].until < time.time() + 25
    full.advance(3600)
    assert len(queued.start()) == 1
    assert [one.attempt for one in queued.store.queue.read(TARGET).entries] == [1]


def test_a_cancellation_ends_the_waiting(queued: Steps) -> None:
    def cancel() -> None:
        queued.store.ending.request_cancel(queued.execution_id, "alice", "wrong plan")

    assert asyncio.run(first_event(trigger_for(queued), cancel)) == "over"


def test_it_ends_at_the_deadline(queued: Steps) -> None:
    assert asyncio.run(first_event(trigger_for(queued, seconds=0.2))) == "timeout"


def test_a_place_in_the_queue_is_renewed_before_it_lapses(
    queued: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    (entry,) = queued.store.queue.read(TARGET).entries
    queued.store.queue.wait(TARGET, entry, time.time() + 20)

    asyncio.run(first_event(trigger_for(queued, seconds=0.5)))

    assert queued.store.queue.read(TARGET).entries[0].until > time.time() + 200


def test_a_wave_that_fell_out_of_the_queue_joins_again(queued: Steps) -> None:
    (entry,) = queued.store.queue.read(TARGET).entries
    queued.store.queue.leave(TARGET, [entry])

    assert asyncio.run(first_event(trigger_for(queued))) == "turn"
    deferred(queued.start)
    assert queued.store.queue.read(TARGET).entries == (replace(entry, until=_until(queued), version=1),)


def _until(steps: Steps) -> float:
    return steps.store.queue.read(TARGET).entries[0].until


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("DescribeJobs", {"status": 500, "code": "InternalServerException", "times": 4}),
        ("GetItem", {"status": 400, "code": "ExpiredTokenException", "times": 1}),
    ],
)
def test_a_look_that_fails_is_made_again(
    full: Sandbox, queued: Steps, operation: str, fault: dict[str, object]
) -> None:
    full.advance(3600)
    full.add_fault("error", operation=operation, **fault)

    assert asyncio.run(first_event(trigger_for(queued, seconds=60))) == "turn"


def test_a_place_that_does_not_tell_whose_turn_it_is_is_on_record_until_it_does(
    full: Sandbox, queued: Steps
) -> None:
    full.add_fault("error", operation="DescribeJobs", status=500, code="InternalServerException")

    assert asyncio.run(first_event(trigger_for(queued, seconds=0.5))) == "timeout"
    waiting = queued.document["waves"][0]["waitingFor"]
    assert "InternalServerException" in waiting["message"]
    assert "us-east-1" in waiting["message"]

    def answers_again() -> None:
        assert "waitingFor" in queued.document["waves"][0]
        full.clear_faults()

    trigger = trigger_for(queued, seconds=3)
    assert asyncio.run(first_event(trigger, answers_again)) == "timeout"
    assert "waitingFor" not in queued.document["waves"][0]


def test_the_jobs_of_a_wave_that_run_are_followed_while_another_waits(
    full: Sandbox, steps_of: StepsOf
) -> None:
    groups = {
        "east": {"servers": [DB_1]},
        "west": {"servers": ["s-4444444444444444a"], "region": "us-west-2"},
    }
    steps = steps_of(plan({"groups": ["east", "west"]}, groups=groups))
    steps.open()
    deferred(steps.start)
    before = steps.document["waves"][0]["pollAttempts"]

    asyncio.run(first_event(trigger_for(steps, seconds=0.5)))

    assert steps.document["waves"][0]["pollAttempts"] > before
