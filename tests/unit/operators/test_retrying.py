"""Clearing the tasks of a wave: a failed one is tried again, once a clear, and only where it failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from botocore.exceptions import ClientError

from drs_recovery.operators.approval_gate import ApprovalGateOperator
from drs_recovery.statuses import GateDecision
from drs_recovery.store import WaveRef
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, DB_2, application, database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]


def jobs(aws: Sandbox) -> list[dict[str, Any]]:
    found = aws.client("drs").describe_jobs(filters={})["items"]
    return sorted(found, key=lambda job: str(job["creationDateTime"]))


def servers_of(job: dict[str, Any]) -> list[str]:
    return sorted(server["sourceServerID"] for server in job["participatingServers"])


@pytest.fixture
def failed(aws: Sandbox, steps_of: StepsOf) -> Steps:
    """A wave of which one server launched and the other failed; the execution is over."""
    aws.add_fault("launch_failed", server=DB_2, raw_error="InsufficientInstanceCapacity", times=1)
    steps = steps_of(plan(database(), application()))
    steps.open()
    run_wave(aws, steps)
    end(steps)
    return steps


def run_wave(aws: Sandbox, steps: Steps) -> None:
    """The wave's tasks, as far as they get."""
    steps.start()
    aws.advance(900)
    for step in (steps.wait, steps.enrich):
        try:
            step()
        except AirflowFailException:
            continue


def end(steps: Steps) -> str:
    try:
        return steps.finalize()
    except AirflowFailException as error:
        return str(error)


def test_only_the_failed_server_gets_a_new_job_and_the_launched_one_stays(
    aws: Sandbox, failed: Steps
) -> None:
    kept = failed.server("crm-db-01")

    failed.clear()
    run_wave(aws, failed)

    first, second = jobs(aws)
    assert (servers_of(first), servers_of(second)) == ([DB_1, DB_2], [DB_2])
    assert (first["tags"]["dr:attempt"], second["tags"]["dr:attempt"]) == ("1", "2")
    assert failed.server("crm-db-01") == kept
    assert failed.server("crm-db-02")["phase"] == "READY"
    assert failed.document["waves"][0]["status"] == "COMPLETED"


def test_the_final_status_is_computed_anew_when_the_next_waves_ran_too(aws: Sandbox, failed: Steps) -> None:
    assert failed.document["status"] == "FAILED"

    failed.clear()
    run_wave(aws, failed)
    failed.start(2)
    aws.advance(900)
    failed.wait(2)
    failed.enrich(2)

    assert failed.finalize() == "COMPLETED"
    assert "error" not in failed.document
    assert [job["attempt"] for job in failed.document["waves"][0]["jobs"]] == [1, 2]


def test_clearing_the_whole_run_tries_its_failed_wave_again(aws: Sandbox, failed: Steps) -> None:
    failed.clear()

    assert failed.open() == failed.execution_id
    run_wave(aws, failed)

    assert failed.document["waves"][0]["status"] == "COMPLETED"
    assert failed.events.count("EXECUTION_OPENED") == 1


