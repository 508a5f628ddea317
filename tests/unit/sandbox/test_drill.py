from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import boto3
import pytest

from sandbox.scenario import add_server
from sandbox.testing import ManualWall
from sandbox.world import World
from tests.unit.sandbox.known import A_DRILL, DB_1, DB_2

Start = Callable[..., str]
Job = Callable[[str], dict[str, Any]]


def test_a_drill_of_two_linux_servers_takes_as_long_as_a_recorded_one(
    start: Start, job: Job, wall: ManualWall
) -> None:
    job_id = start(DB_1, DB_2)
    wall.advance(A_DRILL)
    done = job(job_id)
    took = datetime.fromisoformat(done["endDateTime"]) - datetime.fromisoformat(done["creationDateTime"])
    # 8 min 53 s were recorded; no two simulated servers take the same time, up to 5 % less.
    assert 505 < took.total_seconds() <= 533


def test_a_job_is_pending_then_started_then_completed(start: Start, job: Job, wall: ManualWall) -> None:
    job_id = start(DB_1)
    seen = []
    for seconds in (0, 1, 250, A_DRILL):
        wall.advance(seconds)
        state = job(job_id)
        seen.append((state["status"], state["participatingServers"][0]["launchStatus"]))
    assert seen == [
        ("PENDING", "PENDING"),
        ("STARTED", "PENDING"),
        ("STARTED", "IN_PROGRESS"),
        ("COMPLETED", "LAUNCHED"),
    ]


def test_a_job_has_no_end_before_it_has_ended(start: Start, job: Job, wall: ManualWall) -> None:
    job_id = start(DB_1)
    assert "endDateTime" not in job(job_id)
    wall.advance(A_DRILL)
    assert "endDateTime" in job(job_id)


def test_the_log_of_a_good_server_is_in_order(
    start: Start, events: Callable[[str], list[str]], wall: ManualWall
) -> None:
    job_id = start(DB_1)
    wall.advance(A_DRILL)
    assert events(job_id) == [
        "JOB_START", "SNAPSHOT_START", "SNAPSHOT_END", "CONVERSION_START", "CONVERSION_END",
        "LAUNCH_START", "LAUNCH_END", "JOB_END",
    ]  # fmt: skip


def test_log_items_appear_when_they_are_due(
    start: Start, events: Callable[[str], list[str]], wall: ManualWall
) -> None:
    job_id = start(DB_1)
    assert events(job_id) == []
    wall.advance(30)
    assert events(job_id) == ["JOB_START", "SNAPSHOT_START", "SNAPSHOT_END"]


def test_a_launched_server_is_a_running_ec2_instance(
    start: Start, job: Job, ec2: Any, wall: ManualWall
) -> None:
    job_id = start(DB_1)
    wall.advance(A_DRILL)
    instance_id = job(job_id)["participatingServers"][0]["recoveryInstanceID"]
    (reservation,) = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
    instance = reservation["Instances"][0]
    assert instance["State"]["Name"] == "running"
    assert instance["InstanceType"] == "r5.large"
    assert instance["PrivateIpAddress"].startswith("127.64.")
    assert instance["PrivateDnsName"].endswith(".ec2.internal")
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert tags["Name"] == "crm-db-01"
    assert tags["drs.amazonaws.com-job"] == job_id
    assert tags["drs.amazonaws.com-source-server"] == DB_1
    assert tags["AWSElasticDisasterRecoverySourceServerID"] == DB_1
    assert "AWSElasticDisasterRecoveryManaged" in tags


def test_ec2_sees_an_instance_that_nobody_asked_drs_about(start: Start, ec2: Any, wall: ManualWall) -> None:
    start(DB_1)
    wall.advance(400)
    assert ec2.describe_instances()["Reservations"] == []
    wall.advance(200)
    assert len(ec2.describe_instances()["Reservations"]) == 1


def test_the_launch_time_is_the_moment_of_the_launch_not_of_the_look(
    start: Start, drs: Any, ec2: Any, wall: ManualWall
) -> None:
    job_id = start(DB_1)
    wall.advance(50_000)
    launched = ec2.describe_instances()["Reservations"][0]["Instances"][0]["LaunchTime"]
    logged = {item["event"]: item for item in drs.describe_job_log_items(jobID=job_id)["items"]}["LAUNCH_END"]
    assert abs((launched - datetime.fromisoformat(logged["logDateTime"])).total_seconds()) < 1


def test_the_recovery_instance_tells_where_it_comes_from(
    start: Start, instances: Callable[[], list[dict[str, Any]]], wall: ManualWall
) -> None:
    job_id = start(DB_1)
    began = wall.seconds
    wall.advance(A_DRILL)
    (row,) = instances()
    assert row["recoveryInstanceID"] == row["ec2InstanceID"]
    assert (row["ec2InstanceState"], row["jobID"], row["isDrill"]) == ("RUNNING", job_id, True)
    assert row["recoveryInstanceProperties"]["identificationHints"]["hostname"] == "crm-db-01"
    point = datetime.fromisoformat(row["pointInTimeSnapshotDateTime"]).timestamp()
    assert began < point < began + 10


