"""
Compute the phases a wave went through, from the events, and forecast waves that have not begun.

The WAVE record knows the last attempt alone; every transition has its event.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from drs_recovery.statuses import ExecutionStatus, ExecutionType, FailureDecision, GateDecision, WaveStatus
from drs_recovery.store.facts import USUAL_WAVE_SECONDS, critical_path, launch_began
from drs_recovery.store.rules import ended_as_planned
from drs_recovery.web.allowed_actions import is_at_work
from drs_recovery.web.shared.formatting import waves_before

Record = Mapping[str, Any]


class StretchKind(StrEnum):
    """What a stretch of time stands for; class of its look."""

    GATE = "gate"
    QUESTION = "question"
    LAUNCHING = "launching"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PLANNED = "planned"


@dataclass(frozen=True)
class Stretch:
    """
    A stretch of time of a wave.

    :param kind: what it stands for; an attempt that has ended is called by its end.
    :param start: epoch seconds.
    :param end: epoch seconds; None if it goes on.
    :param attempt: number of the attempt, from 1; 0 of what is no attempt.
    """

    kind: StretchKind
    start: float
    end: float | None
    attempt: int = 0


_STARTS = frozenset({"WAVE_REQUESTED", "WAVE_RETRY_REQUESTED", "EXECUTION_REOPENED"})
_ENDS: Mapping[str, StretchKind] = {
    f"WAVE_{WaveStatus.COMPLETED}": StretchKind.COMPLETED,
    f"WAVE_{WaveStatus.FAILED}": StretchKind.FAILED,
    f"WAVE_{WaveStatus.CANCELLED}": StretchKind.CANCELLED,
    f"WAVE_{WaveStatus.SKIPPED}": StretchKind.CANCELLED,
}
_QUESTIONS: Mapping[str, StretchKind] = {
    "GATE_OPENED": StretchKind.GATE,
    "FAILURE_GATE_OPENED": StretchKind.QUESTION,
}
_ANSWERS = frozenset(
    {
        *(f"GATE_{decision}" for decision in GateDecision),
        *(f"FAILURE_GATE_{decision}" for decision in FailureDecision),
    }
)


def stretches_of(events: Iterable[Record], number: int, ended: float | None) -> list[Stretch]:
    """
    What a wave went through, in the order of time.

    :param events: of the execution, oldest first.
    :param number: of the wave, from 1.
    :param ended: when the execution ended, which ends everything; None while it lives.
    """
    past: list[Stretch] = []
    for event in events:
        if event["detail"].get("wave") == number:
            _live(past, event["event"], event["time"], event["detail"])
    return [one if one.end is not None else replace(one, end=_end(one, ended)) for one in past]


def _live(past: list[Stretch], name: str, time: float, detail: Record) -> None:
    """Bring one event in: most begin a stretch, end one, or both."""
    if name in _QUESTIONS:
        # A question that is asked anew after it was left without an answer.
        _close(past, time)
        past.append(Stretch(_QUESTIONS[name], time, None))
    elif name in _STARTS:
        _close(past, time)
        past.append(Stretch(StretchKind.LAUNCHING, time, None, detail.get("attempt", 1)))
    elif name in _ENDS:
        _close(past, time, _ENDS[name])
    elif name in _ANSWERS:
        _close(past, time)


def _close(past: list[Stretch], time: float, kind: StretchKind | None = None) -> None:
    """End the stretch that goes on, if one does; only an attempt is called by its end."""
    if past and past[-1].end is None:
        last = past[-1]
        known = kind if kind and last.kind is StretchKind.LAUNCHING else last.kind
        past[-1] = replace(last, kind=known, end=max(time, last.start))


def _end(stretch: Stretch, ended: float | None) -> float | None:
    return None if ended is None else max(ended, stretch.start)


@dataclass(frozen=True)
class Forecast:
    """
    When a wave should run.

    :param start: epoch seconds.
    :param end: epoch seconds.
    """

    start: float
    end: float


def usual_seconds(document: Record) -> dict[int, float]:
    """
    How long each wave should take: as in earlier executions, else DRS's usual time.

    :param document: the execution document.
    :return: by the number of the wave, without those that are left out; empty if nothing is expected.
    """
    expected = document.get("expectedDuration")
    if not expected or document.get("dryRun"):
        return {}
    waves = [wave for wave in document["waves"] if wave["status"] != WaveStatus.SKIPPED]
    known = {wave["waveNumber"]: float(wave["expectedDuration"]) for wave in waves if _has_past(wave)}
    other = USUAL_WAVE_SECONDS[ExecutionType(document["executionType"])]
    if not known:
        # Records of earlier releases have one time for all: an equal part for each of the longest chain.
        dependencies = {wave["waveNumber"]: wave["dependsOn"] for wave in document["waves"]}
        longest = critical_path(dependencies, {wave["waveNumber"]: 1.0 for wave in waves})
        other = float(expected) / max(1.0, longest)
    return {wave["waveNumber"]: known.get(wave["waveNumber"], other) for wave in waves}


def forecasts(document: Record, as_of: float) -> dict[int, Forecast]:
    """
    When each wave that has not begun should run; those that may never run have no forecast.

    :param document: the execution document.
    :param as_of: the moment of the page.
    :return: by the number of the wave.
    """
    return _foreseen(document, as_of)[0]


def expected_end(document: Record, as_of: float) -> float | None:
    """
    When an execution should end, if everything that waits for an answer is answered now.

    :param document: the execution document.
    :param as_of: the moment of the page.
    :return: epoch seconds; None if nothing is expected, or a wave may never run.
    """
    ends = _foreseen(document, as_of)[1].values()
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def estimated_end(document: Record, as_of: float) -> float | None:
    """
    When an execution that is at work should end.

    :param document: the execution document.
    :param as_of: the moment of the page.
    :return: epoch seconds; None while an answer or the end is waited for, which may take any time, or when a
        wave has taken longer than expected.
    """
    if not is_at_work(document) or is_late(document, as_of):
        return None
    return expected_end(document, as_of)


def _foreseen(document: Record, as_of: float) -> tuple[dict[int, Forecast], dict[int, float | None]]:
    """Forecasts of waves that have not begun, and the end of each wave, known or foreseen."""
    usual = usual_seconds(document)
    status = ExecutionStatus(document["status"])
    if not usual or status.is_final or status is ExecutionStatus.CANCELLING:
        return {}, {}
    ends = {wave["waveNumber"]: _expected_end(wave, usual, as_of) for wave in document["waves"]}
    found: dict[int, Forecast] = {}
    # A wave depends on waves that may come behind it in the plan: each pass settles one more step of a chain.
    for _ in document["waves"]:
        for wave in document["waves"]:
            number = wave["waveNumber"]
            before = [ends[other["waveNumber"]] for other in waves_before(document, wave)]
            if wave["status"] == WaveStatus.NOT_STARTED and None not in before:
                start = max([as_of, *(end for end in before if end is not None)])
                found[number] = Forecast(start, start + usual[number])
                ends[number] = start + usual[number]
    return found, ends


def is_late(document: Record, as_of: float) -> bool:
    """
    Whether a wave that runs has taken longer than it should.

    :param document: the execution document.
    :param as_of: the moment of the page.
    """
    usual = usual_seconds(document)
    return any(
        WaveStatus(wave["status"]).is_active
        and "queue" not in wave
        and as_of - launch_began(wave) > usual.get(wave["waveNumber"], math.inf)
        for wave in document["waves"]
    )


def _has_past(wave: Record) -> bool:
    return wave.get("expectedDuration") is not None


def _expected_end(wave: Record, usual: Mapping[int, float], as_of: float) -> float | None:
    """When a wave has ended or should end; None if what depends on it cannot count on it."""
    if WaveStatus(wave["status"]).is_active:
        # Nobody knows how long a wave waits for room in DRS.
        began = as_of if "queue" in wave else launch_began(wave)
        return max(as_of, began + usual[wave["waveNumber"]])
    if ended_as_planned(wave):
        return float(wave.get("endTime", 0.0))
    return None
