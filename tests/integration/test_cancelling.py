"""People and real recoveries cancel executions: the record names them, and no instance is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drs_recovery.operators.enrich_instances import EnrichInstancesOperator
from drs_recovery.store.executions import ExecutionStore
from sandbox.testing import Sandbox
from tests.integration.core_api import CoreApi
from tests.integration.evidence import accepted_starts, answers, assert_ready_as_in_ec2
from tests.integration.meanwhile import once
from tests.integration.people import mark_run
from tests.integration.runs import SPEED, Ended, Runner
from tests.plan_documents import application, database, plan

pytestmark = pytest.mark.integration

TWO_WAVES = plan(database(), application())


def live(store: ExecutionStore) -> dict[str, Any]:
    """The one execution that has not ended."""
    (execution,) = store.listings.live()
    return execution


def mark(api: CoreApi, store: ExecutionStore, user: str = "alice", **body: Any) -> None:
    """Do what "Mark run as …" does in the UI, to the one run that is alive."""
    execution = live(store)
    api.call(user, "PATCH", f"/dags/{execution['dagId']}/dagRuns/{execution['dagRunId']}", json=body)


def last_task(api: CoreApi, execution: dict[str, Any]) -> str | None:
    """State of the task that ends a run."""
    run = f"/dags/{execution['dagId']}/dagRuns/{execution['dagRunId']}"
    state = api.call("admin", "GET", f"{run}/taskInstances/finalize_execution")["state"]
    return None if state is None else str(state)


def cancelled_by(ended: Ended) -> list[tuple[str, str]]:
    """Actor and reason of the requests to cancel that are events."""
    return [(e["actor"], e["detail"]["reason"]) for e in ended.events if e["event"] == "EXECUTION_CANCELLING"]


@pytest.fixture
def polled(sandbox: Sandbox) -> Callable[[int], bool]:
    """Whether DRS was asked for jobs, so that a wave is polled."""
    sandbox.set_speed(1)
    return lambda: len(answers(sandbox, "DescribeJobs")) > 6


def test_a_drill_that_is_marked_as_failed_while_its_wave_runs_is_followed_to_the_last_instance(
    runner: Runner, sandbox: Sandbox, core_api: CoreApi, polled: Callable[[], bool]
) -> None:
    def cancel() -> None:
        mark(core_api, runner.store, state="failed", note="wrong plan")
        sandbox.set_speed(SPEED)

    with once(polled, cancel):
        ended = runner.run(TWO_WAVES)

    assert (ended.state, ended.document["status"]) == ("failed", "CANCELLED")
    assert ended.waves == ["CANCELLED", "CANCELLED"]
    assert ended.statuses[-2:] == ["CANCELLING", "CANCELLED"]
    assert cancelled_by(ended) == [("alice", "wrong plan")]
    assert ended.document["cancel"]["actor"] == "alice"
    assert ended.document["error"] == "cancelled by alice: wrong plan"
    assert_ready_as_in_ec2(sandbox, ended, "crm-db-01", "crm-db-02")
    assert accepted_starts(sandbox) == 1


@pytest.mark.parametrize("state", ["failed", "success"])
def test_a_run_that_is_marked_while_its_last_wave_lacks_details_is_cancelled_not_failed(
    runner: Runner, sandbox: Sandbox, core_api: CoreApi, state: str
) -> None:
    sandbox.add_fault("lagging_recovery_instances", polls=12)

    def details_are_missing() -> bool:
        return len(answers(sandbox, "DescribeRecoveryInstances")) > 2

    with once(details_are_missing, lambda: mark(core_api, runner.store, state=state)):
        ended = runner.run(plan(database()))

    assert (ended.state, ended.document["status"]) == ("failed", "CANCELLED")
    assert ended.waves == ["CANCELLED"]
    assert cancelled_by(ended) == [("alice", f"the DAG run was marked as {state}")]
    assert_ready_as_in_ec2(sandbox, ended)


def test_a_run_that_is_marked_as_success_at_a_gate_starts_nothing_and_is_not_completed(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(
        plan(database(), application(pause_before=True)), people={"wave_02_application": mark_run("success")}
    )

    assert (ended.state, ended.document["status"]) == ("failed", "PARTIAL_SUCCESS")
    assert ended.waves == ["COMPLETED", "CANCELLED"]
    assert ended.document["error"] == "cancelled by admin: the DAG run was marked as success"
    assert accepted_starts(sandbox) == 1


def test_a_drill_that_is_cancelled_while_it_is_opened_starts_nothing(
    runner: Runner, sandbox: Sandbox, core_api: CoreApi
) -> None:
    sandbox.add_fault("error", operation="DescribeSourceServers", status=429, code="ThrottlingException")

    def cancel() -> None:
        mark(core_api, runner.store, state="failed")
        sandbox.control("DELETE", "/faults")

    with once(lambda: bool(runner.store.listings.live()), cancel):
        ended = runner.run(plan(database()))

    assert (ended.state, ended.document["status"]) == ("failed", "CANCELLED")
    assert cancelled_by(ended) == [("alice", "the DAG run was marked as failed")]
    assert accepted_starts(sandbox) == 0


@pytest.fixture
def cancelled_behind_its_first_wave(
    runner: Runner, core_api: CoreApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is marked as failed in the moment in which its first wave is COMPLETED."""
    enrich = EnrichInstancesOperator.execute

    def enrich_then_cancel(self: EnrichInstancesOperator, context: Any) -> Any:
        instances = enrich(self, context)
        mark(core_api, runner.store, state="failed")
        return instances

    monkeypatch.setattr(EnrichInstancesOperator, "execute", enrich_then_cancel)