def test_the_state_of_a_recovery_instance_follows_ec2(
    start: Start, instances: Callable[[], list[dict[str, Any]]], ec2: Any, wall: ManualWall
) -> None:
    start(DB_1)
    wall.advance(A_DRILL)
    ec2.stop_instances(InstanceIds=[instances()[0]["ec2InstanceID"]])
    assert instances()[0]["ec2InstanceState"] == "STOPPED"


@pytest.mark.parametrize("is_drill", [True, False], ids=["a drill's", "a real recovery's"])
def test_a_new_launch_cleans_up_the_earlier_instance_of_its_server_whatever_launched_it(
    is_drill: bool,
    start: Start,
    events: Callable[[str], list[str]],
    instances: Callable[[], list[dict[str, Any]]],
    ec2: Any,
    wall: ManualWall,
) -> None:
    start(DB_1, isDrill=is_drill)
    wall.advance(A_DRILL)
    first = instances()[0]["ec2InstanceID"]
    job_id = start(DB_1)
    wall.advance(A_DRILL)
    assert events(job_id)[:3] == ["JOB_START", "CLEANUP_START", "CLEANUP_END"]
    (second,) = instances()
    assert second["ec2InstanceID"] != first
    old = ec2.describe_instances(InstanceIds=[first])["Reservations"][0]["Instances"][0]
    assert old["State"]["Name"] == "terminated"


def test_the_source_server_remembers_its_last_launch(start: Start, drs: Any, wall: ManualWall) -> None:
    def source() -> dict[str, Any]:
        (row,) = drs.describe_source_servers(filters={"sourceServerIDs": [DB_1]})["items"]
        return dict(row)

    assert source()["lastLaunchResult"] == "NOT_STARTED"
    job_id = start(DB_1)
    assert source()["lastLaunchResult"] == "PENDING"
    wall.advance(A_DRILL)
    last = source()["lifeCycle"]["lastLaunch"]
    assert (last["status"], last["initiated"]["jobID"], last["initiated"]["type"]) == (
        "LAUNCHED",
        job_id,
        "DRILL",
    )
    drs.terminate_recovery_instances(recoveryInstanceIDs=[source()["recoveryInstanceId"]])
    wall.advance(A_DRILL)
    assert source()["lifeCycle"]["lastLaunch"]["status"] == "TERMINATED"
    assert "recoveryInstanceId" not in source()


def test_windows_takes_as_long_as_a_recorded_drill(
    drs: Any, job: Job, start: Start, wall: ManualWall
) -> None:
    add_server({"id": "s-w0000000000000001", "name": "win", "region": "us-east-1", "os": "windows"})
    job_id = start("s-w0000000000000001")
    wall.advance(1_340)
    assert job(job_id)["status"] == "STARTED"
    wall.advance(100)
    assert job(job_id)["status"] == "COMPLETED"


def test_a_job_of_25_servers_takes_as_long_as_a_recorded_one(
    drs: Any, job: Job, start: Start, wall: ManualWall
) -> None:
    ids = [f"s-{number:017d}" for number in range(25)]
    for server_id in ids:
        add_server({"id": server_id, "name": server_id, "region": "us-east-1"})
    job_id = start(*ids)
    wall.advance(1_690)
    assert job(job_id)["status"] == "STARTED"
    wall.advance(40)
    assert job(job_id)["status"] == "COMPLETED"


@pytest.mark.parametrize("is_drill", [False, True])
def test_post_launch_actions_run_ten_minutes_in_a_recovery_and_in_a_drill(
    start: Start, job: Job, wall: ManualWall, is_drill: bool
) -> None:
    server_id = "s-a0000000000000001"
    actions = [{"name": "Install agent"}, {"name": "Check disks", "optional": True}]
    add_server({"id": server_id, "name": "acts", "region": "us-east-1", "actions": actions})
    job_id = start(server_id, isDrill=is_drill)
    wall.advance(1_140)
    state = job(job_id)
    found = state["participatingServers"][0]["launchActionsStatus"]["runs"]
    assert state["status"] == "COMPLETED"
    assert [run["status"] for run in found] == ["SUCCEEDED"] * 2


def test_regions_and_accounts_are_separate(start: Start, world: World) -> None:
    start(DB_1)
    west = boto3.client("drs", "us-west-2")
    assert west.describe_jobs()["items"] == []
    assert all(row["tags"]["dr:application"] == "billing" for row in west.describe_source_servers()["items"])


def test_an_assumed_role_of_another_account_sees_that_account(world: World) -> None:
    add_server({"id": DB_1, "name": "other", "region": "us-east-1", "account": "210987654321"})
    role = boto3.client("sts", "us-east-1").assume_role(
        RoleArn="arn:aws:iam::210987654321:role/dr", RoleSessionName="test"
    )["Credentials"]
    other = boto3.client(
        "drs", "us-east-1",
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )  # fmt: skip
    (row,) = other.describe_source_servers()["items"]
    assert row["arn"] == f"arn:aws:drs:us-east-1:210987654321:source-server/{DB_1}"
