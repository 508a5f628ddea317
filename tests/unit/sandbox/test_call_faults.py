"""Faults of single calls, over HTTP, of any service."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from sandbox.testing import Sandbox
from tests.unit.sandbox.known import DB_1

NO_RETRIES = Config(retries={"max_attempts": 0})
START = {"sourceServers": [{"sourceServerID": DB_1}], "isDrill": True}


@pytest.fixture
def drs(server: Sandbox) -> Any:
    return server.client("drs", config=NO_RETRIES)


def outcome(call: Any) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except ConnectionClosedError:
        return "closed"
    return "ok"


@pytest.mark.parametrize(
    ("asked", "told"),
    [(3, "3"), (86400, "86400"), (10**14, "1" + 14 * "0"), ("soon", "soon"), ("²", "²")],
)
def test_throttling_says_when_to_come_back(server: Sandbox, drs: Any, asked: Any, told: str) -> None:
    throttled = {"status": 429, "code": "ThrottlingException", "retry_after": asked}
    server.add_fault("error", operation="DescribeJobs", **throttled)
    with pytest.raises(drs.exceptions.ThrottlingException) as error:
        drs.describe_jobs()
    metadata = error.value.response["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], metadata["HTTPHeaders"]["retry-after"]) == (429, told)


def test_every_third_call_can_fail(server: Sandbox, drs: Any) -> None:
    server.add_fault("error", operation="DescribeJobs", status=500, code="InternalServerException", every=3)
    assert [outcome(drs.describe_jobs) for _ in range(6)] == [
        "ok", "ok", "InternalServerException", "ok", "ok", "InternalServerException",
    ]  # fmt: skip


def test_calls_can_be_let_through_first_and_the_fault_can_end(server: Sandbox, drs: Any) -> None:
    server.add_fault("reset", service="drs", after=1, times=2)
    assert [outcome(drs.describe_jobs) for _ in range(4)] == ["ok", "closed", "closed", "ok"]


def test_a_fault_can_end_by_time(server: Sandbox, drs: Any) -> None:
    server.add_fault("expired_token", for_seconds=0.05)
    assert outcome(drs.describe_jobs) == "ExpiredTokenException"
    time.sleep(0.06)
    assert outcome(drs.describe_jobs) == "ok"


def test_other_operations_services_and_regions_are_left_alone(server: Sandbox, drs: Any) -> None:
    server.add_fault("reset", service="drs", operation="DescribeJobs", region="us-east-1")
    west = server.client("drs", "us-west-2", config=NO_RETRIES)
    dynamodb = server.client("dynamodb", config=NO_RETRIES)
    calls = [drs.describe_jobs, drs.describe_source_servers, west.describe_jobs, dynamodb.list_tables]
    assert [outcome(call) for call in calls] == ["closed", "ok", "ok", "ok"]


@pytest.mark.parametrize(("form", "seen"), [("500", "InternalServerException"), ("reset", "closed")])
def test_the_answer_of_a_call_that_was_carried_out_can_be_lost(
    server: Sandbox, drs: Any, form: str, seen: str
) -> None:
    server.set_speed(1)
    server.add_fault("lost_answer", operation="StartRecovery", times=1, **{"as": form})
    assert outcome(lambda: drs.start_recovery(**START)) == seen
    assert len(drs.describe_jobs()["items"]) == 1
    assert outcome(lambda: drs.start_recovery(**START)) == "ConflictException"


def test_a_call_can_be_slow(server: Sandbox, drs: Any) -> None:
    server.add_fault("delay", seconds=0.05, times=1)
    began = time.monotonic()
    drs.describe_jobs()
    assert time.monotonic() - began >= 0.05


def test_an_answer_can_be_late_after_the_call_was_carried_out(server: Sandbox, drs: Any) -> None:
    server.add_fault("late_answer", operation="StartRecovery", seconds=30)
    hasty = server.client("drs", config=Config(retries={"max_attempts": 0}, read_timeout=0.5))
    with pytest.raises(ReadTimeoutError):
        hasty.start_recovery(**START)
    assert len(drs.describe_jobs()["items"]) == 1
    assert [call["status"] for call in server.calls(operation="StartRecovery")] == [202]


def test_a_delayed_call_can_fail_too(server: Sandbox, drs: Any) -> None:
    server.add_fault("reset", times=1)
    server.add_fault("delay", seconds=0.01, times=1)
    assert outcome(drs.describe_jobs) == "closed"


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("ec2", "describe_instances", {}),
        ("dynamodb", "list_tables", {}),
        ("sns", "list_topics", {}),
        ("ssm", "describe_parameters", {}),
        ("s3", "list_buckets", {}),
        ("sts", "get_caller_identity", {}),
        ("cloudwatch", "list_metrics", {}),
        ("lambda", "list_functions", {}),
        ("cloudformation", "list_stacks", {}),
        ("iam", "list_roles", {}),
        ("service-quotas", "list_aws_default_service_quotas", {"ServiceCode": "drs"}),
    ],
)
def test_every_service_answers_and_can_be_made_to_fail(
    server: Sandbox, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    call = getattr(server.client(service, config=NO_RETRIES), operation)
    assert outcome(lambda: call(**arguments)) == "ok"
    server.add_fault("error", status=503, code="Unavailable", message="<not> & now", times=1)
    with pytest.raises(ClientError, match="<not> & now") as error:
        call(**arguments)
    assert error.value.response["Error"]["Code"] in ("Unavailable", "503")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert [(call["status"], call["fault"]) for call in server.calls()] == [(200, None), (503, "error")]


def test_an_operation_that_moto_lacks_is_answered_with_its_name(server: Sandbox) -> None:
    ec2 = server.client("ec2", config=NO_RETRIES)
    with pytest.raises(ClientError, match="describe_fpga_images") as error:
        ec2.describe_fpga_images()
    assert error.value.response["Error"]["Code"] == "NotImplemented"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
