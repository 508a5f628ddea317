"""The sensor: it judges server by server what is on record, and raises what names them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.sensors.recovery_job import RecoveryJobSensor
from drs_recovery.triggers.recovery_job import RecoveryJobTrigger
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, DB_2, database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]
SETTLED, TIMED_OUT = {"status": "settled", "problem": None}, {"status": "timeout", "problem": "HTTP 500"}
NOT_NOW = {
    "kind": "error",
    "operation": "DescribeJobs",
    "status": 403,
    "code": "AccessDeniedException",
    "message": "not now",
}


@pytest.fixture
def started(aws: Sandbox, steps_of: StepsOf) -> Callable[..., Steps]:
    def start(**wave: object) -> Steps:
        steps = steps_of(plan(database(**wave)))
        steps.open()
        steps.start()
        return steps

    return start


@pytest.fixture
def at_the_time_out(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets ten minutes pass for the sensor."""

    def pass_time() -> None:
        later = SimpleNamespace(time=lambda: time.time() + 601)
        monkeypatch.setattr("drs_recovery.sensors.recovery_job.time", later)

    return pass_time


def test_a_running_wave_is_left_to_the_trigger_until_its_time_out(started: Callable[..., Steps]) -> None:
    steps = started(timeout="PT10M")

    parked = deferred(steps.wait)

    assert isinstance(parked.trigger, RecoveryJobTrigger)
    assert parked.method_name == "execute_complete"
    arguments = parked.trigger.serialize()[1]
    assert (arguments["execution_id"], arguments["wave_numbers"]) == (steps.execution_id, [1])
    assert arguments["deadline"] == steps.document["waves"][0]["startTime"] + 600
    assert arguments["poll_interval"] == 0.1


def test_the_first_try_asks_drs_nothing(aws: Sandbox, started: Callable[..., Steps]) -> None:
    steps = started()
    aws.control("DELETE", "/calls")

    deferred(steps.wait, 1, 1)

    assert aws.calls("drs") == []


def test_a_retry_does_not_wait_for_an_ended_wave(aws: Sandbox, started: Callable[..., Steps]) -> None:
    steps = started()
    aws.advance(600)

    assert steps.wait() == {"launched": 2, "failed": 0}


def test_a_log_that_cannot_be_read_does_not_keep_an_ended_wave_waiting(
    aws: Sandbox, started: Callable[..., Steps]
) -> None:
    steps = started()
    aws.advance(600)
    aws.add_fault(**{**NOT_NOW, "operation": "DescribeJobLogItems"})

    assert steps.wait() == {"launched": 2, "failed": 0}
    assert "cannot be read: AccessDenied" in steps.document["waves"][0]["lastPollError"]["message"]


def test_a_settled_wave_with_a_failed_critical_server_fails_naming_it(
    aws: Sandbox, started: Callable[..., Steps]
) -> None:
    aws.add_fault("launch_failed", server=DB_2, raw_error="no capacity")
    steps = started()
    aws.advance(900)

    with pytest.raises(AirflowFailException) as failure:
        steps.wait()

    for told in ("crm-db-02", DB_2, "LAUNCH_FAILED", "no capacity"):
        assert told in str(failure.value)
    assert "crm-db-01" not in str(failure.value)
    assert steps.document["waves"][0]["status"] == "FAILED"
    assert steps.document["waves"][0]["statusReason"] == str(failure.value)


def test_failing_again_says_the_same(aws: Sandbox, started: Callable[..., Steps]) -> None:
    aws.add_fault("launch_failed", server=DB_1)
    steps = started()
    aws.advance(900)
    with pytest.raises(AirflowFailException) as first:
        steps.wait()

    with pytest.raises(AirflowFailException) as second:
        steps.wait()

    assert str(second.value) == str(first.value)
    assert steps.events.count("WAVE_FAILED") == 1


