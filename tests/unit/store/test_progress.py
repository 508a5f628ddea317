"""What a poll makes of one server, without a store."""

from __future__ import annotations

import pytest

from drs_recovery.statuses import ServerPhase
from drs_recovery.store.progress import merge_jobs, next_phase, progress_deltas, server_changes
from drs_recovery.store.records import JobSeen, ServerSeen
from tests.record_types import as_read

ENDS = [ServerPhase.READY, ServerPhase.FAILED, ServerPhase.TERMINATED]
UNDER_WAY = [phase for phase in ServerPhase if phase not in ENDS]


def server(**attributes):
    record = {
        "sourceServerId": "s-1",
        "phase": "PENDING",
        "launchStatus": "PENDING",
        "transitionHistory": [],
        **attributes,
    }
    return as_read("SERVER", record)


def seen_after(stored, **seen):
    """The server after one poll."""
    changes = server_changes([stored], [ServerSeen("s-1", **seen)], now=10.0, attempt=3)
    return changes[0].after if changes else stored


@pytest.mark.parametrize("stored", UNDER_WAY)
@pytest.mark.parametrize("seen", UNDER_WAY)
def test_server_under_way_only_moves_forward(stored, seen):
    assert next_phase(stored, seen) is (seen if seen.rank > stored.rank else stored)


@pytest.mark.parametrize("stored", ENDS)
@pytest.mark.parametrize("seen", ServerPhase)
def test_ended_server_stays_as_it_is_unless_its_ready_instance_is_lost(stored, seen):
    lost = (stored, seen) == (ServerPhase.READY, ServerPhase.TERMINATED)
    assert next_phase(stored, seen) is (seen if lost else stored)


@pytest.mark.parametrize("stored", UNDER_WAY)
def test_instance_lost_before_it_was_ready_is_a_failure(stored):
    assert next_phase(stored, ServerPhase.TERMINATED) is ServerPhase.FAILED


@pytest.mark.parametrize(
    ("stored", "seen", "expected"),
    [
        ("PENDING", "IN_PROGRESS", "IN_PROGRESS"),
        ("PENDING", "LAUNCHED", "LAUNCHED"),
        ("PENDING", "NEW_IN_2030", "NEW_IN_2030"),
        ("NEW_IN_2030", "IN_PROGRESS", "IN_PROGRESS"),
        ("NEW_IN_2030", "FAILED", "FAILED"),
        ("IN_PROGRESS", "PENDING", "IN_PROGRESS"),
        ("IN_PROGRESS", "FAILED", "FAILED"),
        ("LAUNCHED", "PENDING", "LAUNCHED"),
        ("LAUNCHED", "IN_PROGRESS", "LAUNCHED"),
        ("LAUNCHED", "NEW_IN_2030", "LAUNCHED"),
        ("LAUNCHED", "FAILED", "LAUNCHED"),
        ("FAILED", "LAUNCHED", "FAILED"),
        ("LAUNCHED", "TERMINATED", "TERMINATED"),
        ("TERMINATED", "LAUNCHED", "TERMINATED"),
    ],
)
def test_final_launch_status_does_not_go_back(stored, seen, expected):
    after = seen_after(server(launchStatus=stored), launch_status=seen)
    assert after["launchStatus"] == expected
    assert len(after["transitionHistory"]) == (stored != expected)


def test_launch_times_are_set_once():
    moving = seen_after(server(), launch_status="IN_PROGRESS")
    assert (moving["launchTime"], "launchedTime" in moving) == (10, False)
    launched = seen_after({**moving, "launchTime": 5.0}, launch_status="LAUNCHED")
    assert (launched["launchTime"], launched["launchedTime"]) == (5, 10)
    again = seen_after({**launched, "launchedTime": 6.0}, launch_status="TERMINATED")
    assert (again["launchTime"], again["launchedTime"]) == (5, 6)


