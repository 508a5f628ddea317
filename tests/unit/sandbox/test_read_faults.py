"""Faults that stand for as long as they are switched on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox.testing import ManualWall
from sandbox.world import World
from tests.unit.sandbox.conftest import client
from tests.unit.sandbox.known import A_DRILL, DB_1, DB_2

Start = Callable[..., str]


@pytest.fixture
def source(drs: Any) -> Callable[[str], dict[str, Any]]:
    def describe(server_id: str) -> dict[str, Any]:
        (row,) = drs.describe_source_servers(filters={"sourceServerIDs": [server_id]})["items"]
        return dict(row)

    return describe


def test_an_account_can_be_uninitialized(world: World, drs: Any) -> None:
    fault = world.faults.add({"kind": "uninitialized", "region": "us-east-1"})
    with pytest.raises(drs.exceptions.UninitializedAccountException):
        drs.describe_jobs()
    assert client("drs", "us-west-2").describe_jobs()["items"] == []
    world.faults.remove(fault.id)
    assert drs.describe_jobs()["items"] == []


def test_times_can_be_written_with_an_offset(world: World, drs: Any, start: Start) -> None:
    start(DB_1)
    (plain,) = drs.describe_jobs()["items"]
    world.faults.add({"kind": "offset_timestamps"})
    (offset,) = drs.describe_jobs()["items"]
    assert plain["creationDateTime"].endswith("Z")
    assert re.fullmatch(r".*\.\d{6}\+00:00", offset["creationDateTime"])
    assert datetime.fromisoformat(plain["creationDateTime"]) == datetime.fromisoformat(
        offset["creationDateTime"]
    )


def test_answers_can_hold_keys_that_the_model_lacks(world: World, start: Start, wall: ManualWall) -> None:
    world.faults.add({"kind": "extra_keys"})
    job_id = start(DB_1)
    wall.advance(A_DRILL)
    bodies: list[dict[str, Any]] = []

    def keep(response_dict: dict[str, Any], **_: Any) -> None:
        bodies.append(json.loads(response_dict["body"]))

    own = boto3.client("drs", "us-east-1")
    own.meta.events.register("before-parse.drs", keep)
    own.describe_jobs()
    own.describe_job_log_items(jobID=job_id)
    own.describe_source_servers()
    own.describe_recovery_instances()
    assert len(bodies) == 4
    assert all("sandboxExtraKey" in body["items"][0] for body in bodies)


@pytest.mark.parametrize("operation", ["describe_jobs", "describe_source_servers"])
def test_the_first_page_can_be_empty_and_have_a_token(
    world: World, drs: Any, start: Start, operation: str
) -> None:
    start(DB_1)
    rows = getattr(drs, operation)()["items"]
    world.faults.add({"kind": "empty_page_with_token"})
    first = getattr(drs, operation)()
    assert first["items"] == []
    assert getattr(drs, operation)(nextToken=first["nextToken"])["items"] == rows
    paginator = drs.get_paginator(operation)
    assert paginator.paginate().build_full_result()["items"] == rows


def test_pages_can_be_smaller_than_what_was_asked_for(world: World, drs: Any) -> None:
    world.faults.add({"kind": "page_size", "operation": "DescribeSourceServers", "size": 4})
    pages = [len(page["items"]) for page in drs.get_paginator("describe_source_servers").paginate()]
    assert pages == [4, 2]


@pytest.mark.parametrize("state", ["STALLED", "DISCONNECTED", "INITIAL_SYNC"])
def test_replication_can_be_in_any_state(
    world: World, source: Callable[[str], dict[str, Any]], state: str
) -> None:
    world.faults.add({"kind": "replication", "server": DB_1, "state": state, "lag": "PT2H"})
    info = source(DB_1)["dataReplicationInfo"]
    assert (info["dataReplicationState"], info["lagDuration"]) == (state, "PT2H")
    assert source(DB_2)["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"


def test_a_server_in_its_first_sync_has_no_snapshot(world: World, drs: Any) -> None:
    world.faults.add({"kind": "replication", "server": DB_1, "state": "INITIAL_SYNC"})
    assert drs.describe_recovery_snapshots(sourceServerID=DB_1)["items"] == []


def test_the_lag_can_be_unknown(world: World, source: Callable[[str], dict[str, Any]]) -> None:
    world.faults.add({"kind": "no_lag_duration", "server": DB_1})
    assert "lagDuration" not in source(DB_1)["dataReplicationInfo"]


def test_the_staging_area_can_be_in_error(world: World, source: Callable[[str], dict[str, Any]]) -> None:
    world.faults.add({"kind": "staging_error", "server": DB_1})
    area = source(DB_1)["stagingArea"]
    assert area["status"] == "EXTENSION_ERROR"
    assert area["errorMessage"]


def test_the_newest_snapshot_can_lack_its_time(world: World, drs: Any) -> None:
    world.faults.add({"kind": "snapshot_without_timestamp", "server": DB_1})
    newest, next_one = drs.describe_recovery_snapshots(sourceServerID=DB_1, order="DESC")["items"][:2]
    assert "timestamp" not in newest
    assert newest["expectedTimestamp"] > next_one["timestamp"]


def test_terminating_is_refused_during_failback(
    world: World, drs: Any, start: Start, wall: ManualWall
) -> None:
    start(DB_1)
    wall.advance(A_DRILL)
    world.faults.add({"kind": "failback", "server": DB_1})
    (row,) = drs.describe_recovery_instances()["items"]
    assert row["failback"]["state"] == "FAILBACK_IN_PROGRESS"
    with pytest.raises(ClientError, match="is in failback") as error:
        drs.terminate_recovery_instances(recoveryInstanceIDs=[row["recoveryInstanceID"]])
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_terminating_may_not_tell_its_job(world: World, drs: Any, start: Start, wall: ManualWall) -> None:
    start(DB_1)
    wall.advance(A_DRILL)
    world.faults.add({"kind": "terminate_without_job"})
    instance_id = drs.describe_recovery_instances()["items"][0]["recoveryInstanceID"]
    assert "job" not in drs.terminate_recovery_instances(recoveryInstanceIDs=[instance_id])
    wall.advance(60)
    assert drs.describe_recovery_instances()["items"] == []


def test_jobs_can_be_shown_without_their_tags(world: World, drs: Any, start: Callable[..., str]) -> None:
    job_id = start(DB_1, tags={"dr:wave": "1"})
    world.faults.add({"kind": "jobs_without_tags"})

    (job,) = drs.describe_jobs(filters={"jobIDs": [job_id]})["items"]

    assert "tags" not in job
    assert drs.list_tags_for_resource(resourceArn=job["arn"])["tags"] == {"dr:wave": "1"}
