"""Ending an execution: once, truthfully, and not before its jobs have ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from drs_recovery.hooks.drs import DrsHook
from drs_recovery.jobs.parts import parts_of_attempt
from drs_recovery.jobs.starter import job_tags
from drs_recovery.store import WaveRef
from drs_recovery.triggers.recovery_job import RecoveryJobTrigger
from sandbox.testing import Sandbox
from tests.plan_documents import BILLING_DB_1, DB_1, WEST, application, database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

# What "Mark run as failed" leaves of the tasks that had not started.
MARKED_AS_FAILED = {
    "wave_01_database.enrich_instances": "skipped",
    "wave_02_application.start_recovery": "skipped",
}


@pytest.fixture
def steps(steps_of: StepsOf) -> Steps:
    return steps_of(plan(database(), application()))


def _complete(aws: Sandbox, steps: Steps, number: int) -> None:
    steps.start(number)
    aws.advance(600)
    steps.wait(number)
    steps.enrich(number)


def test_an_execution_whose_waves_are_completed_is_completed(aws: Sandbox, steps: Steps) -> None:
    steps.open()
    _complete(aws, steps, 1)
    _complete(aws, steps, 2)

    assert steps.finalize() == "COMPLETED"
    assert steps.document["completedWaves"] == 2


def test_finalizing_twice_changes_nothing(aws: Sandbox, steps: Steps) -> None:
    steps.open()
    _complete(aws, steps, 1)
    _complete(aws, steps, 2)
    steps.finalize()
    before, events = steps.document, steps.events

    assert steps.finalize(**MARKED_AS_FAILED) == "COMPLETED"

    assert (steps.document, steps.events) == (before, events)


def test_a_failed_execution_raises_again_when_it_is_finalized_again(steps: Steps) -> None:
    steps.open()
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="FAILED"):
            steps.finalize(open_execution="success")
    assert steps.events.count("EXECUTION_FAILED") == 1


def test_a_run_that_was_cancelled_before_its_record_was_made_gets_one(steps: Steps) -> None:
    steps.conf = {"ticket": "CHG-9"}

    with pytest.raises(AirflowFailException, match="CANCELLED"):
        steps.finalize(open_execution="skipped")

    assert (steps.document["status"], steps.document["ticket"]) == ("CANCELLED", "CHG-9")
    assert [wave["status"] for wave in steps.document["waves"]] == ["CANCELLED", "CANCELLED"]


def test_a_run_that_was_cancelled_while_its_job_runs_is_cancelling_until_its_instances_are_on_record(
    aws: Sandbox, steps: Steps
) -> None:
    steps.open()
    steps.start()

    parked = deferred(lambda: steps.finalize(**MARKED_AS_FAILED))

    assert steps.document["status"] == "CANCELLING"
    aws.advance(600)
    event = _first_event(parked)
    assert event["status"] == "settled"
    with pytest.raises(AirflowFailException, match="CANCELLED"):
        steps.finalize()
    document = steps.document
    assert document["status"] == "CANCELLED"
    assert [wave["status"] for wave in document["waves"]] == ["CANCELLED", "CANCELLED"]
    instances = aws.client("drs").describe_recovery_instances()["items"]
    launched = {server["instanceId"] for server in document["waves"][0]["serverStatuses"]}
    assert launched == {row["ec2InstanceID"] for row in instances}
    assert document["progress"]["ready"] == 2


def test_a_start_that_is_under_way_when_the_run_ends_is_waited_for_and_its_job_followed(
    aws: Sandbox, steps: Steps
) -> None:
    steps.open()
    steps.store.waves.request(WaveRef(steps.execution_id, 1))

    parked = deferred(lambda: steps.finalize(**MARKED_AS_FAILED))

    assert parked.method_name == "execute_complete"
    assert steps.document["status"] == "CANCELLING"
    assert "EXECUTION_CANCELLED" not in steps.events
    # The process that Airflow has not ended yet gets its answer.
    document = steps.document
    wave = document["waves"][0]
    (part,) = parts_of_attempt(wave, wave["serverStatuses"])
    DrsHook(region_name="us-east-1").start_recovery(
        part.server_ids, is_drill=True, tags=job_tags(document, wave, part)
    )
    deferred(steps.finalize)
    assert "JOB_ADOPTED" in steps.events
    aws.advance(600)
    with pytest.raises(AirflowFailException, match="CANCELLED"):
        steps.finalize()
    assert steps.document["progress"]["ready"] == len(part.server_ids)


def test_a_job_whose_answer_was_lost_when_the_run_ended_is_found_and_followed(
    aws: Sandbox, steps: Steps
) -> None:
    steps.open()
    aws.add_fault("lost_answer", operation="StartRecovery", times=1)
    deferred(steps.start)

    deferred(lambda: steps.finalize(**MARKED_AS_FAILED))
    assert "JOB_ADOPTED" in steps.events
    aws.advance(600)
    with pytest.raises(AirflowFailException, match="CANCELLED"):
        steps.finalize()

    servers = steps.document["waves"][0]["serverStatuses"]
    assert all(server["instanceId"] for server in servers)


def test_the_wait_for_jobs_ends_with_them_although_another_job_of_the_wave_was_never_started(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = {"east": {"servers": [DB_1]}, "west": {"servers": [BILLING_DB_1], "region": WEST}}
    steps = steps_of(plan({"groups": ["east", "west"]}, groups=groups))
    steps.open()
    aws.add_fault("error", operation="StartRecovery", region=WEST, status=429, code="ThrottlingException")
    deferred(steps.start)
    much_later = SimpleNamespace(time=lambda: time.time() + 3 * 3600)
    monkeypatch.setattr("drs_recovery.waves.start.time", much_later)
    with pytest.raises(AirflowFailException, match="not started within its timeout"):
        steps.start()

    parked = deferred(lambda: steps.finalize(**{"wave_01_database.start_recovery": "failed"}))
    aws.advance(900)

    assert _first_event(parked)["status"] == "settled"
    with pytest.raises(AirflowFailException, match="FAILED"):
        steps.finalize()


def test_an_execution_is_not_closed_while_drs_cannot_tell_whether_a_start_went_through(
    aws: Sandbox, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.open()
    aws.add_fault("lost_answer", operation="StartRecovery", times=1)
    deferred(steps.start)
    aws.add_fault("error", operation="DescribeJobs", status=500, code="InternalServerException")
    much_later = SimpleNamespace(time=lambda: time.time() + 600)
    monkeypatch.setattr("drs_recovery.closing.close.time", much_later)

    deferred(lambda: steps.finalize(**MARKED_AS_FAILED))
    assert steps.document["status"] == "CANCELLING"

    aws.clear_faults()
    deferred(steps.finalize)
    aws.advance(600)
    with pytest.raises(AirflowFailException, match="CANCELLED"):
        steps.finalize()
    assert all(server["instanceId"] for server in steps.document["waves"][0]["serverStatuses"])


def test_a_job_that_never_ends_is_given_up_at_twice_the_time_out_with_its_instances_on_record(
    aws: Sandbox, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.add_fault("stuck_job")
    steps.open()
    steps.start()
    aws.advance(600)
    deferred(lambda: steps.finalize(**MARKED_AS_FAILED))
    assert steps.document["status"] == "CANCELLING"

    in_five_hours = SimpleNamespace(time=lambda: time.time() + 5 * 3600)
    monkeypatch.setattr("drs_recovery.closing.close.time", in_five_hours)
    with pytest.raises(AirflowFailException, match="CANCELLED"):
        steps.finalize()

    assert all(server["instanceId"] for server in steps.document["waves"][0]["serverStatuses"])


def test_what_was_completed_before_the_cancellation_stays_a_partial_success(
    aws: Sandbox, steps: Steps
) -> None:
    steps.open()
    _complete(aws, steps, 1)

    with pytest.raises(AirflowFailException, match="PARTIAL_SUCCESS"):
        steps.finalize(**{"wave_02_application.start_recovery": "skipped"})

    assert [wave["status"] for wave in steps.document["waves"]] == ["COMPLETED", "CANCELLED"]


def test_a_wave_whose_tasks_died_is_judged_like_any_other(aws: Sandbox, steps: Steps) -> None:
    steps.open()
    steps.start()
    aws.advance(600)

    with pytest.raises(AirflowFailException, match="PARTIAL_SUCCESS"):
        steps.finalize(**{"wave_01_database.wait_for_launch": "failed"})

    first, second = steps.document["waves"]
    assert (first["status"], second["status"]) == ("COMPLETED", "CANCELLED")
    assert second["statusReason"] == "not started: a task of its run failed, see the task logs"
    assert all(server["instanceId"] for server in steps.document["waves"][0]["serverStatuses"])


def test_a_wave_whose_tasks_died_and_that_is_no_success_is_failed_not_cancelled(
    aws: Sandbox, steps: Steps
) -> None:
    aws.add_fault("launch_failed", server=DB_1)
    steps.open()
    steps.start()
    aws.advance(600)

    with pytest.raises(AirflowFailException, match="FAILED"):
        steps.finalize(**{"wave_01_database.wait_for_launch": "failed"})

    first, second = steps.document["waves"]
    assert (first["status"], second["status"]) == ("FAILED", "SKIPPED")
    assert second["skipCause"] == "DEPENDENCY"
    assert second["statusReason"] == 'not started: it depends on wave 1 "Database", which failed'
    assert steps.server("crm-db-02")["instanceId"]


def test_a_request_to_cancel_that_comes_when_every_wave_is_completed_changes_nothing(
    aws: Sandbox, steps: Steps
) -> None:
    steps.open()
    _complete(aws, steps, 1)
    _complete(aws, steps, 2)
    steps.store.ending.request_cancel(steps.execution_id, "alice", "wrong plan")

    assert steps.finalize() == "COMPLETED"

    assert "error" not in steps.document
    assert steps.document["cancel"]["actor"] == "alice"


def test_a_request_to_cancel_counts_even_if_no_task_was_skipped(aws: Sandbox, steps: Steps) -> None:
    steps.open()
    _complete(aws, steps, 1)
    steps.start(2)
    steps.store.ending.request_cancel(steps.execution_id, "alice", "wrong plan")
    aws.advance(600)

    with pytest.raises(AirflowFailException, match="PARTIAL_SUCCESS: cancelled by alice: wrong plan"):
        steps.finalize(**{"wave_02_application.wait_for_launch": "failed"})

    assert [wave["status"] for wave in steps.document["waves"]] == ["COMPLETED", "CANCELLED"]
    assert all(server["instanceId"] for server in steps.document["waves"][1]["serverStatuses"])


def _first_event(parked: TaskDeferred) -> dict[str, str]:
    trigger = parked.trigger
    assert isinstance(trigger, RecoveryJobTrigger)

    async def first() -> dict[str, str]:
        return (await anext(trigger.run())).payload

    return asyncio.run(first())
