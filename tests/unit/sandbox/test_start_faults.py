"""Faults that a job takes up when it starts; each is one of the odd things that DRS really does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.scenario import add_server
from sandbox.testing import ManualWall
from sandbox.world import World
from tests.unit.sandbox.known import A_DRILL, DB_1, DB_2

Start = Callable[..., str]
Job = Callable[[str], dict[str, Any]]
Events = Callable[[str], list[str]]
Instances = Callable[[], list[dict[str, Any]]]


@pytest.mark.parametrize(
    ("kind", "fields", "last_event", "raw_error"),
    [
        ("launch_failed", {}, "LAUNCH_FAILED", "InsufficientInstanceCapacity"),
        ("launch_failed", {"raw_error": "UnauthorizedOperation"}, "LAUNCH_FAILED", "UnauthorizedOperation"),
        ("conversion_failed", {}, "CONVERSION_FAIL", "conversion server"),
        ("snapshot_failed", {}, "SNAPSHOT_FAIL", "SnapshotCreation"),
        ("cleanup_failed", {}, "CLEANUP_FAIL", "OperationNotPermitted"),
        ("previous_snapshot", {"failed": True}, "USING_PREVIOUS_SNAPSHOT_FAILED", None),
        ("skipped", {}, "SERVER_SKIPPED", None),
        ("silent_no_launch", {}, "SNAPSHOT_END", None),
    ],
)
def test_one_server_fails_and_the_other_is_launched(
    drs: Any,
    fault: Callable[..., None],
    drill: Callable[..., dict[str, str]],
    instances: Instances,
    kind: str,
    fields: dict[str, Any],
    last_event: str,
    raw_error: str | None,
) -> None:
    fault(kind, server=DB_1, **fields)
    assert drill() == {DB_1: "FAILED", DB_2: "LAUNCHED"}
    assert [row["sourceServerID"] for row in instances()] == [DB_2]
    job_id = drs.describe_jobs()["items"][0]["jobID"]
    log = drs.describe_job_log_items(jobID=job_id)["items"]
    own = [item for item in log if item["eventData"].get("sourceServerID") == DB_1]
    assert own[-1]["event"] == last_event
    assert (raw_error or "") in own[-1]["eventData"].get("rawError", "")
    assert ("rawError" in own[-1]["eventData"]) == (raw_error is not None)
    assert log[-1]["event"] == "JOB_END"


def test_every_server_fails_when_the_fault_names_none(
    fault: Callable[..., None], drill: Callable[..., dict[str, str]]
) -> None:
    fault("launch_failed")
    assert drill() == {DB_1: "FAILED", DB_2: "FAILED"}


def test_a_fault_strikes_as_often_as_it_says(
    fault: Callable[..., None], drill: Callable[..., dict[str, str]]
) -> None:
    fault("launch_failed", server=DB_1, times=1)
    assert drill()[DB_1] == "FAILED"
    assert drill()[DB_1] == "LAUNCHED"


def test_a_fault_of_another_region_does_not_strike(
    fault: Callable[..., None], drill: Callable[..., dict[str, str]]
) -> None:
    fault("launch_failed", region="us-west-2")
    assert drill()[DB_1] == "LAUNCHED"


def test_a_server_can_fail_long_after_another_was_launched(
    fault: Callable[..., None], start: Start, job: Job, wall: ManualWall
) -> None:
    fault("launch_failed", server=DB_1, seconds=3_000)
    job_id = start(DB_1, DB_2)
    wall.advance(A_DRILL)
    early = {row["sourceServerID"]: row["launchStatus"] for row in job(job_id)["participatingServers"]}
    assert (job(job_id)["status"], early) == ("STARTED", {DB_1: "IN_PROGRESS", DB_2: "LAUNCHED"})
    wall.advance(3_000)
    assert job(job_id)["participatingServers"][0]["launchStatus"] == "FAILED"


def test_a_launch_can_be_slow(fault: Callable[..., None], start: Start, job: Job, wall: ManualWall) -> None:
    fault("slow_launch", server=DB_1, seconds=1_000)
    job_id = start(DB_1)
    wall.advance(1_400)
    assert job(job_id)["status"] == "STARTED"
    wall.advance(200)
    assert job(job_id)["status"] == "COMPLETED"


def test_a_completed_job_can_hold_a_pending_server(
    fault: Callable[..., None], drill: Callable[..., dict[str, str]]
) -> None:
    fault("stays_pending", server=DB_1)
    assert drill() == {DB_1: "PENDING", DB_2: "LAUNCHED"}


def test_fast_mode_has_no_conversion(
    fault: Callable[..., None], start: Start, events: Events, wall: ManualWall
) -> None:
    fault("fast_mode", server=DB_1)
    job_id = start(DB_1)
    wall.advance(A_DRILL)
    assert not [event for event in events(job_id) if event.startswith("CONVERSION")]


def test_the_previous_snapshot_can_be_used(
    fault: Callable[..., None], start: Start, events: Events, job: Job, wall: ManualWall
) -> None:
    fault("previous_snapshot", server=DB_1)
    job_id = start(DB_1)
    wall.advance(A_DRILL)
    assert events(job_id)[1] == "USING_PREVIOUS_SNAPSHOT"
    assert job(job_id)["participatingServers"][0]["launchStatus"] == "LAUNCHED"


def test_a_server_in_its_first_sync_cannot_be_launched(
    start: Start, events: Events, wall: ManualWall
) -> None:
    add_server(
        {
            "id": "s-0000000000000sync",
            "name": "new",
            "region": "us-east-1",
            "replication_state": "INITIAL_SYNC",
        }
    )
    job_id = start("s-0000000000000sync")
    wall.advance(A_DRILL)
    assert events(job_id)[-2:] == ["SNAPSHOT_FAIL", "JOB_END"]


def test_a_job_can_stay_started_for_ever(
    fault: Callable[..., None], start: Start, job: Job, events: Events, wall: ManualWall
) -> None:
    fault("stuck_job", server=DB_1)
    job_id = start(DB_1)
    wall.advance(1_000_000)
    assert job(job_id)["status"] == "STARTED"
    assert job(job_id)["participatingServers"][0]["launchStatus"] == "LAUNCHED"
    assert events(job_id)[-1] == "LAUNCH_END"
    with pytest.raises(ClientError, match="already participating"):
        start(DB_1)


def test_a_cancelled_job_fails_what_was_not_launched(
    fault: Callable[..., None], start: Start, job: Job, events: Events, instances: Instances, wall: ManualWall
) -> None:
    fault("job_cancel", seconds=520)
    fault("slow_launch", server=DB_2)
    job_id = start(DB_1, DB_2)
    wall.advance(521)
    state = job(job_id)
    assert state["status"] == "COMPLETED"
    assert [row["launchStatus"] for row in state["participatingServers"]] == ["LAUNCHED", "FAILED"]
    assert events(job_id)[-2:] == ["JOB_CANCEL", "JOB_END"]
    assert [row["sourceServerID"] for row in instances()] == [DB_1]


def test_an_early_cancelled_job_does_not_clean_up(
    fault: Callable[..., None], start: Start, instances: Instances, wall: ManualWall
) -> None:
    start(DB_1)
    wall.advance(A_DRILL)
    fault("job_cancel", seconds=5)
    start(DB_1)
    wall.advance(A_DRILL)
    assert len(instances()) == 1


def test_the_log_can_hold_an_unknown_event(
    fault: Callable[..., None], start: Start, events: Events, wall: ManualWall
) -> None:
    fault("unknown_event", event="SERVER_TELEPORTED")
    job_id = start(DB_1)
    wall.advance(20)
    assert "SERVER_TELEPORTED" in events(job_id)


@pytest.mark.parametrize(("forever", "at_the_end"), [(False, "LAUNCHED"), (True, "QUEUED")])
def test_a_server_can_have_an_unknown_launch_status(
    fault: Callable[..., None], start: Start, job: Job, wall: ManualWall, forever: bool, at_the_end: str
) -> None:
    fault("unknown_launch_status", server=DB_1, forever=forever)
    job_id = start(DB_1)
    wall.advance(300)
    assert job(job_id)["participatingServers"][0]["launchStatus"] == "QUEUED"
    wall.advance(A_DRILL)
    assert job(job_id)["participatingServers"][0]["launchStatus"] == at_the_end


@pytest.mark.parametrize(("fields", "listed_later"), [({"seconds": 20}, True), ({}, False)])
def test_a_job_may_not_be_listed(
    drs: Any,
    fault: Callable[..., None],
    start: Start,
    wall: ManualWall,
    fields: dict[str, Any],
    listed_later: bool,
) -> None:
    fault("unlisted_job", **fields)
    job_id = start(DB_1)
    assert drs.describe_jobs(filters={"jobIDs": [job_id]})["items"] == []
    wall.advance(A_DRILL)
    assert bool(drs.describe_jobs()["items"]) == listed_later
    assert drs.describe_recovery_instances()["items"]


@pytest.mark.parametrize(("form", "shown"), [("missing", None), ("empty", [])])
def test_a_young_job_may_lack_its_servers(
    fault: Callable[..., None], start: Start, job: Job, wall: ManualWall, form: str, shown: list[Any] | None
) -> None:
    fault("missing_participating_servers", form=form, seconds=5)
    job_id = start(DB_1)
    assert job(job_id).get("participatingServers") == shown
    wall.advance(5)
    assert len(job(job_id)["participatingServers"]) == 1


def test_a_completed_job_may_lack_its_end(
    fault: Callable[..., None], start: Start, job: Job, wall: ManualWall
) -> None:
    fault("missing_end_time")
    job_id = start(DB_1)
    wall.advance(A_DRILL)
    assert job(job_id)["status"] == "COMPLETED"
    assert "endDateTime" not in job(job_id)


def test_a_running_job_keeps_its_faults(
    world: World, fault: Callable[..., None], start: Start, job: Job, wall: ManualWall
) -> None:
    fault("launch_failed")
    job_id = start(DB_1)
    world.faults.clear()
    wall.advance(A_DRILL)
    assert job(job_id)["participatingServers"][0]["launchStatus"] == "FAILED"
