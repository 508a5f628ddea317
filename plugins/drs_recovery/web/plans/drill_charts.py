"""Chart the recovery times of the last drills, whole and wave by wave, against the objective."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from drs_recovery.durations import moment, words
from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.store import is_drill, is_good_drill
from drs_recovery.web.plans.charts import (
    AxisLabel,
    Bar,
    BarState,
    ChartTable,
    DrillChart,
    Line,
    Slots,
    VerticalScale,
)
from drs_recovery.web.shared import counted, coverage_note, mark_of, time_ticks, wave_mark

if TYPE_CHECKING:
    from drs_recovery.store import Execution, WaveRecord

MOST_DRILLS = 20
"""How many drills a chart shows: as many as the expected duration looks back on."""

_PARTLY = "◐"


@dataclass(frozen=True)
class DrillTime:
    """
    What a bar shows of one drill; the times are seconds after the start of its first wave.

    :param end: where it ends; None where nothing ran, so that there is no bar.
    :param is_measured: whether ``end`` is when everything was ready.
    """

    drill: Execution
    outcome: str
    begin: float = 0.0
    end: float | None = None
    is_measured: bool = False
    mark: str = ""


def chart_drills(executions: Sequence[Execution]) -> list[Execution]:
    """Of executions, newest first, the ended drills that charts show, oldest first."""
    drills = [one for one in executions if is_drill(one) and one["status"].is_final]
    return drills[:MOST_DRILLS][::-1]


def plan_time(drill: Execution) -> DrillTime:
    """How long the whole plan took in one drill."""
    mark, note = mark_of(drill), coverage_note(drill)
    outcome = f"{mark.word}, {note}" if note else mark.word
    if is_good_drill(drill) and "rto" in drill.get("measured", {}):
        return DrillTime(drill, outcome, end=float(drill["measured"]["rto"]), is_measured=True)
    has_started = "startTime" in drill
    sign = _PARTLY if drill["status"] == ExecutionStatus.COMPLETED else mark.icon
    return DrillTime(drill, outcome, end=float(drill["duration"]) if has_started else None, mark=sign)


def wave_time(drill: Execution, waves: Sequence[WaveRecord], name: str) -> DrillTime:
    """When a wave was ready in one drill; by its name, which keeps its history under another number."""
    wave = next((wave for wave in waves if wave["waveName"] == name), None)
    if wave is None:
        return DrillTime(drill, "No such wave then")
    mark = wave_mark(wave["status"])
    if "startTime" not in wave or "endTime" not in wave or "startTime" not in drill:
        return DrillTime(drill, mark.word)
    is_completed = wave["status"] == WaveStatus.COMPLETED
    begin, end = (max(0.0, float(wave[key]) - float(drill["startTime"])) for key in ("startTime", "endTime"))
    return DrillTime(drill, mark.word, begin, end, is_completed, "" if is_completed else mark.icon)


# Pixels.
_TOP, _LABEL_ROOM, _LOWEST_BAR = 24.0, 22.0, 2.0
_HEIGHT, _WAVE_HEIGHT = 220.0, 150.0
# Percent.
_LEFT, _RIGHT = 14.0, 100.0
# On a phone the label of a day takes about a seventh of the width.
_MOST_LABELS = 6
_MISSED = "!"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def recovery_time_chart(drills: Sequence[Execution], rto: float | None) -> DrillChart | None:
    """Chart the recovery time of each drill; None where there is nothing to show."""
    times = [plan_time(drill) for drill in drills]
    return _chart("Recovery time of the last drills", times, rto, _HEIGHT, _longest(times, rto))


def wave_time_charts(
    drills: Sequence[Execution],
    waves: Mapping[str, Sequence[WaveRecord]],
    names: Sequence[str],
    rto: float | None,
) -> tuple[DrillChart, ...]:
    """Chart when each wave was ready, from where it began; all charts have the same scale."""
    rows = {
        name: [wave_time(drill, waves.get(drill["executionId"], ()), name) for drill in drills]
        for name in names
    }
    longest = _longest([time for times in rows.values() for time in times], rto)
    charts = (
        _chart(f"Wave {number} {name}", times, rto, _WAVE_HEIGHT, longest)
        for number, (name, times) in enumerate(rows.items(), start=1)
    )
    return tuple(chart for chart in charts if chart is not None)


def _longest(times: Sequence[DrillTime], rto: float | None) -> float:
    """
    What the scale must reach.

    A drill that did not get there may have waited a day for an answer; it must not flatten the others.
    """
    shown = [time for time in times if time.end is not None]
    measured = [time for time in shown if time.is_measured] or shown
    return max([time.end or 0.0 for time in measured] + ([rto] if rto else []), default=0.0)


def _chart(
    title: str, times: Sequence[DrillTime], rto: float | None, height: float, longest: float
) -> DrillChart | None:
    if not any(time.end is not None for time in times):
        return None
    ticks = time_ticks(longest)
    bottom = height - _LABEL_ROOM
    scale, slots = VerticalScale(ticks[-1], _TOP, bottom), Slots(len(times), _LEFT, _RIGHT)
    return DrillChart(
        title=title,
        description=_description(times, rto),
        height=height,
        left=_LEFT,
        bottom=bottom,
        label_y=height - 6,
        ticks=tuple(Line(scale.y(seconds), words(seconds)) for seconds in ticks),
        bars=tuple(_bars(times, scale, slots, rto)),
        labels=tuple(_labels(times, slots)),
        objective=None if rto is None else Line(scale.y(rto), f"RTO {words(rto)}"),
        table=ChartTable(
            ("Drill", "Outcome", "Ready after", "Begun after", "Against the objective"),
            tuple(_row(time, rto) for time in reversed(times)),
        ),
    )


def _description(times: Sequence[DrillTime], rto: float | None) -> str:
    measured = [time for time in times if time.is_measured]
    told = f"{len(measured)} of {counted(len(times), 'drill')} measured"
    if rto is None or not measured:
        return told
    met = sum(_state(time, rto) is BarState.MET for time in measured)
    return f"{told}, {met} within the objective of {words(rto)}"


def _bars(times: Sequence[DrillTime], scale: VerticalScale, slots: Slots, rto: float | None) -> Iterator[Bar]:
    for index, time in enumerate(times):
        if time.end is None:
            continue
        top, low, state = scale.y(time.end), scale.y(time.begin), _state(time, rto)
        center = slots.center(index)
        yield Bar(
            x=round(center - slots.width / 2, 2),
            width=slots.width,
            y=min(top, low - _LOWEST_BAR),
            height=max(round(low - top, 2), _LOWEST_BAR),
            center=center,
            state=state,
            mark=_MISSED if state is BarState.MISSED else time.mark,
            text=", ".join(filter(None, _row(time, rto))),
            execution_id=time.drill["executionId"],
        )


def _labels(times: Sequence[DrillTime], slots: Slots) -> Iterator[AxisLabel]:
    stride = -(-len(times) // _MOST_LABELS)
    # Counted from the newest: that is the one which people look for.
    for index in range(len(times) - 1, -1, -stride):
        day = datetime.fromtimestamp(times[index].drill["submittedTime"], UTC)
        yield AxisLabel(slots.center(index), f"{day.day} {_MONTHS[day.month - 1]}")


def _row(time: DrillTime, rto: float | None) -> tuple[str, ...]:
    verdicts = {
        BarState.MET: "met",
        BarState.MISSED: "missed",
        BarState.NO_OBJECTIVE: "no objective",
        BarState.UNMEASURED: "not measured",
    }
    return (
        moment(time.drill["submittedTime"]),
        time.outcome,
        words(time.end) if time.is_measured else "",
        words(time.begin) if time.end is not None else "",
        verdicts[_state(time, rto)],
    )


def _state(time: DrillTime, rto: float | None) -> BarState:
    if not time.is_measured or time.end is None:
        return BarState.UNMEASURED
    if rto is None:
        return BarState.NO_OBJECTIVE
    return BarState.MET if time.end <= rto else BarState.MISSED
