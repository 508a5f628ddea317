"""Tasks that Airflow does not have yet, or has lost, while plan files change under executions that run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.closing.reconciler import PlanKeeping, set_kept_plans_right
from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.opening.live_plans import kept_plans, read_plan
from drs_recovery.operators.approval_gate import ApprovalGateOperator
from drs_recovery.operators.finalize_execution import FinalizeExecutionOperator
from drs_recovery.operators.open_execution import OpenExecutionOperator
from drs_recovery.operators.start_recovery import StartRecoveryOperator
from drs_recovery.plan.task_ids import FINALIZE, OPEN, wave_task_ids
from sandbox.testing import Sandbox
from tests.plan_documents import application, database, plan
from tests.unit.steps import Steps, deferred
from tests.unit.variables import Variables, variables_in_memory

StepsOf = Callable[..., Steps]

BROKEN = "crm.yaml: waves[0]: is wrong\ncrm.yaml: region: is unknown"


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> Variables:
    return variables_in_memory(monkeypatch)


@pytest.fixture
def steps(steps_of: StepsOf) -> Steps:
    return steps_of(plan(database(), application(), approval={"recovery": False}))


def all_tasks(steps: Steps) -> dict[str, Any]:
    """The run's tasks, none of which has begun."""
    return dict.fromkeys([OPEN, FINALIZE, *wave_task_ids(steps.plan, (1, 2))])


def jobs(aws: Sandbox) -> list[dict[str, Any]]:
    return list(aws.client("drs").describe_jobs(filters={})["items"])


def open_broken(steps: Steps) -> str:
    return OpenExecutionOperator(task_id=OPEN, problems=BROKEN).execute(steps.context())


def test_an_execution_keeps_its_plan_from_its_opening_to_a_moment_after_its_end(
    aws: Sandbox, steps: Steps
) -> None:
    steps.open()

    (kept,) = kept_plans()
    found = read_plan(kept)
    assert (kept.dag_id, kept.execution_id) == (steps.plan.dag_id, steps.execution_id)
    assert found is not None
    assert (found.plan, found.dag_run_id, found.ended) == (steps.plan, "manual__1", None)

    before = time.time()
    with pytest.raises(AirflowFailException):
        steps.finalize()
    ended = read_plan(kept)
    assert ended is not None
    assert ended.ended is not None
    assert before <= ended.ended <= time.time()


def test_the_plan_is_kept_before_anything_is_asked_of_aws(
    aws: Sandbox, steps: Steps, variables: Variables
) -> None:
    aws.add_fault("error", operation="DescribeSourceServers", status=500, code="InternalServerException")

    deferred(steps.open)

    assert len(kept_plans()) == 1


def test_an_execution_opens_although_its_plan_cannot_be_kept(
    aws: Sandbox, steps: Steps, variables: Variables
) -> None:
    variables.trouble = RuntimeError("the API server is away")

    assert steps.open() == steps.execution_id


def test_opening_waits_until_the_run_has_the_tasks_of_the_plan(aws: Sandbox, steps: Steps) -> None:
    """The DAG processor had not read the file yet when the run began."""
    steps.task_states = {**all_tasks(steps), "wave_02_application.start_recovery": "removed"}
    del steps.task_states["wave_01_database.wait_for_launch"]

    assert deferred(steps.open).method_name == "execute_complete"
    assert "admittedTime" not in steps.document
    assert "no task wave_01_database.wait_for_launch" in steps.document["waitingFor"]["message"]

    steps.task_states = all_tasks(steps)
    assert steps.open() == steps.execution_id
    assert "waitingFor" not in steps.document


def test_tasks_of_waves_that_are_left_out_are_not_waited_for(aws: Sandbox, steps: Steps) -> None:
    steps.task_states = {OPEN: "running", FINALIZE: None, **dict.fromkeys(wave_task_ids(steps.plan, [2]))}

    assert steps.open(waves=[2]) == steps.execution_id


def test_a_dry_run_waits_for_no_wave(aws: Sandbox, steps: Steps) -> None:
    steps.task_states = {OPEN: "running", FINALIZE: None}

    assert steps.open(dry_run=True) == steps.execution_id


