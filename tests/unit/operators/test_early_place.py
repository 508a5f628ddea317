"""Executions get room in DRS in the order of their triggers, whichever of their tasks is faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from drs_recovery.hooks.clients import Clients
from drs_recovery.jobs.parts import JobPart
from drs_recovery.statuses import ExecutionType, GateDecision
from drs_recovery.store import WaveRef
from drs_recovery.store.first_forms import execution_item
from drs_recovery.store.queue_entries import QueueState
from drs_recovery.waves.reservations import WaveReservations, join_queue_early
from sandbox.testing import Sandbox
from tests.plan_documents import WEB_1, database, plan, web
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

TARGET = "123456789012:us-east-1"


def queued(steps: Steps) -> list[tuple[str, int, int]]:
    """Execution, wave and part of everything in the queue, in its order."""
    entries = steps.store.queue.read(TARGET).entries
    return [(entry.execution_id, entry.wave_number, entry.part) for entry in entries]


def two_plans(steps_of: StepsOf) -> tuple[Steps, Steps]:
    """Steps of two plans, of which the first was triggered a second before the other."""
    first, second = steps_of(plan(database(), id="p1")), steps_of(plan(web(), id="p2"))
    second.run_start = first.run_start + timedelta(seconds=1)
    return first, second


def test_who_was_triggered_first_is_not_overtaken_by_a_faster_task(
    one_job: Sandbox, steps_of: StepsOf
) -> None:
    first, second = two_plans(steps_of)
    first.open()
    second.open()

    deferred(second.start)

    assert second.document["waves"][0]["queue"]["position"] == 2
    assert len(first.start()) == 1


def test_the_order_is_that_of_the_runs_not_of_their_first_steps(one_job: Sandbox, steps_of: StepsOf) -> None:
    first, second = two_plans(steps_of)
    second.open()
    first.open()

    assert queued(first) == [(first.execution_id, 1, 1), (second.execution_id, 1, 1)]


def test_a_place_that_was_taken_early_is_the_one_in_which_the_wave_waits(
    one_job: Sandbox, steps_of: StepsOf
) -> None:
    first, second = two_plans(steps_of)
    first.open()
    second.open()

    first.start()
    deferred(second.start)

    assert queued(first) == [(first.execution_id, 1, 1), (second.execution_id, 1, 1)]


def test_a_wave_that_waits_for_another_one_takes_no_early_place(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(), web()))
    steps.open()

    assert [number for _, number, _ in queued(steps)] == [1]


def test_a_wave_that_waits_for_people_takes_no_early_place(aws: Sandbox, steps_of: StepsOf) -> None:
    paused = web(depends_on=[], pause_before={"message": "Ready?", "timeout": "PT1H"})
    steps = steps_of(plan(database(), paused))
    steps.open()

    assert [number for _, number, _ in queued(steps)] == [1]


@pytest.mark.parametrize("faster", [1, 2])
def test_of_waves_side_by_side_none_waits_for_the_step_of_another_one(
    one_job: Sandbox, steps_of: StepsOf, faster: int
) -> None:
    steps = steps_of(plan(database(), web(depends_on=[])))
    steps.open()
    assert [number for _, number, _ in queued(steps)] == [2]

    assert len(steps.start(faster)) == 1


@pytest.mark.parametrize("conf", [{"dry_run": True}, {"execution_type": ExecutionType.RECOVERY}])
def test_what_is_not_about_to_start_takes_no_early_place(
    aws: Sandbox, steps_of: StepsOf, conf: dict[str, object]
) -> None:
    steps = steps_of(plan(database()))
    steps.open(**conf)

    assert queued(steps) == []


def test_a_wave_that_was_left_out_takes_no_early_place(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(), web(depends_on=[])))
    steps.open(waves=[1])

    assert [number for _, number, _ in queued(steps)] == [1]


def test_an_execution_that_ends_before_its_first_start_leaves_the_queue(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    assert len(queued(steps)) == 1
    steps.store.ending.request_cancel(steps.execution_id, "admin", "enough")

    with pytest.raises(AirflowFailException):
        steps.finalize(open_execution="success", start_recovery="skipped")

    assert steps.document["status"] == "CANCELLED"
    assert queued(steps) == []


def test_an_execution_that_ends_while_it_takes_its_place_leaves_the_queue(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = steps_of(plan(database()))
    join, joined = WaveReservations.join, []

    def join_late(line: WaveReservations, part: JobPart) -> None:
        steps.store.ending.request_cancel(steps.execution_id, "admin", "enough")
        with pytest.raises(AirflowFailException, match="CANCELLED"):
            steps.finalize()
        join(line, part)
        joined.extend(queued(steps))

    monkeypatch.setattr(WaveReservations, "join", join_late)
    steps.open()

    assert joined == [(steps.execution_id, 1, 1)]
    assert queued(steps) == []


def test_a_record_that_an_earlier_release_has_opened_takes_no_early_place(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    steps = steps_of(plan(database()))
    monkeypatch.setattr(
        "drs_recovery.store.executions.execution_item",
        lambda new, now: execution_item(replace(new, run_start=None), now),
    )

    steps.open()
    assert queued(steps) == []
    assert "joins no queue" not in caplog.text

    assert len(steps.start()) == 1


def test_a_place_that_was_not_renewed_is_taken_again(one_job: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    (before,) = steps.store.queue.read(TARGET).entries
    steps.store.queue.leave(TARGET, [before])
    one_job.client("drs").start_recovery(sourceServers=[{"sourceServerID": WEB_1}], isDrill=True)

    deferred(steps.start)

    (again,) = steps.store.queue.read(TARGET).entries
    assert again.order == before.order


def test_a_place_with_room_is_not_given_away_by_an_opening_that_comes_late(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    """Such as one whose worker was taken for dead."""
    steps = steps_of(plan(database()))
    steps.open()
    document = steps.document
    steps.start()
    taken = steps.store.queue.read(TARGET).entries

    join_queue_early(steps.store, Clients(), document)

    assert steps.store.queue.read(TARGET).entries == taken
    assert [entry.state for entry in taken] == [QueueState.RESERVED]


def test_a_start_that_is_refused_leaves_the_queue(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    assert len(queued(steps)) == 1
    steps.store.ending.request_cancel(steps.execution_id, "admin", "enough")

    with pytest.raises(AirflowFailException, match="cancelled by admin"):
        steps.start()

    assert queued(steps) == []


def test_a_wave_that_is_skipped_for_the_gate_of_another_one_leaves_the_queue(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    paused = web(depends_on=[], pause_before={"message": "Ready?", "timeout": "PT1H"})
    steps = steps_of(plan(database(), paused))
    steps.open()
    assert [number for _, number, _ in queued(steps)] == [1]
    steps.store.gates.open(
        WaveRef(steps.execution_id, 2),
        message="Ready?",
        approvers=(),
        deadline=time.time() + 60,
        two_person=False,
    )
    steps.store.gates.decide(WaveRef(steps.execution_id, 2), GateDecision.REJECTED, actor="dba", comment=None)

    with pytest.raises(AirflowSkipException):
        steps.start()

    assert queued(steps) == []


def test_an_execution_opens_without_an_early_place_if_aws_does_not_tell_the_account(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database()))
    aws.add_fault("error", operation="GetCallerIdentity", status=503, code="ServiceUnavailable")
    steps.open()
    assert queued(steps) == []

    aws.clear_faults()
    assert len(steps.start()) == 1
