"""Lambda: functions that take their time and fail, and durable ones that run once for a name."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from sandbox.testing import AT_ONCE, Sandbox, running_sandbox

NAME = "3a9c1f0e-wave-1-step-2-attempt-1"
EVENT = {"executionId": "e", "wave": 1}


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[Sandbox]:
    with running_sandbox(speed=AT_ONCE) as sandbox:
        yield sandbox


@pytest.fixture
def server(one_sandbox: Sandbox) -> Sandbox:
    """A sandbox with the functions ``plain`` and ``durable``."""
    one_sandbox.reset()
    one_sandbox.set_speed(AT_ONCE)
    one_sandbox.add_function("plain", timeout=60)
    one_sandbox.add_function("durable", timeout=3600, durable=True)
    return one_sandbox


@pytest.fixture
def lambda_(server: Sandbox) -> Any:
    return server.client("lambda", config=Config(read_timeout=5, retries={"max_attempts": 0}))


def invoke(client: Any, function: str = "plain", **more: Any) -> dict[str, Any]:
    answer = client.invoke(FunctionName=function, **{"Payload": json.dumps(EVENT), **more})
    return {**answer, "Payload": answer["Payload"].read().decode()}


def start(client: Any, name: str = NAME, **more: Any) -> str:
    """Start the durable function, and return the ARN of its execution."""
    about = {"InvocationType": "Event", "DurableExecutionName": name, "Qualifier": "$LATEST"}
    return str(invoke(client, "durable", **about, **more)["DurableExecutionArn"])


def execution(client: Any, arn: str) -> dict[str, Any]:
    return dict(client.get_durable_execution(DurableExecutionArn=arn))


def test_a_function_answers_with_its_event_and_is_on_record(server: Sandbox, lambda_: Any) -> None:
    answer = invoke(lambda_, LogType="Tail")

    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads(answer["Payload"]) == EVENT
    assert "FunctionError" not in answer
    assert base64.b64decode(answer["LogResult"]).startswith(b"START RequestId")
    (run,) = server.invocations()
    assert (run["function"], run["type"], run["payload"]) == ("plain", "RequestResponse", EVENT)


def test_a_failed_function_answers_200_with_an_error(server: Sandbox, lambda_: Any) -> None:
    server.add_fault("function_ends", function="plain", message="no licence", times=1)

    answer = invoke(lambda_)

    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.loads(answer["Payload"])["errorMessage"] == "no licence"
    assert "FunctionError" not in invoke(lambda_)


def test_a_function_can_answer_anything(server: Sandbox, lambda_: Any) -> None:
    server.add_fault("function_ends", error="none", payload={"done": [1]})
    assert json.loads(invoke(lambda_)["Payload"]) == {"done": [1]}


def test_a_call_lasts_as_long_as_the_function(server: Sandbox, lambda_: Any) -> None:
    server.set_speed(100)
    server.add_fault("function_ends", error="none", seconds=50)
    began = time.monotonic()

    invoke(lambda_)

    assert time.monotonic() - began >= 0.5


def test_a_function_runs_although_its_caller_gave_up(server: Sandbox) -> None:
    server.set_speed(1)
    client = server.client("lambda", config=Config(read_timeout=0.2, retries={"max_attempts": 0}))
    with pytest.raises(ReadTimeoutError):
        invoke(client)
    assert len(server.invocations()) == 1


def test_a_function_that_hangs_ends_at_its_timeout(server: Sandbox, lambda_: Any) -> None:
    server.add_fault("function_hangs", function="plain")
    answer = invoke(lambda_)
    assert answer["FunctionError"] == "Unhandled"
    assert "timed out after 60.00 seconds" in answer["Payload"]


def test_an_event_is_taken_without_waiting_and_a_dry_run_runs_nothing(server: Sandbox, lambda_: Any) -> None:
    server.set_speed(0.001)
    assert invoke(lambda_, InvocationType="Event")["StatusCode"] == 202
    assert invoke(lambda_, InvocationType="DryRun")["StatusCode"] == 204
    assert [run["type"] for run in server.invocations()] == ["Event"]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"FunctionName": "unknown"}, "ResourceNotFoundException"),
        ({"Qualifier": "7"}, "ResourceNotFoundException"),
        ({"Payload": "{"}, "InvalidRequestContentException"),
        ({"Payload": json.dumps("x" * 1_048_576), "InvocationType": "Event"}, "RequestTooLargeException"),
        ({"DurableExecutionName": NAME}, "InvalidParameterValueException"),
        ({"FunctionName": "durable"}, "InvalidParameterValueException.*version or an alias"),
    ],
)
def test_what_does_not_fit_is_refused(lambda_: Any, request_: dict[str, Any], error: str) -> None:
    with pytest.raises(ClientError, match=error):
        lambda_.invoke(**{"FunctionName": "plain", "Payload": "{}", **request_})


def test_a_durable_function_runs_once_for_a_name(server: Sandbox, lambda_: Any) -> None:
    assert start(lambda_) == start(lambda_)

    with pytest.raises(lambda_.exceptions.DurableExecutionAlreadyStartedException):
        start(lambda_, Payload="{}")
    assert start(lambda_, name="other") != start(lambda_)
    assert [run["durableExecutionName"] for run in server.invocations()] == [NAME, "other"]


def test_a_durable_execution_is_followed_to_its_result(server: Sandbox, lambda_: Any) -> None:
    server.set_speed(0.001)
    server.add_fault("function_ends", error="none", payload={"synced": True}, seconds=600)
    arn = start(lambda_)
    running = execution(lambda_, arn)
    assert (running["Status"], running["DurableExecutionName"]) == ("RUNNING", NAME)
    assert json.loads(running["InputPayload"]) == EVENT

    server.advance(600)

    done = execution(lambda_, arn)
    assert (done["Status"], json.loads(done["Result"])) == ("SUCCEEDED", {"synced": True})
    assert done["EndTimestamp"] >= done["StartTimestamp"]
    by_arn = "arn:aws:lambda:us-east-1:123456789012:function:durable"
    for function in ("durable", by_arn):
        (listed,) = lambda_.list_durable_executions_by_function(
            FunctionName=function, DurableExecutionName=NAME, Statuses=["SUCCEEDED"]
        )["DurableExecutions"]
        assert listed["DurableExecutionArn"] == arn


@pytest.mark.parametrize(("kind", "status"), [("function_ends", "FAILED"), ("function_hangs", "TIMED_OUT")])
def test_a_durable_execution_can_fail(server: Sandbox, lambda_: Any, kind: str, status: str) -> None:
    server.add_fault(kind, function="durable")
    told = execution(lambda_, start(lambda_))
    assert told["Status"] == status
    assert told["Error"]["ErrorMessage"]


def test_a_durable_execution_can_be_stopped(server: Sandbox, lambda_: Any) -> None:
    server.set_speed(0.001)
    arn = start(lambda_)
    lambda_.stop_durable_execution(DurableExecutionArn=arn)
    assert execution(lambda_, arn)["Status"] == "STOPPED"


def test_an_unknown_execution_is_not_found(lambda_: Any) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:durable:$LATEST/durable-execution/a/b"
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        execution(lambda_, arn)


def test_a_function_tells_whether_it_is_durable(lambda_: Any) -> None:
    told = {name: lambda_.get_function_configuration(FunctionName=name) for name in ("plain", "durable")}
    assert "DurableConfig" not in told["plain"]
    assert told["durable"]["DurableConfig"]["ExecutionTimeout"] == 3600


def test_a_described_function_that_does_not_fit_is_refused(server: Sandbox) -> None:
    with pytest.raises(Exception, match="did you mean durable"):
        server.add_function("f", durabel=True)


def test_rights_are_those_on_the_function_and_its_qualifier(server: Sandbox, lambda_: Any) -> None:
    arn = start(lambda_)
    of_durable = "arn:aws:lambda:us-east-1:123456789012:function:durable:*"
    statement = {
        "Effect": "Allow",
        "Action": ["lambda:InvokeFunction", "lambda:GetDurableExecution"],
        "Resource": of_durable,
    }
    server.enforce({"judged": [{"Statement": [statement]}]})
    client = server.client("lambda", aws_access_key_id="judged")

    assert start(client) == arn
    assert execution(client, arn)["Status"] == "SUCCEEDED"
    for refused in (lambda: invoke(client), lambda: client.stop_durable_execution(DurableExecutionArn=arn)):
        with pytest.raises(ClientError, match="AccessDeniedException"):
            refused()
    assert [one["action"] for one in server.judged()["refused"]] == [
        "lambda:InvokeFunction",
        "lambda:StopDurableExecution",
    ]
