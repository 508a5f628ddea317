"""Run Command of Systems Manager, on managed instances."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.testing import ManualWall
from sandbox.world import World
from tests.unit.sandbox.conftest import client
from tests.unit.sandbox.known import DB_1, DB_2

SHELL = "AWS-RunShellScript"
COMMENT = "dr 1234 wave 1 step 2"


@pytest.fixture
def ssm(world: World) -> Any:
    return client("ssm")


@pytest.fixture
def nodes(
    drill: Callable[..., dict[str, str]], instances: Callable[[], list[dict[str, Any]]]
) -> dict[str, str]:
    """Instances of a drill of both database servers, by server."""
    drill()
    return {row["sourceServerID"]: row["ec2InstanceID"] for row in instances()}


@pytest.fixture
def send(ssm: Any) -> Callable[..., str]:
    def begin(*instance_ids: str, **more: Any) -> str:
        request = {"DocumentName": SHELL, "Parameters": {"commands": ["true"]}, "Comment": COMMENT, **more}
        return str(ssm.send_command(InstanceIds=list(instance_ids), **request)["Command"]["CommandId"])

    return begin


@pytest.fixture
def result(ssm: Any) -> Callable[[str, str], dict[str, Any]]:
    def get(command_id: str, instance_id: str) -> dict[str, Any]:
        return dict(ssm.get_command_invocation(CommandId=command_id, InstanceId=instance_id))

    return get


Send = Callable[..., str]
Result = Callable[[str, str], dict[str, Any]]
Fault = Callable[..., None]


def test_each_instance_has_an_invocation_that_the_clock_moves(
    send: Send, result: Result, ssm: Any, nodes: dict[str, str], wall: ManualWall
) -> None:
    command_id = send(*nodes.values())
    told = []
    for seconds in (0, 2, 5):
        wall.advance(seconds)
        told.append({result(command_id, node)["Status"] for node in nodes.values()})
    assert told == [{"Pending"}, {"InProgress"}, {"Success"}]
    (command,) = ssm.list_commands(CommandId=command_id)["Commands"]
    assert (command["Status"], command["CompletedCount"], command["Comment"]) == ("Success", 2, COMMENT)


def test_servers_can_fail_each_for_itself(
    send: Send, result: Result, ssm: Any, nodes: dict[str, str], wall: ManualWall, fault: Fault
) -> None:
    fault("command_ends", server=DB_2, output="checked 3 of 4", error_output="no quorum", exit_code=7)
    fault("command_ends", server=DB_1, status="Success", output="checked 4 of 4")
    command_id = send(*nodes.values())
    wall.advance(10)

    good, bad = result(command_id, nodes[DB_1]), result(command_id, nodes[DB_2])

    assert (good["Status"], good["ResponseCode"]) == ("Success", 0)
    assert good["StandardOutputContent"] == "checked 4 of 4"
    assert (bad["Status"], bad["ResponseCode"], bad["StandardErrorContent"]) == ("Failed", 7, "no quorum")
    (command,) = ssm.list_commands()["Commands"]
    assert (command["Status"], command["ErrorCount"]) == ("Failed", 1)
    listed = ssm.list_command_invocations(CommandId=command_id, Details=True)["CommandInvocations"]
    outputs = {one["InstanceId"]: one["CommandPlugins"][0]["Output"] for one in listed}
    assert outputs == {nodes[DB_1]: "checked 4 of 4", nodes[DB_2]: "checked 3 of 4"}


def test_a_command_that_hangs_ends_at_its_execution_timeout(
    send: Send, result: Result, nodes: dict[str, str], wall: ManualWall, fault: Fault
) -> None:
    fault("command_hangs", server=DB_1)
    command_id = send(nodes[DB_1], Parameters={"commands": ["sleep"], "executionTimeout": ["60"]})
    wall.advance(59)
    assert result(command_id, nodes[DB_1])["Status"] == "InProgress"
    wall.advance(1)
    state = result(command_id, nodes[DB_1])
    assert (state["Status"], state["StatusDetails"]) == ("TimedOut", "Execution Timed Out")


def test_a_command_can_be_cancelled(
    send: Send, result: Result, ssm: Any, nodes: dict[str, str], wall: ManualWall, fault: Fault
) -> None:
    fault("command_hangs")
    command_id = send(*nodes.values())
    ssm.cancel_command(CommandId=command_id, InstanceIds=[nodes[DB_1]])
    assert result(command_id, nodes[DB_1])["Status"] == "Cancelling"
    wall.advance(2)
    assert result(command_id, nodes[DB_1])["Status"] == "Cancelled"
    assert result(command_id, nodes[DB_2])["Status"] == "InProgress"


@pytest.mark.parametrize("known", [True, False])
def test_an_instance_without_an_agent_takes_no_command(
    send: Send, ssm: Any, nodes: dict[str, str], fault: Fault, known: bool
) -> None:
    fault("ssm_agent", server=DB_1)
    wrong = nodes[DB_1] if known else "i-0123456789abcdef0"
    with pytest.raises(ClientError, match=r"InvalidInstanceId.*not in a valid state"):
        send(nodes[DB_2], wrong)
    assert ssm.list_commands()["Commands"] == []
    online = ssm.describe_instance_information()["InstanceInformationList"]
    assert [one["InstanceId"] for one in online] == [nodes[DB_2]]


@pytest.mark.parametrize("how", ["fault", "stopped"])
def test_a_command_for_an_agent_that_is_lost_is_never_delivered(
    send: Send,
    result: Result,
    ssm: Any,
    ec2: Any,
    nodes: dict[str, str],
    wall: ManualWall,
    fault: Fault,
    how: str,
) -> None:
    if how == "fault":
        fault("ssm_agent", server=DB_1, state="lost")
    else:
        ec2.stop_instances(InstanceIds=[nodes[DB_1]])
    filters = [{"Key": "PingStatus", "Values": ["ConnectionLost"]}]
    (lost,) = ssm.describe_instance_information(Filters=filters)["InstanceInformationList"]
    assert lost["InstanceId"] == nodes[DB_1]
    command_id = send(nodes[DB_1], TimeoutSeconds=30)
    wall.advance(29)
    assert result(command_id, nodes[DB_1])["Status"] == "Pending"
    wall.advance(1)
    state = result(command_id, nodes[DB_1])
    assert (state["Status"], state["StatusDetails"]) == ("TimedOut", "Delivery Timed Out")


def test_a_terminated_instance_is_managed_no_more(send: Send, ec2: Any, nodes: dict[str, str]) -> None:
    ec2.terminate_instances(InstanceIds=[nodes[DB_1]])
    with pytest.raises(ClientError, match="InvalidInstanceId"):
        send(nodes[DB_1])


def test_a_command_is_found_by_its_time_document_and_comment(
    send: Send, ssm: Any, nodes: dict[str, str], wall: ManualWall
) -> None:
    send(nodes[DB_1])
    wall.advance(60)
    second = send(nodes[DB_2], Comment="another")
    after = datetime.fromtimestamp(wall.seconds - 30, UTC).isoformat()
    filters = [{"key": "InvokedAfter", "value": after}, {"key": "DocumentName", "value": SHELL}]

    (found,) = ssm.list_commands(Filters=filters)["Commands"]
    (invocation,) = ssm.list_command_invocations(Filters=filters)["CommandInvocations"]

    assert (found["CommandId"], found["Comment"], invocation["Comment"]) == (second, "another", "another")


def test_invocations_come_in_pages(send: Send, ssm: Any, nodes: dict[str, str], fault: Fault) -> None:
    command_id = send(*nodes.values())
    fault("page_size", operation="ListCommandInvocations", size=1)
    pages = list(ssm.get_paginator("list_command_invocations").paginate(CommandId=command_id))
    assert [len(page["CommandInvocations"]) for page in pages] == [1, 1]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"DocumentName": "Unknown"}, "InvalidDocument"),
        ({"Parameters": {"command": ["true"]}}, r"InvalidParameters.*no parameter command"),
        ({"Comment": "c" * 101}, "ValidationException.*Comment"),
    ],
)
def test_what_does_not_fit_is_refused(
    send: Send, nodes: dict[str, str], request_: dict[str, Any], error: str
) -> None:
    with pytest.raises(ClientError, match=error):
        send(nodes[DB_1], **request_)
