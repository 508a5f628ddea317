"""The execution store is away for longer than all of Airflow's retries: each step waits, and goes on then."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.utils.types import DagRunType
from botocore.exceptions import ClientError

from drs_recovery.configured_clients import hasty_dynamodb_client
from drs_recovery.operators.base import RETRIES
from drs_recovery.operators.enrich_instances import EnrichInstancesOperator
from drs_recovery.operators.finalize_execution import FinalizeExecutionOperator
from drs_recovery.operators.housekeeping import (
    CheckInstancesOperator,
    ReconcileOperator,
    SweepOperator,
    TerminateDueOperator,
)
from drs_recovery.operators.open_execution import OpenExecutionOperator
from drs_recovery.operators.start_recovery import StartRecoveryOperator
from drs_recovery.operators.terminate_instances import TerminateInstancesOperator
from drs_recovery.sensors.recovery_job import RecoveryJobSensor
from drs_recovery.settings import executions_table_name
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.table import ExecutionsTable
from sandbox.testing import Sandbox
from tests.plan_documents import database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

# A poll interval is a tenth of a second here: as many pauses as an hour has at 30 s would only take time.
PAUSES = RETRIES + 3


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a question to the store be asked once: how long it is asked again is no matter here."""

    def store(*, hasty: bool = False) -> ExecutionStore:
        return ExecutionStore(ExecutionsTable(hasty_dynamodb_client(), executions_table_name(), 0.0))

    monkeypatch.setattr("drs_recovery.operators.base.execution_store", store)


class Task:
    """One task of a run, which Airflow resumes as often as it leaves the worker."""

    def __init__(self, steps: Steps, kind: Any, number: int = 0) -> None:
        self.steps, self.kind, self.number = steps, kind, number
        self.options = {"plan": steps.plan} if number == 0 else {"wave_number": number}

    def __call__(self, method: str = "execute", **arguments: Any) -> Any:
        operator = self.kind(task_id="step", **self.options)
        # Tasks are told by their names: one of a wave has that of the wave's group before its own.
        return getattr(operator, method)(self.steps.context(self.number, try_number=2), **arguments)

    def outlive_an_outage(self, aws: Sandbox, method: str = "execute", **arguments: Any) -> Any:
        """Run it while the store does not answer, resume it as Airflow does, and let the store come back."""
        aws.add_fault("error", service="dynamodb", status=503, code="ServiceUnavailable")
        parked = deferred(lambda: self(method, **arguments))
        for _ in range(PAUSES):
            parked = deferred(self.resume, parked)
        aws.clear_faults()
        return self.resume(parked)

    def resume(self, parked: TaskDeferred) -> Any:
        assert parked.method_name == "go_on_after_outage"
        return self(parked.method_name, event=None, **(parked.kwargs or {}))


def test_every_step_of_a_drill_outlives_an_outage(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))

    Task(steps, OpenExecutionOperator).outlive_an_outage(aws)
    assert "admittedTime" in steps.document
    assert len(Task(steps, StartRecoveryOperator, 1).outlive_an_outage(aws)) == 1
    assert len(aws.calls("drs", "StartRecovery")) == 1
    aws.advance(3600)
    waiting = Task(steps, RecoveryJobSensor, 1)
    assert waiting.outlive_an_outage(aws) == {"launched": 2, "failed": 0}
    settled = {"status": "settled", "problem": None}
    assert waiting.outlive_an_outage(aws, "execute_complete", event=settled) == {"launched": 2, "failed": 0}
    Task(steps, EnrichInstancesOperator, 1).outlive_an_outage(aws)
    assert Task(steps, FinalizeExecutionOperator).outlive_an_outage(aws) == "COMPLETED"
    assert {server["phase"] for server in steps.document["waves"][0]["serverStatuses"]} == {"READY"}


def drill(aws: Sandbox, steps_of: StepsOf, **fields: Any) -> Steps:
    """A drill of one wave, COMPLETED, with two instances."""
    steps = steps_of(plan(database(), **fields))
    steps.open()
    steps.start()
    aws.advance(600)
    steps.wait()
    steps.enrich()
    steps.finalize()
    return steps


def terminate(steps: Steps, parked: TaskDeferred | None = None) -> Any:
    """Run the task of the DAG that terminates instances, or resume it."""
    method, arguments = "execute", dict[str, Any]()
    if parked is not None:
        method, arguments = parked.method_name, {"event": None, **(parked.kwargs or {})}
    dag_run = SimpleNamespace(
        dag_id="terminate_recovery_instances",
        run_id="manual__t1",
        conf={"execution_id": steps.execution_id},
        run_type=DagRunType.MANUAL,
        triggering_user_name="dba",
    )
    options = {"waves": None, "include_recovery": False, "confirmation": None, **dag_run.conf}
    operator = TerminateInstancesOperator(task_id="terminate")
    return getattr(operator, method)({"dag_run": dag_run, "params": options}, **arguments)


