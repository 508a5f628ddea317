"""Show which times a plan can be recovered to, and how far back its policies keep snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drs_recovery.durations import words
from drs_recovery.web.shared import Sentence, Timestamp, compose, counted, listed

if TYPE_CHECKING:
    from drs_recovery.store import PlanPoints

# Of the page; the API has all that are on record.
_MOST_ROWS = 25

NEVER_READ = "Not known yet: a dry run of this plan reads them."


@dataclass(frozen=True)
class PointRow:
    """A time that all servers have a snapshot for, and how far apart these are."""

    time: Timestamp
    oldest: Timestamp
    spread: str


@dataclass(frozen=True)
class PointsView:
    """
    The points in time of a plan.

    :param lines: how far back it can go, when that was read, and what is missing.
    """

    lines: tuple[Sentence, ...]
    rows: tuple[PointRow, ...]


def points_view(points: PlanPoints | None) -> PointsView:
    """Show what is on record of the points in time of a plan; None if nobody has looked yet."""
    if points is None:
        return PointsView((compose(NEVER_READ),), ())
    rows = tuple(
        PointRow(Timestamp.at(one["time"]), Timestamp.at(one["oldest"]), words(one["spread"]))
        for one in points["times"]
    )
    return PointsView(tuple(_lines(points)), rows[:_MOST_ROWS])


def _lines(points: PlanPoints) -> list[Sentence]:
    waves = listed([str(number) for number in points["waves"]])
    lines = [compose(f"{counted(points['servers'], 'server')} of waves {waves}, read ", points["readTime"])]
    if times := points["times"]:
        lines.append(compose("Every server has a snapshot for ", times[-1]["time"], " to ", times[0]["time"]))
    if "policyReach" in points:
        reach = words(points["policyReach"])
        lines.append(compose(f"Policies keep snapshots for {reach} (least: {points['policyServer']})"))
    for label, told in (
        ("Without any snapshot", listed(points.get("serversWithout", []))),
        ("Not read completely", points.get("problem", "")),
    ):
        if told:
            lines.append(compose(f"{label}: {told}"))
    return lines