def test_opening_gives_up_when_the_tasks_do_not_come(
    aws: Sandbox, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drs_recovery.operators.plan_operator.TASKS_PATIENCE", -1.0)
    steps.task_states = {OPEN: "running", FINALIZE: None}

    with pytest.raises(AirflowFailException, match=r"has no task wave_01_database\.start_recovery"):
        steps.open()

    assert "see whether the DAG processor reads the plan files" in steps.document["error"]


def test_a_worker_with_an_old_plan_leaves_the_run_to_another_one(
    aws: Sandbox, steps: Steps, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its plan has one wave; Airflow made the run of a version with two."""
    old = steps_of(plan(database(), approval={"recovery": False}))
    old.task_states = all_tasks(steps)

    assert deferred(old.open).method_name == "execute_complete"
    with pytest.raises(ExecutionNotFoundError):
        _ = old.document

    # No other one took it: a plan of yesterday is better than none, and the record tells.
    monkeypatch.setattr("drs_recovery.operators.plan_operator.BEHIND_PATIENCE", -1.0)
    assert old.open() == old.execution_id
    (finding,) = [one for one in old.document["findings"] if "another version" in one["what"]]
    assert finding["severity"] == "WARNING"
    assert "no task wave_02_application." in finding["what"]


def test_tasks_of_another_live_execution_are_no_sign_of_an_old_plan(
    aws: Sandbox, steps: Steps, steps_of: StepsOf, variables: Variables
) -> None:
    steps.open()
    edited = steps_of(plan(database(), approval={"recovery": False}), run_id="manual__2")
    edited.task_states = all_tasks(steps)

    assert edited.foreign_tasks() == []
    variables.values.clear()
    assert edited.foreign_tasks()[0].startswith("wave_02_application.")
    variables.trouble = RuntimeError("the API server is away")
    assert edited.foreign_tasks() == []


def test_a_wave_waits_for_the_tasks_of_those_before_it_although_the_dag_does_not(
    aws: Sandbox, steps: Steps
) -> None:
    """The DAG has the order of another version, in which the second wave depends on none."""
    steps.open()
    steps.task_states = all_tasks(steps)

    assert deferred(steps.start, 2).method_name == "execute_complete"
    assert jobs(aws) == []

    steps.start(1)
    aws.advance(600)
    steps.wait(1)
    steps.enrich(1)
    assert len(steps.start(2)) == 1


def test_a_gate_is_not_asked_before_the_waves_before_it_have_ended(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(), application(pause_before=True)))
    steps.open()
    steps.task_states = all_tasks(steps)
    gate = ApprovalGateOperator(task_id="wave_02_application.approve", wave_number=2)

    assert deferred(gate.execute, steps.context(2)).method_name == "go_on"
    assert deferred(gate.go_on, steps.context(2)).method_name == "go_on"
    assert "gate" not in steps.document["waves"][1]


def test_a_wave_whose_dependency_was_ended_by_hand_still_refuses(aws: Sandbox, steps: Steps) -> None:
    steps.open()
    steps.task_states = dict.fromkeys(all_tasks(steps), "success")

    with pytest.raises(AirflowFailException, match='depends on wave 1 "Database", which is NOT_STARTED'):
        StartRecoveryOperator(task_id="start_recovery", wave_number=2).execute(steps.context(2))


def test_the_last_step_is_not_the_last_while_airflow_has_lost_tasks_of_the_execution(
    aws: Sandbox, steps: Steps, variables: Variables
) -> None:
    steps.open()
    gone = wave_task_ids(steps.plan, [2])
    steps.task_states = dict.fromkeys(all_tasks(steps), "success") | {FINALIZE: "running"}
    steps.task_states |= dict.fromkeys(gone, "removed")
    variables.values.clear()

    parked = deferred(steps.finalize)

    assert parked.method_name == "execute_complete"
    assert steps.document["status"] == "PENDING"
    # What brings them back.
    assert [kept.execution_id for kept in kept_plans()] == [steps.execution_id]

    steps.task_states |= dict.fromkeys(gone)
    last = FinalizeExecutionOperator(task_id=FINALIZE, plan=steps.plan)
    assert deferred(lambda: last.execute_complete(steps.context(), None, **parked.kwargs or {}))


def test_tasks_that_never_come_back_end_the_execution_after_a_while(aws: Sandbox, steps: Steps) -> None:
    steps.open()
    steps.task_states = {OPEN: "success", FINALIZE: "running"}
    last = FinalizeExecutionOperator(task_id=FINALIZE, plan=steps.plan)

    with pytest.raises(AirflowFailException):
        last.execute_complete(steps.context(), None, missing_since=time.time() - 901)

    assert steps.document["status"] == "FAILED"


def test_a_cancelled_execution_waits_for_no_task(aws: Sandbox, steps: Steps) -> None:
    steps.open()
    steps.task_states = {OPEN: "success", FINALIZE: "running"}
    steps.store.ending.request_cancel(steps.execution_id, "alice", "enough")

    with pytest.raises(AirflowFailException):
        steps.finalize()

    assert steps.document["status"] == "CANCELLED"


def test_an_execution_that_was_refused_waits_for_no_task(aws: Sandbox, steps: Steps) -> None:
    with pytest.raises(AirflowFailException):
        steps.open(waves=["Nobody"])
    steps.task_states = {OPEN: "failed", FINALIZE: "running"}

    with pytest.raises(AirflowFailException):
        steps.finalize()

    assert steps.document["status"] == "FAILED"


def test_a_new_execution_of_a_broken_plan_is_refused_on_record_and_launches_nothing(
    aws: Sandbox, steps: Steps, steps_of: StepsOf
) -> None:
    steps.open()
    later = steps_of(plan(database(), application()), run_id="manual__2")

    for _ in range(2):
        with pytest.raises(AirflowFailException, match=r"crm\.yaml: region: is unknown"):
            open_broken(later)

    assert later.document["status"] == "FAILED"
    assert "crm.yaml: waves[0]: is wrong" in later.document["error"]
    assert [wave["status"] for wave in later.document["waves"]] == ["CANCELLED", "CANCELLED"]
    assert steps.document["status"] == "PENDING"
    assert jobs(aws) == []


def test_an_execution_of_a_plan_that_never_was_good_is_refused_without_a_record(
    aws: Sandbox, steps: Steps
) -> None:
    with pytest.raises(AirflowFailException, match=r"crm\.yaml: waves"):
        open_broken(steps)
    with pytest.raises(AirflowFailException, match=r"crm\.yaml: waves"):
        FinalizeExecutionOperator(task_id=FINALIZE, problems=BROKEN).execute(steps.context())

    assert steps.store.listings.live() == []


def test_an_execution_that_was_opened_goes_on_when_its_file_breaks_before_it_is_admitted(
    aws: Sandbox, steps: Steps
) -> None:
    steps.task_states = {OPEN: "running"}
    deferred(steps.open)
    steps.task_states = all_tasks(steps)

    assert open_broken(steps) == steps.execution_id


def _states(**states: str) -> Callable[[str, str], str | None]:
    return lambda dag_id, run_id: states.get(run_id.replace("manual__", "run"))


def test_housekeeping_keeps_what_was_not_kept_and_deletes_what_is_over(
    aws: Sandbox, steps: Steps, steps_of: StepsOf, variables: Variables
) -> None:
    steps.open()
    variables.values.clear()
    over = steps_of(plan(database(), id="other"), run_id="manual__2")
    over.open()

    result = set_kept_plans_right(steps.store, _states(run1="running", run2="failed"))

    assert result == PlanKeeping(kept=[steps.execution_id], deleted=[over.execution_id])
    assert [kept.execution_id for kept in kept_plans()] == [steps.execution_id]
    assert set_kept_plans_right(steps.store, _states(run1="running")) == PlanKeeping()


def test_housekeeping_leaves_the_plan_of_a_run_that_has_not_ended_yet(aws: Sandbox, steps: Steps) -> None:
    steps.open()
    with pytest.raises(AirflowFailException):
        steps.finalize()

    assert set_kept_plans_right(steps.store, _states(run1="running")) == PlanKeeping()
    assert set_kept_plans_right(steps.store, _states()).deleted == [steps.execution_id]


def test_housekeeping_deletes_what_cannot_be_read_and_keeps_it_anew(
    aws: Sandbox, steps: Steps, variables: Variables
) -> None:
    steps.open()
    (key,) = variables.values
    variables.values[key] = json.dumps({"plan": "x"})

    assert set_kept_plans_right(steps.store, _states(run1="running")).deleted == [steps.execution_id]
    assert set_kept_plans_right(steps.store, _states(run1="running")).kept == [steps.execution_id]
    assert read_plan(kept_plans()[0]) is not None
