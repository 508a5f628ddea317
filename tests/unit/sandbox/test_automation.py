"""Automation of Systems Manager: started once, followed by the clock, stopped."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.testing import ManualWall
from sandbox.world import World
from tests.unit.sandbox.conftest import client

TOKEN = "0b0d1a3e-6f0f-4a55-9d5c-1f3b8f2e9a01"
DOCUMENT = "Prepare-Network"
CONTENT = {
    "schemaVersion": "0.3",
    "parameters": {"Vpc": {"type": "StringList"}, "Mode": {"type": "String", "default": "open"}},
    "mainSteps": [
        {"name": "check", "action": "aws:executeAwsApi"},
        {"name": "attach", "action": "aws:executeAwsApi"},
    ],
}
# Simulated seconds that the document takes.
USUAL = 30.0


@pytest.fixture
def ssm(world: World) -> Any:
    ssm = client("ssm")
    ssm.create_document(
        Name=DOCUMENT, Content=json.dumps(CONTENT), DocumentType="Automation", DocumentFormat="JSON"
    )
    return ssm


@pytest.fixture
def start(ssm: Any) -> Callable[..., str]:
    def begin(**more: Any) -> str:
        request = {"DocumentName": DOCUMENT, "Parameters": {"Vpc": ["vpc-1"]}, **more}
        return str(ssm.start_automation_execution(**request)["AutomationExecutionId"])

    return begin


@pytest.fixture
def execution(ssm: Any) -> Callable[[str], dict[str, Any]]:
    def get(execution_id: str) -> dict[str, Any]:
        answer = ssm.get_automation_execution(AutomationExecutionId=execution_id)
        return dict(answer["AutomationExecution"])

    return get


def test_it_goes_through_its_steps_to_success(
    start: Callable[..., str], execution: Callable[[str], dict[str, Any]], wall: ManualWall
) -> None:
    execution_id = start()
    assert execution(execution_id)["AutomationExecutionStatus"] == "Pending"
    wall.advance(20)
    state = execution(execution_id)
    assert (state["AutomationExecutionStatus"], state["CurrentStepName"]) == ("InProgress", "attach")
    assert [one["StepStatus"] for one in state["StepExecutions"]] == ["Success", "InProgress"]
    wall.advance(10)
    state = execution(execution_id)
    assert state["AutomationExecutionStatus"] == "Success"
    assert (state["ExecutionEndTime"] - state["ExecutionStartTime"]).total_seconds() == USUAL
    assert state["Parameters"] == {"Vpc": ["vpc-1"], "Mode": ["open"]}


def test_the_same_token_gives_the_same_execution(start: Callable[..., str], ssm: Any) -> None:
    assert start(ClientToken=TOKEN) == start(ClientToken=TOKEN)

    with pytest.raises(ssm.exceptions.IdempotentParameterMismatch):
        start(ClientToken=TOKEN, Parameters={"Vpc": ["vpc-2"]})
    assert len(ssm.describe_automation_executions()["AutomationExecutionMetadataList"]) == 1


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"DocumentName": "Unknown"}, "AutomationDefinitionNotFoundException"),
        ({"DocumentName": "AWS-RunShellScript"}, "AutomationDefinitionNotFoundException"),
        ({"Parameters": {}}, "ValidationException"),
        ({"Parameters": {"Mode": ["shut"]}}, "InvalidAutomationExecutionParametersException.*needs Vpc"),
        (
            {"Parameters": {"Vpc": ["v"], "vpc": ["v"]}},
            "InvalidAutomationExecutionParametersException.*no parameter vpc",
        ),
        ({"Parameters": {"Vpc": ["v"], "Mode": ["a", "b"]}}, "takes one value, not 2"),
        ({"DocumentVersion": "7"}, "no version 7"),
    ],
)
def test_what_does_not_fit_is_refused(
    start: Callable[..., str], request_: dict[str, Any], error: str
) -> None:
    with pytest.raises(ClientError, match=error):
        start(**request_)


@pytest.mark.parametrize("status", ["Failed", "TimedOut", "CompletedWithFailure", "Success", "Sideways"])
def test_it_can_end_in_any_way(
    start: Callable[..., str],
    execution: Callable[[str], dict[str, Any]],
    fault: Callable[..., None],
    wall: ManualWall,
    status: str,
) -> None:
    fault("automation_ends", status=status, seconds=90, message="no", outputs={"attach.Id": ["a"]}, times=1)
    execution_id = start()
    wall.advance(USUAL)
    assert execution(execution_id)["AutomationExecutionStatus"] == "InProgress"
    wall.advance(60)
    state = execution(execution_id)
    assert (state["AutomationExecutionStatus"], state["FailureMessage"]) == (status, "no")
    assert state["Outputs"] == {"attach.Id": ["a"]}
    other = start()
    wall.advance(USUAL)
    assert execution(other)["AutomationExecutionStatus"] == "Success"


def test_it_can_hang_and_be_stopped(
    start: Callable[..., str],
    execution: Callable[[str], dict[str, Any]],
    fault: Callable[..., None],
    ssm: Any,
    wall: ManualWall,
) -> None:
    fault("automation_hangs", document=DOCUMENT, status="Waiting")
    execution_id = start()
    wall.advance(100_000)
    assert execution(execution_id)["AutomationExecutionStatus"] == "Waiting"

    ssm.stop_automation_execution(AutomationExecutionId=execution_id, Type="Cancel")
    assert execution(execution_id)["AutomationExecutionStatus"] == "Cancelling"
    wall.advance(2)
    assert execution(execution_id)["AutomationExecutionStatus"] == "Cancelled"
    with pytest.raises(ssm.exceptions.InvalidAutomationStatusUpdateException):
        ssm.stop_automation_execution(AutomationExecutionId=execution_id)


def test_unknown_executions_are_not_found(ssm: Any) -> None:
    with pytest.raises(ssm.exceptions.AutomationExecutionNotFoundException):
        ssm.get_automation_execution(AutomationExecutionId=str(uuid.uuid4()))


def test_executions_are_described_in_batches_of_ten_ids(start: Callable[..., str], ssm: Any) -> None:
    ids = [start() for _ in range(12)]

    def described(*wanted: str) -> list[str]:
        filters = [{"Key": "ExecutionId", "Values": list(wanted)}]
        rows = ssm.describe_automation_executions(Filters=filters)["AutomationExecutionMetadataList"]
        return [row["AutomationExecutionId"] for row in rows]

    assert sorted(described(*ids[:10])) == sorted(ids[:10])
    with pytest.raises(ClientError, match="less than or equal to 10"):
        described(*ids)


def test_executions_come_in_pages(start: Callable[..., str], ssm: Any, fault: Callable[..., None]) -> None:
    ids = {start() for _ in range(3)}
    fault("page_size", operation="DescribeAutomationExecutions", size=2)
    fault("empty_page_with_token", operation="DescribeAutomationExecutions")

    pages = list(ssm.get_paginator("describe_automation_executions").paginate())

    assert [len(page["AutomationExecutionMetadataList"]) for page in pages] == [0, 2, 1]
    found = {
        row["AutomationExecutionId"] for page in pages for row in page["AutomationExecutionMetadataList"]
    }
    assert found == ids


@pytest.mark.parametrize(
    ("key", "value", "fits"),
    [
        ("ExecutionStatus", "Pending", True),
        ("ExecutionStatus", "Success", False),
        ("DocumentNamePrefix", "Prepare", True),
        ("StartTimeAfter", "2020-01-01T00:00:00Z", True),
        ("StartTimeBefore", "2020-01-01T00:00:00Z", False),
        ("TagKey", "dr:executionId", True),
    ],
)
def test_executions_can_be_filtered(
    start: Callable[..., str], ssm: Any, key: str, value: str, fits: bool
) -> None:
    start(Tags=[{"Key": "dr:executionId", "Value": "1"}])
    answer = ssm.describe_automation_executions(Filters=[{"Key": key, "Values": [value]}])
    assert bool(answer["AutomationExecutionMetadataList"]) == fits


def test_documents_of_aws_are_there_in_every_account(ssm: Any) -> None:
    document = ssm.describe_document(Name="AWS-RestartEC2Instance")["Document"]
    assert (document["DocumentType"], document["Owner"]) == ("Automation", "Amazon")
    assert ssm.start_automation_execution(
        DocumentName="AWS-RestartEC2Instance", Parameters={"InstanceId": ["i-1"]}
    )["AutomationExecutionId"]
