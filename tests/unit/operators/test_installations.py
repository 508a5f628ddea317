"""Two Airflow installations on one table: each touches only the executions that it opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from drs_recovery.closing.reconciler import Reconciliation, reconcile
from drs_recovery.opening.precedence import make_way
from drs_recovery.operators.housekeeping import SweepOperator, TerminateDueOperator
from drs_recovery.operators.terminate_instances import TerminateInstancesOperator
from drs_recovery.store.expressions import Condition, Update
from drs_recovery.store.keys import execution_key
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, DB_2, application, database, plan
from tests.unit.conftest import HERE
from tests.unit.steps import Steps, complete

StepsOf = Callable[..., Steps]
Move = Callable[[str], None]

THERE = "graz"
A_DRILL = 600
NO_GRACE = -60.0
NOW = {"drill": {"terminate_after": "now"}}


@pytest.fixture
def move_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Move:
    """Lets the next steps run in another Airflow installation."""
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__PLANS_DIR", str(tmp_path))

    def move(name: str) -> None:
        monkeypatch.setenv("AIRFLOW_VAR_DRS_RECOVERY_INSTALLATION", name)
        monkeypatch.setenv("AIRFLOW_VAR_DRS_RECOVERY_INSTALLATION_CLAIM", f"claim of {name}")

    move(HERE)
    return move


def state_of(steps: Steps) -> tuple[Any, Any]:
    return steps.document, steps.events


def without_controller(steps: Steps) -> None:
    """Make the record one that an earlier release has opened."""
    is_there = Condition("attribute_exists(recordKey)")
    steps.store.table.transact([Update(execution_key(steps.execution_id), is_there, {"controller": None})])


def launched(aws: Sandbox) -> set[str]:
    return {row["sourceServerID"] for row in aws.client("drs").describe_recovery_instances()["items"]}


def test_the_record_names_the_installation_that_opened_it(steps_of: StepsOf, move_to: Move) -> None:
    steps = steps_of(plan(database()))
    steps.open()

    assert steps.document["controller"] == HERE


@pytest.mark.parametrize("state", ["success", "failed", "running", None])
def test_a_live_execution_of_another_installation_is_not_closed(
    aws: Sandbox, steps_of: StepsOf, move_to: Move, state: str | None
) -> None:
    steps = steps_of(plan(database()))
    steps.open(execution_type="RECOVERY")
    before = state_of(steps)

    move_to(THERE)

    assert reconcile(steps.store, lambda *_: state, grace=NO_GRACE) == Reconciliation()
    assert state_of(steps) == before


def test_a_record_without_controller_is_closed_only_where_its_run_is(
    aws: Sandbox, steps_of: StepsOf, move_to: Move
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    without_controller(steps)
    before = state_of(steps)

    nobodys = reconcile(steps.store, lambda *_: None, grace=NO_GRACE)

    assert (nobodys.closed, list(nobodys.waiting)) == ([], [steps.execution_id])
    assert state_of(steps) == before
    assert reconcile(steps.store, lambda *_: "failed", grace=NO_GRACE).closed == [steps.execution_id]


def test_a_run_of_the_same_id_in_another_installation_is_skipped_and_touches_nothing(
    aws: Sandbox, steps_of: StepsOf, move_to: Move
) -> None:
    first = steps_of(plan(database()), run_id="scheduled__2026-11-30")
    first.open()
    first.start()
    before, calls = state_of(first), len(aws.calls("drs", "StartRecovery"))
    move_to(THERE)
    second = steps_of(plan(database()), run_id="scheduled__2026-11-30")

    for step in (
        second.open,
        second.start,
        second.wait,
        second.enrich,
        lambda: second.resume_wait({"status": "timeout", "problem": None}),
        lambda: second.finalize(open_execution="skipped", finalize_execution="running"),
    ):
        with pytest.raises(AirflowSkipException, match=f"belongs to the Airflow installation {HERE}"):
            step()

    assert state_of(first) == before
    assert len(aws.calls("drs", "StartRecovery")) == calls
    move_to(HERE)
    aws.advance(A_DRILL)
    first.wait()
    first.enrich()
    assert first.finalize() == "COMPLETED"


def test_an_execution_that_another_installation_opens_in_the_same_moment_is_skipped(
    aws: Sandbox, steps_of: StepsOf, move_to: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = steps_of(plan(database())), steps_of(plan(database()))
    create = type(second.store).create_execution

    def overtaken(store: Any, new: Any) -> bool:
        monkeypatch.setattr(type(store), "create_execution", create)
        move_to(HERE)
        first.open()
        move_to(THERE)
        return bool(create(store, new))

    monkeypatch.setattr(type(second.store), "create_execution", overtaken)
    move_to(THERE)

    with pytest.raises(AirflowSkipException, match=HERE):
        second.open()

    assert first.document["controller"] == HERE
    assert first.events.count("EXECUTION_ADMITTED") == 1


def test_due_drills_are_terminated_by_the_installation_that_ran_them(
    aws: Sandbox, steps_of: StepsOf, move_to: Move
) -> None:
    steps = complete(aws, steps_of(plan(database(), **NOW)))
    terminate = TerminateDueOperator(task_id="terminate_due").execute
    before = state_of(steps)

    move_to(THERE)
    assert terminate({}) == {"terminated": [], "under_way": {}, "failed": {}}
    assert state_of(steps) == before

    move_to(HERE)
    assert terminate({})["under_way"].keys() == {steps.execution_id}


def test_a_due_drill_of_an_earlier_release_is_terminated_by_whoever_sees_it_first(
    aws: Sandbox, steps_of: StepsOf, move_to: Move
) -> None:
    steps = complete(aws, steps_of(plan(database(), **NOW)))
    without_controller(steps)

    result = TerminateDueOperator(task_id="terminate_due").execute({})

    assert result["under_way"].keys() == {steps.execution_id}


def test_the_sweep_leaves_the_late_instances_of_another_installation_alone(
    aws: Sandbox, steps_of: StepsOf, move_to: Move
) -> None:
    steps = complete(aws, steps_of(plan(database(), **NOW)))
    drs = aws.client("drs")
    drs.start_recovery(
        sourceServers=[{"sourceServerID": DB_1}], isDrill=True, tags={"dr:executionId": steps.execution_id}
    )
    aws.advance(A_DRILL)

    move_to(THERE)
    elsewhere = SweepOperator(task_id="sweep").execute({})

    assert (elsewhere["terminated"], elsewhere["foreign"]) == ([], {})
    assert launched(aws) == {DB_1, DB_2}
    move_to(HERE)
    assert SweepOperator(task_id="sweep").execute({})["terminated"]


def test_people_cannot_terminate_instances_in_another_installation(
    aws: Sandbox, steps_of: StepsOf, move_to: Move
) -> None:
    steps = complete(aws, steps_of(plan(database())))
    before = state_of(steps)
    context = steps.context()
    context["params"] = {"execution_id": steps.execution_id, "waves": None, "include_recovery": False}
    context["params"]["confirmation"] = None

    move_to(THERE)
    context["dag_run"].conf = {"execution_id": steps.execution_id}
    with pytest.raises(AirflowFailException, match=f"belongs to the Airflow installation {HERE}.*act there"):
        TerminateInstancesOperator(task_id="terminate").execute(context)

    assert state_of(steps) == before


def test_a_second_execution_of_the_plan_is_refused_and_told_where_the_first_one_runs(
    aws: Sandbox, steps_of: StepsOf, move_to: Move
) -> None:
    steps_of(plan(database())).open(execution_type="RECOVERY")

    move_to(THERE)
    with pytest.raises(AirflowFailException, match=f"in the Airflow installation {HERE}"):
        steps_of(plan(database()), run_id="other").open(execution_type="RECOVERY")


def test_a_recovery_asks_the_drill_of_another_installation_to_end_and_leaves_its_end_to_that_one(
    aws: Sandbox, steps_of: StepsOf, move_to: Move
) -> None:
    drill = steps_of(plan(database(), id="nightly"))
    drill.open()
    move_to(THERE)
    recovery = steps_of(plan(database(), id="real"))
    recovery.open(execution_type="RECOVERY")

    make_way(recovery.store, recovery.execution_id)
    reconcile(recovery.store, lambda *_: "failed" if _[1] == drill.run_id else "running", grace=NO_GRACE)

    assert drill.document["status"] == "CANCELLING"
    assert drill.document["cancel"]["actor"] == f"recovery {recovery.execution_id}"
    move_to(HERE)
    assert reconcile(drill.store, lambda *_: "failed", grace=NO_GRACE).closed == [drill.execution_id]


def test_a_name_that_another_installation_has_claimed_is_refused_with_what_to_do(
    aws: Sandbox, steps_of: StepsOf, move_to: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = steps_of(plan(application()))
    steps.open()
    before = state_of(steps)
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__INSTALLATION", HERE)
    monkeypatch.setenv("AIRFLOW_VAR_DRS_RECOVERY_INSTALLATION_CLAIM", "of somebody else")

    taken = pytest.raises(
        AirflowFailException, match=r"uses table dr-executions under the name 'vienna'.*\[drs_recovery\]"
    )
    other = steps_of(plan(database()), run_id="other")
    for step in (other.open, steps.start, steps.finalize, TerminateDueOperator(task_id="due").execute):
        with taken:
            step({}) if step.__name__ == "execute" else step()

    assert state_of(steps) == before
    assert [e["executionId"] for e in steps.store.listings.live()] == [steps.execution_id]


def test_a_recovery_ends_no_instance_in_use_of_another_installation(
    aws: Sandbox, steps_of: StepsOf, move_to: Move
) -> None:
    free, real = {"approval": {"recovery": False}}, {"execution_type": "RECOVERY"}
    move_to(THERE)
    theirs = complete(aws, steps_of(plan(database(), id="theirs", **free)), **real)
    move_to(HERE)
    ours = steps_of(plan(database(), **free), run_id="manual__2")

    with pytest.raises(AirflowFailException, match=f"belongs to the Airflow installation {THERE}") as refused:
        ours.open(**real, replace_execution=theirs.execution_id)

    assert "terminate it in the DRS console" in str(refused.value)
    assert {finding["severity"] for finding in ours.document["findings"]} == {"ERROR"}
