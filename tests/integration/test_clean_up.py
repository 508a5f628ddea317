"""Drill, then the end of its instances: asked for by a person, or by itself."""

from __future__ import annotations

import time
from typing import Any

import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.statuses import ExecutionType
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.records import NewExecution, NewWave
from sandbox.testing import Sandbox
from tests.integration.runs import Ended, Runner
from tests.plan_documents import APP_1, APP_2, BILLING_DB_1, WEST, database, plan, web

pytestmark = pytest.mark.integration

TERMINATE, HOUSEKEEPING = "terminate_recovery_instances", "housekeeping"

A_DRILL, A_TERMINATION = 600, 60

ABROAD = {"billing": {"servers": [BILLING_DB_1], "region": WEST}}


def states(sandbox: Sandbox, region: str = "us-east-1") -> dict[str, str]:
    """State in EC2 of every instance there ever was."""
    reservations = sandbox.client("ec2", region).describe_instances()["Reservations"]
    return {i["InstanceId"]: i["State"]["Name"] for r in reservations for i in r["Instances"]}


def launch_by_hand(sandbox: Sandbox, server: str, **tags: str) -> str:
    """A drill instance that somebody starts past Airflow."""
    before = states(sandbox).keys()
    sandbox.client("drs").start_recovery(sourceServers=[{"sourceServerID": server}], isDrill=True, tags=tags)
    sandbox.advance(A_DRILL)
    (new,) = states(sandbox).keys() - before
    return new


def now_on_record(runner: Runner, ended: Ended) -> dict[str, Any]:
    return runner.store.get_document(ended.document["executionId"])


def test_the_instances_of_a_drill_are_terminated_when_somebody_asks(runner: Runner, sandbox: Sandbox) -> None:
    foreign = launch_by_hand(sandbox, APP_1)
    ended = runner.run(plan(database(), {"groups": ["billing"]}, groups=ABROAD))

    state, tasks = runner.trigger(TERMINATE, {"execution_id": ended.document["executionId"]})

    assert (state, tasks) == ("success", {"terminate": "success"})
    assert states(sandbox).pop(foreign) == "running"
    ours = {
        i: s for region in ("us-east-1", WEST) for i, s in states(sandbox, region).items() if i != foreign
    }
    assert set(ours) == {s["instanceId"] for s in ended.servers.values()}
    assert set(ours.values()) == {"terminated"}
    document = now_on_record(runner, ended)
    assert document["instancesTerminated"] is True
    assert {job["region"] for job in document["terminateJobs"]} == {"us-east-1", WEST}
    assert {job["status"] for job in document["terminateJobs"]} == {"COMPLETED"}
    assert (document["status"], document["progress"]) == ("COMPLETED", ended.document["progress"])


def test_a_wrong_request_fails_the_run_and_touches_nothing(runner: Runner, sandbox: Sandbox) -> None:
    ended = runner.run(plan(database()))

    state, _ = runner.trigger(
        TERMINATE, {"execution_id": ended.document["executionId"], "include_recovery": True}
    )

    assert state == "failed"
    assert set(states(sandbox).values()) == {"running"}
    assert now_on_record(runner, ended) == ended.document


def test_housekeeping_cleans_up_after_a_drill_and_leaves_the_rest(runner: Runner, sandbox: Sandbox) -> None:
    kept = runner.run(plan(database(), id="kept"), {"keep_instances": True})
    ended = runner.run(plan(web(), id="now", drill={"terminate_after": "now"}))
    late = launch_by_hand(sandbox, APP_1, **{"dr:executionId": ended.document["executionId"]})
    foreign = launch_by_hand(sandbox, APP_2)

    _forget_run(ended)
    first = runner.trigger(HOUSEKEEPING)
    sandbox.advance(A_TERMINATION)
    second = runner.trigger(HOUSEKEEPING)

    good = {
        "record_plans": "success",
        "terminate_due": "success",
        "check_instances": "success",
        "reconcile": "success",
        "sweep": "success",
    }
    assert first == second == ("success", good)
    expected = {s["instanceId"]: "running" for s in kept.servers.values()}
    expected |= {s["instanceId"]: "terminated" for s in ended.servers.values()}
    assert states(sandbox) == {**expected, late: "terminated", foreign: "running"}
    document = now_on_record(runner, ended)
    assert document["terminateAfter"] == document["endTime"]
    assert document["instancesTerminated"] is True
    events = [event["event"] for event in runner.store.get_events(document["executionId"])]
    assert "INSTANCES_SWEPT" in events
    assert events.count("TERMINATION_REQUESTED") == 1
    assert "terminateAfter" not in now_on_record(runner, kept)


@pytest.mark.parametrize(
    ("controller", "status"), [("here", "CANCELLED"), ("graz", "PENDING"), (None, "PENDING")]
)
def test_housekeeping_closes_a_record_of_its_own_whose_run_was_deleted(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, controller: str | None, status: str
) -> None:
    """A record that does not say whose it is may be of another Airflow, where its run goes on."""
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__INSTALLATION", "here")
    recovery_plan = RecoveryPlan.model_validate(plan(database()))
    an_hour_ago = ExecutionStore(runner.store.table, lambda: time.time() - 3600)
    an_hour_ago.create_execution(
        NewExecution(
            execution_id="e-deleted",
            plan_id=recovery_plan.id,
            plan_name=recovery_plan.name,
            plan_hash=recovery_plan.digest(),
            plan_snapshot=recovery_plan.model_dump(mode="json"),
            dag_id=recovery_plan.dag_id,
            dag_run_id="manual__deleted",
            execution_type=ExecutionType.DRILL,
            initiated_by="admin",
            controller=controller,
            waves=(NewWave(1, "Database"),),
        )
    )

    state, tasks = runner.trigger(HOUSEKEEPING)

    assert (state, tasks["reconcile"]) == ("success", "success")
    assert runner.store.get_execution("e-deleted")["status"] == status


def _forget_run(ended: Ended) -> None:
    """Delete the drill's run: clean-up must not depend on it."""
    with create_session() as session:
        for run in DagRun.find(dag_id=ended.document["dagId"], session=session):
            session.delete(run)
