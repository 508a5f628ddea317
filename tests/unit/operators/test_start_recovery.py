"""Starting a wave: exactly one job, however often and after whatever accident the step runs again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from botocore.exceptions import ClientError

from drs_recovery.operators.start_recovery import StartRecoveryOperator
from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.statuses import GateDecision
from drs_recovery.store import WaveRef
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, WEB_1, WEB_2, application, database, plan, web
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]


def pause_of(parked: TaskDeferred) -> float:
    """Seconds until the step runs again."""
    return float((parked.trigger.moment - datetime.now(UTC)).total_seconds())


def jobs(aws: Sandbox) -> list[dict[str, Any]]:
    return list(aws.client("drs").describe_jobs(filters={})["items"])


def test_the_step_answers_with_the_job_that_drs_has(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()

    (job_id,) = steps.start()

    (job,) = jobs(aws)
    assert job["jobID"] == job_id
    assert job["tags"]["dr:executionId"] == steps.execution_id
    assert steps.document["waves"][0]["status"] == "POLLING"
    assert {s["jobId"] for s in steps.document["waves"][0]["serverStatuses"]} == {job_id}


def test_a_ticket_with_signs_that_aws_refuses_in_tags_starts_all_the_same(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database()))
    steps.open(ticket="CHG-1\n#2\tä")

    steps.start()

    assert jobs(aws)[0]["tags"]["dr:ticket"] == "CHG-1__2_ä"


def test_running_it_again_starts_nothing(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()

    assert steps.start() == steps.start()

    assert len(jobs(aws)) == 1
    assert steps.events.count("JOB_STARTED") == 1


def test_a_try_that_died_before_it_recorded_its_job_is_remembered_by_the_next(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    # The store refuses the transaction that follows WAVE_REQUESTED and the reservation of room in DRS.
    aws.add_fault(
        "error", operation="TransactWriteItems", after=2, times=1, status=400, code="AccessDeniedException"
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        steps.start()

    (job_id,) = steps.start()

    assert [job["jobID"] for job in jobs(aws)] == [job_id]
    assert "JOB_ADOPTED" in steps.events
    assert len(aws.calls("drs", "StartRecovery")) == 1


def test_a_job_whose_id_nobody_kept_is_found_by_its_tags(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    aws.add_fault("lost_answer", operation="StartRecovery", times=1)
    deferred(steps.start)
    steps.task_state_stores.clear()

    (job_id,) = steps.start()

    assert [job["jobID"] for job in jobs(aws)] == [job_id]
    assert "JOB_ADOPTED" in steps.events


def test_a_job_of_another_execution_of_the_plan_is_not_adopted(aws: Sandbox, steps_of: StepsOf) -> None:
    first, second = steps_of(plan(database())), steps_of(plan(database()), run_id="manual__2")
    first.open()
    mine = first.start()
    aws.advance(600)
    first.wait()
    first.enrich()
    first.finalize()
    second.open()

    assert second.start() != mine

    assert len(jobs(aws)) == 2


def test_a_conflict_parks_the_step_without_ending_the_wave(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    aws.client("drs").start_recovery(sourceServers=[{"sourceServerID": DB_1}], isDrill=True)

    parked = deferred(steps.start)

    assert parked.method_name == "execute_complete"
    assert steps.document["waves"][0]["status"] == "PENDING"
    assert steps.document["waves"][0]["jobs"] == []


@pytest.mark.parametrize(("asked", "longest"), [("86400", 300), ("99999999999999", 2), ("²", 2), ("-1", 2)])
def test_no_answer_of_aws_parks_the_step_for_longer_than_minutes(
    aws: Sandbox, steps_of: StepsOf, asked: str, longest: float
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    throttled = {"status": 429, "code": "ThrottlingException", "retry_after": asked}
    aws.add_fault("error", operation="StartRecovery", **throttled)

    assert longest - 60 < pause_of(deferred(steps.start)) <= longest


def test_aws_does_not_park_the_step_beyond_the_time_out_of_its_wave(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(timeout="PT1M")))
    steps.open()
    throttled = {"status": 429, "code": "ThrottlingException", "retry_after": 3600}
    aws.add_fault("error", operation="StartRecovery", **throttled)

    assert 0 < pause_of(deferred(steps.start)) <= 60


def test_a_part_that_was_started_is_kept_while_another_waits(aws: Sandbox, steps_of: StepsOf) -> None:
    groups = {
        "east": {"servers": [DB_1]},
        "west": {"servers": ["s-4444444444444444a"], "region": "us-west-2"},
    }
    steps = steps_of(plan({"groups": ["east", "west"]}, groups=groups))
    steps.open()
    aws.add_fault(
        "error",
        operation="StartRecovery",
        region="us-west-2",
        status=429,
        code="ThrottlingException",
        times=1,
    )
    deferred(steps.start)
    assert [job["region"] for job in steps.document["waves"][0]["jobs"]] == ["us-east-1"]

    steps.start()

    assert [job["region"] for job in steps.document["waves"][0]["jobs"]] == ["us-east-1", "us-west-2"]
    assert len(jobs(aws)) == 1


def test_a_wave_is_refused_before_the_one_it_depends_on_is_completed(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(), application()))
    steps.open()

    with pytest.raises(AirflowFailException, match="depends on wave 1"):
        steps.start(2)

    assert jobs(aws) == []


def test_a_wave_behind_a_failed_one_is_passed_over_and_so_is_the_next(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database(), application(), web()))
    steps.open()
    steps.store.waves.fail(WaveRef(steps.execution_id, 1), "no capacity")

    for number in (2, 3):
        with pytest.raises(AirflowSkipException, match=f"depends on wave {number - 1}"):
            steps.start(number)

    passed_over = steps.document["waves"][1:]
    assert [(wave["status"], wave["skipCause"]) for wave in passed_over] == [("SKIPPED", "DEPENDENCY")] * 2
    assert jobs(aws) == []


def test_a_wave_starts_after_a_failure_that_the_plan_takes_into_account(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database(on_failure="continue"), application()))
    steps.open()
    steps.store.waves.fail(WaveRef(steps.execution_id, 1), "no capacity")

    assert len(steps.start(2)) == 1


def test_a_wave_is_not_passed_over_but_refused_once_the_execution_is_being_cancelled(
    steps_of: StepsOf,
) -> None:
    steps = steps_of(plan(database(), application()))
    steps.open()
    steps.store.waves.fail(WaveRef(steps.execution_id, 1), "no capacity")
    steps.store.ending.begin_cancelling(steps.execution_id, "admin", "enough")

    with pytest.raises(AirflowFailException, match="CANCELLING"):
        steps.start(2)

    assert steps.document["waves"][1]["status"] == "NOT_STARTED"


def test_no_wave_starts_if_the_execution_was_not_admitted(aws: Sandbox, steps_of: StepsOf) -> None:
    """As when somebody marks the failed ``open_execution`` as success."""
    steps = steps_of(plan(database(), groups={"database": {"tags": {"no": "such"}}}))
    with pytest.raises(AirflowFailException):
        steps.open()

    with pytest.raises(AirflowFailException, match="not admitted"):
        steps.start()

    assert jobs(aws) == []


def test_a_wave_behind_a_gate_is_refused_without_a_recorded_approval(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(pause_before=True)))
    steps.open()

    with pytest.raises(AirflowFailException, match="no approval"):
        steps.start()

    steps.store.gates.open(WaveRef(steps.execution_id, 1), message="?", approvers=())
    steps.store.gates.decide(WaveRef(steps.execution_id, 1), GateDecision.APPROVED, actor="dba")
    assert len(steps.start()) == 1


def test_a_wave_behind_a_rejected_gate_is_skipped(steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(pause_before=True)))
    steps.open()
    steps.store.gates.open(WaveRef(steps.execution_id, 1), message="?", approvers=())
    steps.store.gates.decide(WaveRef(steps.execution_id, 1), GateDecision.REJECTED, actor="dba")

    with pytest.raises(AirflowSkipException, match="REJECTED by dba"):
        steps.start()


def test_nothing_starts_once_the_execution_is_being_cancelled(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    steps.store.ending.begin_cancelling(steps.execution_id, "admin", "wrong plan")

    with pytest.raises(AirflowFailException, match="CANCELLING"):
        steps.start()

    assert jobs(aws) == []


def test_a_retry_of_a_start_that_was_cancelled_meanwhile_starts_nothing(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    aws.add_fault("error", operation="StartRecovery", status=429, code="ThrottlingException", times=1)
    deferred(steps.start)
    steps.store.ending.begin_cancelling(steps.execution_id, "admin", "wrong plan")

    with pytest.raises(AirflowFailException):
        steps.start()

    assert jobs(aws) == []


def test_the_wave_runs_with_the_servers_with_which_the_execution_was_opened(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    steps.plan = RecoveryPlan.model_validate(
        plan(database(), groups={"database": {"servers": [WEB_1, WEB_2]}})
    )

    steps.start()

    (job,) = jobs(aws)
    assert WEB_1 not in [server["sourceServerID"] for server in job["participatingServers"]]


def test_a_task_of_a_wave_that_the_execution_was_opened_without_skips_itself(steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()

    with pytest.raises(AirflowSkipException, match="opened with another version of the plan"):
        steps.start(2)


def test_a_run_without_a_record_fails_for_good(steps_of: StepsOf) -> None:
    with pytest.raises(AirflowFailException, match="the record of this execution was no longer in the table"):
        steps_of(plan(database())).start()


def test_the_step_has_quick_retries_unless_its_author_chose_others() -> None:
    usual = StartRecoveryOperator(task_id="a", wave_number=1)
    other = StartRecoveryOperator(task_id="b", wave_number=1, retries=0)

    assert usual.retries >= 2
    assert usual.retry_delay.total_seconds() <= 10
    assert other.retries == 0