def test_a_settled_event_is_judged_from_the_record(aws: Sandbox, started: Callable[..., Steps]) -> None:
    steps = started()
    deferred(steps.wait)

    with pytest.raises(AirflowFailException, match="crm-db-01 is in phase"):
        steps.resume_wait(SETTLED)


def test_a_time_out_looks_once_more_before_it_fails_the_wave(
    aws: Sandbox, started: Callable[..., Steps]
) -> None:
    steps = started()
    deferred(steps.wait)
    aws.advance(600)

    assert steps.resume_wait(TIMED_OUT) == {"launched": 2, "failed": 0}


def test_a_time_out_names_the_servers_and_the_last_trouble(
    aws: Sandbox, started: Callable[..., Steps], at_the_time_out: Callable[[], None]
) -> None:
    steps = started(timeout="PT10M")
    at_the_time_out()
    aws.add_fault(**NOT_NOW)

    with pytest.raises(AirflowFailException) as failure:
        steps.resume_wait(TIMED_OUT)

    assert "timeout of 10 minutes" in str(failure.value)
    assert "crm-db-01 is in phase" in str(failure.value)
    target = "DRS in us-east-1 (connection aws_default)"
    assert f"the last poll failed: {target}: AccessDeniedException: not now" in str(failure.value)


def test_a_last_look_that_went_well_leaves_earlier_trouble_out_of_the_verdict(
    started: Callable[..., Steps], at_the_time_out: Callable[[], None]
) -> None:
    steps = started(timeout="PT10M")
    at_the_time_out()

    with pytest.raises(AirflowFailException, match="timeout of 10 minutes") as failure:
        steps.resume_wait(TIMED_OUT)

    assert "HTTP 500" not in str(failure.value)


@pytest.mark.parametrize("event", [TIMED_OUT, {"status": "settled", "problem": "HTTP 500"}])
def test_an_unsettled_wave_is_not_judged_before_its_time_out(
    started: Callable[..., Steps], event: dict[str, str]
) -> None:
    steps = started(timeout="PT10M")

    parked = deferred(steps.resume_wait, event)

    assert isinstance(parked.trigger, RecoveryJobTrigger)
    assert steps.document["waves"][0]["status"] == "POLLING"


def test_a_settled_event_with_trouble_looks_once_more(aws: Sandbox, started: Callable[..., Steps]) -> None:
    steps = started()
    aws.advance(600)

    assert steps.resume_wait({"status": "settled", "problem": "HTTP 500"}) == {"launched": 2, "failed": 0}


def test_a_wave_that_is_past_its_time_out_is_not_deferred_again(
    started: Callable[..., Steps], at_the_time_out: Callable[[], None]
) -> None:
    steps = started(timeout="PT10M")
    at_the_time_out()

    with pytest.raises(AirflowFailException, match="timeout"):
        steps.wait()


def test_a_retry_past_the_time_out_that_gets_no_answer_leaves_it_to_the_trigger_to_ask_again(
    aws: Sandbox, started: Callable[..., Steps], at_the_time_out: Callable[[], None]
) -> None:
    steps = started(timeout="PT10M")
    at_the_time_out()
    aws.add_fault(**NOT_NOW)

    assert isinstance(deferred(steps.wait).trigger, RecoveryJobTrigger)
    assert steps.document["waves"][0]["status"] == "POLLING"


def test_a_job_that_is_completed_with_a_server_still_pending_is_no_success(
    aws: Sandbox, started: Callable[..., Steps]
) -> None:
    aws.add_fault("stays_pending", server=DB_1)
    steps = started()
    aws.advance(900)

    with pytest.raises(AirflowFailException, match="although DRS says that the job is COMPLETED"):
        steps.wait()


def test_it_has_quick_retries() -> None:
    sensor = RecoveryJobSensor(task_id="wait", wave_number=1)

    assert sensor.retries >= 2
    assert sensor.retry_delay.total_seconds() <= 10