def test_a_gate_that_was_approved_lets_its_cleared_wave_pass_without_asking_again(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    aws.add_fault("launch_failed", server=DB_2, raw_error="no capacity", times=1)
    steps = steps_of(plan(database(pause_before=True)))
    steps.open()
    steps.store.gates.open(WaveRef(steps.execution_id, 1), message="?", approvers=())
    steps.store.gates.decide(WaveRef(steps.execution_id, 1), GateDecision.APPROVED, actor="dba")
    run_wave(aws, steps)
    end(steps)

    steps.clear()
    gate = ApprovalGateOperator(task_id="approve", wave_number=1)

    assert gate.execute(steps.context(1)) is None
    run_wave(aws, steps)
    assert steps.document["waves"][0]["status"] == "COMPLETED"


def test_nothing_is_reopened_while_another_execution_of_the_plan_lives(
    aws: Sandbox, failed: Steps, steps_of: StepsOf
) -> None:
    other = steps_of(plan(database(), application()), run_id="manual__2")
    other.open()
    failed.clear()

    with pytest.raises(AirflowFailException, match="manual__2"):
        failed.start()

    assert failed.document["status"] == "FAILED"


def test_airflows_own_retry_of_a_failed_start_begins_nothing(aws: Sandbox, failed: Steps) -> None:
    with pytest.raises(AirflowFailException, match="InsufficientInstanceCapacity"):
        failed.start()

    assert len(jobs(aws)) == 1
    assert failed.document["status"] == "FAILED"


def test_a_clear_gives_one_attempt_whoever_dies_in_between(aws: Sandbox, failed: Steps) -> None:
    aws.add_fault("launch_failed", server=DB_2, raw_error="again")
    failed.clear()
    run_wave(aws, failed)

    with pytest.raises(AirflowFailException, match="again"):
        failed.start()

    assert len(jobs(aws)) == 2
    assert failed.document["waves"][0]["attempt"] == 2
    failed.clear()
    failed.start()
    assert failed.document["waves"][0]["attempt"] == 3
    previous = failed.server("crm-db-02")["previousInstances"]
    assert [entry["jobId"] for entry in previous] == [job["jobID"] for job in jobs(aws)[:2]]


def test_a_lost_answer_during_the_retry_starts_no_second_job(aws: Sandbox, failed: Steps) -> None:
    aws.add_fault("lost_answer", operation="StartRecovery", times=1)
    failed.clear()
    deferred(failed.start)
    failed.task_state_stores.clear()

    (job_id,) = failed.start()

    assert [job["jobID"] for job in jobs(aws)][1:] == [job_id]
    assert "JOB_ADOPTED" in failed.events


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
def test_a_retry_whose_earlier_jobs_drs_does_not_tell_waits_and_says_why(
    aws: Sandbox, steps_of: StepsOf, code: str
) -> None:
    aws.add_fault("lost_answer", operation="StartRecovery", times=1)
    steps = steps_of(plan(database()))
    steps.open()
    deferred(steps.start)
    steps.store.waves.fail(WaveRef(steps.execution_id, 1), "its task was killed")
    status = 429 if code == "ThrottlingException" else 403
    away = aws.add_fault("error", operation="DescribeJobs", status=status, code=code, message="not now")

    steps.clear()
    for _ in range(3):
        deferred(steps.start)

    wave = steps.document["waves"][0]
    assert (wave["status"], wave["attempt"]) == ("PENDING", 2)
    assert f"{code}: not now" in wave["waitingFor"]["message"]
    aws.control("DELETE", f"/faults?id={away}")
    steps.start()

    # The job whose answer was lost is followed on: its servers start no second time.
    assert [servers_of(job) for job in jobs(aws)] == [[DB_1, DB_2]]
    assert steps.document["waves"][0]["status"] == "POLLING"


def test_a_job_of_the_attempt_before_is_found_when_the_run_ends_before_the_retry_could_look(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    aws.add_fault("lost_answer", operation="StartRecovery", times=1)
    steps = steps_of(plan(database()))
    steps.open()
    deferred(steps.start)
    steps.store.waves.fail(WaveRef(steps.execution_id, 1), "its task was killed")
    aws.add_fault("error", operation="DescribeJobs", status=429, code="ThrottlingException")
    steps.clear()
    deferred(steps.start)
    aws.clear_faults()
    steps.store.ending.request_cancel(steps.execution_id, "alice", "enough")

    deferred(steps.finalize)
    aws.advance(600)
    end(steps)

    assert steps.document["status"] == "CANCELLED"
    assert all(server["instanceId"] for server in steps.document["waves"][0]["serverStatuses"])


@pytest.mark.parametrize("writes", [0, 1, 2, 3, 4])
def test_a_retry_that_died_anywhere_goes_on(aws: Sandbox, failed: Steps, writes: int) -> None:
    failed.clear()
    aws.add_fault(
        "error",
        operation="TransactWriteItems",
        after=writes,
        times=1,
        status=400,
        code="AccessDeniedException",
    )
    with pytest.raises((ClientError, TaskDeferred)):
        failed.start()

    failed.start()

    assert failed.document["waves"][0]["attempt"] == 2
    assert [servers_of(job) for job in jobs(aws)] == [[DB_1, DB_2], [DB_2]]
    assert failed.events.count("EXECUTION_REOPENED") == failed.events.count("WAVE_RETRIED") == 1


def test_clearing_a_completed_wave_starts_nothing_and_every_step_is_green(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    run_wave(aws, steps)
    steps.finalize()
    before = steps.document

    steps.clear()

    assert steps.start() == [job["jobID"] for job in jobs(aws)]
    assert steps.wait() == {"launched": 2, "failed": 0}
    assert set(steps.enrich()) == {DB_1, DB_2}
    assert steps.finalize() == "COMPLETED"
    assert steps.document == before


def test_a_wave_that_was_never_started_is_not_started_by_clearing_it_alone(
    aws: Sandbox, failed: Steps
) -> None:
    failed.clear()

    with pytest.raises(AirflowSkipException, match="depends on wave 1"):
        failed.start(2)

    assert len(jobs(aws)) == 1
    assert failed.document["status"] == "FAILED"


class TestAfterATimeOut:
    @pytest.fixture
    def late(self, aws: Sandbox, steps_of: StepsOf) -> Steps:
        """A wave that failed by its time-out: DB_1 is launched, DB_2 is still at it."""
        aws.add_fault("slow_launch", server=DB_2, seconds=3000, times=1)
        steps = steps_of(plan(database(timeout="PT30S")))
        steps.open()
        steps.start()
        aws.advance(600)
        parked = deferred(steps.wait)
        assert parked.trigger.deadline
        self.let_time_pass(steps)
        with pytest.raises(AirflowFailException, match="crm-db-02 is in phase"):
            steps.resume_wait({"status": "timeout"})
        return steps

    @staticmethod
    def let_time_pass(steps: Steps) -> None:
        """Put the wave's start into the past."""
        table = steps.store.table
        table.client.update_item(
            TableName=table.table_name,
            Key={"executionId": {"S": steps.execution_id}, "recordKey": {"S": "WAVE#01"}},
            UpdateExpression="SET startTime = startTime - :s REMOVE attemptTime",
            ExpressionAttributeValues={":s": {"N": "60"}},
        )

    def test_a_server_still_under_way_is_followed_on_without_a_second_job(
        self, aws: Sandbox, late: Steps
    ) -> None:
        late.clear()
        late.start()
        aws.advance(4000)
        late.wait()
        late.enrich()

        assert len(jobs(aws)) == 1
        assert late.document["waves"][0]["status"] == "COMPLETED"
        assert late.server("crm-db-02")["phase"] == "READY"

    def test_what_launched_meanwhile_is_kept(self, aws: Sandbox, late: Steps) -> None:
        aws.advance(4000)

        late.clear()
        late.start()

        assert len(jobs(aws)) == 1
        assert {s["phase"] for s in late.document["waves"][0]["serverStatuses"]} == {"READY"}

    def test_what_failed_meanwhile_gets_a_new_job(self, aws: Sandbox, steps_of: StepsOf) -> None:
        aws.add_fault("launch_failed", server=DB_2, seconds=3000, raw_error="late", times=1)
        steps = steps_of(plan(database(timeout="PT30S")))
        steps.open()
        steps.start()
        aws.advance(600)
        deferred(steps.wait)
        self.let_time_pass(steps)
        with pytest.raises(AirflowFailException):
            steps.resume_wait({"status": "timeout"})
        aws.advance(4000)

        steps.clear()
        steps.start()

        assert [servers_of(job) for job in jobs(aws)] == [[DB_1, DB_2], [DB_2]]

    def test_a_job_that_drs_never_lists_does_not_hold_its_servers_for_ever(
        self, aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Neither its servers nor its room in DRS are held for longer.
        monkeypatch.setattr("drs_recovery.waves.reservations.LISTING_SECONDS", 0)
        aws.add_fault("unlisted_job", times=1)
        steps = steps_of(plan(database(timeout="PT30S")))
        steps.open()
        steps.start()
        self.let_time_pass(steps)
        with pytest.raises(AirflowFailException):
            steps.wait()
        monkeypatch.setattr("drs_recovery.waves.retry.LISTING_SECONDS", 0)
        aws.advance(4000)

        steps.clear()
        steps.start()
        aws.advance(900)
        steps.wait()
        steps.enrich()

        assert steps.document["waves"][0]["status"] == "COMPLETED"
        entries = steps.document["waves"][0]["jobs"]
        assert [entry["attempt"] for entry in entries] == [1, 2]
        assert steps.server("crm-db-01")["previousInstances"][0]["jobId"] == entries[0]["jobId"]
