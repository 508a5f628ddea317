"""Completing a wave: only with the details of every instance on record."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.store import WaveRef
from drs_recovery.waves.polling import WaveWatcher
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
    steps.store.ending.request_cancel(steps.execution_id, "alice", "wrong plan")

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


def test_an_instance_with_ipv6_only_is_ready_with_that_address(launched: Callable[..., Steps]) -> None:
    steps = launched(kind="ipv6_only", server=DB_2)

    steps.enrich()

    server = steps.server("crm-db-02")
    assert server["phase"] == "READY"
    assert server["privateIp"].startswith("2600:1f18:")
    assert server["hostname"].startswith("i-")


def test_the_time_of_ec2_s_launch_is_on_record(aws: Sandbox, launched: Callable[..., Steps]) -> None:
    steps = launched()

    steps.enrich()

    (reservation, *_) = aws.client("ec2").describe_instances()["Reservations"]
    (instance,) = reservation["Instances"]
    servers = {s["instanceId"]: s for s in steps.document["waves"][0]["serverStatuses"]}
    assert servers[instance["InstanceId"]]["ec2LaunchTime"] == instance["LaunchTime"].timestamp()


def test_a_stopped_instance_is_ready_if_its_launch_settings_ask_for_that(
    aws: Sandbox, launched: Callable[..., Steps]
) -> None:
    aws.client("drs").update_launch_configuration(sourceServerID=DB_2, launchDisposition="STOPPED")
    steps = launched()

    steps.enrich()

    stopped = steps.server("crm-db-02")
    assert (stopped["phase"], stopped["instanceState"]) == ("READY", "stopped")
    assert "is stopped, as its launch settings ask (launchDisposition STOPPED)" in stopped["warning"]
    assert "warning" not in steps.server("crm-db-01")
    # Nobody asks for the settings of a server whose instance runs.
    assert len(aws.calls("drs", "GetLaunchConfiguration")) == 1


def test_a_stopped_instance_that_nobody_asked_for_is_waited_for_and_then_fails_its_server(
    launched: Callable[..., Steps], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = launched(kind="stopped_instance", server=DB_2)
    deferred(steps.enrich)
    assert steps.server("crm-db-02")["phase"] == "LAUNCHED"
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__DETAILS_TIMEOUT", "0")

    with pytest.raises(AirflowFailException, match="crm-db-02"):
        steps.enrich()

    server = steps.server("crm-db-02")
    assert server["error"] == (
        f"DRS says LAUNCHED, but its instance {server['instanceId']} is stopped in EC2 "
        "(Client.UserInitiatedShutdown: User initiated shutdown), while its launch settings ask for STARTED"
    )


def test_a_stopped_instance_of_unknown_settings_is_not_ready_and_says_so(
    aws: Sandbox, launched: Callable[..., Steps], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__DETAILS_TIMEOUT", "0")
    steps = launched(kind="stopped_instance", server=DB_2)
    aws.add_fault("error", operation="GetLaunchConfiguration", status=403, code="AccessDeniedException")

    with pytest.raises(AirflowFailException, match="crm-db-02"):
        steps.enrich()

    assert (
        "launch settings ask for that cannot be read: DRS in us-east-1" in steps.server("crm-db-02")["error"]
    )


def test_an_instance_that_died_fails_its_server_with_the_reason_of_ec2(
    launched: Callable[..., Steps],
) -> None:
    steps = launched(kind="died_instance", server=DB_2, code="Server.InternalError", message="on launch")

    with pytest.raises(AirflowFailException, match="crm-db-02"):
        steps.enrich()

    assert "is terminated in EC2 (Server.InternalError: on launch)" in steps.server("crm-db-02")["error"]


def test_a_row_without_the_id_of_its_ec2_instance_says_that_it_is_missing(
    launched: Callable[..., Steps], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__DETAILS_TIMEOUT", "0")
    steps = launched(kind="no_ec2_instance_id", server=DB_2)

    with pytest.raises(AirflowFailException, match="crm-db-02"):
        steps.enrich()

    server = steps.server("crm-db-02")
    assert f"gives no ec2InstanceID of {server['recoveryInstanceId']}" in server["error"]


def test_patience_for_details_counts_from_the_first_look_for_them(
    aws: Sandbox, launched: Callable[..., Steps], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = launched(kind="lagging_recovery_instances", server=DB_2, seconds=99999)
    deferred(steps.enrich)
    began = steps.server("crm-db-02")["detailsAwaitedTime"]
    later = SimpleNamespace(time=lambda: began + 599)
    monkeypatch.setattr("drs_recovery.waves.enrichment.time", later)
    deferred(steps.enrich)
    later.time = lambda: began + 601

    with pytest.raises(AirflowFailException, match="crm-db-02"):
        steps.enrich()

    assert steps.server("crm-db-02")["detailsAwaitedTime"] == began


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("status", ["FAILED", "TERMINATED"])
def test_a_server_that_failed_beside_its_instance_blames_no_missing_right(
    aws: Sandbox, steps_of: StepsOf, status: str, named: bool
) -> None:
    aws.add_fault("failed_after_launch", server=DB_2, status=status)
    if not named:
        aws.add_fault("no_recovery_instance_id", server=DB_2)
    steps = steps_of(plan(database()))
    steps.open()
    steps.start()
    aws.advance(600)

    for step in (steps.wait, steps.enrich):
        with pytest.raises(AirflowFailException, match="crm-db-02"):
            step()
    # A look at the job that comes later knows no better.
    WaveWatcher(steps.store).look(WaveRef(steps.execution_id, 1))

    server = steps.server("crm-db-02")
    assert (server["phase"], server["instanceState"]) == ("FAILED", "running")
    assert server["error"] == (
        f"launchStatus {status} in {server['jobId']}: DRS logged no reason, and names its instance "
        f"{server['instanceId']}, which may run"
    )
