"""What comes back and is no answer of AWS: trouble that may pass, never an empty list and never a crash."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drs_recovery.configured_clients import dynamodb_client
from drs_recovery.hooks.async_drs import AsyncDrs
from drs_recovery.hooks.clients import Target, TargetClients
from drs_recovery.hooks.ec2 import describe_instances, describe_statuses
from drs_recovery.hooks.errors import AWS_ERRORS, describe, is_refusal, is_transient
from drs_recovery.notifications.channels import TopicHook
from drs_recovery.settings import executions_table_name
from drs_recovery.store import table as table_module
from drs_recovery.store.expressions import Condition, Key, Put
from drs_recovery.store.table import BY_PLAN, ExecutionsTable
from drs_recovery.transient_errors import SenselessAnswerError
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1

TARGET = Target("aws_default", "us-east-1")
JOB = "drsjob-1111111111111111a"
TOKEN = "3c1e6f0a-5f0c-4d57-9d0b-0f7a3c5f7a11"
DURABLE = "arn:aws:lambda:us-east-1:123456789012:function:f:1/durable-execution/n/1"
ROLE = "arn:aws:iam::123456789012:role/x"

HTML = "<html><body>Log in first.<br></body></html>"
XHTML = "<html><body>Log in first.</body></html>"


def drs() -> Any:
    return TargetClients(TARGET).drs


def ssm() -> Any:
    return TargetClients(TARGET).ssm


def rights() -> Any:
    return TargetClients(TARGET).rights


def waiting(work: Callable[[AsyncDrs], Any]) -> Any:
    async def asked() -> Any:
        client = AsyncDrs(*TARGET)
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(asked())


CALLS: dict[str, Callable[[], Any]] = {
    "DescribeJobs": lambda: drs().jobs_since(datetime.now(UTC)),
    "DescribeJobLogItems": lambda: drs().job_log(JOB),
    "DescribeSourceServers": lambda: drs().source_servers(),
    "DescribeRecoveryInstances": lambda: drs().recovery_instances(),
    "DescribeRecoverySnapshots": lambda: drs().has_recovery_snapshot(DB_1),
    "StartRecovery": lambda: drs().start_recovery([DB_1], is_drill=True, tags={}),
    "TerminateRecoveryInstances": lambda: drs().terminate_recovery_instances(["i-0123456789abcdef0"]),
    "DescribeJobs, waiting": lambda: waiting(lambda client: client.describe_jobs([JOB])),
    "DescribeJobLogItems, waiting": lambda: waiting(lambda client: client.job_log(JOB)),
    "DescribeInstances": lambda: describe_instances(TargetClients(TARGET).ec2.conn, ["i-0123456789abcdef0"]),
    "GetCallerIdentity": lambda: rights().account(),
    "SimulatePrincipalPolicy": lambda: rights().simulate(ROLE, ["ec2:RunInstances"], "*", []),
    "GetServiceQuota": lambda: TargetClients(TARGET).quotas.drs_quota("L-D88FAC3A"),
    "StartAutomationExecution": lambda: ssm().start_automation("doc", None, {}, TOKEN),
    "DescribeAutomationExecutions": lambda: ssm().automations([TOKEN]),
    "DescribeDocument": lambda: ssm().has_document("doc"),
    "SendCommand": lambda: ssm().send_command("AWS-RunShellScript", {}, ["i-0123456789abcdef0"], "c"),
    "ListCommands": lambda: ssm().executing_commands(),
    "ListCommandInvocations": lambda: ssm().invocations(TOKEN),
    "GetCommandInvocation": lambda: ssm().result(TOKEN, "i-0123456789abcdef0"),
    "DescribeInstanceInformation": lambda: ssm().managed(["i-0123456789abcdef0"]),
    "GetFunctionConfiguration": lambda: TargetClients(TARGET).functions.facts("f", None),
    "GetDurableExecution": lambda: TargetClients(TARGET).functions.durable(DURABLE),
    "DescribeTargetGroups": lambda: TargetClients(TARGET).target_groups.target_type("arn"),
    "DescribeTargetHealth": lambda: TargetClients(TARGET).target_groups.health("arn"),
    "DescribeAlarms": lambda: TargetClients(TARGET).alarms.alarms(["a"]),
    "DescribeInstanceStatus": lambda: describe_statuses(
        TargetClients(TARGET).ec2.conn, ["i-0123456789abcdef0"]
    ),
    "Publish": lambda: TopicHook(aws_conn_id="aws_default", region_name="us-east-1").conn.publish(
        TopicArn="arn:aws:sns:us-east-1:123456789012:dr", Message="m"
    ),
}


def outcome(call: Callable[[], Any]) -> SenselessAnswerError:
    with pytest.raises(SenselessAnswerError) as caught:
        call()
    error = caught.value
    assert isinstance(error, AWS_ERRORS)
    assert is_transient(error)
    assert not is_refusal(error)
    return error


@pytest.mark.parametrize(
    "body", [HTML, XHTML, " ", "[]", '"servers"'], ids=["html", "xhtml", "blank", "list", "text"]
)
@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_answer_is_trouble_that_may_pass(aws: Sandbox, name: str, body: str) -> None:
    operation = name.partition(",")[0]
    aws.add_fault("nonsense", operation=operation, body=body)

    error = outcome(CALLS[name])

    assert describe(error).startswith(
        f"SenselessAnswerError: the response to {operation} is not an answer of AWS"
    )
    assert "HTTP 200" in describe(error)
    assert "Log in" not in describe(error)


@pytest.mark.parametrize(
    ("name", "answer", "reason"),
    [
        ("DescribeJobs", {}, "without items"),
        ("DescribeJobs", {"items": None}, "items"),
        ("DescribeJobs", {"items": ""}, "items is not a list"),
        ("DescribeJobs", {"items": {}}, "items is not a list"),
        ("DescribeJobs", {"items": 5}, "cannot be read"),
        ("DescribeJobs", {"items": ["a"]}, "cannot be read"),
        ("DescribeJobs", {"items": [None]}, "without items[].jobID"),
        ("DescribeJobs", {"items": [{}]}, "without items[].jobID"),
        ("DescribeJobs", {"items": [{"jobID": ["a"]}]}, "without items[].jobID"),
        ("DescribeJobs", {"jobs": []}, "without items"),
        ("DescribeJobs, waiting", {}, "without items"),
        ("DescribeJobs, waiting", {"items": {}}, "items is not a list"),
        ("DescribeJobs, waiting", {"items": ["a"]}, "cannot be read"),
        ("DescribeJobLogItems", {"items": [None]}, "without items"),
        ("DescribeSourceServers", {}, "without items"),
        ("DescribeSourceServers", {"items": [{}]}, "without items[].sourceServerID"),
        ("DescribeRecoveryInstances", {"items": [{}]}, "without items[].recoveryInstanceID"),
        ("GetServiceQuota", {}, "without Quota.Value"),
        ("GetServiceQuota", {"Quota": {"Value": {}}}, "without Quota.Value"),
    ],
)
def test_json_without_what_was_asked_is_trouble_that_may_pass(
    aws: Sandbox, name: str, answer: Any, reason: str
) -> None:
    operation = name.partition(",")[0]
    aws.add_fault("nonsense", operation=operation, body=json.dumps(answer), content_type="application/json")

    assert reason in str(outcome(CALLS[name]))


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("DescribeInstances", "<DescribeInstancesResponse/>"),
        (
            "DescribeInstances",
            "<DescribeInstancesResponse><reservationSet><item/></reservationSet></DescribeInstancesResponse>",
        ),
        (
            "GetCallerIdentity",
            "<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>",
        ),
        (
            "SimulatePrincipalPolicy",
            "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult/></SimulatePrincipalPolicyResponse>",
        ),
    ],
)
def test_xml_without_what_was_asked_is_trouble_that_may_pass(aws: Sandbox, operation: str, body: str) -> None:
    aws.add_fault("nonsense", operation=operation, body=body, content_type="text/xml")

    assert "without" in str(outcome(CALLS[operation]))


@pytest.mark.parametrize("operation", ["DescribeJobs", "DescribeSourceServers"])
def test_an_empty_list_is_an_answer(aws: Sandbox, operation: str) -> None:
    aws.add_fault("nonsense", operation=operation, body='{"items": []}', content_type="application/json")

    assert CALLS[operation]() == []


def test_instances_that_ec2_does_not_know_are_an_answer(aws: Sandbox) -> None:
    assert CALLS["DescribeInstances"]() == {}


@pytest.mark.parametrize("body", [HTML, "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"])
def test_a_role_that_sts_gives_no_key_for_is_trouble_that_may_pass(
    aws: Sandbox, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    server = {"id": "s-9999999999999999a", "name": "far", "region": "us-east-1", "account": "210987654321"}
    aws.add_servers(server)
    extra = {"role_arn": "arn:aws:iam::210987654321:role/dr-recovery"}
    monkeypatch.setenv("AIRFLOW_CONN_DR_ACCOUNT", json.dumps({"conn_type": "aws", "extra": extra}))
    aws.add_fault("nonsense", operation="AssumeRole", body=body, times=1)
    hooks = TargetClients(Target("dr_account", "us-east-1"))

    assert "AssumeRole" in str(outcome(lambda: hooks.drs.source_servers()))

    assert [found["sourceServerID"] for found in hooks.drs.source_servers()] == [server["id"]]


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_of_a_proxy_is_none_of_aws(aws: Sandbox, status: int) -> None:
    aws.add_fault("nonsense", operation="DescribeJobs", status=status)

    assert f"HTTP {status}" in str(outcome(CALLS["DescribeJobs"]))


def test_a_refusal_of_aws_stays_one(aws: Sandbox) -> None:
    aws.add_fault("error", operation="DescribeJobs", status=403, code="AccessDeniedException")

    with pytest.raises(ClientError, match="AccessDenied") as caught:
        CALLS["DescribeJobs"]()

    assert is_refusal(caught.value)


READS: dict[str, Callable[[Any], Any]] = {
    "GetItem": lambda table: table.get(Key("e", "A")),
    "Query": lambda table: list(table.index_rows(BY_PLAN, "p")),
    "BatchGetItem": lambda table: table.get_many([Key("e", "A")]),
    "TransactGetItems": lambda table: table.get_together([Key("e", "A")]),
    "TransactWriteItems": lambda table: table.transact(
        [Put({"executionId": "e", "recordKey": "A"}, Condition("attribute_not_exists(recordKey)"))]
    ),
}


@pytest.mark.parametrize("body", [HTML, "[]"])
@pytest.mark.parametrize("operation", READS)
def test_the_store_asks_again(
    aws: Sandbox, monkeypatch: pytest.MonkeyPatch, operation: str, body: str
) -> None:
    monkeypatch.setattr(table_module, "wait_random_exponential", lambda **limits: lambda attempt: 0.0)
    table = ExecutionsTable(dynamodb_client(), executions_table_name())
    aws.add_fault("nonsense", operation=operation, body=body, times=2)

    READS[operation](table)

    assert len(aws.calls("dynamodb", operation)) == 3
