"""
Compute the charts of a plan: positions in an SVG, texts, and the same numbers as a table.

Horizontal positions are percentages of the width and vertical ones pixels, so that a chart fits a phone
without shrinking its letters. A state is always a shape or a word, too, never color alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from drs_recovery.statuses import ExecutionStatus, FindingSeverity
from drs_recovery.store import is_drill, is_good_drill, was_cancelled
from drs_recovery.web.shared import Mark, counted, execution_mark

if TYPE_CHECKING:
    from drs_recovery.store import Execution


class BarState(StrEnum):
    """What a bar stands for: the class of its look."""

    MET = "met"
    MISSED = "missed"
    NO_OBJECTIVE = "no-objective"
    UNMEASURED = "unmeasured"


@dataclass(frozen=True)
class VerticalScale:
    """From seconds to y, with zero at the bottom and the longest time at the top."""

    longest: float
    top: float
    bottom: float

    def y(self, seconds: float) -> float:
        """Position of a duration; one that is too long ends at the top."""
        part = min(1.0, max(0.0, seconds / self.longest))
        return round(self.bottom - part * (self.bottom - self.top), 2)


@dataclass(frozen=True)
class Slots:
    """Equal places side by side, in percent of the width."""

    count: int
    left: float
    right: float
    filled: float = 0.7

    @property
    def width(self) -> float:
        """Width of a bar; few bars are not as wide as their slots."""
        return round(min(8.0, self._slot * self.filled), 2)

    def center(self, index: int) -> float:
        """Middle of a slot."""
        return round(self.left + (index + 0.5) * self._slot, 2)

    @property
    def _slot(self) -> float:
        return (self.right - self.left) / self.count


@dataclass(frozen=True)
class Line:
    """A line across a chart with its label: of the grid, such as ``30 min``, or of the objective."""

    y: float
    label: str


@dataclass(frozen=True)
class Bar:
    """
    One drill in a chart.

    :param state: what it stands for; an UNMEASURED one shows how long something ran that did not get there.
    :param mark: a sign above the bar wherever the objective was not met; else empty.
    :param text: all of it in words, for the ``title`` of the bar.
    """

    x: float
    width: float
    y: float
    height: float
    center: float
    state: BarState
    mark: str
    text: str
    execution_id: str


@dataclass(frozen=True)
class AxisLabel:
    """The day of a drill below the axis."""

    x: float
    text: str


@dataclass(frozen=True)
class ChartTable:
    """The numbers of a chart, the newest first, for those who cannot see it or want them exactly."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class DrillChart:
    """
    Bars of drills, the oldest on the left.

    :param title: for the heading and the ``title`` of the SVG.
    :param description: what is to be seen, in a sentence, for ``desc``.
    :param labels: below the axis; not for every drill if there are many.
    :param objective: the line of the objective; None without one.
    """

    title: str
    description: str
    height: float
    left: float
    bottom: float
    label_y: float
    ticks: tuple[Line, ...]
    bars: tuple[Bar, ...]
    labels: tuple[AxisLabel, ...]
    objective: Line | None
    table: ChartTable


@dataclass(frozen=True)
class OutcomeSegment:
    """One part of the bar of outcomes."""

    x: float
    width: float
    mark: Mark
    count: int


@dataclass(frozen=True)
class OutcomeChart:
    """
    How the last drills ended, as one bar of parts.

    :param sentence: such as ``7 of the last 9 drills succeeded``; says so where there are none.
    :param note: what was left out of the count, such as cancelled drills; empty if nothing was.
    :param segments: empty where no drill counts.
    """

    title: str
    sentence: str
    note: str
    segments: tuple[OutcomeSegment, ...]
    table: ChartTable


FEWEST_FOR_A_RATE = 5
"""Below this many drills a percentage would say more than anybody knows."""

_COUNTED = (ExecutionStatus.COMPLETED, ExecutionStatus.PARTIAL_SUCCESS, ExecutionStatus.FAILED)
_CANCELLED, _SOME_WAVES, _REFUSED = "cancelled", "of some waves only", "refused at the start"
_APART = (_CANCELLED, _SOME_WAVES, _REFUSED)
_TITLE = "Outcome of the last drills"


def outcome_chart(executions: Sequence[Execution]) -> OutcomeChart:
    """
    Count how drills of the whole plan ended.

    Those that people cancelled are told apart, and those that were refused at the start, such as one beside a
    live execution: they say nothing of the plan. What the preflight finds against a plan does.

    :param executions: EXECUTION records; what is no drill or has not ended is passed over.
    """
    counts: Counter[str] = Counter()
    for execution in executions:
        if is_drill(execution) and execution["status"].is_final:
            counts[_outcome(execution)] += 1
    total = sum(counts[status] for status in _COUNTED)
    left_out = [f"{counted(counts[kind], 'drill')} {kind}" for kind in _APART if counts[kind]]
    rows = [(execution_mark(status).word, str(counts[status])) for status in _COUNTED]
    rows += [(f"Not counted: {kind}", str(counts[kind])) for kind in _APART if counts[kind]]
    return OutcomeChart(
        title=_TITLE,
        sentence=_sentence(counts[ExecutionStatus.COMPLETED], total, bool(left_out)),
        note=f"Not counted: {', '.join(left_out)}" if left_out else "",
        segments=tuple(_segments(counts, total)),
        table=ChartTable(("Outcome", "Drills"), tuple(rows)),
    )


def _outcome(execution: Execution) -> str:
    status = execution["status"]
    has_failures = execution["progress"]["failed"] > 0
    if was_cancelled(execution) and not has_failures:
        return _CANCELLED
    if status is ExecutionStatus.FAILED and "admittedTime" not in execution and not _has_errors(execution):
        return _REFUSED
    if status is ExecutionStatus.COMPLETED and not is_good_drill(execution):
        return _SOME_WAVES
    return status


def _has_errors(execution: Execution) -> bool:
    return any(finding["severity"] == FindingSeverity.ERROR for finding in execution.get("findings", ()))


def _sentence(good: int, total: int, has_others: bool) -> str:
    if total == 0:
        return "No drill of the whole plan has come to its end yet" if has_others else "No drills yet"
    if total == 1:
        return f"The only drill {'succeeded' if good else 'did not succeed'}"
    rate = f" ({100 * good // total} %)" if total >= FEWEST_FOR_A_RATE else ""
    return f"{good} of the last {total} drills succeeded{rate}"


def _segments(counts: Counter[str], total: int) -> Iterator[OutcomeSegment]:
    before = 0
    for status in _COUNTED:
        if count := counts[status]:
            x, end = (round(100 * part / total, 2) for part in (before, before + count))
            yield OutcomeSegment(x, round(end - x, 2), execution_mark(status), count)
            before += count
