"""A wave waits its turn for room in DRS: no start is refused, no room is lost, whoever dies when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError

from drs_recovery.exceptions import ExecutionCancelledError
from drs_recovery.jobs.reservations import reserve_capacity
from drs_recovery.jobs.starter import JobStarter
from drs_recovery.statuses import ExecutionType
from drs_recovery.store import WaveRef
from drs_recovery.store.queue_entries import QueueEntry, QueueState
from drs_recovery.triggers.queue_turn import QueueTurnTrigger
from drs_recovery.waves.start import WaveStarter
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, DB_2, WEB_1, database, plan, web
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

TARGET = "123456789012:us-east-1"


def foreign_job(aws: Sandbox, server_id: str = WEB_1) -> None:
    aws.client("drs").start_recovery(sourceServers=[{"sourceServerID": server_id}], isDrill=True)


def queue_of(steps: Steps) -> tuple[QueueEntry, ...]:
    return steps.store.queue.read(TARGET).entries


def wave_of(steps: Steps) -> dict[str, Any]:
    return dict(steps.document["waves"][0])


def refusals(aws: Sandbox) -> list[int]:
    """Answers of StartRecovery for want of room or because of another job."""
    return [call["status"] for call in aws.calls("drs", "StartRecovery") if call["status"] in (402, 409)]


def opened(steps_of: StepsOf, run_id: str = "manual__1", **fields: Any) -> Steps:
    steps = steps_of(plan(database(), **fields), run_id=run_id)
    steps.open()
    return steps


def queued(aws: Sandbox, steps_of: StepsOf) -> Steps:
    """A wave that waits behind a job that is not ours."""
    foreign_job(aws)
    steps = opened(steps_of)
    deferred(steps.start)
    return steps


def throttled(aws: Sandbox, steps_of: StepsOf) -> Steps:
    """A wave whose request DRS refused for a moment."""
    steps = opened(steps_of)
    aws.add_fault("error", operation="StartRecovery", status=429, code="ThrottlingException", times=1)
    deferred(steps.start)
    return steps


def test_a_wave_without_room_waits_in_the_triggerer_and_says_so(one_job: Sandbox, steps_of: StepsOf) -> None:
    foreign_job(one_job)
    steps = opened(steps_of)

    parked = deferred(steps.start)

    assert isinstance(parked.trigger, QueueTurnTrigger)
    wave = wave_of(steps)
    assert (wave["status"], wave["queue"]["phase"], wave["queue"]["position"]) == ("PENDING", "QUEUED", 1)
    assert wave["queue"]["reason"].startswith("1 of 1 jobs run with 1 of 500 servers in us-east-1")
    assert "WAVE_QUEUED" in steps.events
    assert refusals(one_job) == []


def test_it_starts_when_room_appears_and_is_in_no_queue_then(one_job: Sandbox, steps_of: StepsOf) -> None:
    steps = queued(one_job, steps_of)
    one_job.advance(3600)

    (job_id,) = steps.start()

    wave = wave_of(steps)
    assert "queue" not in wave
    assert wave["queueEndTime"] > wave["queuedTime"]
    assert [entry.job_id for entry in queue_of(steps)] == [job_id]
    assert refusals(one_job) == []


def test_the_time_in_the_queue_does_not_eat_the_time_of_the_launch(
    one_job: Sandbox, steps_of: StepsOf
) -> None:
    foreign_job(one_job)
    steps = opened(steps_of)
    deadline_in_queue = deferred(steps.start).trigger.deadline
    one_job.advance(3600)

    steps.start()

    assert deferred(steps.wait).trigger.deadline > deadline_in_queue


def test_a_server_in_another_job_is_waited_for_instead_of_asked_for(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = opened(steps_of)
    foreign_job(aws, DB_1)

    deferred(steps.start)

    assert "one job a server" in wave_of(steps)["queue"]["reason"]
    assert refusals(aws) == []


def test_a_try_that_died_after_it_took_room_has_it_still(one_job: Sandbox, steps_of: StepsOf) -> None:
    steps = opened(steps_of)
    one_job.add_fault("error", operation="StartRecovery", status=500, code="InternalServerException", times=1)
    deferred(steps.start)
    (entry,) = queue_of(steps)
    assert entry.state is QueueState.RESERVED

    assert len(steps.start()) == 1
    assert refusals(one_job) == []


def test_room_of_a_start_whose_answer_was_lost_stays_taken(one_job: Sandbox, steps_of: StepsOf) -> None:
    steps = opened(steps_of)
    one_job.add_fault("error", operation="StartRecovery", status=500, code="InternalServerException", times=1)
    deferred(steps.start)
    other = steps_of(plan(web(), id="other"), run_id="manual__2")
    other.open()

    deferred(other.start)

    assert "1 of 1 jobs" in wave_of(other)["queue"]["reason"]


def test_room_of_a_lost_answer_is_not_given_to_whoever_is_more_important(
    one_job: Sandbox, steps_of: StepsOf
) -> None:
    drill = opened(steps_of)
    one_job.add_fault("error", operation="StartRecovery", status=500, code="InternalServerException", times=1)
    deferred(drill.start)
    urgent = steps_of(plan(web(), id="other", priority="critical"), run_id="manual__2")
    urgent.open()
    deferred(urgent.start)

    assert len(drill.start()) == 1
    deferred(urgent.start)
    assert refusals(one_job) == []


def test_a_wave_never_waits_for_its_own_job(
    one_job: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = opened(steps_of)
    one_job.add_fault("lost_answer", operation="StartRecovery", times=1)
    deferred(steps.start)
    with monkeypatch.context() as patch:
        # DRS begins to list the job only after the step has looked for it.
        patch.setattr(JobStarter, "find", lambda *_: None)
        parked = deferred(steps.start)

    assert not isinstance(parked.trigger, QueueTurnTrigger)
    assert "queue" not in wave_of(steps)
    assert len(steps.start()) == 1
    assert len(one_job.calls("drs", "StartRecovery")) == 1


def test_a_refused_start_gives_its_room_back_and_keeps_its_place(one_job: Sandbox, steps_of: StepsOf) -> None:
    steps = opened(steps_of)
    one_job.add_fault("error", operation="StartRecovery", status=429, code="ThrottlingException", times=1)

    parked = deferred(steps.start)

    assert not isinstance(parked.trigger, QueueTurnTrigger)
    assert [entry.state for entry in queue_of(steps)] == [QueueState.WAITING]
    assert "queue" not in wave_of(steps)


def test_a_start_that_can_never_succeed_leaves_the_queue(one_job: Sandbox, steps_of: StepsOf) -> None:
    steps = opened(steps_of)
    one_job.add_fault("error", operation="StartRecovery", status=400, code="ValidationException", times=1)

    with pytest.raises(AirflowFailException, match="ValidationException"):
        steps.start()

    assert queue_of(steps) == ()


def test_a_wave_that_is_cancelled_while_it_waits_leaves_the_queue(
    one_job: Sandbox, steps_of: StepsOf
) -> None:
    steps = queued(one_job, steps_of)
    steps.store.ending.request_cancel(steps.execution_id, "admin", "enough")
    one_job.advance(3600)

    with pytest.raises(AirflowFailException, match="cancelled by admin"):
        steps.start()

    assert queue_of(steps) == ()
    assert len(one_job.calls("drs", "StartRecovery")) == 1


def test_nothing_is_started_when_a_cancellation_comes_while_room_is_taken(
    one_job: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = opened(steps_of)

    def take_slowly(*arguments: Any) -> QueueEntry:
        taken = reserve_capacity(*arguments)
        steps.store.ending.begin_cancelling(steps.execution_id, "alice", "wrong plan")
        return taken

    monkeypatch.setattr("drs_recovery.waves.reservations.reserve_capacity", take_slowly)

    with pytest.raises(AirflowFailException):
        steps.start()

    assert one_job.calls("drs", "StartRecovery") == []
    assert queue_of(steps) == ()


def test_a_wave_that_is_cancelled_while_it_starts_leaves_the_queue(
    one_job: Sandbox, steps_of: StepsOf
) -> None:
    steps = throttled(one_job, steps_of)
    steps.store.ending.request_cancel(steps.execution_id, "admin", "enough")

    with pytest.raises(ExecutionCancelledError):
        WaveStarter(steps.store, steps.task_state_stores[1]).start(WaveRef(steps.execution_id, 1))

    assert queue_of(steps) == ()


def test_the_end_of_a_run_takes_its_waves_out_of_the_queue_at_once(
    one_job: Sandbox, steps_of: StepsOf
) -> None:
    """Nobody behind them waits for what is still to come of the execution."""
    steps = queued(one_job, steps_of)
    steps.store.ending.request_cancel(steps.execution_id, "admin", "enough")

    deferred(steps.finalize)

    assert steps.document["status"] == "CANCELLING"
    assert queue_of(steps) == ()


def test_the_end_of_a_run_takes_out_what_drs_refused_for_a_moment(
    one_job: Sandbox, steps_of: StepsOf
) -> None:
    steps = throttled(one_job, steps_of)

    deferred(lambda: steps.finalize(**{"wave_01_database.start_recovery": "failed"}))

    assert queue_of(steps) == ()


def test_what_joins_the_queue_while_its_run_ends_leaves_it_as_well(
    one_job: Sandbox, steps_of: StepsOf
) -> None:
    steps = queued(one_job, steps_of)
    (waiting,) = queue_of(steps)
    steps.store.ending.request_cancel(steps.execution_id, "admin", "enough")
    deferred(steps.finalize)
    steps.store.queue.wait(TARGET, replace(waiting, version=0), time.time() + 300)

    deferred(steps.finalize)

    assert queue_of(steps) == ()


def test_a_start_that_may_be_under_way_keeps_its_room_when_its_run_ends(
    one_job: Sandbox, steps_of: StepsOf
) -> None:
    steps = opened(steps_of)
    one_job.add_fault("error", operation="StartRecovery", status=500, code="InternalServerException", times=1)
    deferred(steps.start)
    steps.store.ending.request_cancel(steps.execution_id, "admin", "enough")

    deferred(steps.finalize)

    assert [entry.state for entry in queue_of(steps)] == [QueueState.RESERVED]


def test_a_wave_that_never_gets_room_fails_with_what_it_waited_for(
    one_job: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign_job(one_job)
    steps = steps_of(plan(database(timeout="PT30S")))
    steps.open()
    deferred(steps.start)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 31)

    with pytest.raises(AirflowFailException, match="not started within its timeout: 1 of 1 jobs"):
        steps.start()

    assert queue_of(steps) == ()
    assert "queue" not in wave_of(steps)


def test_a_real_recovery_overtakes_drills_that_wait(one_job: Sandbox, steps_of: StepsOf) -> None:
    foreign_job(one_job, DB_2)
    drill = steps_of(plan(web(), id="other"), run_id="manual__2")
    drill.open()
    deferred(drill.start)
    free = {"approval": {"recovery": False}}
    recovery = steps_of(plan({"groups": ["one"]}, groups={"one": {"servers": [DB_1]}}, **free))
    recovery.open(execution_type=ExecutionType.RECOVERY)
    deferred(recovery.start)
    one_job.advance(3600)

    deferred(drill.start)
    assert wave_of(drill)["queue"]["position"] == 2
    assert wave_of(drill)["queue"]["reason"].startswith("1 job is ahead; 0 of 1 jobs run")

    assert len(recovery.start()) == 1


def test_a_full_region_does_not_hold_up_another_one(one_job: Sandbox, steps_of: StepsOf) -> None:
    foreign_job(one_job)
    groups = {
        "east": {"servers": [DB_1]},
        "west": {"servers": ["s-4444444444444444a"], "region": "us-west-2"},
    }
    steps = steps_of(plan({"groups": ["east", "west"]}, groups=groups))
    steps.open()

    deferred(steps.start)

    assert [job["region"] for job in wave_of(steps)["jobs"]] == ["us-west-2"]
    assert wave_of(steps)["queue"]["position"] == 1


def test_nothing_starts_while_nobody_knows_what_runs(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = opened(steps_of)
    # The one list by which a job is looked for, and room for it reserved.
    aws.add_fault("error", operation="DescribeJobs", times=4, status=500, code="InternalServerException")

    deferred(steps.start)

    assert aws.calls("drs", "StartRecovery") == []


def test_the_store_out_of_reach_is_no_refusal_of_drs(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = opened(steps_of)
    aws.add_fault(
        "error", operation="TransactWriteItems", after=1, times=1, status=400, code="AccessDeniedException"
    )

    with pytest.raises(ClientError, match="AccessDenied"):
        steps.start()

    assert wave_of(steps)["status"] == "PENDING"


def test_quotas_that_cannot_be_read_count_with_their_defaults(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = opened(steps_of)
    aws.add_fault("error", operation="GetServiceQuota", status=403, code="AccessDeniedException")

    assert len(steps.start()) == 1
    assert "jobs_in_progress" not in steps.store.queue.read(TARGET).limits


def test_quotas_that_were_known_count_on_when_they_cannot_be_read(
    one_job: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(steps_of).start()
    monkeypatch.setattr("drs_recovery.jobs.reservations.LIMITS_ARE_GOOD_FOR", -1.0)
    one_job.add_fault("error", operation="GetServiceQuota", status=403, code="AccessDeniedException")
    other = steps_of(plan(web(), id="other"), run_id="manual__2")
    other.open()

    deferred(other.start)

    assert wave_of(other)["queue"]["reason"].startswith("1 of 1 jobs run")
    assert other.store.queue.read(TARGET).limits["jobs_in_progress"] == 1


def test_an_account_that_is_not_told_now_has_no_second_queue(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = opened(steps_of)
    aws.add_fault("error", operation="GetCallerIdentity", status=500, code="InternalFailure")

    deferred(steps.start)

    assert steps.store.queue.read("aws_default:us-east-1").entries == ()
    assert aws.calls("drs", "StartRecovery") == []
    assert wave_of(steps)["status"] == "PENDING"


def test_an_account_that_is_not_told_is_stood_for_by_its_connection(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = opened(steps_of)
    aws.add_fault("error", operation="GetCallerIdentity", status=403, code="AccessDenied")

    steps.start()

    assert len(steps.store.queue.read("aws_default:us-east-1").entries) == 1
