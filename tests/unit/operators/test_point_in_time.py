"""A recovery to a point in time: which snapshots its servers get, and what if one is gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.store import WaveRef
from sandbox.testing import Sandbox
from tests.plan_documents import APP_1, APP_2, DB_1, DB_2, WEB_1, WEB_2, application, database, plan, web
from tests.unit.steps import Steps, complete

StepsOf = Callable[..., Steps]

NAMES = {
    DB_1: "crm-db-01", DB_2: "crm-db-02", APP_1: "crm-app-01", APP_2: "crm-app-02",
    WEB_1: "crm-web-01", WEB_2: "crm-web-02",
}  # fmt: skip


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def hourly(kept: int, every: int = 1) -> list[dict[str, Any]]:
    """A policy of which one rule is on."""
    off = {"units": "DAY", "interval": 1, "retentionDuration": 1, "enabled": False}
    return [{"units": "HOUR", "interval": every, "retentionDuration": kept}, off, off]


def add(aws: Sandbox, server_id: str, policy: list[dict[str, Any]]) -> None:
    aws.add_servers({"id": server_id, "name": NAMES[server_id], "region": "us-east-1", "pit_policy": policy})


def snapshots(aws: Sandbox, server_id: str) -> dict[str, datetime]:
    """Id to time, newest first."""
    found = aws.client("drs").describe_recovery_snapshots(sourceServerID=server_id, order="DESC")["items"]
    return {one["snapshotID"]: datetime.fromisoformat(one["timestamp"]) for one in found}


def launched_with(aws: Sandbox) -> dict[str, datetime]:
    rows = aws.client("drs").describe_recovery_instances(filters={})["items"]
    return {row["sourceServerID"]: datetime.fromisoformat(row["pointInTimeSnapshotDateTime"]) for row in rows}


@pytest.fixture
def yesterday() -> datetime:
    """Yesterday at 03:00 UTC, before the attack."""
    return datetime.now(UTC).replace(hour=3, minute=0, second=0, microsecond=0) - timedelta(days=1)


def run_wave(aws: Sandbox, steps: Steps, number: int) -> None:
    steps.start(number)
    aws.advance(900)
    steps.wait(number)
    steps.enrich(number)


def test_a_recovery_after_ransomware(aws: Sandbox, steps_of: StepsOf, yesterday: datetime) -> None:
    """Its newest data is bad, and one snapshot of yesterday goes before the last wave starts."""
    old = int((datetime.now(UTC) - yesterday) / timedelta(hours=1))
    for server_id in NAMES:
        add(aws, server_id, hourly(60))
    add(aws, APP_2, hourly(60, every=2))
    add(aws, WEB_1, hourly(old + 2))
    steps = steps_of(plan(database(), application(), web(), objectives={"rpo": "PT1H"}))

    steps.open(execution_type="RECOVERY", point_in_time=text(yesterday))

    document = steps.document
    assert document["requestedPointInTime"] == text(yesterday)
    assert document["pointInTime"] == {
        "oldest": yesterday.timestamp() - 3600,
        "newest": yesterday.timestamp(),
        "spread": 3600,
    }
    chosen = {name: steps.server(name)["recoverySnapshotId"] for name in NAMES.values()}
    assert all(chosen[NAMES[one]] in snapshots(aws, one) for one in NAMES)

    approve(steps)
    run_wave(aws, steps, 1)
    run_wave(aws, steps, 2)
    aws.advance(2 * 3600)
    with pytest.raises(AirflowFailException, match="is gone"):
        steps.start(3)

    error = steps.document["waves"][2]["statusReason"]
    before, after = neighbours(aws, WEB_1, yesterday)
    taken = snapshots(aws, WEB_1)[str(after)]
    assert f"crm-web-01 ({WEB_1}): its recovery snapshot {chosen['crm-web-01']}" in error
    assert before is None
    assert f"the nearest before it is none, after it {after} (" in error
    assert len(launched_with(aws)) == 4

    steps.clear()
    steps.store.retries.request(
        WaveRef(steps.execution_id, 3), "dr-lead", steps.max_tries, "nearest", {WEB_1: str(after)}
    )
    run_wave(aws, steps, 3)
    assert steps.finalize() == "COMPLETED"

    document, data = steps.document, launched_with(aws)
    assert steps.server("crm-web-01")["recoverySnapshotId"] == after
    assert steps.server("crm-web-02")["recoverySnapshotId"] == chosen["crm-web-02"]
    assert {one: moment for one, moment in data.items() if moment > yesterday} == {WEB_1: taken}
    for server_id, moment in data.items():
        server = steps.server(NAMES[server_id])
        assert server["pointInTime"] == moment.timestamp()
        assert "warning" not in server
    oldest = min(data.values())
    assert document["pointInTime"]["oldest"] == oldest.timestamp()
    assert document["measured"]["rpo"] == pytest.approx(document["startTime"] - oldest.timestamp(), abs=1)
    (event,) = [
        one
        for one in steps.store.get_events(steps.execution_id)
        if one["event"] == "POINTS_IN_TIME_CHOSEN" and one["actor"] != "engine"
    ]
    assert (event["actor"], event["detail"]["servers"]) == ("dr-lead", [WEB_1])


def approve(steps: Steps) -> None:
    from drs_recovery.statuses import GateDecision

    steps.store.gates.open(WaveRef(steps.execution_id, 1), message="?", approvers=())
    steps.store.gates.decide(WaveRef(steps.execution_id, 1), GateDecision.APPROVED, actor="dr-lead")


def neighbours(aws: Sandbox, server_id: str, moment: datetime) -> tuple[str | None, str | None]:
    found = snapshots(aws, server_id)
    before = next((one for one, taken in found.items() if taken <= moment), None)
    after = next((one for one, taken in reversed(found.items()) if taken > moment), None)
    return before, after


def test_the_nearer_wish_wins_and_the_option_beats_the_plan(aws: Sandbox, steps_of: StepsOf) -> None:
    (_, first), (_, second), (third_id, _) = list(snapshots(aws, WEB_1).items())[-3:]
    groups = {
        "web": {
            "servers": [WEB_1, {"id": WEB_2, "point_in_time": "latest"}],
            "point_in_time": text(second),
        }
    }
    planned = plan(database(), web(), groups=groups, point_in_time=text(first))

    steps = steps_of(planned)
    steps.open(dry_run=True)
    assert steps.server("crm-db-01")["pointInTime"] == first.timestamp()
    assert steps.server("crm-web-01")["pointInTime"] == second.timestamp()
    assert steps.server("crm-web-02")["requestedPointInTime"] == "latest"
    assert "pointInTime" not in steps.server("crm-web-02")
    assert steps.document["requestedPointInTime"] == text(first)

    steps = steps_of({**planned, "id": "crm-2"})
    steps.open(dry_run=True, point_in_time={WEB_1: third_id})
    assert steps.server("crm-web-01")["recoverySnapshotId"] == third_id
    assert steps.server("crm-db-01")["pointInTime"] == first.timestamp()

    steps = steps_of({**planned, "id": "crm-3"})
    steps.open(dry_run=True, point_in_time="latest")
    assert "recoverySnapshotId" not in steps.server("crm-db-01")
    assert "pointInTime" not in steps.document


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ("yesterday", 'point_in_time "yesterday" is neither "latest" nor a UTC time'),
        ("2026-01-01T00:00:00", "has no time zone"),
        ("2026-01-01T00:00:00+02:00", "is not in UTC"),
        ("2999-01-01T00:00:00Z", "is in the future"),
        ({}, "names no server"),
        ({"crm-db-01": "pit-00000000000000000"}, '"crm-db-01" is not a DRS source server id'),
        ({DB_1: "snap-0123456789abcdef0"}, f"point_in_time of {DB_1}"),
        ('{"s-1', "is no JSON object"),
        (7, "point_in_time 7 is not"),
        ({WEB_1: "pit-00000000000000000"}, f"point_in_time names {WEB_1}, which is no server"),
        (
            {DB_1: "pit-00000000000000000"},
            "has no recovery snapshot pit-00000000000000000; its oldest is pit-",
        ),
        ("2020-01-01T00:00:00Z", "has no recovery snapshot of 2020-01-01 00:00:00 UTC or before"),
    ],
)
def test_a_point_in_time_that_cannot_be_had_refuses_the_execution(
    aws: Sandbox, steps_of: StepsOf, chosen: object, told: str
) -> None:
    steps = steps_of(plan(database()))

    with pytest.raises(AirflowFailException):
        steps.open(point_in_time=chosen)

    assert told in steps.document["error"]
    assert not aws.calls("drs", "StartRecovery")


def test_a_text_of_json_chooses_snapshots_too(aws: Sandbox, steps_of: StepsOf) -> None:
    snapshot_id = list(snapshots(aws, DB_1))[2]
    steps = complete(aws, steps_of(plan(database())), point_in_time=f'{{"{DB_1}": "{snapshot_id}"}}')

    assert launched_with(aws)[DB_1] == snapshots(aws, DB_1)[snapshot_id]
    assert steps.server("crm-db-02")["requestedPointInTime"] == "latest"


def test_a_retry_uses_the_same_snapshots(aws: Sandbox, steps_of: StepsOf, yesterday: datetime) -> None:
    for server_id in (DB_1, DB_2):
        add(aws, server_id, hourly(60))
    aws.add_fault("launch_failed", server=DB_2, times=1)
    steps = steps_of(plan(database()))
    steps.open(point_in_time=text(yesterday))
    steps.start()
    aws.advance(900)
    with pytest.raises(AirflowFailException):
        steps.wait()
    with pytest.raises(AirflowFailException):
        steps.enrich()
    chosen = steps.server("crm-db-02")["recoverySnapshotId"]

    steps.clear()
    run_wave(aws, steps, 1)

    assert steps.server("crm-db-02")["recoverySnapshotId"] == chosen
    assert launched_with(aws)[DB_2] == yesterday


def test_a_retry_can_ask_for_another_time_or_the_latest_data(
    aws: Sandbox, steps_of: StepsOf, yesterday: datetime
) -> None:
    for server_id in (DB_1, DB_2):
        add(aws, server_id, hourly(60))
    aws.add_fault("launch_failed", times=4)
    steps = steps_of(plan(database()))
    steps.open(point_in_time=text(yesterday))
    steps.start()
    aws.advance(900)
    with pytest.raises(AirflowFailException):
        steps.wait()

    retry_with(steps, text(yesterday - timedelta(hours=3)))
    steps.start()
    assert steps.server("crm-db-01")["pointInTime"] == (yesterday - timedelta(hours=3)).timestamp()
    aws.advance(900)
    with pytest.raises(AirflowFailException):
        steps.wait()

    retry_with(steps, "latest")
    run_wave(aws, steps, 1)
    assert "recoverySnapshotId" not in steps.server("crm-db-01")
    assert steps.server("crm-db-01")["requestedPointInTime"] == "latest"
    assert min(launched_with(aws).values()) > yesterday + timedelta(hours=20)


def retry_with(steps: Steps, point: object) -> None:
    steps.clear()
    steps.store.retries.request(WaveRef(steps.execution_id, 1), "dr-lead", steps.max_tries, None, point)


def test_another_choice_that_does_not_exist_fails_the_retry_with_its_reason(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    aws.add_fault("launch_failed", times=2)
    steps = steps_of(plan(database()))
    steps.open()
    steps.start()
    aws.advance(900)
    with pytest.raises(AirflowFailException):
        steps.wait()
    starts = len(aws.calls("drs", "StartRecovery"))

    retry_with(steps, "2020-01-01T00:00:00Z")
    with pytest.raises(AirflowFailException, match="has no recovery snapshot of 2020-01-01"):
        steps.start()

    assert "crm-db-01" in steps.document["waves"][0]["statusReason"]
    assert len(aws.calls("drs", "StartRecovery")) == starts
    retry_with(steps, "latest")
    run_wave(aws, steps, 1)
    assert steps.document["waves"][0]["status"] == "COMPLETED"


def test_a_previous_snapshot_is_a_warning_with_its_age(aws: Sandbox, steps_of: StepsOf) -> None:
    newest = next(iter(snapshots(aws, DB_1).values()))
    aws.add_fault("previous_snapshot", server=DB_1)

    steps = complete(aws, steps_of(plan(database())))

    server = steps.server("crm-db-01")
    assert steps.document["status"] == "COMPLETED"
    assert server["pointInTime"] == newest.timestamp()
    assert server["warning"].startswith("DRS took no new snapshot and used the previous one: its data is of ")
    assert f"{newest:%Y-%m-%d %H:%M:%S} UTC, " in server["warning"]
    assert "before its launch began" in server["warning"]
    assert "warning" not in steps.server("crm-db-02")
    age = steps.document["startTime"] - newest.timestamp()
    assert steps.document["measured"]["rpo"] == pytest.approx(max(age, 0), abs=2)


def test_snapshots_are_looked_for_again_only_by_who_starts_a_job(
    aws: Sandbox, steps_of: StepsOf, yesterday: datetime
) -> None:
    for server_id in (DB_1, DB_2):
        add(aws, server_id, hourly(60))
    steps = steps_of(plan(database()))
    steps.open(point_in_time=text(yesterday))
    opened = len(aws.calls("drs", "DescribeRecoverySnapshots"))
    steps.open(point_in_time=text(yesterday))
    assert len(aws.calls("drs", "DescribeRecoverySnapshots")) == opened == 2

    steps.start()
    steps.start()
    assert len(aws.calls("drs", "DescribeRecoverySnapshots")) == opened + 2


def test_pages_and_a_snapshot_that_is_being_taken_are_passed_over(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("page_size", operation="DescribeRecoverySnapshots", size=1)
    aws.add_fault("empty_page_with_token", operation="DescribeRecoverySnapshots")
    aws.add_fault("snapshot_without_timestamp", server=DB_1)
    second = list(snapshots_of_all_pages(aws, DB_1).items())[1]
    steps = steps_of(plan(database()))

    steps.open(dry_run=True, point_in_time=text(datetime.now(UTC)))

    assert steps.server("crm-db-01")["recoverySnapshotId"] == second[0]


def snapshots_of_all_pages(aws: Sandbox, server_id: str) -> dict[str, str | None]:
    pages = aws.client("drs").get_paginator("describe_recovery_snapshots")
    found = pages.paginate(sourceServerID=server_id, order="DESC")
    return {one["snapshotID"]: one.get("timestamp") for page in found for one in page["items"]}


def test_a_dry_run_records_the_times_that_all_servers_have(aws: Sandbox, steps_of: StepsOf) -> None:
    for server_id in (DB_1, DB_2, WEB_1, WEB_2):
        add(aws, server_id, hourly(60))
    add(aws, DB_2, hourly(20, every=2))
    steps = steps_of(plan(database(), web()))

    steps.open(dry_run=True)

    points = steps.store.points.of_plan("crm")
    assert points is not None
    assert (points["servers"], points["waves"], points["readBy"]) == (4, [1, 2], steps.execution_id)
    assert (points["policyReach"], points["policyServer"]) == (20 * 3600, DB_2)
    common = {taken.timestamp() for taken in snapshots(aws, DB_2).values()}
    assert {one["time"] for one in points["times"] if one["spread"] == 0} == common
    calls = len(aws.calls("drs", "DescribeRecoverySnapshots"))
    steps.open(dry_run=True)
    assert len(aws.calls("drs", "DescribeRecoverySnapshots")) == calls


def test_what_cannot_be_read_for_the_list_is_told_and_refuses_nothing(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    denied = {"status": 403, "code": "AccessDeniedException"}
    aws.add_fault("error", service="drs", operation="GetReplicationConfiguration", **denied)
    steps = steps_of(plan(database()))

    steps.open(dry_run=True)

    points = steps.store.points.of_plan("crm")
    assert points is not None
    assert "AccessDeniedException" in points["problem"]
    assert points["times"] == []
    assert "error" not in steps.document
