"""Requests are judged by the policies of their key or role, as IAM judges them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.testing import AT_ONCE, Sandbox, running_sandbox

DB_1 = "s-1111111111111111a"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/t"
ROLE = "arn:aws:iam::123456789012:role/engine"


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[Sandbox]:
    with running_sandbox(speed=AT_ONCE) as sandbox:
        yield sandbox


@pytest.fixture
def server(one_sandbox: Sandbox) -> Sandbox:
    """A sandbox with the table ``t``."""
    one_sandbox.reset()
    one_sandbox.client("dynamodb").create_table(
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return one_sandbox


def allow(action: str | list[str], resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Sid": "S", "Effect": "Allow", "Action": action, "Resource": resource, **more}


def judged(server: Sandbox, service: str, *statements: dict[str, Any]) -> Any:
    """A client whose requests are judged."""
    server.enforce({"judged": [{"Statement": list(statements)}]})
    return server.client(service, aws_access_key_id="judged")


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


def delete(name: str) -> dict[str, Any]:
    return {"Delete": {"TableName": "t", "Key": key(name)}}


def refusal(call: Any, **arguments: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    answer = refused.value.response
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return answer["Error"]["Code"], status, answer["Error"]["Message"]


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "code", "status", "action"),
    [
        (
            "dynamodb",
            "get_item",
            {"TableName": "t", "Key": {"id": {"S": "x"}}},
            "AccessDeniedException",
            400,
            "dynamodb:GetItem",
        ),
        ("drs", "describe_source_servers", {}, "AccessDeniedException", 403, "drs:DescribeSourceServers"),
        ("ec2", "describe_instances", {}, "UnauthorizedOperation", 403, "ec2:DescribeInstances"),
        ("sns", "publish", {"TopicArn": "arn:t", "Message": "m"}, "AuthorizationError", 403, "sns:Publish"),
        ("iam", "get_role", {"RoleName": "engine"}, "AccessDenied", 403, "iam:GetRole"),
        (
            "cloudwatch",
            "put_metric_data",
            {"Namespace": "N", "MetricData": []},
            "AccessDenied",
            403,
            "cloudwatch:PutMetricData",
        ),
    ],
)
def test_each_service_refuses_in_its_own_form(
    server: Sandbox,
    service: str,
    operation: str,
    arguments: dict[str, Any],
    code: str,
    status: int,
    action: str,
) -> None:
    client = judged(server, service, allow("s3:*"))

    told = refusal(getattr(client, operation), **arguments)

    assert told[:2] == (code, status)
    assert f"user/judged is not authorized to perform: {action} on resource: " in told[2]
    assert [one["action"] for one in server.judged()["refused"]] == [action]


def test_other_keys_are_not_judged(server: Sandbox) -> None:
    judged(server, "drs", allow("s3:*"))

    assert server.client("drs").describe_source_servers()["items"]
    assert server.judged() == {"refused": [], "used": []}


def test_a_transaction_takes_the_rights_of_its_parts_on_their_partitions(server: Sandbox) -> None:
    queue = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "queue:*"}}
    client = judged(
        server, "dynamodb", allow("dynamodb:PutItem"), allow("dynamodb:DeleteItem", TABLE, Condition=queue)
    )

    put = {"Put": {"TableName": "t", "Item": key("execution")}}
    client.transact_write_items(TransactItems=[put, delete("queue:1")])
    refused = refusal(client.transact_write_items, TransactItems=[delete("queue:1"), delete("execution")])

    assert refused[0] == "AccessDeniedException"
    assert server.judged()["used"] == [
        {"statement": "S", "action": "dynamodb:DeleteItem"},
        {"statement": "S", "action": "dynamodb:PutItem"},
    ]
    (told,) = server.judged()["refused"]
    assert told["context"] == {"dynamodb:leadingkeys": ["execution"]}
    assert server.client("dynamodb").get_item(TableName="t", Key=key("execution"))["Item"]


def test_tags_of_a_start_are_tagging_of_its_job(server: Sandbox) -> None:
    start = allow("drs:StartRecovery", f"arn:aws:drs:*:123456789012:source-server/{DB_1}")
    request: dict[str, Any] = {"sourceServers": [{"sourceServerID": DB_1}], "tags": {"dr:wave": "1"}}
    client = judged(server, "drs", start)
    assert "drs:TagResource on resource: arn:aws:drs:us-east-1:123456789012:job/" in str(
        refusal(client.start_recovery, **request)
    )

    created = {"StringEquals": {"drs:CreateAction": "StartRecovery"}}
    client = judged(server, "drs", start, allow("drs:TagResource", Condition=created))
    assert client.start_recovery(**request)["job"]["jobID"]


def test_metrics_are_fenced_by_their_namespace(server: Sandbox) -> None:
    mine = {"StringEquals": {"cloudwatch:namespace": "Mine"}}
    client = judged(server, "cloudwatch", allow("cloudwatch:PutMetricData", Condition=mine))
    data = [{"MetricName": "m", "Value": 1.0}]

    client.put_metric_data(Namespace="Mine", MetricData=data)
    assert refusal(client.put_metric_data, Namespace="Other", MetricData=data)[0] == "AccessDenied"


def test_a_session_has_the_rights_of_its_role(server: Sandbox) -> None:
    server.client("iam").create_role(RoleName="engine", AssumeRolePolicyDocument="{}")
    server.enforce({ROLE: [{"Statement": [allow("drs:DescribeJobs")]}]})
    session = server.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="ss")["Credentials"]
    client = server.client(
        "drs",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )

    assert client.describe_jobs()["items"] == []
    assert "assumed-role/engine/ss is not authorized" in refusal(client.describe_source_servers)[2]


OF_AWS = "arn:aws:ssm:us-east-1::document/AWS-RunShellScript"


def test_a_command_takes_rights_on_its_document_and_each_instance(server: Sandbox) -> None:
    instances = [f"i-0123456789abcdef{digit}" for digit in (0, 1)]
    request: dict[str, Any] = {
        "DocumentName": "AWS-RunShellScript",
        "InstanceIds": instances,
        "Parameters": {"commands": ["true"]},
    }
    one = f"arn:aws:ec2:us-east-1:123456789012:instance/{instances[0]}"
    client = judged(server, "ssm", allow("ssm:SendCommand", OF_AWS), allow("ssm:SendCommand", one))

    assert instances[1] in refusal(client.send_command, **request)[2]

    both = "arn:aws:ec2:*:123456789012:instance/*"
    client = judged(server, "ssm", allow("ssm:SendCommand", OF_AWS), allow("ssm:SendCommand", both))
    assert refusal(client.send_command, **request)[0] == "InvalidInstanceId"


def test_an_automation_takes_rights_on_its_document_and_on_executions(server: Sandbox) -> None:
    request: dict[str, Any] = {"DocumentName": "AWS-StopEC2Instance", "Parameters": {"InstanceId": ["i-1"]}}
    document = allow("ssm:StartAutomationExecution", "arn:aws:ssm:*::document/AWS-StopEC2Instance")
    execution = "arn:aws:ssm:*:123456789012:automation-execution/*"
    client = judged(server, "ssm", document)
    assert "automation-execution/" in refusal(client.start_automation_execution, **request)[2]

    actions = ["ssm:StartAutomationExecution", "ssm:GetAutomationExecution"]
    client = judged(server, "ssm", document, allow(actions, execution))
    execution_id = client.start_automation_execution(**request)["AutomationExecutionId"]
    assert client.get_automation_execution(AutomationExecutionId=execution_id)["AutomationExecution"]
    stopped = refusal(client.stop_automation_execution, AutomationExecutionId=execution_id)
    assert "ssm:StopAutomationExecution" in stopped[2]
