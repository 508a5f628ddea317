"""An execution runs the plan it was opened with, also in a DAG that has tasks of another version of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from drs_recovery.operators.approval_gate import ApprovalGateOperator
from drs_recovery.operators.enrich_instances import EnrichInstancesOperator
from drs_recovery.operators.failure_decision import FailureDecisionOperator
from drs_recovery.operators.start_recovery import StartRecoveryOperator
from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.sensors.recovery_job import RecoveryJobSensor
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, WEB_1, application, database, plan, web
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

WAVE_STEPS = [
    (ApprovalGateOperator, "approve"),
    (StartRecoveryOperator, "start_recovery"),
    (RecoveryJobSensor, "wait_for_launch"),
    (EnrichInstancesOperator, "enrich_instances"),
    (FailureDecisionOperator, "decide"),
]


def jobs(aws: Sandbox) -> list[dict[str, Any]]:
    return list(aws.client("drs").describe_jobs(filters={})["items"])


@pytest.mark.parametrize(("step", "name"), WAVE_STEPS)
def test_a_task_of_another_version_of_the_plan_skips_itself_and_changes_nothing(
    aws: Sandbox, steps_of: StepsOf, step: type[BaseOperator], name: str
) -> None:
    steps = steps_of(plan(database(pause_before=True, on_failure="ask")))
    steps.open()
    before, events = steps.document, steps.events
    renamed: Any = step(task_id=f"wave_01_db.{name}", wave_number=1)

    with pytest.raises(AirflowSkipException, match=rf"wave_01_db\.{name} is not a task of this execution"):
        renamed.execute(steps.context(1))

    assert (steps.document, steps.events) == (before, events)
    assert jobs(aws) == []


@pytest.mark.parametrize("name", ["start_recovery", "enrich_instances", "approve", "decide"])
def test_a_task_of_a_wave_that_the_execution_does_not_have_skips_itself(steps_of: StepsOf, name: str) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    step: Any = next(step for step, its_name in WAVE_STEPS if its_name == name)

    with pytest.raises(AirflowSkipException):
        step(task_id=f"wave_02_application.{name}", wave_number=2).execute(steps.context(2))


def test_the_tasks_of_the_executions_own_version_do_their_work(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    start = StartRecoveryOperator(task_id="wave_01_database.start_recovery", wave_number=1)

    assert start.execute(steps.context(1)) == [job["jobID"] for job in jobs(aws)]


def test_skipped_tasks_of_another_version_are_no_sign_that_somebody_cancelled(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database(), application()))
    steps.open()
    steps.start(1)
    aws.advance(600)
    steps.wait(1)
    steps.enrich(1)

    # The run ended before its second wave, and nobody marked it: this is no cancellation.
    with pytest.raises(AirflowFailException):
        steps.finalize(
            **{"wave_01_db.start_recovery": "skipped", "wave_02_application.start_recovery": "failed"}
        )

    assert "ended by hand" not in steps.document["error"]


def test_a_failed_wave_is_not_asked_about_because_another_version_of_the_plan_asks(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database(on_failure="stop")))
    steps.open()
    aws.add_fault("launch_failed", server=DB_1)
    steps.start()
    aws.advance(600)
    with pytest.raises(AirflowFailException):
        steps.wait()
    with pytest.raises(AirflowFailException):
        steps.enrich()

    with pytest.raises(AirflowFailException, match="Database"):
        FailureDecisionOperator(task_id="decide", wave_number=1).execute(steps.context(1))

    assert "failureGate" not in steps.document["waves"][0]


def test_opening_goes_on_with_the_plan_of_the_record_when_the_file_changed_meanwhile(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database()))
    aws.add_fault("error", operation="DescribeSourceServers", times=4, status=503, code="ServiceUnavailable")
    deferred(steps.open)
    assert steps.document["waves"][0]["waveName"] == "Database"
    aws.clear_faults()

    steps.plan = RecoveryPlan.model_validate(plan(web(), application()))
    steps.open()

    (wave,) = steps.document["waves"]
    servers = {server["sourceServerId"] for server in wave["serverStatuses"]}
    assert DB_1 in servers
    assert WEB_1 not in servers
