"""What a wave went through, read off its events: questions, steps, attempts at its launch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from drs_recovery.statuses import FailureDecision, GateDecision, StepDecision, WaveStatus

if TYPE_CHECKING:
    from drs_recovery.store import Event


class WavePhaseKind(StrEnum):
    """What a wave went through; class of its look."""

    GATE = "gate"
    QUESTION = "question"
    STEPS = "steps"
    ASKED = "asked"
    LAUNCHING = "launching"
    LAUNCHED = "launched"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PLANNED = "planned"


@dataclass(frozen=True)
class WavePhase:
    """
    A phase of a wave.

    :param end: epoch seconds; None if it goes on.
    :param attempt: number of the attempt, from 1; 0 of what is no attempt.
    :param about: what comes behind the words of its kind: which steps, or the step that asks.
    """

    kind: WavePhaseKind
    start: float
    end: float | None
    attempt: int = 0
    about: str = ""

    @property
    def has_come_to_end(self) -> bool:
        """Whether it is called by its end."""
        return bool(self.attempt) or self.kind in _ENDED_KINDS


_ENDED_KINDS = frozenset({WavePhaseKind.COMPLETED, WavePhaseKind.FAILED, WavePhaseKind.CANCELLED})


_STARTS = frozenset({"WAVE_REQUESTED", "WAVE_RETRY_REQUESTED", "EXECUTION_REOPENED"})
_ENDS: Mapping[str, WavePhaseKind] = {
    f"WAVE_{WaveStatus.COMPLETED}": WavePhaseKind.COMPLETED,
    f"WAVE_{WaveStatus.FAILED}": WavePhaseKind.FAILED,
    f"WAVE_{WaveStatus.CANCELLED}": WavePhaseKind.CANCELLED,
    f"WAVE_{WaveStatus.SKIPPED}": WavePhaseKind.CANCELLED,
}
_QUESTIONS: Mapping[str, WavePhaseKind] = {
    "GATE_OPENED": WavePhaseKind.GATE,
    "FAILURE_GATE_OPENED": WavePhaseKind.QUESTION,
}
_ANSWERS = frozenset(
    {
        *(f"GATE_{decision}" for decision in GateDecision),
        *(f"FAILURE_GATE_{decision}" for decision in FailureDecision),
    }
)
_STEP_ANSWERS = frozenset(f"STEP_ANSWER_{decision}" for decision in StepDecision)


def phases_of(events: Iterable[Event], number: int, ended: float | None) -> list[WavePhase]:
    """What a wave went through, in the order of time; the end of the execution ends every phase."""
    past: list[WavePhase] = []
    for event in events:
        if event["detail"].get("wave") == number:
            _apply(past, event["event"], event["time"], event["detail"])
    return [one if one.end is not None else replace(one, end=ended and max(ended, one.start)) for one in past]


def _apply(past: list[WavePhase], name: str, time: float, detail: Mapping[str, Any]) -> None:
    """Bring one event in: most begin a phase, end one, or both."""
    if name in _QUESTIONS:
        # A question that is asked anew after it was left without an answer.
        _close(past, time)
        past.append(WavePhase(_QUESTIONS[name], time, None))
    elif name in _STARTS:
        _close(past, time)
        past.append(WavePhase(WavePhaseKind.LAUNCHING, time, None, detail.get("attempt", _attempt(past))))
    elif name in _ENDS:
        _close(past, time, _ENDS[name])
    elif name in _ANSWERS:
        _close(past, time)
    else:
        _apply_step(past, name, time, detail)


def _apply_step(past: list[WavePhase], name: str, time: float, detail: Mapping[str, Any]) -> None:
    """Bring an event of a wave's steps in."""
    if name == "STEP_ASKED":
        _close(past, time)
        past.append(WavePhase(WavePhaseKind.ASKED, time, None, about=str(detail["name"])))
    elif name in _STEP_ANSWERS:
        _close(past, time)
        past.append(_steps(time, str(detail["side"])))
    elif name == "WAVE_BEGUN":
        past.append(_steps(time, "before"))
    elif name == "WAVE_LAUNCHED":
        _close(past, time, WavePhaseKind.LAUNCHED)
        past.append(_steps(time, "after"))


def _steps(time: float, side: str) -> WavePhase:
    return WavePhase(WavePhaseKind.STEPS, time, None, about=f"{side} the launch")


def _attempt(past: Iterable[WavePhase]) -> int:
    """Number of the attempt whose launch is asked for behind its steps."""
    return max((one.attempt for one in past), default=0) or 1


def _close(past: list[WavePhase], time: float, kind: WavePhaseKind | None = None) -> None:
    """End the phase that goes on, if one does; only an attempt and its steps are called by their end."""
    if past and past[-1].end is None:
        last = past[-1]
        known = kind if kind and last.kind in _CALLED_BY_END else last.kind
        about = last.about if known is last.kind else ""
        past[-1] = replace(last, kind=known, end=max(time, last.start), about=about)


_CALLED_BY_END = frozenset({WavePhaseKind.LAUNCHING, WavePhaseKind.STEPS})
