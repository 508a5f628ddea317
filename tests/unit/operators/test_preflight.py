"""What opening an execution finds in the account, and what that means for drills and real recoveries."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.hooks.drs import DrsHook
from drs_recovery.preflight.permissions import LAUNCH_RIGHTS
from sandbox.testing import Sandbox
from tests.plan_documents import APP_1, DB_1, DB_2, database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]
Told = list[tuple[str, str | None, str]]


def found(steps: Steps) -> Told:
    """Severity, server and text of each finding in the record."""
    return [
        (finding["severity"], finding.get("serverName"), finding["what"])
        for finding in steps.document["findings"]
    ]


def refused(steps: Steps, **conf: Any) -> Told:
    with pytest.raises(AirflowFailException, match="the execution may not start"):
        steps.open(**conf)
    return found(steps)


def test_a_healthy_plan_has_no_findings_and_its_preflight_is_an_event(steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(), objectives={"rpo": "PT15M"}))

    steps.open()

    assert found(steps) == []
    assert "PREFLIGHT" in steps.events


def test_a_job_that_somebody_else_started_blocks_a_drill(aws: Sandbox, steps_of: StepsOf) -> None:
    job = aws.client("drs").start_recovery(sourceServers=[{"sourceServerID": DB_2}], isDrill=True)["job"]
    steps = steps_of(plan(database()))

    ((severity, name, what),) = refused(steps)

    assert (severity, name) == ("ERROR", "crm-db-02")
    assert what.startswith(f"it takes part in {job['jobID']}")


def test_a_server_in_an_execution_of_one_of_drs_own_plans_blocks_a_drill_and_warns_a_recovery(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    aws.add_fault("native_execution", server=DB_2, plan="payroll", mode="RECOVERY")
    aws.add_fault("native_execution", server=APP_1, plan="intranet")

    ((severity, name, what),) = refused(steps_of(plan(database())))

    assert (severity, name) == ("ERROR", "crm-db-02")
    assert "RECOVERY of DRS's own recovery plan payroll" in what
    assert "IN_PROGRESS" in what
    recovery = steps_of(plan(database(), id="other"))
    recovery.open(execution_type="RECOVERY")
    assert [(severity, name) for severity, name, _ in found(recovery)] == [("WARNING", "crm-db-02")]


def test_an_old_botocore_leaves_drs_own_plans_out_and_says_so(
    steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DrsHook, "knows_native_plans", False)
    steps = steps_of(plan(database()))

    steps.open()

    ((severity, name, what),) = found(steps)
    assert (severity, name) == ("WARNING", None)
    assert what.startswith("executions of DRS's own recovery plans are not checked in us-east-1")
    assert what.endswith("does not know them")


def test_a_role_that_may_not_look_at_drs_own_plans_is_a_warning(aws: Sandbox, steps_of: StepsOf) -> None:
    denied = {"status": 403, "code": "AccessDeniedException"}
    aws.add_fault("error", operation="ListRecoveryPlanExecutions", **denied)
    steps = steps_of(plan(database()))

    steps.open()

    ((severity, _, what),) = found(steps)
    assert (severity, "DRS's own recovery plans could not be checked" in what) == ("WARNING", True)


@pytest.mark.parametrize("kind", ["DRILL", "RECOVERY"])
def test_a_server_on_the_way_home_that_tags_put_into_a_group_blocks(
    aws: Sandbox, steps_of: StepsOf, kind: str
) -> None:
    tags = {"farm": "yes"}
    for number, direction in enumerate(("FAILOVER", "FAILBACK")):
        server = {"id": f"s-{number:017}", "name": direction, "region": "us-east-1", "tags": tags}
        aws.add_servers({**server, "replication_direction": direction})
    steps = steps_of(plan({"groups": ["farm"]}, groups={"farm": {"tags": tags}}))

    ((severity, name, what),) = refused(steps, execution_type=kind)

    assert (severity, name) == ("ERROR", "FAILBACK")
    assert "it is failing back" in what


def test_a_server_on_the_way_home_that_a_plan_names_blocks_a_drill_and_warns_a_recovery(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    home = {"id": DB_1, "name": "crm-db-01", "region": "us-east-1", "replication_direction": "FAILBACK"}
    aws.add_servers(home)

    ((severity, name, _),) = refused(steps_of(plan(database())))

    assert (severity, name) == ("ERROR", "crm-db-01")
    recovery = steps_of(plan(database(), id="other"))
    recovery.open(execution_type="RECOVERY")
    assert [(severity, name) for severity, name, _ in found(recovery)] == [("WARNING", "crm-db-01")]


def test_a_real_recovery_goes_on_while_a_job_holds_its_server(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.client("drs").start_recovery(sourceServers=[{"sourceServerID": DB_2}], isDrill=True)
    steps = steps_of(plan(database()))

    steps.open(execution_type="RECOVERY")

    assert [finding[:2] for finding in found(steps)] == [("WARNING", "crm-db-02")]


def test_a_server_without_data_blocks_a_real_recovery(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("replication", server=DB_1, state="INITIAL_SYNC")
    aws.add_fault("replication", server=DB_2, state="PAUSED")
    steps = steps_of(plan(database()))

    first, second = refused(steps, execution_type="RECOVERY")

    assert first[:2] == ("ERROR", "crm-db-01")
    assert "no recovery snapshot" in first[2]
    assert second[:2] == ("WARNING", "crm-db-02")
    assert "crm-db-02" not in steps.document["error"]


@pytest.mark.parametrize(("rule", "severity"), [("critical", "WARNING"), ("all", "ERROR")])
def test_a_server_that_the_wave_can_do_without_blocks_nothing(
    aws: Sandbox, steps_of: StepsOf, rule: str, severity: str
) -> None:
    aws.add_fault("replication", server=DB_2, state="STALLED")
    group = {"servers": [DB_1, {"id": DB_2, "critical": False}]}
    steps = steps_of(plan(database(success_when=rule), groups={"database": group}))

    if severity == "ERROR":
        refused(steps)
    else:
        steps.open()

    assert [finding[:2] for finding in found(steps)] == [(severity, "crm-db-02")]


def test_a_staging_area_in_error_is_told_with_its_message(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("staging_error", server=DB_1, message="The staging account denied access.")

    ((_, name, what),) = refused(steps_of(plan(database())))

    assert (name, "The staging account denied access." in what) == ("crm-db-01", True)


def test_the_quotas_of_the_account_count_not_the_documented_ones(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.control("PUT", "/quotas", {"servers_per_job": 1})

    ((severity, _, what),) = refused(steps_of(plan(database())))

    assert (severity, "L-B827C881 allows 1" in what) == ("ERROR", True)


def test_quotas_that_cannot_be_read_are_a_warning_and_aws_defaults_count(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    aws.control("PUT", "/quotas", {"servers_per_job": 1})
    aws.add_fault("error", operation="GetServiceQuota", status=403, code="AccessDeniedException")
    steps = steps_of(plan(database()))

    steps.open()

    ((severity, _, what),) = found(steps)
    assert severity == "WARNING"
    assert "DRS's quotas could not be checked in us-east-1" in what


def test_jobs_that_drs_does_not_tell_now_are_asked_for_again_by_a_drill(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    aws.add_fault("error", operation="DescribeJobs", status=429, code="ThrottlingException", times=4)
    steps = steps_of(plan(database()))
    deferred(steps.open)

    steps.open()

    assert found(steps) == []


def test_a_real_recovery_does_not_wait_for_a_check(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("error", operation="DescribeJobs", status=429, code="ThrottlingException", times=4)
    steps = steps_of(plan(database()))

    steps.open(execution_type="RECOVERY")

    ((severity, _, what),) = found(steps)
    assert (severity, "running jobs could not be checked" in what) == ("WARNING", True)


def test_a_dry_run_has_the_findings_in_its_record_and_no_error(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("replication", server=DB_1, state="STALLED")
    steps = steps_of(plan(database()))

    steps.open(dry_run=True)

    assert [finding[:2] for finding in found(steps)] == [("ERROR", "crm-db-01")]
    assert "error" not in steps.document
    assert steps.finalize() == "COMPLETED"


def test_a_cancel_during_the_preflight_lets_no_wave_start_and_ends_cancelled(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    aws.add_fault("error", operation="DescribeJobs", status=429, code="ThrottlingException", times=4)
    steps = steps_of(plan(database()))
    deferred(steps.open)
    steps.store.ending.request_cancel(steps.execution_id, "ann", "wrong plan")

    with pytest.raises(AirflowFailException, match="ann"):
        steps.open()

    with pytest.raises(AirflowFailException, match="CANCELLED"):
        steps.finalize(open_execution="failed")
    assert "EXECUTION_ADMITTED" not in steps.events
    assert [wave["status"] for wave in steps.document["waves"]] == ["CANCELLED"]
    assert aws.calls("drs", "StartRecovery") == []


@pytest.fixture
def plan_of_role(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], dict[str, Any]]:
    """Makes a plan whose connection assumes a role with some rights."""

    def make(actions: list[str]) -> dict[str, Any]:
        iam = aws.client("iam")
        role = iam.create_role(RoleName="engine", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName="engine", PolicyName="p", PolicyDocument=document)
        connection = {"conn_type": "aws", "extra": {"role_arn": role}}
        monkeypatch.setenv("AIRFLOW_CONN_DR_ROLE", json.dumps(connection))
        return plan(database(), connection="dr_role")

    return make


def test_a_drill_whose_role_may_launch_nothing_is_blocked_before_it_silently_fails(
    steps_of: StepsOf, plan_of_role: Callable[[list[str]], dict[str, Any]]
) -> None:
    steps = steps_of(plan_of_role([*(set(LAUNCH_RIGHTS) - {"ec2:RunInstances"}), "iam:PassRole"]))

    ((severity, _, what),) = refused(steps)

    assert severity == "ERROR"
    assert "role/engine (connection dr_role) lacks rights" in what
    assert what.endswith("in us-east-1: ec2:RunInstances")


def test_rights_that_may_not_be_simulated_are_no_finding(
    aws: Sandbox, steps_of: StepsOf, plan_of_role: Callable[[list[str]], dict[str, Any]]
) -> None:
    aws.add_fault("error", operation="SimulatePrincipalPolicy", status=403, code="AccessDenied")
    steps = steps_of(plan_of_role(["drs:*"]))

    steps.open()

    assert found(steps) == []


def test_an_iam_that_cannot_be_reached_is_a_warning(
    aws: Sandbox, steps_of: StepsOf, plan_of_role: Callable[[list[str]], dict[str, Any]]
) -> None:
    aws.add_fault("reset", operation="SimulatePrincipalPolicy")
    steps = steps_of(plan_of_role(["*"]))

    steps.open()

    ((severity, _, what),) = found(steps)
    assert (severity, "the rights of the connection could not be checked" in what) == ("WARNING", True)
