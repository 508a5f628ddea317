"""Real recoveries, and executions that end in more than one way at once."""

from __future__ import annotations

import pytest

from sandbox.testing import Sandbox
from tests.integration.evidence import accepted_starts, assert_ready_as_in_ec2, jobs_of
from tests.integration.people import approve, once_done, reject
from tests.integration.runs import Runner
from tests.plan_documents import DB_1, DB_2, application, database, plan

pytestmark = pytest.mark.integration

RECOVERY = {"execution_type": "RECOVERY"}
ERP_1 = "s-7777777777777777a"


def test_a_recovery_waits_for_its_post_launch_actions_and_completes(runner: Runner, sandbox: Sandbox) -> None:
    actions = [{"name": "join domain"}]
    sandbox.add_servers({"id": ERP_1, "name": "erp-01", "region": "us-east-1", "actions": actions})
    erp = plan({"groups": ["erp"]}, groups={"erp": {"servers": [ERP_1]}})

    ended = runner.run(erp, RECOVERY, people={"wave_01_database": approve()})

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert ended.servers["erp-01"]["postLaunchActionsStatus"] == "SUCCEEDED"
    done = ended.servers["erp-01"]["postLaunchActionsCompleted"]
    assert ended.document["startTime"] < done <= ended.document["endTime"]
    assert_ready_as_in_ec2(sandbox, ended)


def test_a_recovery_of_some_waves_is_approved_although_the_first_wave_is_left_out(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(
        plan(database(), application()), {**RECOVERY, "waves": [2]}, people={"wave_01_database": approve()}
    )

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert ended.waves == ["SKIPPED", "COMPLETED"]
    assert ended.document["waves"][0]["gate"]["decision"] == "APPROVED"
    assert accepted_starts(sandbox) == 1


def test_a_gate_that_is_rejected_beside_a_running_wave_leaves_that_wave_completed(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(
        plan(database(), application(depends_on=[], pause_before=True)),
        people={"wave_02_application": once_done("wave_01_database.start_recovery", reject())},
    )

    assert (ended.state, ended.document["status"]) == ("failed", "PARTIAL_SUCCESS")
    assert ended.waves == ["COMPLETED", "CANCELLED"]
    assert_ready_as_in_ec2(sandbox, ended, "crm-db-01", "crm-db-02")


def test_an_execution_that_launched_nothing_is_failed_and_red_even_if_no_server_was_critical(
    runner: Runner, sandbox: Sandbox
) -> None:
    for server in (DB_1, DB_2):
        sandbox.add_fault("launch_failed", server=server, raw_error="InsufficientInstanceCapacity")
    optional = {"database": {"servers": [{"id": server, "critical": False} for server in (DB_1, DB_2)]}}

    ended = runner.run(plan(database(), groups=optional))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert "crm-db-01" in ended.document["error"]
    assert "InsufficientInstanceCapacity" in ended.document["error"]


def test_a_server_whose_action_failed_keeps_its_instance_on_record_although_drs_lists_it_late(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.add_fault("post_launch_failed", server=DB_1, reason="disk full")
    sandbox.add_fault("no_recovery_instance_id", server=DB_1)
    sandbox.add_fault("lagging_recovery_instances", server=DB_1, polls=4)

    ended = runner.run(plan(database()), RECOVERY, people={"wave_01_database": approve()})

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert ended.servers["crm-db-01"]["instanceId"]
    assert ended.servers["crm-db-01"]["privateIp"]


def test_a_plan_with_another_connection_that_does_not_exist_is_refused(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(plan(database(), connection="dr_account"))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert "'dr_account'" in ended.document["error"]
    assert accepted_starts(sandbox) == 0


def test_a_refused_recovery_is_recorded_as_a_recovery(runner: Runner, sandbox: Sandbox) -> None:
    ended = runner.run(plan(database()), {**RECOVERY, "ticket": "CHG-7", "dry_rum": True})

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert (ended.document["executionType"], ended.document["ticket"]) == ("RECOVERY", "CHG-7")
    assert "'dry_rum'" in ended.document["error"]
    assert jobs_of(sandbox, ended) == []