def test_the_times_of_a_launch_are_those_of_drs_as_soon_as_it_tells_them():
    moving = seen_after(server(), launch_status="IN_PROGRESS")
    told = seen_after(moving, moments={"LAUNCH_START": 4.0})
    assert told["launchTime"] == 4
    launched = seen_after(told, launch_status="LAUNCHED", moments={"LAUNCH_START": 4.0, "LAUNCH_END": 7.0})
    assert (launched["launchTime"], launched["launchedTime"]) == (4, 7)
    assert launched["transitionHistory"][-1] == {"status": "LAUNCHED", "timestamp": 7}


def test_the_history_of_a_server_begins_with_its_job():
    pending = seen_after(server(), launch_status="PENDING", moments={"PENDING": 1.0})
    assert pending["transitionHistory"] == [{"status": "PENDING", "timestamp": 1}]
    reached = {"PENDING": 1.0, "STARTED": None, "LAUNCH_START": 3.0}
    moving = seen_after(pending, launch_status="IN_PROGRESS", moments=reached)
    assert moving["transitionHistory"] == [
        {"status": "PENDING", "timestamp": 1},
        {"status": "STARTED", "timestamp": 10},
        {"status": "IN_PROGRESS", "timestamp": 3},
    ]
    assert seen_after(moving, launch_status="IN_PROGRESS", moments=reached) == moving


def test_the_history_of_a_new_attempt_begins_with_its_job_again():
    old = [{"status": status, "timestamp": 1} for status in ("PENDING", "STARTED", "FAILED", "PENDING")]
    again = seen_after(server(transitionHistory=old), moments={"PENDING": 5.0, "STARTED": 6.0})
    assert again["transitionHistory"] == [*old, {"status": "STARTED", "timestamp": 6}]


def test_a_history_that_an_earlier_release_began_goes_on_as_it_is():
    old = [{"status": "IN_PROGRESS", "timestamp": 1}]
    stored = server(launchStatus="IN_PROGRESS", transitionHistory=old)
    after = seen_after(stored, launch_status="LAUNCHED", moments={"PENDING": 5.0, "STARTED": 6.0})
    assert [entry["status"] for entry in after["transitionHistory"]] == ["IN_PROGRESS", "LAUNCHED"]


def test_what_is_set_once_keeps_its_first_value():
    first = seen_after(server(), once={"detailsAwaitedTime": 1.0})
    assert seen_after(first, once={"detailsAwaitedTime": 2.0}) == first


def test_server_that_was_never_launched_has_no_launch_time():
    assert "launchTime" not in seen_after(server(), launch_status="FAILED")


def test_server_without_news_is_not_among_the_changes():
    stored = server(phase="LAUNCH", launchStatus="IN_PROGRESS", hostname="db-01")
    seen = ServerSeen("s-1", "IN_PROGRESS", ServerPhase.SNAPSHOT, {"hostname": "db-01", "instanceId": None})
    assert server_changes([stored], [seen, ServerSeen("s-2")], 10.0, 3) == []


def test_deltas_of_the_parts_sum_to_nothing():
    stored = [server(sourceServerId=f"s-{n}") for n in range(4)]
    seen = [
        ServerSeen("s-0", phase=ServerPhase.SNAPSHOT),
        ServerSeen("s-1", phase=ServerPhase.READY),
        ServerSeen("s-2", phase=ServerPhase.FAILED),
        ServerSeen("s-3", launch_status="IN_PROGRESS"),
    ]
    deltas = progress_deltas(server_changes(stored, seen, 10.0, 1))
    assert deltas == {
        "progress.pending": -3,
        "progress.snapshot": 1,
        "progress.ready": 1,
        "progress.failed": 1,
    }


def test_move_within_a_part_of_the_progress_is_no_delta():
    changes = server_changes(
        [server(phase="LAUNCHED")], [ServerSeen("s-1", phase=ServerPhase.POST_LAUNCH)], 10.0, 1
    )
    assert progress_deltas(changes) == {}


def test_jobs_keep_their_order_and_what_the_poll_did_not_see():
    stored = [{"jobId": "a", "status": "STARTED"}, {"jobId": "b", "status": "PENDING"}]
    merged = merge_jobs(stored, [JobSeen("b", "STARTED", None)])
    assert merged == [{"jobId": "a", "status": "STARTED"}, {"jobId": "b", "status": "STARTED"}]
