"""Points in time: kept by a policy, gone when it says so, taken by launches, refused if they are gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.scenario import ServerRefusedError, add_server
from sandbox.testing import ManualWall, Sandbox
from sandbox.world import World
from tests.unit.sandbox.known import A_DRILL, DB_1, DB_2

Start = Callable[..., str]

OTHER = "s-0000000000000000z"
HOURLY = [
    {"units": "MINUTE", "interval": 10, "retentionDuration": 60, "enabled": False},
    {"units": "HOUR", "interval": 1, "retentionDuration": 3},
    {"units": "DAY", "interval": 1, "retentionDuration": 30, "enabled": False},
]


def listed(drs: Any, server_id: str = DB_1) -> list[dict[str, Any]]:
    return list(drs.describe_recovery_snapshots(sourceServerID=server_id, order="DESC")["items"])


def times(drs: Any, server_id: str = DB_1) -> list[datetime]:
    return [datetime.fromisoformat(item["timestamp"]) for item in listed(drs, server_id)]


def with_policy(policy: object) -> None:
    add_server({"id": OTHER, "name": "other", "region": "us-east-1", "pit_policy": policy})


def test_a_policy_says_how_often_and_for_how_long(world: World, drs: Any, wall: ManualWall) -> None:
    with_policy(HOURLY)
    now = datetime.fromtimestamp(wall.seconds, UTC)
    newest = now.replace(minute=0, second=0, microsecond=0)
    assert times(drs, OTHER) == [newest - timedelta(hours=n) for n in range(3)]
    shown = drs.get_replication_configuration(sourceServerID=OTHER)["pitPolicy"]
    assert [(rule["units"], rule["retentionDuration"], rule["enabled"]) for rule in shown] == [
        ("MINUTE", 60, False),
        ("HOUR", 3, True),
        ("DAY", 30, False),
    ]


@pytest.mark.parametrize(
    "policy", [[], HOURLY[:2], [*HOURLY[:2], {"units": "WEEK", "interval": 1, "retentionDuration": 1}], "P1D"]
)
def test_a_policy_has_three_rules(world: World, policy: object) -> None:
    with pytest.raises(ServerRefusedError, match="three rules"):
        with_policy(policy)


def test_a_snapshot_is_gone_when_its_time_is_over(world: World, drs: Any, wall: ManualWall) -> None:
    with_policy(HOURLY)
    oldest = times(drs, OTHER)[-1]
    wall.advance(3_600)
    assert oldest not in times(drs, OTHER)
    assert len(times(drs, OTHER)) == 3


def test_time_that_is_jumped_over_passes_for_snapshots_too(world: World, drs: Any, wall: ManualWall) -> None:
    with_policy(HOURLY)
    before = times(drs, OTHER)
    world.clock.advance(2 * 3_600)
    after = times(drs, OTHER)
    assert after[-1] == before[0]
    # What was taken meanwhile has the time of the jump.
    assert {moment.timestamp() for moment in after[:-1]} == {wall.seconds}
    ids = [item["snapshotID"] for item in listed(drs, OTHER)]
    assert len(set(ids)) == 3


def test_what_a_jump_passed_over_is_listed_in_its_order(world: World, drs: Any, wall: ManualWall) -> None:
    with_policy(HOURLY)
    world.clock.advance(3 * 3_600)
    before = [item["snapshotID"] for item in listed(drs, OTHER)]
    for _ in range(3):
        world.clock.advance(3_600)
        after = [item["snapshotID"] for item in listed(drs, OTHER)]
        assert after[1:] == before[:-1]
        before = after


def test_speed_does_not_make_snapshots_old(world: World, drs: Any, wall: ManualWall) -> None:
    before = listed(drs)
    world.clock.set_speed(1_000_000)
    wall.advance(0.5)
    assert listed(drs)[-1] == before[-1]


def test_a_launch_takes_a_snapshot_that_is_listed(
    drs: Any, start: Start, instances: Callable[[], list[dict[str, Any]]], wall: ManualWall
) -> None:
    before = {item["snapshotID"] for item in listed(drs)}
    start(DB_1)
    wall.advance(A_DRILL)
    (taken,) = [item for item in listed(drs) if item["snapshotID"] not in before][-1:]
    point = datetime.fromisoformat(instances()[0]["pointInTimeSnapshotDateTime"])
    assert point in times(drs)
    assert taken["sourceServerID"] == DB_1
    wall.advance(3_600)
    assert point not in times(drs)


def test_a_launch_from_a_snapshot_takes_none(drs: Any, start: Start, wall: ManualWall) -> None:
    chosen = listed(drs)[-2]["snapshotID"]
    start(sourceServers=[{"sourceServerID": DB_1, "recoverySnapshotID": chosen}])
    wall.advance(A_DRILL)
    assert all(moment.second == 0 for moment in times(drs))


def test_snapshots_can_be_gone_before_their_time(world: World, drs: Any) -> None:
    first, second, *_ = listed(drs)
    world.faults.add({"kind": "snapshots_gone", "server": DB_1, "snapshot": second["snapshotID"]})
    assert second not in listed(drs)
    assert first in listed(drs)
    world.faults.add({"kind": "snapshots_gone", "server": DB_1})
    assert listed(drs) == []
    assert listed(drs, DB_2)


def test_a_snapshot_that_is_gone_or_of_another_server_is_refused(world: World, drs: Any) -> None:
    gone = listed(drs)[0]["snapshotID"]
    world.faults.add({"kind": "snapshots_gone", "server": DB_1, "snapshot": gone})
    for snapshot_id in (gone, listed(drs, DB_2)[0]["snapshotID"]):
        rows = [{"sourceServerID": DB_1, "recoverySnapshotID": snapshot_id}]
        with pytest.raises(ClientError, match=snapshot_id):
            drs.start_recovery(sourceServers=rows)
    assert drs.describe_jobs()["items"] == []


def test_a_volume_snapshot_is_no_recovery_snapshot(raw_drs: Any) -> None:
    rows = [{"sourceServerID": DB_1, "recoverySnapshotID": "snap-0123456789abcdef0"}]
    with pytest.raises(ClientError, match="recoverySnapshotID"):
        raw_drs.start_recovery(sourceServers=rows)


def test_a_throttled_operation_refuses_what_is_over_its_rate(server: Sandbox) -> None:
    server.add_fault("throttle", service="drs", operation="DescribeRecoverySnapshots", per_second=2)
    drs = server.client("drs", config=_once())
    answers = []
    for _ in range(5):
        try:
            drs.describe_recovery_snapshots(sourceServerID=DB_1)
            answers.append("ok")
        except ClientError as error:
            answers.append(error.response["Error"]["Code"])
    assert answers == ["ok", "ok", *["ThrottlingException"] * 3]
    drs.describe_jobs()


def _once() -> Any:
    from botocore.config import Config

    return Config(retries={"total_max_attempts": 1})
