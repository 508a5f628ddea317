"""What DRS's answers say about each server."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.durations import epoch
from drs_recovery.statuses import ServerPhase
from drs_recovery.store.records import JobSeen, ServerSeen
from drs_recovery.waves.observation import JobAnswer, job_seen, servers_seen

JOB, SERVER = "drsjob-1", "s-1"


def event(name: str, server: str | None = SERVER, **data: Any) -> dict[str, Any]:
    return {"event": name, "eventData": {**({"sourceServerID": server} if server else {}), **data}}


def seen(
    server: dict[str, Any] | None = None,
    log: list[dict[str, Any]] | None = None,
    status: str = "STARTED",
    *,
    await_actions: bool = False,
) -> ServerSeen:
    participating = [] if server is None else [{"sourceServerID": SERVER, **server}]
    answer = JobAnswer(
        JOB, {"jobID": JOB, "status": status, "participatingServers": participating}, log or []
    )
    (found,) = servers_seen(answer, [SERVER], await_actions=await_actions)
    return found


@pytest.mark.parametrize(
    ("events", "phase"),
    [
        ([], None),
        (["JOB_START"], None),
        (["JOB_START", "SNAPSHOT_START"], ServerPhase.SNAPSHOT),
        (["SNAPSHOT_START", "SNAPSHOT_END"], ServerPhase.SNAPSHOT),
        (["SNAPSHOT_END", "CONVERSION_START"], ServerPhase.CONVERSION),
        (["CONVERSION_START", "CONVERSION_END", "LAUNCH_START"], ServerPhase.LAUNCH),
        (["LAUNCH_START", "LAUNCH_END"], ServerPhase.LAUNCH),
        (["SNAPSHOT_END", "LAUNCH_START"], ServerPhase.LAUNCH),
        (["USING_PREVIOUS_SNAPSHOT"], ServerPhase.SNAPSHOT),
        (["LAUNCH_START", "SNAPSHOT_END"], ServerPhase.LAUNCH),
        (["SOMETHING_NEW"], None),
        (["SNAPSHOT_START", "SOMETHING_NEW"], ServerPhase.SNAPSHOT),
    ],
)
def test_the_log_tells_how_far_a_server_is(events: list[str], phase: ServerPhase | None) -> None:
    assert seen({"launchStatus": "PENDING"}, [event(name) for name in events]).phase is phase


def test_the_log_of_another_server_says_nothing() -> None:
    assert seen({"launchStatus": "PENDING"}, [event("LAUNCH_START", "s-2")]).phase is None


def test_log_items_without_data_or_event_are_tolerated() -> None:
    assert seen({"launchStatus": "IN_PROGRESS"}, [{}, {"event": "JOB_START"}]).phase is None


def test_a_job_that_is_not_listed_says_nothing() -> None:
    answer = JobAnswer(JOB, None)

    assert servers_seen(answer, [SERVER], await_actions=False) == ()
    assert job_seen(answer) is None
    assert not answer.is_completed


def test_a_server_that_a_running_job_does_not_list_yet_is_not_failed() -> None:
    found = seen(None)

    assert (found.launch_status, found.phase) == (None, None)


def test_a_server_without_a_launch_status_is_not_failed() -> None:
    assert seen({}).phase is None


def test_a_launched_server_is_launched_even_before_its_job_ends() -> None:
    found = seen({"launchStatus": "LAUNCHED", "recoveryInstanceID": "i-1"})

    assert found.phase is ServerPhase.LAUNCHED
    assert found.fields["recoveryInstanceId"] == "i-1"


def test_launched_without_an_instance_id_is_launched() -> None:
    assert seen({"launchStatus": "LAUNCHED"}, status="COMPLETED").phase is ServerPhase.LAUNCHED


def test_an_unknown_launch_status_counts_as_running_until_the_job_ends() -> None:
    assert seen({"launchStatus": "QUEUED"}).phase is None
    assert seen({"launchStatus": "QUEUED"}, status="COMPLETED").phase is ServerPhase.FAILED


@pytest.mark.parametrize(
    ("server", "log", "told"),
    [
        (
            {"launchStatus": "FAILED"},
            [event("LAUNCH_FAILED", rawError="no capacity")],
            "launchStatus FAILED in drsjob-1: LAUNCH_FAILED: no capacity",
        ),
        (
            {"launchStatus": "FAILED"},
            [event("SNAPSHOT_FAIL", rawError="first"), event("LAUNCH_FAILED", rawError="last")],
            "LAUNCH_FAILED: last",
        ),
        ({"launchStatus": "FAILED"}, [event("SERVER_SKIPPED")], "SERVER_SKIPPED: no rawError"),
        ({"launchStatus": "FAILED"}, [event("JOB_CANCEL", None)], "JOB_CANCEL"),
        ({"launchStatus": "FAILED"}, [event("LAUNCH_FAILED", "s-2", rawError="of another")], "EC2 rights"),
        ({"launchStatus": "FAILED"}, [event("JOB_START"), event("JOB_END")], "launched no instance"),
        ({"launchStatus": "TERMINATED"}, [], "launchStatus TERMINATED"),
        ({"launchStatus": "PENDING"}, [], "although DRS says that the job is COMPLETED"),
        (None, [], "not among the job's participatingServers"),
        ({}, [], "without a launchStatus among the job's participatingServers"),
        ({"launchStatus": "TERMINATED"}, [], "took its instance away again and logged no reason"),
        (
            {"launchStatus": "FAILED", "recoveryInstanceID": "i-1"},
            [],
            "names its instance i-1, which may run",
        ),
    ],
)
def test_the_reason_of_a_failure_says_what_is_known(
    server: dict[str, Any] | None, log: list[dict[str, Any]], told: str
) -> None:
    found = seen(server, log, "COMPLETED")

    assert found.phase is ServerPhase.FAILED
    assert told in found.fields["error"]


def action(status: str, *, optional: bool = False, **more: Any) -> dict[str, Any]:
    return {"status": status, "action": {"name": "check", "optional": optional}, **more}


@pytest.mark.parametrize(
    ("runs", "phase", "status", "done"),
    [
        ([action("IN_PROGRESS")], ServerPhase.POST_LAUNCH, "IN_PROGRESS", False),
        ([action("SUCCEEDED"), action("IN_PROGRESS")], ServerPhase.POST_LAUNCH, "IN_PROGRESS", False),
        ([action("SOMETHING_NEW")], ServerPhase.POST_LAUNCH, "IN_PROGRESS", False),
        ([action("SUCCEEDED"), action("FAILED")], ServerPhase.FAILED, "FAILED", True),
        ([action("SUCCEEDED"), action("SUCCEEDED")], ServerPhase.POST_LAUNCH, "SUCCEEDED", True),
    ],
)
def test_a_recovery_waits_for_post_launch_actions(
    runs: list[dict[str, Any]], phase: ServerPhase, status: str, done: bool
) -> None:
    found = seen({"launchStatus": "LAUNCHED", "launchActionsStatus": {"runs": runs}}, await_actions=True)

    assert found.phase is phase
    assert found.fields["postLaunchActionsStatus"] == status
    assert ("postLaunchActionsCompleted" in found.once) is done


def test_a_failed_required_action_is_named_with_its_reason() -> None:
    runs = [action("FAILED", failureReason="disk full"), action("FAILED", optional=True)]

    found = seen({"launchStatus": "LAUNCHED", "launchActionsStatus": {"runs": runs}}, await_actions=True)

    assert found.fields["error"] == "post-launch action 'check' failed: disk full"


def test_an_optional_action_that_failed_does_not_fail_its_server() -> None:
    runs = [action("SUCCEEDED"), action("FAILED", optional=True)]

    found = seen({"launchStatus": "LAUNCHED", "launchActionsStatus": {"runs": runs}}, await_actions=True)

    assert found.phase is not ServerPhase.FAILED
    assert "error" not in found.fields


def test_a_drill_does_not_wait_for_actions() -> None:
    runs = [action("IN_PROGRESS"), action("FAILED")]

    assert (
        seen({"launchStatus": "LAUNCHED", "launchActionsStatus": {"runs": runs}}).phase
        is ServerPhase.LAUNCHED
    )


@pytest.mark.parametrize(
    "nothing", [{}, {"launchActionsStatus": None}, {"launchActionsStatus": {"runs": []}}]
)
def test_a_server_without_actions_is_launched(nothing: dict[str, Any]) -> None:
    assert seen({"launchStatus": "LAUNCHED", **nothing}, await_actions=True).phase is ServerPhase.LAUNCHED


def test_the_end_of_a_job_is_only_taken_from_a_completed_one() -> None:
    job = {"jobID": JOB, "status": "COMPLETED", "endDateTime": "2026-11-21T00:00:01Z"}

    assert job_seen(JobAnswer(JOB, job)) == JobSeen(JOB, "COMPLETED", 1795219201.0)
    assert job_seen(JobAnswer(JOB, {**job, "status": "STARTED"})) == JobSeen(JOB, "STARTED", None)
    assert job_seen(JobAnswer(JOB, {"jobID": JOB, "status": "COMPLETED"})) == JobSeen(JOB, "COMPLETED", None)
    assert job_seen(JobAnswer(JOB, {"jobID": JOB})) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T00:00:01Z",
        "2026-11-21T00:00:01.000000+00:00",
        "2026-11-21T01:00:01+01:00",
        "2026-11-21T00:00:01",
    ],
)
def test_both_forms_of_a_timestamp_are_the_same_moment(text: str) -> None:
    assert epoch(text) == 1795219201.0


def test_a_missing_timestamp_is_none() -> None:
    assert epoch(None) is None
    assert epoch("") is None
