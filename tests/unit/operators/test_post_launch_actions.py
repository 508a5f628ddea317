"""Post-launch actions of DRS: awaited in drills, too, and before the patience for details begins."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

WITH_ACTION = "s-7777777777777777a"
A_LAUNCH, ITS_ACTIONS = 600, 700


@pytest.fixture
def started(aws: Sandbox, steps_of: StepsOf) -> Callable[..., Steps]:
    """A drill of one server with an action, as its launch settings ask."""

    def start(**fields: Any) -> Steps:
        action = {"name": "Join the domain"}
        aws.add_servers(
            {"id": WITH_ACTION, "name": "with-action", "region": "us-east-1", "actions": [action]}
        )
        steps = steps_of(plan({"groups": ["all"]}, groups={"all": {"servers": [WITH_ACTION]}}, **fields))
        steps.open()
        steps.start()
        aws.advance(A_LAUNCH)
        return steps

    return start


def test_a_drill_waits_for_its_actions_as_a_recovery_does(
    aws: Sandbox, started: Callable[..., Steps]
) -> None:
    steps = started()
    deferred(steps.wait)
    assert steps.server("with-action")["phase"] == "POST_LAUNCH"

    aws.advance(ITS_ACTIONS)

    assert steps.wait() == {"launched": 1, "failed": 0}
    steps.enrich()
    server = steps.server("with-action")
    assert (server["phase"], server["postLaunchActionsStatus"]) == ("READY", "SUCCEEDED")


def test_a_required_action_that_fails_in_a_drill_fails_its_server(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("post_launch_failed", server=DB_1, reason="no domain")
    steps = steps_of(plan({"groups": ["all"]}, groups={"all": {"servers": [DB_1]}}))
    steps.open()
    steps.start()
    aws.advance(A_LAUNCH + ITS_ACTIONS)

    with pytest.raises(AirflowFailException, match="no domain"):
        steps.wait()


def test_a_plan_can_leave_the_actions_of_its_drills_alone(
    aws: Sandbox, started: Callable[..., Steps]
) -> None:
    steps = started(drill={"await_actions": False})

    deferred(steps.wait)

    server = steps.server("with-action")
    assert (server["phase"], server["postLaunchActionsStatus"]) == ("LAUNCHED", "IN_PROGRESS")


def test_patience_for_details_begins_when_the_actions_are_done(
    aws: Sandbox, started: Callable[..., Steps], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = started()
    deferred(steps.wait)
    aws.add_fault("error", service="ec2", operation="DescribeInstances", status=403, code="Denied")
    aws.advance(ITS_ACTIONS)
    steps.wait()
    # The actions took far longer than a missing detail is waited for.
    later = SimpleNamespace(time=lambda: time.time() + 5000)
    monkeypatch.setattr("drs_recovery.waves.enrichment.time", later)

    deferred(steps.enrich)

    assert steps.server("with-action")["phase"] == "POST_LAUNCH"
