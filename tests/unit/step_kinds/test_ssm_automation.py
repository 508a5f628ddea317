"""Automation: started once an attempt, followed to its end, asked for in tens, cancelled."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drs_recovery.steps.ssm_automation import KIND
from sandbox.testing import Sandbox
from tests.unit.step_kinds.conftest import EAST, FAILED, RUNNING, SUCCEEDED, Trial, Try

DOCUMENT = "Prepare-Network"
ARGUMENTS: dict[str, Any] = {"document": DOCUMENT, "parameters": {"Vpc": "vpc-1", "Subnets": ["a", "b"]}}
CONTENT = {
    "schemaVersion": "0.3",
    "parameters": {"Vpc": {"type": "String"}, "Subnets": {"type": "StringList"}},
    "mainSteps": [{"name": "check", "action": "aws:executeAwsApi"}],
}


@pytest.fixture(autouse=True)
def document(recovered: Sandbox) -> None:
    recovered.client("ssm").create_document(
        Name=DOCUMENT, Content=json.dumps(CONTENT), DocumentType="Automation", DocumentFormat="JSON"
    )


def executions(aws: Sandbox) -> list[dict[str, Any]]:
    return list(aws.client("ssm").describe_automation_executions()["AutomationExecutionMetadataList"])


def test_it_is_followed_to_its_success(recovered: Sandbox, attempt: Try) -> None:
    trial = attempt(KIND, ARGUMENTS)
    recovered.add_fault("automation_ends", status="Success", outputs={"check.Vpc": ["vpc-1", "open"]})

    assert trial.start().status is RUNNING
    assert trial.look().status is RUNNING
    recovered.advance(15)
    done = trial.look()

    assert (done.status, done.output) == (SUCCEEDED, "check.Vpc: vpc-1, open")
    (execution,) = executions(recovered)
    started = recovered.client("ssm").get_automation_execution(
        AutomationExecutionId=execution["AutomationExecutionId"]
    )["AutomationExecution"]
    assert started["Parameters"] == {"Vpc": ["vpc-1"], "Subnets": ["a", "b"]}


@pytest.mark.parametrize("fault", [{"as": "500"}, {"as": "reset"}])
def test_a_lost_answer_does_not_start_it_twice(
    recovered: Sandbox, attempt: Try, fault: dict[str, str]
) -> None:
    recovered.add_fault("lost_answer", operation="StartAutomationExecution", times=1, **fault)
    trial = attempt(KIND, ARGUMENTS)

    trial.start()

    assert len(executions(recovered)) == 1


def test_a_killed_worker_does_not_start_it_twice_and_a_new_attempt_does(
    recovered: Sandbox, attempt: Try
) -> None:
    first = attempt(KIND, ARGUMENTS)
    first.start()
    again = first.changed(external_ids={})
    again.start()
    assert again.run.external_ids == first.run.external_ids

    other = first.changed(external_ids={}, token="0b0d1a3e-6f0f-4a55-9d5c-1f3b8f2e9a01", attempt=2)
    other.start()
    assert other.run.external_ids != first.run.external_ids
    assert len(executions(recovered)) == 2


@pytest.mark.parametrize(
    "status", ["Failed", "TimedOut", "Cancelled", "CompletedWithFailure", "Rejected", "Exited"]
)
def test_it_fails_with_its_reason(recovered: Sandbox, attempt: Try, status: str) -> None:
    recovered.add_fault("automation_ends", status=status, message="Step check failed: no route", seconds=1)
    trial = attempt(KIND, ARGUMENTS)
    trial.start()
    recovered.advance(2)

    look = trial.look()

    assert look.status is FAILED
    assert f"{status}: Step check failed: no route" in look.detail


@pytest.mark.parametrize("status", ["Waiting", "PendingApproval", "Sideways"])
def test_what_has_not_ended_or_is_not_known_goes_on(recovered: Sandbox, attempt: Try, status: str) -> None:
    recovered.add_fault("automation_hangs", status=status)
    trial = attempt(KIND, ARGUMENTS)
    trial.start()
    recovered.advance(10_000)
    look = trial.look()
    assert look.status is RUNNING
    assert f"{status} at step check" in look.detail


def test_an_execution_that_is_not_listed_yet_goes_on(attempt: Try) -> None:
    trial = attempt(KIND, ARGUMENTS, external_ids={"automationExecutionId": "0" * 36})
    assert trial.look().status is RUNNING


def test_a_refusal_is_told_in_the_words_of_aws(attempt: Try) -> None:
    with pytest.raises(ClientError, match="AutomationDefinitionNotFoundException"):
        attempt(KIND, {"document": "Unknown-Document"}).start()


def test_it_is_cancelled(recovered: Sandbox, attempt: Try) -> None:
    recovered.add_fault("automation_hangs")
    trial = attempt(KIND, ARGUMENTS)
    trial.start()
    assert "is being cancelled" in str(trial.stop())
    recovered.advance(2)
    assert trial.look().status is FAILED
    assert "had ended" in str(trial.stop())


def test_if_it_is_not_known_whether_it_was_started_people_are_told(attempt: Try) -> None:
    assert "is not known" in str(attempt(KIND, ARGUMENTS).stop())


def test_many_are_asked_for_in_tens(recovered: Sandbox, attempt: Try) -> None:
    trials: list[Trial] = [attempt(KIND, ARGUMENTS) for _ in range(21)]
    keys = []
    for trial in trials:
        trial.start()
        keys += list(KIND.questions(trial.run)[EAST])

    found = KIND.ask(trials[0].run.aws(EAST), keys)

    assert set(found) == set(keys)
    assert len(recovered.calls("ssm", "DescribeAutomationExecutions")) == 3
