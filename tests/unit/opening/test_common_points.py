"""Times that all servers can be recovered to: the ones at which their snapshots are close together."""

from __future__ import annotations

from typing import Any

from drs_recovery.opening.common_points import MOST_POINTS, common_points, plan_points, reach_of
from drs_recovery.store import SnapshotRef

DEFAULT = [
    {"units": "MINUTE", "interval": 10, "retentionDuration": 60, "enabled": True},
    {"units": "HOUR", "interval": 1, "retentionDuration": 24, "enabled": True},
    {"units": "DAY", "interval": 1, "retentionDuration": 7, "enabled": True},
]


def spreads(*times: list[float]) -> list[tuple[float, float]]:
    return [(one["time"], one["spread"]) for one in common_points(times)]


def test_servers_that_are_taken_minutes_apart_meet_where_the_last_of_them_is_taken() -> None:
    assert spreads([0, 600, 1200], [60, 660, 1260]) == [(1260, 60), (660, 60), (60, 60)]


def test_a_time_before_the_first_snapshot_of_a_server_is_none_for_all() -> None:
    assert spreads([0, 600, 1200], [1000])[-1] == (1200, 200)


def test_a_server_that_is_ahead_of_the_others_makes_no_good_common_time() -> None:
    assert spreads([0, 3600], [0]) == [(0, 0)]


def test_snapshots_of_the_same_time_are_one_common_time() -> None:
    assert spreads([0, 600], [0, 600], [600, 0]) == [(600, 0), (0, 0)]


def test_a_wish_of_a_common_time_finds_exactly_its_snapshots() -> None:
    first, second = [0.0, 610.0, 1220.0], [30.0, 600.0, 1300.0]
    for point in common_points([first, second]):
        found = [max(time for time in own if time <= point["time"]) for own in (first, second)]
        assert max(found) == point["time"]
        assert min(found) == point["oldest"]


def test_a_record_has_room_for_some_only() -> None:
    moments = [float(600 * number) for number in range(MOST_POINTS * 2)]
    found = common_points([moments, moments])
    assert len(found) == MOST_POINTS
    assert found[0]["time"] == moments[-1]


def test_a_policy_reaches_as_far_as_its_longest_rule_that_is_on() -> None:
    assert reach_of(DEFAULT) == 7 * 86_400
    off: list[dict[str, Any]] = [*DEFAULT[:2], {**DEFAULT[2], "enabled": False}]
    assert reach_of(off) == 86_400
    assert reach_of([{"units": "FORTNIGHT", "interval": 1, "retentionDuration": 1}]) == 0


def test_the_server_whose_policy_reaches_least_limits_the_plan() -> None:
    snapshots = {"s-1": [SnapshotRef("pit-1", 10.0)], "s-2": [SnapshotRef("pit-2", 12.0)]}
    points = plan_points(snapshots, {"s-1": DEFAULT, "s-2": DEFAULT[:2]}, [1], None)
    assert (points["policyReach"], points["policyServer"]) == (86_400, "s-2")
    assert points["times"] == [{"time": 12.0, "oldest": 10.0, "spread": 2.0}]


def test_no_common_time_is_told_if_a_server_has_none_or_was_not_read() -> None:
    one = [SnapshotRef("pit-1", 10.0)]
    without = plan_points({"s-1": one, "s-2": []}, {}, [1], None)
    assert (without["times"], without["serversWithout"]) == ([], ["s-2"])
    unread = plan_points({"s-1": one}, {}, [1], "ThrottlingException")
    assert (unread["times"], unread["problem"]) == ([], "ThrottlingException")
