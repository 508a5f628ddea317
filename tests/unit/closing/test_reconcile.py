"""Records whose DAG run is gone get their end, those of live runs are left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drs_recovery.closing.reconciler import Reconciliation, reconcile
from drs_recovery.store import WaveRef
from sandbox.testing import Sandbox
from tests.plan_documents import application, database, plan
from tests.unit.steps import Steps

StepsOf = Callable[..., Steps]

# Longer than the tests' own life: a record opened just now is old enough.
NO_GRACE = -60.0


@pytest.fixture
def steps(steps_of: StepsOf) -> Steps:
    steps = steps_of(plan(database(), application()))
    steps.open()
    return steps


def _reconcile(steps: Steps, run_state: str | None, grace: float = NO_GRACE) -> Reconciliation:
    return reconcile(steps.store, lambda dag_id, run_id: run_state, grace=grace)


@pytest.mark.parametrize("run_state", ["queued", "running"])
def test_a_record_whose_run_is_alive_is_not_touched(steps: Steps, run_state: str) -> None:
    before, events = steps.document, steps.events

    assert _reconcile(steps, run_state) == Reconciliation()

    assert (steps.document, steps.events) == (before, events)


def test_a_record_that_was_just_opened_is_not_touched(steps: Steps) -> None:
    assert _reconcile(steps, None, grace=300) == Reconciliation()
    assert steps.document["status"] == "PENDING"


def test_a_run_that_was_deleted_before_its_first_wave_leaves_a_cancelled_record(steps: Steps) -> None:
    assert _reconcile(steps, None).closed == [steps.execution_id]

    assert steps.document["status"] == "CANCELLED"
    assert "its DAG run was deleted" in steps.document["error"]
    assert steps.events[-4:] == [
        "EXECUTION_RECONCILED",
        "WAVE_CANCELLED",
        "WAVE_CANCELLED",
        "EXECUTION_CANCELLED",
    ]


def test_a_run_that_timed_out_while_its_job_runs_is_closed_when_the_instances_are_on_record(
    aws: Sandbox, steps: Steps
) -> None:
    steps.start()

    first = _reconcile(steps, "failed")

    assert (first.closed, list(first.waiting)) == ([], [steps.execution_id])
    assert steps.document["status"] == "CANCELLING"
    aws.advance(600)
    assert _reconcile(steps, "failed").closed == [steps.execution_id]
    document = steps.document
    assert (document["status"], [w["status"] for w in document["waves"]]) == (
        "PARTIAL_SUCCESS",
        ["COMPLETED", "CANCELLED"],
    )
    assert all(server["instanceId"] for server in document["waves"][0]["serverStatuses"])
    assert steps.events.count("EXECUTION_RECONCILED") == 1


def test_a_run_that_was_marked_as_success_is_cancelled_not_completed(aws: Sandbox, steps: Steps) -> None:
    steps.start()
    aws.advance(600)

    _reconcile(steps, "success")

    assert steps.document["status"] == "CANCELLED"
    assert "marked as success by hand" in steps.document["error"]


def test_a_cancelled_execution_whose_run_waits_for_an_answer_is_closed_after_a_while(steps: Steps) -> None:
    steps.store.gates.open(WaveRef(steps.execution_id, 1), "start?", [])
    steps.store.ending.request_cancel(steps.execution_id, "alice", "a real recovery comes first")

    assert _reconcile(steps, "running", grace=300) == Reconciliation()
    assert _reconcile(steps, "running").closed == [steps.execution_id]

    assert steps.document["status"] == "CANCELLED"
    assert steps.document["error"] == "cancelled by alice: a real recovery comes first"


def test_one_record_that_cannot_be_reconciled_does_not_keep_the_others_open(
    steps: Steps, steps_of: StepsOf
) -> None:
    other = steps_of(plan(database(), id="other"))
    other.open()

    def run_state_of(dag_id: str, run_id: str) -> str:
        if dag_id == steps.plan.dag_id:
            raise ConnectionError("Airflow does not answer")
        return "failed"

    result = reconcile(steps.store, run_state_of, grace=NO_GRACE)

    assert result.closed == [other.execution_id]
    assert result.failed == {steps.execution_id: "ConnectionError: Airflow does not answer"}


def test_a_pass_over_closed_records_does_nothing(steps: Steps) -> None:
    _reconcile(steps, None)
    before, events = steps.document, steps.events
    assert _reconcile(steps, None) == Reconciliation()
    assert (steps.document, steps.events) == (before, events)