@pytest.mark.usefixtures("cancelled_behind_its_first_wave")
def test_a_drill_that_is_cancelled_between_two_waves_keeps_the_first_and_starts_no_other(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(TWO_WAVES)

    assert (ended.state, ended.document["status"]) == ("failed", "PARTIAL_SUCCESS")
    assert ended.waves == ["COMPLETED", "CANCELLED"]
    assert ended.document["waves"][1]["statusReason"] == (
        "not started: cancelled by alice: the DAG run was marked as failed"
    )
    assert_ready_as_in_ec2(sandbox, ended, "crm-db-01", "crm-db-02")
    assert accepted_starts(sandbox) == 1


@pytest.mark.usefixtures("cancelled_behind_its_first_wave")
def test_a_drill_that_is_cancelled_when_every_wave_is_completed_is_completed(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(plan(database()))

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert ended.waves == ["COMPLETED"]
    assert cancelled_by(ended) == [("alice", "the DAG run was marked as failed")]
    assert_ready_as_in_ec2(sandbox, ended)


def test_a_drill_that_is_cancelled_while_drs_refuses_to_start_its_wave_launches_nothing(
    runner: Runner, sandbox: Sandbox, core_api: CoreApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drs_recovery.closing.close.LATE_START_SECONDS", 1)
    sandbox.add_fault("error", operation="StartRecovery", status=409, code="ConflictException")

    def cancel() -> None:
        mark(core_api, runner.store, state="failed")
        sandbox.clear_faults()

    with once(lambda: 409 in answers(sandbox, "StartRecovery"), cancel):
        ended = runner.run(TWO_WAVES)

    assert (ended.state, ended.document["status"]) == ("failed", "CANCELLED")
    assert ended.waves == ["CANCELLED", "CANCELLED"]
    assert {server["phase"] for server in ended.servers.values()} == {"PENDING"}
    assert accepted_starts(sandbox) == 0


def test_a_second_person_who_cancels_while_the_last_jobs_are_followed_changes_nothing(
    runner: Runner, sandbox: Sandbox, core_api: CoreApi, polled: Callable[[int], bool]
) -> None:
    def is_finalizing() -> bool:
        return any(
            execution["status"] == "CANCELLING" and last_task(core_api, execution) in ("running", "deferred")
            for execution in runner.store.listings.live()
        )

    def cancel_again() -> None:
        mark(core_api, runner.store, "bob", state="failed")
        sandbox.set_speed(SPEED)

    with (
        once(is_finalizing, cancel_again),
        once(polled, lambda: mark(core_api, runner.store, "alice", state="failed")),
    ):
        ended = runner.run(TWO_WAVES)

    assert (ended.state, ended.document["status"]) == ("failed", "CANCELLED")
    assert ended.waves == ["CANCELLED", "CANCELLED"]
    assert cancelled_by(ended) == [("alice", "the DAG run was marked as failed")]
    assert ended.event_names().count("EXECUTION_CANCELLED") == 1
    assert_ready_as_in_ec2(sandbox, ended, "crm-db-01", "crm-db-02")


def test_a_failed_execution_that_is_cancelled_while_its_last_job_is_followed_stays_failed(
    runner: Runner, sandbox: Sandbox, core_api: CoreApi
) -> None:
    sandbox.add_fault("stuck_job")

    def is_finalizing() -> bool:
        return any(execution["status"] == "CANCELLING" for execution in runner.store.listings.live())

    with once(is_finalizing, lambda: mark(core_api, runner.store, state="failed")):
        ended = runner.run(plan(database(timeout="PT3S"), application()))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert ended.waves == ["FAILED", "SKIPPED"]
    assert "timeout" in ended.document["error"]
    assert "cancel" not in ended.document
    assert all(ended.servers[name]["instanceId"] for name in ("crm-db-01", "crm-db-02"))


def test_who_cancels_second_or_after_the_end_changes_nothing(
    runner: Runner, sandbox: Sandbox, core_api: CoreApi
) -> None:
    def mark_twice(api: CoreApi, question: dict[str, Any]) -> None:
        mark(api, runner.store, "alice", state="failed")
        mark(api, runner.store, "bob", state="failed")

    ended = runner.run(plan(database(pause_before=True)), people={"wave_01_database": mark_twice})
    run = f"/dags/{ended.document['dagId']}/dagRuns/{ended.document['dagRunId']}"
    for state in ("failed", "success"):
        core_api.call("carol", "PATCH", run, json={"state": state})

    assert cancelled_by(ended) == [("alice", "the DAG run was marked as failed")]
    assert runner.store.get_document(ended.document["executionId"]) == ended.document
    assert runner.store.get_events(ended.document["executionId"]) == ended.events
