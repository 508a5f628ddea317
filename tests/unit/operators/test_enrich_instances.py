"""Completing a wave: only with the details of every instance on record."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk.exceptions import AirflowFailException

from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, DB_2, database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]


@pytest.fixture
def launched(aws: Sandbox, steps_of: StepsOf) -> Callable[..., Steps]:
    def launch(**fault: object) -> Steps:
        if fault:
            aws.add_fault(**fault)
        steps = steps_of(plan(database()))
        steps.open()
        steps.start()
        aws.advance(600)
        steps.wait()
        return steps

    return launch


def test_it_answers_with_the_instance_of_every_server(aws: Sandbox, launched: Callable[..., Steps]) -> None:
    steps = launched()

    found = steps.enrich()

    rows = aws.client("drs").describe_recovery_instances()["items"]
    assert found == {row["sourceServerID"]: row["ec2InstanceID"] for row in rows}
    assert set(found) == {DB_1, DB_2}
    assert steps.document["waves"][0]["status"] == "COMPLETED"


def test_it_waits_in_the_triggerer_while_an_instance_is_not_listed(launched: Callable[..., Steps]) -> None:
    steps = launched(kind="lagging_recovery_instances", server=DB_2, polls=1)

    parked = deferred(steps.enrich)

    assert isinstance(parked.trigger, TimeDeltaTrigger)
    assert steps.document["waves"][0]["status"] == "POLLING"
    assert steps.server("crm-db-01")["phase"] == "READY"
    assert steps.server("crm-db-02")["phase"] == "LAUNCHED"
    assert set(steps.enrich()) == {DB_1, DB_2}


def test_an_instance_that_never_turns_up_fails_its_server_when_patience_ends(
    launched: Callable[..., Steps], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__DETAILS_TIMEOUT", "0")
    steps = launched(kind="lagging_recovery_instances", server=DB_2, seconds=99999)

    with pytest.raises(AirflowFailException, match="crm-db-02"):
        steps.enrich()

    assert "lists no recovery instance" in steps.server("crm-db-02")["error"]
    assert steps.document["waves"][0]["status"] == "FAILED"


def test_an_instance_that_was_terminated_behind_our_back_fails_its_server(
    aws: Sandbox, launched: Callable[..., Steps]
) -> None:
    steps = launched()
    rows = aws.client("drs").describe_recovery_instances()["items"]
    lost = next(row["ec2InstanceID"] for row in rows if row["sourceServerID"] == DB_1)
    aws.client("ec2").terminate_instances(InstanceIds=[lost])

    with pytest.raises(AirflowFailException, match="terminated in EC2"):
        steps.enrich()


def test_unreachable_ec2_is_waited_for(aws: Sandbox, launched: Callable[..., Steps]) -> None:
    steps = launched()
    aws.add_fault(
        "error", service="ec2", operation="DescribeInstances", status=403, code="UnauthorizedOperation"
    )

    deferred(steps.enrich)

    assert steps.document["waves"][0]["status"] == "POLLING"


def test_running_it_again_changes_nothing(launched: Callable[..., Steps]) -> None:
    steps = launched()
    first = steps.enrich()
    before = steps.document

    assert steps.enrich() == first
    assert steps.document["waves"] == before["waves"]
    assert steps.document["completedWaves"] == 1


def test_a_wave_that_launched_nothing_is_not_completed(steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()

    with pytest.raises(AirflowFailException, match="launched nothing"):
        steps.enrich()


def test_a_wave_whose_job_still_runs_is_not_completed(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    steps.start()

    with pytest.raises(AirflowFailException, match="did not settle"):
        steps.enrich()

    assert steps.document["waves"][0]["status"] == "POLLING"


def test_a_wave_of_a_cancelled_execution_is_not_completed(launched: Callable[..., Steps]) -> None:
    steps = launched()
    steps.store.request_cancel(steps.execution_id, "alice", "wrong plan")

    with pytest.raises(AirflowFailException, match="cancelled by alice: wrong plan"):
        steps.enrich()

    assert steps.document["completedWaves"] == 0


def test_an_instance_that_a_later_job_replaced_is_on_record_and_not_waited_for(
    aws: Sandbox, launched: Callable[..., Steps]
) -> None:
    steps = launched()
    aws.client("drs").start_recovery(
        sourceServers=[{"sourceServerID": DB_1}, {"sourceServerID": DB_2}], isDrill=False
    )
    aws.advance(600)

    with pytest.raises(AirflowFailException, match="was launched and is terminated"):
        steps.enrich()

    servers = steps.document["waves"][0]["serverStatuses"]
    assert {server["phase"] for server in servers} == {"FAILED"}
    assert all(server["instanceId"] for server in servers)
