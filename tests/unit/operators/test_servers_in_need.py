"""Nobody's recovery waits for a clean-up: what a live execution is about to start is not terminated now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.hooks.clients import Target
from drs_recovery.operators.housekeeping import TerminateDueOperator
from drs_recovery.operators.terminate_instances import TerminateInstancesOperator
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.termination.due import DuePass, DueTerminations
from drs_recovery.termination.sweep import Sweep, Sweeper
from sandbox.testing import Sandbox
from tests.plan_documents import APP_1, APP_2, DB_1, application, database, plan
from tests.unit.steps import Steps, complete, deferred

StepsOf = Callable[..., Steps]

A_DRILL, A_TERMINATION = 600, 60
EAST = Target("aws_default", "us-east-1")
NOW = {"drill": {"terminate_after": "now"}}
GATED = {"groups": {"shared": {"servers": [DB_1]}}}
RECOVERY, DRILL = {"execution_type": "RECOVERY"}, {"execution_type": "DRILL"}


@pytest.fixture(autouse=True)
def _no_plan_files(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__PLANS_DIR", str(tmp_path))


@pytest.fixture
def due(aws: Sandbox, steps_of: StepsOf) -> Steps:
    """A drill of two servers whose time is over."""
    return complete(aws, steps_of(plan(database(), **NOW)))


@pytest.fixture
def other(steps_of: StepsOf) -> Steps:
    """An execution of another plan that has one of the two servers; it has not begun to launch."""
    return steps_of(plan({"groups": ["shared"]}, id="erp", **GATED), run_id="manual__erp")


def terminate_due() -> dict[str, Any]:
    return TerminateDueOperator(task_id="terminate_due").execute({})


def terminations(aws: Sandbox) -> int:
    return len(aws.calls("drs", "TerminateRecoveryInstances"))


def terminate(steps: Steps) -> str:
    context = steps.context()
    context["dag_run"].conf = {"execution_id": steps.execution_id}
    context["dag_run"].run_id = "manual__terminate"
    context["params"] = {
        "execution_id": steps.execution_id,
        "waves": None,
        "include_recovery": False,
        "confirmation": None,
    }
    return TerminateInstancesOperator(task_id="terminate").execute(context)


@pytest.mark.parametrize("conf", [RECOVERY, DRILL])
def test_a_due_clean_up_waits_for_a_live_execution_of_another_plan_and_says_why_once(
    aws: Sandbox, due: Steps, other: Steps, conf: dict[str, str]
) -> None:
    other.open(**conf)

    first, second = terminate_due(), terminate_due()

    assert other.execution_id in first["under_way"][due.execution_id]
    assert second["under_way"].keys() == {due.execution_id}
    assert terminations(aws) == 0
    (event,) = [e for e in due.store.get_events(due.execution_id) if e["event"] == "TERMINATION_POSTPONED"]
    assert DB_1 in event["detail"]["reason"]
    assert "TERMINATION_REQUESTED" not in due.events

    other.store.ending.finalize(other.execution_id, ExecutionStatus.CANCELLED)
    terminate_due()
    assert terminations(aws) == 1


def test_a_dry_run_or_other_servers_hold_up_no_clean_up(
    aws: Sandbox, due: Steps, other: Steps, steps_of: StepsOf
) -> None:
    other.open(dry_run=True, **RECOVERY)
    steps_of(plan(application(), id="crm-app"), run_id="manual__app").open(**RECOVERY)

    terminate_due()

    assert terminations(aws) == 1


def test_people_are_refused_while_a_real_recovery_needs_the_servers(
    aws: Sandbox, due: Steps, other: Steps
) -> None:
    other.open(**RECOVERY)

    with pytest.raises(AirflowFailException, match=f"a live RECOVERY of plan erp needs .*{DB_1}"):
        terminate(due)

    assert "TERMINATION_REQUESTED" not in due.events
    assert terminations(aws) == 0


def test_people_may_terminate_what_only_a_drill_is_about_to_start(
    aws: Sandbox, due: Steps, other: Steps
) -> None:
    other.open(**DRILL)

    deferred(terminate, due)

    assert terminations(aws) == 1


def test_a_termination_that_was_asked_for_before_the_recovery_opened_asks_for_nothing_more(
    aws: Sandbox, due: Steps, other: Steps
) -> None:
    aws.add_fault("error", operation="TerminateRecoveryInstances", times=1, status=503, code="Unavailable")
    deferred(terminate, due)
    before = terminations(aws)
    other.open(**RECOVERY)

    deferred(terminate, due)

    assert terminations(aws) == before
    other.store.ending.finalize(other.execution_id, ExecutionStatus.CANCELLED)
    deferred(terminate, due)
    aws.advance(A_TERMINATION)
    assert terminate(due) == due.execution_id


def test_the_sweep_leaves_what_a_live_execution_is_about_to_start(
    aws: Sandbox, due: Steps, steps_of: StepsOf
) -> None:
    late = aws.client("drs").start_recovery(
        sourceServers=[{"sourceServerID": APP_1}], isDrill=True, tags={"dr:executionId": due.execution_id}
    )["job"]
    aws.advance(A_DRILL)
    recovery = steps_of(plan(application(), id="app"), run_id="manual__app")
    recovery.open(**RECOVERY)

    swept = Sweeper(due.store).sweep([EAST])

    assert late["jobID"]
    assert (swept.terminated, terminations(aws)) == ([], 0)
    (why,) = swept.waiting.values()
    assert recovery.execution_id in why
    assert APP_1 in why
    assert APP_2 not in why
    recovery.store.ending.finalize(recovery.execution_id, ExecutionStatus.CANCELLED)
    assert len(Sweeper(due.store).sweep([EAST]).terminated) == 1
    assert Sweeper(due.store).sweep([EAST]) == Sweep()


def test_instances_that_are_to_be_kept_stay_although_they_are_recorded_as_due(
    aws: Sandbox, due: Steps
) -> None:
    """Whoever wrote the record of what is due: a person wants them kept."""
    table = due.store.table
    table.client.update_item(
        TableName=table.table_name,
        Key={"executionId": {"S": due.execution_id}, "recordKey": {"S": "EXECUTION"}},
        UpdateExpression="SET keepInstances = :yes",
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )

    assert terminate_due() == {"terminated": [], "under_way": {}, "failed": {}}
    result = DuePass()
    DueTerminations(due.store).terminate(due.execution_id, result)

    assert result == DuePass()
    assert terminations(aws) == 0
    assert "TERMINATION_REQUESTED" not in due.events
