"""
The waves along the time, as the numbers of a drawing: a row for each wave, bars for gates and attempts.

Horizontal positions and widths are percentages of the width (SVG takes ``x="12.5%"``), vertical ones are
pixels: so the drawing fits a phone without shrinking its letters.
"""

from __future__ import annotations

from dataclasses import dataclass

from drs_recovery.web.executions.wave_history import StretchKind
from drs_recovery.web.shared.formatting import Clock, Span
from drs_recovery.web.shared.marks import Mark
from drs_recovery.web.shared.timestamps import Moment


@dataclass(frozen=True)
class Bar:
    """
    A stretch of time of a wave.

    :param kind: what it stands for.
    :param x: left edge, in percent.
    :param width: in percent; never too narrow to be seen.
    :param label: what it says to who points at it or hears it, such as ``Attempt 1, failed after 8 min``.
    :param is_open: whether it still grows.
    """

    kind: StretchKind
    x: float
    width: float
    label: str
    is_open: bool


@dataclass(frozen=True)
class TimelineRow:
    """
    A wave; also the row of the table that says the same in words.

    :param number: of the wave.
    :param name: of the wave.
    :param mark: its status.
    :param y: top of the row, in pixels; the name stands at the top, the bars below it.
    :param bars: in the order of time.
    :param fail_x: where a mark of failure stands, in percent; None if the wave did not fail.
    :param started: when it began: asked about, or asked for.
    :param ended: when it ended.
    :param clock: how long it took or has taken, without the wait for an answer; None before its start.
    :param expected: how long it should take, of a wave that has not begun.
    :param summary: its bars in words.
    """

    number: int
    name: str
    mark: Mark
    y: int
    bars: tuple[Bar, ...]
    fail_x: float | None
    started: Moment | None
    ended: Moment | None
    clock: Clock | None
    expected: Span | None
    summary: str


@dataclass(frozen=True)
class Tick:
    """
    A line of the time axis.

    :param x: in percent.
    :param label: time since the execution was opened, such as ``10 min``; ``opened`` at zero.
    """

    x: float
    label: str


@dataclass(frozen=True)
class Timeline:
    """
    The drawing.

    :param height: in pixels, with the axis.
    :param row_height: in pixels.
    :param bar_top: from the top of a row to the top of its bars, in pixels.
    :param bar_height: in pixels.
    :param axis_y: where the labels of the axis stand, in pixels.
    :param origin: the moment of the axis' zero.
    :param rows: one for each wave.
    :param ticks: of the axis.
    :param now_x: where now is, in percent; None after the end.
    :param objective_x: where the time of the RTO is over, in percent; None if the axis does not reach there.
    :param estimated_end_x: where the expected end is, in percent.
    :param title: for screen readers.
    :param description: for screen readers: every wave in words.
    """

    height: int
    row_height: int
    bar_top: int
    bar_height: int
    axis_y: int
    origin: Moment
    rows: tuple[TimelineRow, ...]
    ticks: tuple[Tick, ...]
    now_x: float | None
    objective_x: float | None
    estimated_end_x: float | None
    title: str
    description: str
