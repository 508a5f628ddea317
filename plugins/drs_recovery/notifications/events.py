"""
What happened to an execution that people are told of, read off its document.

Nobody has to remember what was told already: each thing has a key, which is claimed in the store before it is
told. So every step may look at the whole document, and what a killed process did not get to is told by the
next one that looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drs_recovery.plan import plan_from_snapshot
from drs_recovery.statuses import ExecutionStatus, GateDecision, WaveStatus
from drs_recovery.store import has_failed, step_waits

if TYPE_CHECKING:
    from drs_recovery.store import AnyGate, ExecutionDocument, StepRecord, Wave

EXECUTION_STARTED = "EXECUTION_STARTED"
WAVE_RETRIED = "WAVE_RETRIED"
GATE_OPENED = "GATE_OPENED"
FAILURE_GATE_OPENED = "FAILURE_GATE_OPENED"
STEP_ASKED = "STEP_ASKED"
STEP_FAILURE_ASKED = "STEP_FAILURE_ASKED"
STEP_FAILED = "STEP_FAILED"
INSTANCES_TERMINATED = "INSTANCES_TERMINATED"
TERMINATION_FAILED = "TERMINATION_FAILED"


# A wave that was left out on purpose did not happen. One that could not start, did.
_SKIPPED_BY_FAILURE = "DEPENDENCY"


@dataclass(frozen=True)
class Asked:
    """A question that is about to be asked; only its own task announces it: it knows where to answer."""

    wave_number: int
    task_id: str


@dataclass(frozen=True)
class Happening:
    """
    One thing that happened.

    :param event: such as ``WAVE_FAILED``.
    :param wave: the wave of the document that it happened to, if it is about one.
    :param step: the step of the wave, if it is about one.
    """

    event: str
    key: str
    wave: Wave | None = None
    step: StepRecord | None = None

    @property
    def is_told(self) -> bool:
        """
        Whether people get a message. A wave that is cancelled ends with its execution, whose message names
        it; it is only measured.
        """
        return self.event != f"WAVE_{WaveStatus.CANCELLED}"

    @property
    def question(self) -> AnyGate | None:
        """The gate, if this is about one."""
        if self.step is not None:
            return None if self.event == STEP_FAILED else self.step["gate"]
        return gate_of(self.wave, self.event) if self.wave else None


def gate_of(wave: Wave, event: str) -> AnyGate | None:
    """The gate of a wave that an event is about; None if there is none."""
    if event == GATE_OPENED:
        return wave.get("gate")
    return wave.get("failureGate") if event == FAILURE_GATE_OPENED else None


def happenings(document: ExecutionDocument, asked: Asked | None = None) -> list[Happening]:
    """
    Everything that is true of an execution now, in the order in which it is told.

    A dry run launches nothing, so that only its result is news.
    """
    ended = [*_end(document), *_termination(document)]
    if document.get("dryRun"):
        return ended
    waves = [*_retries(document), *_wave_ends(document)]
    return [*_start(document), *_failed_steps(document), *waves, *_questions(document, asked), *ended]


def _start(document: ExecutionDocument) -> Iterator[Happening]:
    status = document["status"]
    if "admittedTime" in document and not (status.is_final or status is ExecutionStatus.CANCELLING):
        yield Happening(EXECUTION_STARTED, EXECUTION_STARTED)


def _retries(document: ExecutionDocument) -> Iterator[Happening]:
    """A wave that failed is tried again, perhaps in an execution whose end was told already."""
    for wave in document["waves"]:
        if wave.get("attempt", 1) > 1 and wave["status"].is_active:
            yield _of_wave(WAVE_RETRIED, wave, f"attempt{wave['attempt']}")


def _failed_steps(document: ExecutionDocument) -> Iterator[Happening]:
    """Steps that ended badly, and that the plan does not try again by itself."""
    for wave in document["waves"]:
        for step in wave.get("steps", ()):
            if has_failed(step) and not (wave["status"].is_active and _has_retries_left(document, step)):
                yield _of_step(STEP_FAILED, wave, step, f"attempt{len(step['attempts'])}")


def _has_retries_left(document: ExecutionDocument, step: StepRecord) -> bool:
    wave = plan_from_snapshot(document["planSnapshot"]).wave(step["waveNumber"])
    planned = wave.steps(step["side"])[step["stepNumber"] - 1]
    attempt, gate = len(step["attempts"]), step.get("gate")
    by_hand = gate is not None and gate["attempt"] == attempt and not gate.get("isFailure")
    return attempt - step.get("firstAttempt", 1) < planned.retries and not by_hand


def _wave_ends(document: ExecutionDocument) -> list[Happening]:
    ended = [wave for wave in document["waves"] if _has_ended(wave)]
    in_time = sorted(ended, key=lambda wave: float(wave.get("endTime", 0)))
    return [_of_wave(f"WAVE_{wave['status']}", wave, f"attempt{wave.get('attempt', 1)}") for wave in in_time]


def _has_ended(wave: Wave) -> bool:
    status = wave["status"]
    if status is WaveStatus.SKIPPED:
        return bool(wave.get("skipCause") == _SKIPPED_BY_FAILURE)
    return status.is_final


def _questions(document: ExecutionDocument, asked: Asked | None) -> Iterator[Happening]:
    if asked is None or document["status"].is_final:
        return
    wave = document["waves"][asked.wave_number - 1]
    for event in (GATE_OPENED, FAILURE_GATE_OPENED):
        gate = gate_of(wave, event)
        if gate and gate["decision"] == GateDecision.WAITING:
            yield _of_wave(event, wave, f"{gate['since']}{_taken_over(document)}")
    for step in wave.get("steps", ()):
        # The task that asks; a failed wave's retry asks for its steps, too.
        if step_waits(document, step) and step["gate"]["taskId"] == asked.task_id:
            event = STEP_FAILURE_ASKED if step["gate"].get("isFailure") else STEP_ASKED
            yield _of_step(event, wave, step, f"{step['gate']['since']}{_taken_over(document)}")


def _taken_over(document: ExecutionDocument) -> str:
    """Where a question can be answered is another place after a takeover."""
    return f"#{document['controller']}" if "takeovers" in document else ""


def _end(document: ExecutionDocument) -> Iterator[Happening]:
    status = document["status"]
    if status.is_final:
        # An execution that was opened again ends again, perhaps as before.
        yield Happening(f"EXECUTION_{status}", f"EXECUTION_{status}#{document.get('endTime')}")


def _termination(document: ExecutionDocument) -> Iterator[Happening]:
    if document.get("instancesTerminated"):
        yield Happening(INSTANCES_TERMINATED, f"{INSTANCES_TERMINATED}#{document.get('terminatedTime')}")
    elif document.get("terminationError"):
        requests = document.get("terminationRequests")
        asked = requests[-1]["requestId"] if requests else None
        yield Happening(TERMINATION_FAILED, f"{TERMINATION_FAILED}#{asked}")


def _of_wave(event: str, wave: Wave, which: str) -> Happening:
    return Happening(event, f"{event}#{wave['waveNumber']}#{which}", wave)


def _of_step(event: str, wave: Wave, step: StepRecord, which: str) -> Happening:
    place = f"{step['side']}{step['stepNumber']}"
    return Happening(event, f"{event}#{wave['waveNumber']}#{place}#{which}", wave, step)
