"""
Draw the timeline of an execution: a row for each wave, bars for gates and attempts.

Positions and widths are percentages of the width (SVG takes ``x="12.5%"``); the template knows the heights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drs_recovery.durations import words
from drs_recovery.store import is_live
from drs_recovery.web.executions.forecast import Forecast, estimated_end, forecasts
from drs_recovery.web.executions.wave_phases import WavePhase, WavePhaseKind, phases_of
from drs_recovery.web.shared import (
    Clock,
    Mark,
    Timestamp,
    clock,
    mark_of_wave,
    opening,
    time_ticks,
    timestamp_if,
    wave_title,
)

if TYPE_CHECKING:
    from drs_recovery.store import Event, ExecutionDocument, Wave


@dataclass(frozen=True)
class Bar:
    """A phase of a wave with a label such as ``Attempt 1, failed after 8 min``."""

    kind: WavePhaseKind
    x: float
    width: float
    label: str


@dataclass(frozen=True)
class TimelineRow:
    """
    A wave; also the row of the table that says the same in words.

    :param fail_x: where a mark of failure stands, in percent; None if the wave did not fail.
    :param clock: how long it took or has taken, without the wait for an answer; None before its start.
    """

    number: int
    name: str
    mark: Mark
    bars: tuple[Bar, ...]
    fail_x: float | None
    started: Timestamp | None
    ended: Timestamp | None
    clock: Clock | None
    expected: str
    summary: str


@dataclass(frozen=True)
class Tick:
    """A line of the time axis: time since the execution was opened, such as ``10 min``, or ``opened``."""

    x: float
    label: str


@dataclass(frozen=True)
class Timeline:
    """
    The drawing.

    :param now_x: where now is, in percent; None after the end.
    :param objective_x: where the time of the RTO is over, in percent; None if the axis does not reach there.
    """

    origin: Timestamp
    rows: tuple[TimelineRow, ...]
    ticks: tuple[Tick, ...]
    now_x: float | None
    objective_x: float | None
    estimated_end_x: float | None
    title: str
    description: str


# Percent: narrower bars cannot be seen, and the last one must not touch the edge.
_NARROWEST, _RIGHT = 0.7, 98.0
# Seconds that the axis shows at least.
_SHORTEST_AXIS = 60.0
# The line of the objective is shown if the axis need not become much longer for it.
_FARTHEST_OBJECTIVE = 1.6

_KIND_WORDS: Mapping[WavePhaseKind, str] = {
    WavePhaseKind.GATE: "waiting for approval",
    WavePhaseKind.QUESTION: "waiting for a decision about the failure",
    WavePhaseKind.STEPS: "steps",
    WavePhaseKind.ASKED: "waiting for an answer about",
    WavePhaseKind.LAUNCHING: "launching",
    WavePhaseKind.LAUNCHED: "launched",
    WavePhaseKind.COMPLETED: "completed",
    WavePhaseKind.FAILED: "failed",
    WavePhaseKind.CANCELLED: "cancelled",
    WavePhaseKind.PLANNED: "planned",
}


@dataclass(frozen=True)
class _Scale:
    """From epoch seconds to percent."""

    start: float
    end: float

    def x(self, seconds: float) -> float:
        """Position of a moment; what lies outside is drawn at the edge."""
        part = (seconds - self.start) / (self.end - self.start)
        return round(min(1.0, max(0.0, part)) * _RIGHT, 2)

    def reaches(self, seconds: float | None) -> float | None:
        """Position of a moment, if the axis reaches there."""
        return None if seconds is None or not self.start <= seconds <= self.end else self.x(seconds)


def timeline_of(document: ExecutionDocument, events: Sequence[Event], as_of: float) -> Timeline:
    """Draw the waves of an execution."""
    live = is_live(document)
    ended = None if live else document.get("endTime")
    planned = forecasts(document, as_of)
    past = {wave["waveNumber"]: phases_of(events, wave["waveNumber"], ended) for wave in document["waves"]}
    scale = _scale(document, past, planned, as_of)
    rows = [
        _row(wave, past[wave["waveNumber"]], planned.get(wave["waveNumber"]), scale, as_of)
        for wave in document["waves"]
    ]
    told = zip(document["waves"], rows, strict=True)
    return Timeline(
        origin=Timestamp.at(scale.start),
        rows=tuple(rows),
        ticks=_ticks(scale),
        now_x=scale.x(as_of) if live else None,
        objective_x=scale.reaches(_objective(document)),
        estimated_end_x=scale.reaches(estimated_end(document, as_of)),
        title=f"Waves of {document['planName']} along the time",
        description=" ".join(f"{opening(wave_title(wave))}: {row.summary}." for wave, row in told),
    )


def _scale(
    document: ExecutionDocument,
    past: Mapping[int, Sequence[WavePhase]],
    planned: Mapping[int, Forecast],
    as_of: float,
) -> _Scale:
    start = float(document["submittedTime"])
    ends = [as_of, *(forecast.end for forecast in planned.values())]
    ends += [one.end for phases in past.values() for one in phases if one.end is not None]
    end = max([start + _SHORTEST_AXIS, *ends])
    objective = _objective(document)
    if objective is not None and end < objective < start + (end - start) * _FARTHEST_OBJECTIVE:
        end = objective
    return _Scale(start, end)


def _objective(document: ExecutionDocument) -> float | None:
    """When the recovery time objective is over."""
    rto, begun = document["objectives"].get("rto"), document.get("startTime")
    return None if rto is None or begun is None else float(begun) + float(rto)


def _row(
    wave: Wave, past: Sequence[WavePhase], forecast: Forecast | None, scale: _Scale, as_of: float
) -> TimelineRow:
    plan = [WavePhase(WavePhaseKind.PLANNED, forecast.start, forecast.end)] if forecast else []
    failed = [one.end for one in past if one.kind is WavePhaseKind.FAILED and one.end is not None]
    return TimelineRow(
        number=wave["waveNumber"],
        name=wave["waveName"],
        mark=mark_of_wave(wave),
        bars=tuple(_bar(one, scale, as_of) for one in (*past, *plan)),
        fail_x=scale.x(failed[-1]) if failed and past[-1].kind in _STILL_FAILED else None,
        started=timestamp_if(past[0].start if past else None),
        ended=timestamp_if(wave.get("endTime")),
        clock=clock(wave["startTime"], wave.get("endTime"), as_of) if "startTime" in wave else None,
        expected=words(forecast.end - forecast.start) if forecast else "",
        summary=", then ".join(_phase_words(one) for one in past)
        or ("planned" if plan else mark_of_wave(wave).word.lower()),
    )


# A wave that is tried again has failed no more.
_STILL_FAILED = frozenset({WavePhaseKind.FAILED, WavePhaseKind.QUESTION})


def _bar(phase: WavePhase, scale: _Scale, as_of: float) -> Bar:
    x, end = scale.x(phase.start), scale.x(as_of if phase.end is None else phase.end)
    x = min(x, _RIGHT - _NARROWEST)
    return Bar(
        kind=phase.kind,
        x=x,
        width=round(max(_NARROWEST, end - x), 2),
        label=opening(_phase_words(phase)),
    )


def _phase_words(phase: WavePhase) -> str:
    """A phase in words; one that goes on without its length, which changes all the time."""
    attempt = f"attempt {phase.attempt} " if phase.attempt > 1 else ""
    told = f"{attempt}{_KIND_WORDS[phase.kind]}{f' {phase.about}' if phase.about else ''}"
    if phase.end is None or phase.kind is WavePhaseKind.PLANNED:
        return told
    return f"{told} {'after' if phase.has_come_to_end else 'for'} {words(phase.end - phase.start)}"


def _ticks(scale: _Scale) -> tuple[Tick, ...]:
    longest = scale.end - scale.start
    inside = [seconds for seconds in time_ticks(longest) if seconds <= longest]
    return tuple(
        Tick(scale.x(scale.start + seconds), words(seconds) if seconds else "opened") for seconds in inside
    )
