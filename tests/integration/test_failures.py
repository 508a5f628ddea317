"""Waves that fail: what the record says, what it keeps, and what is not started any more."""

from __future__ import annotations

import time

import pytest

from sandbox.testing import Sandbox
from tests.integration.evidence import accepted_starts, answers, assert_ready_as_in_ec2, jobs_of
from tests.integration.people import approve
from tests.integration.runs import Runner
from tests.plan_documents import APP_2, DB_1, DB_2, application, database, plan, web

pytestmark = pytest.mark.integration

RAW_ERROR = "InsufficientInstanceCapacity: no m5.large today"


def test_a_failed_critical_server_fails_its_wave_the_execution_and_the_run(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.add_fault("launch_failed", server=DB_2, raw_error=RAW_ERROR)

    ended = runner.run(plan(database(), application()))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert ended.waves == ["FAILED", "SKIPPED"]
    assert accepted_starts(sandbox) == 1
    for told in ("crm-db-02", DB_2, "LAUNCH_FAILED", RAW_ERROR):
        assert told in ended.document["error"]
        assert told in ended.document["waves"][0]["statusReason"]
    assert ended.servers["crm-db-02"]["phase"] == "FAILED"
    assert RAW_ERROR in ended.servers["crm-db-02"]["error"]
    assert_ready_as_in_ec2(sandbox, ended, "crm-db-01")
    assert ended.servers["crm-app-01"]["phase"] == "PENDING"


def test_a_failed_second_wave_leaves_a_partial_success(runner: Runner, sandbox: Sandbox) -> None:
    sandbox.add_fault("launch_failed", server=APP_2)

    ended = runner.run(plan(database(), application(), web()))

    assert (ended.state, ended.document["status"]) == ("failed", "PARTIAL_SUCCESS")
    assert ended.waves == ["COMPLETED", "FAILED", "SKIPPED"]
    assert ended.document["completedWaves"] == 1
    assert "crm-app-02" in ended.document["error"]
    assert_ready_as_in_ec2(sandbox, ended, "crm-db-01", "crm-db-02", "crm-app-01")
    assert accepted_starts(sandbox) == 2


def test_everything_behind_a_failed_wave_is_passed_over_and_says_so(runner: Runner, sandbox: Sandbox) -> None:
    sandbox.add_fault("launch_failed", server=DB_1)

    ended = runner.run(plan(database(), application(pause_before=True), web()))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert ended.waves == ["FAILED", "SKIPPED", "SKIPPED"]
    _, second, third = ended.document["waves"]
    assert (second["skipCause"], third["skipCause"]) == ("DEPENDENCY", "DEPENDENCY")
    assert second["statusReason"] == 'not started: it depends on wave 1 "Database", which failed'
    assert third["statusReason"] == 'not started: it depends on wave 2 "Application", which was skipped'
    assert "gate" not in second
    assert {state for task, state in ended.tasks.items() if task.startswith(("wave_02", "wave_03"))} == {
        "skipped"
    }
    assert accepted_starts(sandbox) == 1


def test_what_depends_on_a_failed_wave_runs_if_the_plan_says_continue_and_the_run_is_red(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.add_fault("launch_failed", server=DB_1, raw_error=RAW_ERROR)

    ended = runner.run(plan(database(on_failure="continue"), application(), web()))

    assert (ended.state, ended.document["status"]) == ("failed", "PARTIAL_SUCCESS")
    assert ended.waves == ["FAILED", "COMPLETED", "COMPLETED"]
    assert RAW_ERROR in ended.document["error"]
    assert_ready_as_in_ec2(sandbox, ended, "crm-db-02", "crm-app-01", "crm-app-02", "crm-web-01")


def test_a_failed_wave_does_not_stop_a_wave_that_does_not_depend_on_it(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.add_fault("launch_failed", server=DB_1)

    ended = runner.run(plan(database(), application(depends_on=[]), web(depends_on=["Application"])))

    assert (ended.state, ended.document["status"]) == ("failed", "PARTIAL_SUCCESS")
    assert ended.waves == ["FAILED", "COMPLETED", "COMPLETED"]
    assert_ready_as_in_ec2(sandbox, ended, "crm-app-01", "crm-app-02", "crm-web-01", "crm-web-02")


def test_a_failed_server_that_is_not_critical_lets_the_wave_complete(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.add_fault("launch_failed", server=DB_2, raw_error=RAW_ERROR)
    group = {"database": {"servers": [DB_1, {"id": DB_2, "critical": False}]}}

    ended = runner.run(plan(database(), application(), groups=group))

    assert (ended.state, ended.document["status"]) == ("success", "PARTIAL_SUCCESS")
    assert ended.waves == ["COMPLETED", "COMPLETED"]
    assert RAW_ERROR in ended.servers["crm-db-02"]["error"]
    assert_ready_as_in_ec2(sandbox, ended, "crm-db-01", "crm-app-01", "crm-app-02")


@pytest.mark.parametrize(("rule", "status"), [("50%", "COMPLETED"), ("51%", "FAILED"), ("all", "FAILED")])
def test_a_wave_is_judged_by_its_own_rule(runner: Runner, sandbox: Sandbox, rule: str, status: str) -> None:
    sandbox.add_fault("launch_failed", server=DB_2)
    group = {"database": {"servers": [DB_1, {"id": DB_2, "critical": False}]}}

    ended = runner.run(plan(database(success_when=rule), groups=group))

    assert ended.waves == [status]
    assert ended.state == ("success" if status == "COMPLETED" else "failed")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"kind": "silent_no_launch", "server": DB_1}, "EC2 rights"),
        ({"kind": "stays_pending", "server": DB_1}, "PENDING"),
        ({"kind": "skipped", "server": DB_1}, "SERVER_SKIPPED"),
        (
            {"kind": "conversion_failed", "server": DB_1, "raw_error": "no converter"},
            "CONVERSION_FAIL: no conv",
        ),
        ({"kind": "snapshot_failed", "server": DB_1, "raw_error": "too many"}, "SNAPSHOT_FAIL: too many"),
        ({"kind": "previous_snapshot", "server": DB_1, "failed": True}, "USING_PREVIOUS_SNAPSHOT_FAILED"),
        ({"kind": "unknown_launch_status", "server": DB_1, "forever": True}, "QUEUED"),
        ({"kind": "job_cancel", "seconds": 100}, "JOB_CANCEL"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_the_record_says_why_a_server_did_not_come_up(
    runner: Runner, sandbox: Sandbox, fault: dict, told: str
) -> None:
    sandbox.add_fault(**fault)

    ended = runner.run(plan(database()))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert ended.servers["crm-db-01"]["phase"] == "FAILED"
    assert told in ended.servers["crm-db-01"]["error"]
    assert told in ended.document["error"]


def test_a_job_that_never_ends_fails_its_wave_at_the_time_out_and_the_run_ends(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.add_fault("stuck_job")
    began = time.monotonic()

    ended = runner.run(plan(database(timeout="PT3S")))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert ended.waves == ["FAILED"]
    assert "timeout" in ended.document["error"]
    assert ended.document["waves"][0]["jobs"][0]["status"] == "STARTED"
    # The servers came up although their job did not end: their instances are on record, to be terminated.
    assert all(server["instanceId"] for server in ended.servers.values())
    assert time.monotonic() - began < 60


def test_throttling_that_does_not_end_fails_the_wave_at_its_time_out(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.add_fault("error", operation="DescribeJobs", status=429, code="ThrottlingException", after=1)

    ended = runner.run(plan(database(timeout="PT4S")))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert "timeout" in ended.document["error"]


def test_a_start_that_stays_refused_fails_the_wave_at_its_time_out(runner: Runner, sandbox: Sandbox) -> None:
    # Full when the wave starts, though it was not when the execution was opened.
    sandbox.add_fault(
        "error", operation="StartRecovery", status=402, code="ServiceQuotaExceededException", message="full"
    )

    ended = runner.run(plan(database(timeout="PT2S")))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert "ServiceQuotaExceededException" in ended.document["error"]
    assert accepted_starts(sandbox) == 0


def test_a_definite_refusal_of_start_recovery_fails_the_wave_at_once(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.add_fault(
        "error", operation="StartRecovery", status=403, code="AccessDeniedException", message="not you"
    )

    ended = runner.run(plan(database()))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert "AccessDeniedException: not you" in ended.document["error"]
    assert answers(sandbox, "StartRecovery") == [403]


def test_an_instance_that_vanishes_after_its_launch_is_no_success(
    runner: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__DETAILS_TIMEOUT", "1")
    sandbox.add_fault("vanished_instance", server=DB_2)

    ended = runner.run(plan(database()))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert ended.servers["crm-db-02"]["phase"] == "FAILED"
    assert ended.servers["crm-db-02"]["instanceId"] in ended.servers["crm-db-02"]["error"]
    assert_ready_as_in_ec2(sandbox, ended, "crm-db-01")


@pytest.mark.parametrize(("optional", "status"), [(False, "FAILED"), (True, "COMPLETED")])
def test_a_failed_post_launch_action_fails_a_recovery_unless_it_is_optional(
    runner: Runner, sandbox: Sandbox, optional: bool, status: str
) -> None:
    sandbox.add_fault("post_launch_failed", server=DB_1, optional=optional, reason="disk full")

    ended = runner.run(
        plan(database()), {"execution_type": "RECOVERY"}, people={"wave_01_database": approve()}
    )

    assert ended.waves == [status]
    done = ended.servers["crm-db-01"]["postLaunchActionsCompleted"]
    assert ended.document["startTime"] < done <= ended.document["endTime"]
    assert ended.servers["crm-db-01"]["instanceId"]
    assert ("disk full" in (ended.document.get("error") or "")) is not optional
    assert ("disk full" in ended.servers["crm-db-01"].get("warning", "")) is optional
    assert ended.document["status"] == status
    assert len(jobs_of(sandbox, ended)) == 1


def test_a_post_launch_action_that_never_ends_fails_a_recovery_at_the_time_out(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.add_fault("post_launch_forever", server=DB_1)

    ended = runner.run(
        plan(database(timeout="PT8S")), {"execution_type": "RECOVERY"}, people={"wave_01_database": approve()}
    )

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert "'Validate application' was still in progress at" in ended.servers["crm-db-01"]["error"]
    assert ended.servers["crm-db-01"]["error"] in ended.document["error"]
    assert ended.servers["crm-db-01"]["instanceId"]
    assert_ready_as_in_ec2(sandbox, ended, "crm-db-02")


def test_an_optional_post_launch_action_that_never_ends_is_a_warning_and_holds_up_nothing(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.add_fault("post_launch_forever", server=DB_1, optional=True)

    ended = runner.run(
        plan(database()), {"execution_type": "RECOVERY"}, people={"wave_01_database": approve()}
    )

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert "was still in progress when the server was ready" in ended.servers["crm-db-01"]["warning"]
    assert "warning" not in ended.servers["crm-db-02"]
    assert_ready_as_in_ec2(sandbox, ended)


def test_a_drill_does_not_wait_for_post_launch_actions_if_its_plan_says_so(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.add_fault("post_launch_forever", server=DB_1)

    ended = runner.run(plan(database(), drill={"await_actions": False}))

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert_ready_as_in_ec2(sandbox, ended)
