"""Recovery times of the last drills: of the whole plan, and of each wave, against the objective."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from drs_recovery.durations import moment, words
from drs_recovery.web.plans.charts import (
    AxisLabel,
    Bar,
    BarState,
    ChartTable,
    DrillChart,
    ObjectiveLine,
    Tick,
)
from drs_recovery.web.plans.drill_times import DrillTime, plan_time, wave_time
from drs_recovery.web.plans.inputs import Record
from drs_recovery.web.shared.formatting import counted
from drs_recovery.web.shared.scales import Slots, VerticalScale, time_ticks

# Pixels.
_TOP, _LABEL_ROOM, _LOWEST_BAR = 24.0, 22.0, 2.0
_HEIGHT, _WAVE_HEIGHT = 220.0, 150.0
# Percent.
_LEFT, _RIGHT = 14.0, 100.0
# On a phone the label of a day takes about a seventh of the width.
_MOST_LABELS = 6
_MISSED = "!"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def recovery_time_chart(drills: Sequence[Record], rto: float | None) -> DrillChart | None:
    """
    Chart the recovery time of each drill.

    :param drills: made by :func:`~drs_recovery.web.plans.drill_times.chart_drills`.
    :param rto: the plan's objective in seconds.
    :return: None where there is nothing to show.
    """
    times = [plan_time(drill) for drill in drills]
    return _chart("Recovery time of the last drills", times, rto, _HEIGHT, _longest(times, rto))


def wave_time_charts(
    drills: Sequence[Record],
    waves: Mapping[str, Sequence[Record]],
    names: Sequence[str],
    rto: float | None,
) -> tuple[DrillChart, ...]:
    """
    Chart when each wave was ready; a bar begins where its wave began, and all charts have the same scale.

    :param drills: made by :func:`~drs_recovery.web.plans.drill_times.chart_drills`.
    :param waves: WAVE records by execution id.
    :param names: of the plan's waves.
    :param rto: the plan's objective in seconds.
    """
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
        ticks=tuple(Tick(scale.y(seconds), words(seconds)) for seconds in ticks),
        bars=tuple(_bars(times, scale, slots, rto)),
        labels=tuple(_labels(times, slots)),
        objective=None if rto is None else ObjectiveLine(scale.y(rto), f"RTO {words(rto)}"),
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