# Reads, or the writes behind the request to DRS as well: its job is on no record then.
@pytest.mark.parametrize("away", [{}, {"operation": "TransactWriteItems"}], ids=["all", "writes"])
def test_a_termination_outlives_an_outage_and_asks_drs_once(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch, away: dict[str, str]
) -> None:
    steps = drill(aws, steps_of)
    fault = {"service": "dynamodb", "status": 503, "code": "ServiceUnavailable", **away}
    aws.add_fault("error", **fault)

    parked = deferred(terminate, steps)
    for _ in range(PAUSES):
        assert parked.method_name == "go_on_after_outage"
        parked = deferred(terminate, steps, parked)
    aws.clear_faults()
    parked = deferred(terminate, steps, parked)
    assert parked.method_name == "execute_complete"
    # While the job runs, the store goes once more, and for longer than a termination may take.
    aws.add_fault("error", **fault)
    parked = deferred(terminate, steps, parked)
    aws.clear_faults()
    aws.advance(60)
    much_later = SimpleNamespace(time=lambda: time.time() + 6 * 3600)
    monkeypatch.setattr("drs_recovery.operators.terminate_instances.time", much_later)

    assert terminate(steps, parked) == steps.execution_id

    assert steps.document["instancesTerminated"] is True
    assert len(aws.calls("drs", "TerminateRecoveryInstances")) == 1


def test_a_store_that_goes_between_drs_and_the_record_leaves_one_termination(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = drill(aws, steps_of)
    write = {"operation": "TransactWriteItems", "status": 503, "code": "ServiceUnavailable"}
    # The request is on record, and room is taken; the job is not.
    aws.add_fault("error", **write, after=2)
    parked = deferred(terminate, steps)
    assert parked.method_name == "go_on_after_outage"
    assert len(aws.calls("drs", "TerminateRecoveryInstances")) == 1
    aws.clear_faults()

    deferred(terminate, steps, parked)
    aws.advance(60)
    terminate(steps)

    assert steps.document["instancesTerminated"] is True
    assert [call["status"] for call in aws.calls("drs", "TerminateRecoveryInstances")] == [200]


@pytest.mark.parametrize(
    "kind", [TerminateDueOperator, CheckInstancesOperator, ReconcileOperator, SweepOperator]
)
def test_housekeeping_fails_at_once_in_an_outage_and_its_next_run_goes_on(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, kind: Any
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__PLANS_DIR", str(tmp_path))
    context = {"ti": SimpleNamespace(get_dagrun_state=lambda *_: "success")}
    steps = drill(aws, steps_of, drill={"terminate_after": "now"})
    aws.add_fault("error", service="dynamodb", status=503, code="ServiceUnavailable")

    with pytest.raises(AirflowFailException, match="the next run continues: ServiceUnavailable"):
        kind(task_id="step").execute(context)

    aws.clear_faults()
    kind(task_id="step").execute(context)
    assert steps.document["status"] == "COMPLETED"


def test_a_clean_up_that_loses_the_store_half_way_is_finished_by_later_runs(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = drill(aws, steps_of, drill={"terminate_after": "now"})
    due = TerminateDueOperator(task_id="terminate_due")
    aws.add_fault("error", operation="TransactWriteItems", after=2, status=503, code="ServiceUnavailable")
    with pytest.raises(AirflowFailException, match="the next run continues"):
        due.execute({})
    aws.clear_faults()

    assert due.execute({})["under_way"].keys() == {steps.execution_id}
    aws.advance(60)
    assert due.execute({})["terminated"] == [steps.execution_id]
    assert [call["status"] for call in aws.calls("drs", "TerminateRecoveryInstances")] == [200]


def test_a_wave_whose_time_is_over_when_the_store_is_back_is_judged_by_it(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.add_fault("stuck_job")
    steps = steps_of(plan(database(timeout="PT10M")))
    steps.open()
    steps.start()
    wait = Task(steps, RecoveryJobSensor, 1)
    aws.add_fault("error", service="dynamodb", status=503, code="ServiceUnavailable")
    parked = deferred(wait)
    aws.clear_faults()
    aws.add_fault("stuck_job")
    later = time.time() + 700
    monkeypatch.setattr("drs_recovery.sensors.recovery_job.time.time", lambda: later)

    with pytest.raises(AirflowFailException, match="timeout"):
        wait.resume(parked)


def test_an_outage_without_an_end_fails_the_step_at_last(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drs_recovery.operators.outages.LONGEST_OUTAGE", 60.0)
    steps = steps_of(plan(database()))
    steps.open()
    aws.add_fault("error", service="dynamodb", status=503, code="ServiceUnavailable")
    start = Task(steps, StartRecoveryOperator, 1)
    parked = deferred(start)
    assert parked.kwargs["since"] <= time.time()

    with pytest.raises(ClientError, match="ServiceUnavailable"):
        start(parked.method_name, event=None, since=time.time() - 61)


def test_a_store_that_only_refuses_to_write_is_waited_for_with_an_end_too(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    aws.add_fault("error", operation="TransactWriteItems", status=503, code="ServiceUnavailable")
    start, began = Task(steps, StartRecoveryOperator, 1), time.time() - 600

    parked = deferred(lambda: start("go_on_after_outage", event=None, since=began))

    # Reads go through: each try goes as far as the first write, and must not begin to count anew.
    assert parked.kwargs["since"] == began


def test_what_the_store_refuses_for_good_is_not_waited_for(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    aws.add_fault("error", service="dynamodb", status=400, code="AccessDeniedException")

    with pytest.raises(ClientError, match="AccessDeniedException"):
        Task(steps, StartRecoveryOperator, 1)()