def test_a_cancelled_wave_is_not_judged_and_its_last_step_gets_it(
    aws: Sandbox, started: Callable[..., Steps]
) -> None:
    steps = started()
    aws.add_fault("launch_failed", server=DB_1)
    steps.store.ending.request_cancel(steps.execution_id, "alice", "wrong plan")
    aws.advance(600)

    for step in (steps.wait, lambda: steps.resume_wait({"status": "cancelled", "problem": None})):
        with pytest.raises(AirflowFailException, match="cancelled by alice: wrong plan"):
            step()

    assert steps.document["waves"][0]["status"] == "POLLING"


def test_a_job_that_drs_never_lists_is_named_at_the_time_out(
    aws: Sandbox, started: Callable[..., Steps], at_the_time_out: Callable[[], None]
) -> None:
    aws.add_fault("unlisted_job")
    steps = started(timeout="PT10M")
    at_the_time_out()

    with pytest.raises(AirflowFailException) as failure:
        steps.wait()

    (job,) = steps.document["waves"][0]["jobs"]
    assert f"DescribeJobs never listed {job['jobId']} (us-east-1)" in str(failure.value)


def test_a_job_that_drs_lists_has_its_start_of_drs_and_is_not_called_unlisted(
    aws: Sandbox, started: Callable[..., Steps], at_the_time_out: Callable[[], None]
) -> None:
    aws.set_skew(7200)
    steps = started(timeout="PT10M")
    at_the_time_out()

    with pytest.raises(AirflowFailException) as failure:
        steps.wait()

    (job,) = steps.document["waves"][0]["jobs"]
    (listed,) = aws.client("drs").describe_jobs()["items"]
    assert job["startTime"] == datetime.fromisoformat(listed["creationDateTime"]).timestamp()
    assert job["startTime"] - job["requestedTime"] > 7000
    assert "never listed" not in str(failure.value)


def test_an_entry_without_a_launch_status_says_so(aws: Sandbox, started: Callable[..., Steps]) -> None:
    aws.add_fault("no_launch_status", server=DB_1)
    steps = started()
    aws.advance(900)

    with pytest.raises(AirflowFailException, match="without a launchStatus among the job's participating"):
        steps.wait()


def test_the_times_of_a_launch_are_by_the_clock_of_drs(aws: Sandbox, started: Callable[..., Steps]) -> None:
    aws.set_skew(-7200)
    steps = started()
    aws.advance(600)

    steps.wait()

    drs = aws.client("drs")
    (job,) = drs.describe_jobs()["items"]
    log = drs.describe_job_log_items(jobID=job["jobID"])["items"]

    def logged(event: str, server: str | None) -> float:
        (item,) = (i for i in log if i["event"] == event and i["eventData"].get("sourceServerID") == server)
        return datetime.fromisoformat(item["logDateTime"]).timestamp()

    server = steps.server("crm-db-01")
    began, ended = logged("LAUNCH_START", DB_1), logged("LAUNCH_END", DB_1)
    assert (server["launchTime"], server["launchedTime"]) == (began, ended)
    assert server["transitionHistory"] == [
        {"status": "PENDING", "timestamp": datetime.fromisoformat(job["creationDateTime"]).timestamp()},
        {"status": "STARTED", "timestamp": logged("JOB_START", None)},
        {"status": "LAUNCHED", "timestamp": ended},
    ]
    # Patience for details goes by our clock: two hours ago by that of DRS is now.
    aws.add_fault("error", service="ec2", operation="DescribeInstances", status=403, code="Denied")
    deferred(steps.enrich)


def test_the_time_at_which_the_actions_were_done_is_on_record(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("post_launch_failed", server=DB_1, optional=True)
    steps = steps_of(plan(database()))
    steps.open()
    steps.start()
    aws.advance(1300)
    before = time.time()
    steps.wait()

    done = steps.server("crm-db-01")["postLaunchActionsCompleted"]
    assert before <= done <= time.time()
    steps.wait()
    assert steps.server("crm-db-01")["postLaunchActionsCompleted"] == done
    assert "postLaunchActionsCompleted" not in steps.server("crm-db-02")
