"""A proxy answers in the place of AWS for a while: no step crashes, nothing is concluded from it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.testing import Sandbox
from tests.plan_documents import database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]


@pytest.fixture
def opened(steps_of: StepsOf) -> Steps:
    steps = steps_of(plan(database()))
    steps.open()
    return steps


@pytest.fixture
def launched(aws: Sandbox, opened: Steps) -> Steps:
    opened.start()
    aws.advance(600)
    opened.wait()
    return opened


@pytest.mark.parametrize(
    ("operation", "execution_type"),
    [("DescribeSourceServers", "DRILL"), ("DescribeSourceServers", "RECOVERY"), ("DescribeJobs", "DRILL")],
)
def test_an_opening_finds_its_servers_when_aws_answers_again(
    aws: Sandbox, steps_of: StepsOf, operation: str, execution_type: str
) -> None:
    steps = steps_of(plan(database()))
    aws.add_fault("nonsense", operation=operation)
    deferred(lambda: steps.open(execution_type=execution_type))
    assert f"the response to {operation} is not an answer of AWS" in steps.document["waitingFor"]["message"]
    assert "do not exist" not in str(steps.document)
    assert steps.document["status"] == "PENDING"
    aws.clear_faults()

    steps.open(execution_type=execution_type)

    assert len(steps.document["waves"][0]["serverStatuses"]) == 2


def test_a_start_whose_answer_was_replaced_is_not_repeated(aws: Sandbox, opened: Steps) -> None:
    aws.add_fault("nonsense", operation="StartRecovery", carried_out=True, times=1)

    deferred(opened.start)
    opened.start()

    assert len(aws.calls("drs", "StartRecovery")) == 1
    assert "JOB_ADOPTED" in opened.events


def test_a_wait_says_what_came_back_and_goes_on(aws: Sandbox, opened: Steps) -> None:
    opened.start()
    aws.advance(600)
    aws.add_fault("nonsense", operation="DescribeJobs", times=1)

    deferred(opened.wait)
    told = opened.document["waves"][0]["lastPollError"]["message"]
    opened.wait()

    assert "DescribeJobs is not an answer of AWS: HTTP 200" in told
    assert {server["launchStatus"] for server in opened.document["waves"][0]["serverStatuses"]} == {
        "LAUNCHED"
    }


@pytest.mark.parametrize("operation", ["DescribeInstances", "DescribeRecoveryInstances"])
def test_details_come_when_aws_answers_again(aws: Sandbox, launched: Steps, operation: str) -> None:
    aws.add_fault("nonsense", operation=operation, times=1)

    deferred(launched.enrich)
    launched.enrich()

    assert launched.document["waves"][0]["progress"]["ready"] == 2


@pytest.mark.parametrize("operation", ["DescribeInstances", "DescribeRecoveryInstances"])
def test_an_end_waits_for_the_details_of_what_launched(aws: Sandbox, launched: Steps, operation: str) -> None:
    aws.add_fault("nonsense", operation=operation, times=1)

    deferred(launched.finalize)
    launched.finalize()

    assert launched.document["status"] == "COMPLETED"
    servers = launched.document["waves"][0]["serverStatuses"]
    assert {(server["phase"], "instanceId" in server) for server in servers} == {("READY", True)}
