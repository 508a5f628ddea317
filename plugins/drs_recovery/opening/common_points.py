"""
Times that all servers of a plan can be recovered to, and how far back that goes.

DRS has no consistency groups: at a common time, each server has its newest snapshot that is not after it. The
best ones are those at which these snapshots are close together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drs_recovery.store import CommonPoint, PlanPoints

if TYPE_CHECKING:
    from drs_recovery.store import SnapshotRef

# One record holds them, and nobody reads more.
MOST_POINTS = 200

# Units of ``PITPolicyRule`` in botocore's drs/2020-02-26 model.
_UNIT_SECONDS = {"MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}


def plan_points(
    snapshots: Mapping[str, Sequence[SnapshotRef]],
    policies: Mapping[str, Sequence[Mapping[str, Any]]],
    waves: Sequence[int],
    problem: str | None,
) -> PlanPoints:
    """
    Compose what is on record of a plan's points in time.

    :param snapshots: of each server, newest first.
    :param policies: ``PITPolicyRule`` s of each server.
    :param waves: numbers of the waves of these servers.
    :param problem: why not all of them could be read.
    """
    without = sorted(server_id for server_id, listed in snapshots.items() if not listed)
    reaches = {server_id: reach_of(rules) for server_id, rules in policies.items() if rules}
    taken = [[one.time for one in own] for own in snapshots.values()]
    points: PlanPoints = {
        "waves": list(waves),
        "servers": len(snapshots),
        "times": [] if without or problem else common_points(taken),
    }
    if without:
        points["serversWithout"] = without[:MOST_POINTS]
    if reaches:
        points["policyReach"] = min(reaches.values())
        points["policyServer"] = min(reaches, key=reaches.__getitem__)
    if problem:
        points["problem"] = problem
    return points


def reach_of(rules: Iterable[Mapping[str, Any]]) -> int:
    """Seconds for which a policy keeps its oldest snapshots; 0 if it keeps none, or nobody knows."""
    return max(
        (
            int(rule["retentionDuration"]) * _UNIT_SECONDS.get(rule["units"], 0)
            for rule in rules
            if rule.get("enabled", True)
        ),
        default=0,
    )


def common_points(times: Sequence[Sequence[float]]) -> list[CommonPoint]:
    """
    The best common times, newest first: those whose snapshots are not farther apart than at the next ones.

    :param times: of the snapshots of each server, in any order; each has one at least.
    """
    moments = sorted({(moment, server) for server, own in enumerate(times) for moment in own})
    current: dict[int, float] = {}
    swept: list[tuple[float, float]] = []
    for moment, server in moments:
        current[server] = moment
        if len(current) == len(times):
            oldest = min(current.values())
            if swept and swept[-1][0] == moment:
                swept.pop()
            swept.append((moment, oldest))
    spreads = [math.inf, *(moment - oldest for moment, oldest in swept), math.inf]
    best = [
        # A wish is in whole seconds: one that is a little later means the same snapshots.
        CommonPoint(time=moment, oldest=oldest, spread=round(moment - oldest, 3))
        for place, (moment, oldest) in enumerate(swept, start=1)
        if spreads[place - 1] >= spreads[place] <= spreads[place + 1]
    ]
    return best[::-1][:MOST_POINTS]
