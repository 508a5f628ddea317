"""
What a wave went through, as stretches of time: waits for answers and attempts, from the events.

The WAVE record knows the last attempt alone; every transition has its event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from drs_recovery.statuses import FailureDecision, GateDecision, WaveStatus

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
