"""Faults of what a job launched: its instances and its post-launch actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.testing import ManualWall
from tests.unit.sandbox.known import A_DRILL, DB_1, DB_2

Start = Callable[..., str]
Job = Callable[[str], dict[str, Any]]
Instances = Callable[[], list[dict[str, Any]]]


def test_a_launched_server_can_lack_its_instance_id(
    fault: Callable[..., None], start: Start, job: Job, instances: Instances, wall: ManualWall
) -> None:
    fault("no_recovery_instance_id", server=DB_1)
    job_id = start(DB_1)
    wall.advance(A_DRILL)
    assert "recoveryInstanceID" not in job(job_id)["participatingServers"][0]
    assert instances()[0]["jobID"] == job_id


@pytest.fixture
def launched_instance(wall: ManualWall) -> Callable[..., dict[str, Any]]:
    """As EC2 describes it after a drill of one server."""

    def launch(ec2: Any, start: Start) -> dict[str, Any]:
        start(DB_1)
        wall.advance(A_DRILL)
        (reservation,) = ec2.describe_instances()["Reservations"]
        return dict(reservation["Instances"][0])

    return launch


@pytest.mark.parametrize("fields", [{"polls": 2}, {}])
def test_recovery_instances_can_lag_by_polls(
    fault: Callable[..., None], start: Start, instances: Instances, wall: ManualWall, fields: dict[str, Any]
) -> None:
    fault("lagging_recovery_instances", server=DB_1, **fields)
    start(DB_1)
    wall.advance(A_DRILL)
    assert [len(instances()) for _ in range(3)] == [0, 0, 1]


def test_recovery_instances_can_lag_by_seconds(
    fault: Callable[..., None], start: Start, instances: Instances, wall: ManualWall
) -> None:
    fault("lagging_recovery_instances", server=DB_1, seconds=300)
    start(DB_1)
    wall.advance(A_DRILL)
    assert instances() == []
    wall.advance(300)
    assert len(instances()) == 1


def test_an_instance_can_be_stopped(
    fault: Callable[..., None], drill: Callable[..., dict[str, str]], instances: Instances
) -> None:
    fault("stopped_instance", server=DB_1)
    assert drill()[DB_1] == "LAUNCHED"
    states = {row["sourceServerID"]: row["ec2InstanceState"] for row in instances()}
    assert states == {DB_1: "STOPPED", DB_2: "RUNNING"}


def test_an_instance_can_die_with_a_reason(
    ec2: Any, fault: Callable[..., None], start: Start, launched_instance: Callable[..., Any]
) -> None:
    fault("died_instance", server=DB_1, code="Server.InternalError", message="Internal error on launch")
    instance = launched_instance(ec2, start)
    assert instance["State"]["Name"] == "terminated"
    assert instance["StateReason"] == {
        "Code": "Server.InternalError",
        "Message": "Server.InternalError: Internal error on launch",
    }


def test_an_instance_can_have_ipv6_only(
    ec2: Any, fault: Callable[..., None], start: Start, launched_instance: Callable[..., Any]
) -> None:
    fault("ipv6_only", server=DB_1)
    instance = launched_instance(ec2, start)
    assert not instance.get("PrivateIpAddress")
    (address,) = instance["NetworkInterfaces"][0]["Ipv6Addresses"]
    assert address["Ipv6Address"].startswith("2600:")
    assert instance["PrivateDnsName"].startswith("i-")


@pytest.mark.parametrize("status", ["FAILED", "TERMINATED"])
def test_a_server_can_fail_beside_its_instance(
    fault: Callable[..., None], start: Start, job: Job, instances: Instances, wall: ManualWall, status: str
) -> None:
    fault("failed_after_launch", server=DB_1, status=status)
    job_id = start(DB_1)
    wall.advance(A_DRILL)
    (server,) = job(job_id)["participatingServers"]
    assert (server["launchStatus"], job(job_id)["status"]) == (status, "COMPLETED")
    assert server["recoveryInstanceID"] == instances()[0]["recoveryInstanceID"]


def test_an_entry_can_lack_its_launch_status_and_a_row_its_ec2_instance(
    fault: Callable[..., None], start: Start, job: Job, instances: Instances, wall: ManualWall
) -> None:
    fault("no_launch_status", server=DB_1)
    fault("no_ec2_instance_id", server=DB_1)
    job_id = start(DB_1)
    wall.advance(A_DRILL)
    assert "launchStatus" not in job(job_id)["participatingServers"][0]
    assert "ec2InstanceID" not in instances()[0]


def test_an_instance_can_vanish(
    ec2: Any, fault: Callable[..., None], start: Start, instances: Instances, wall: ManualWall
) -> None:
    fault("vanished_instance", server=DB_1, seconds=1_000)
    start(DB_1)
    wall.advance(A_DRILL)
    (row,) = instances()
    assert row["ec2InstanceState"] == "RUNNING"
    wall.advance(1_000)
    with pytest.raises(ClientError, match=r"InvalidInstanceID\.NotFound"):
        ec2.describe_instances(InstanceIds=[row["ec2InstanceID"]])
    assert instances()[0]["ec2InstanceState"] == "NOT_FOUND"


def test_a_vanished_instance_can_still_be_terminated(
    drs: Any, fault: Callable[..., None], start: Start, instances: Instances, wall: ManualWall
) -> None:
    fault("vanished_instance", server=DB_1)
    start(DB_1)
    wall.advance(A_DRILL)
    drs.terminate_recovery_instances(recoveryInstanceIDs=[instances()[0]["recoveryInstanceID"]])
    wall.advance(60)
    assert instances() == []


def test_ec2_may_not_know_a_new_instance_for_some_reads(
    ec2: Any, fault: Callable[..., None], start: Start, job: Job, wall: ManualWall
) -> None:
    fault("instance_not_found", server=DB_1, reads=2)
    job_id = start(DB_1)
    wall.advance(A_DRILL)
    instance_id = job(job_id)["participatingServers"][0]["recoveryInstanceID"]
    with pytest.raises(ClientError, match=r"InvalidInstanceID\.NotFound"):
        ec2.describe_instances(InstanceIds=[instance_id])
    assert ec2.describe_instances()["Reservations"] == []
    assert len(ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]) == 1


@pytest.mark.parametrize(
    ("kind", "status"), [("post_launch_failed", "FAILED"), ("post_launch_forever", "IN_PROGRESS")]
)
@pytest.mark.parametrize("optional", [False, True])
def test_a_post_launch_action_can_fail_or_never_end(
    fault: Callable[..., None],
    start: Start,
    job: Job,
    wall: ManualWall,
    kind: str,
    status: str,
    optional: bool,
) -> None:
    fault(kind, server=DB_1, optional=optional)
    job_id = start(DB_1, isDrill=False)
    wall.advance(1_200)
    state = job(job_id)
    (run,) = state["participatingServers"][0]["launchActionsStatus"]["runs"]
    assert state["status"] == "COMPLETED"
    assert (run["status"], run["action"]["optional"]) == (status, optional)
    assert ("failureReason" in run) == (status == "FAILED")
