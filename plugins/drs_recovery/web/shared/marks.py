"""
Show each status as an icon and a word, never as a color alone, with a sentence that explains it.

An unknown value, such as a state that AWS added, is shown by its own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from drs_recovery.statuses import (
    ACTIVE_WAVES,
    ExecutionStatus,
    ExecutionType,
    FailureDecision,
    FindingSeverity,
    GateDecision,
    ServerPhase,
    StepDecision,
    StepStatus,
    WaveStage,
    WaveStatus,
)
from drs_recovery.store import was_cancelled

if TYPE_CHECKING:
    from drs_recovery.store import Execution, WaveRecord


class Tone(StrEnum):
    """What a mark feels like: the class of its colour."""

    GOOD = "good"
    BUSY = "busy"
    WAITING = "waiting"
    WARNING = "warning"
    BAD = "bad"
    NEUTRAL = "neutral"


@dataclass(frozen=True)
class Mark:
    """
    A status as people see it.

    :param code: the value of the record, such as ``PARTIAL_SUCCESS``.
    :param word: what is shown, such as ``Partly done``.
    """

    code: str
    tone: Tone
    icon: str
    word: str
    meaning: str = ""


def _table(*marks: Mark) -> Mapping[str, Mark]:
    return {mark.code: mark for mark in marks}


# Symbols that text fonts have, and that no system shows as a coloured picture.
_DONE, _FAILED, _PART, _RUNS, _WAITS, _STOPS = "✓", "✗", "◐", "▶", "‖", "■"
_NOT_YET, _ASKED, _LEFT_OUT, _GONE, _ATTENTION = "○", "◔", "⊘", "∅", "!"

_EXECUTIONS = _table(
    Mark(
        ExecutionStatus.PENDING,
        Tone.BUSY,
        _ASKED,
        "Being checked",
        "Its servers are being found and checked; nothing is launched yet.",
    ),
    Mark(
        ExecutionStatus.POLLING,
        Tone.BUSY,
        _RUNS,
        "Running",
        "A wave is being launched, or the next one is about to be.",
    ),
    Mark(
        ExecutionStatus.PAUSED,
        Tone.WAITING,
        _WAITS,
        "Waiting for an answer",
        "It continues once the question is answered.",
    ),
    Mark(
        ExecutionStatus.CANCELLING,
        Tone.WARNING,
        _STOPS,
        "Ending",
        "Nothing more starts. DRS cannot cancel a job, so each is followed to its end.",
    ),
    Mark(
        ExecutionStatus.COMPLETED,
        Tone.GOOD,
        _DONE,
        "Completed",
        "Every wave completed, or was left out on purpose, and no server failed.",
    ),
    Mark(
        ExecutionStatus.PARTIAL_SUCCESS,
        Tone.WARNING,
        _PART,
        "Partly successful",
        "It ended otherwise than planned, with instances of at least one completed wave.",
    ),
    Mark(ExecutionStatus.FAILED, Tone.BAD, _FAILED, "Failed", "Something failed, no wave was a success."),
    Mark(
        ExecutionStatus.CANCELLED,
        Tone.BAD,
        _STOPS,
        "Cancelled",
        "It was ended before any wave was a success.",
    ),
    Mark(
        ExecutionStatus.SKIPPED,
        Tone.NEUTRAL,
        _LEFT_OUT,
        "Not run",
        "A scheduled drill that came at the wrong time; nothing was started.",
    ),
)

# What stands in place of the words for an end that nobody wanted.
_CANCELLED_WORDS: Mapping[str, str] = {
    ExecutionStatus.PARTIAL_SUCCESS: "Cancelled, partly completed",
    ExecutionStatus.FAILED: "Cancelled, with a failure",
}

_WAVES = _table(
    Mark(WaveStatus.NOT_STARTED, Tone.NEUTRAL, _NOT_YET, "Not started", "It waits for waves before it."),
    Mark(WaveStatus.PENDING, Tone.BUSY, _ASKED, "Starting", "DRS has not taken every job yet."),
    Mark(WaveStatus.POLLING, Tone.BUSY, _RUNS, "Launching", "Its DRS jobs run."),
    Mark(WaveStatus.COMPLETED, Tone.GOOD, _DONE, "Completed", "Its rule of success is met."),
    Mark(WaveStatus.FAILED, Tone.BAD, _FAILED, "Failed"),
    Mark(WaveStatus.CANCELLED, Tone.NEUTRAL, _STOPS, "Cancelled", "The execution ended before it did."),
    Mark(WaveStatus.SKIPPED, Tone.NEUTRAL, _LEFT_OUT, "Left out"),
)

_PHASES = _table(
    Mark(ServerPhase.PENDING, Tone.NEUTRAL, _NOT_YET, "Not started"),
    Mark(ServerPhase.SNAPSHOT, Tone.BUSY, "◔", "Snapshot", "DRS takes a snapshot of its data."),
    Mark(ServerPhase.CONVERSION, Tone.BUSY, "◑", "Converting", "DRS converts the snapshot."),
    Mark(ServerPhase.LAUNCH, Tone.BUSY, "◕", "Launching", "DRS launches the instance."),
    Mark(ServerPhase.LAUNCHED, Tone.BUSY, "●", "Launched", "The details of EC2 are still to come."),
    Mark(ServerPhase.POST_LAUNCH, Tone.BUSY, "●", "Post-launch actions", "Its post-launch actions run."),
    Mark(ServerPhase.READY, Tone.GOOD, _DONE, "Ready", "Its instance runs and has an address."),
    Mark(ServerPhase.FAILED, Tone.BAD, _FAILED, "Failed", "There is no usable server."),
    Mark(ServerPhase.TERMINATED, Tone.NEUTRAL, _GONE, "Terminated", "It was ready, its instance is gone."),
)

_DECISIONS = _table(
    Mark(GateDecision.WAITING, Tone.WAITING, _WAITS, "Waiting"),
    Mark(GateDecision.APPROVED, Tone.GOOD, _DONE, "Approved"),
    Mark(GateDecision.REJECTED, Tone.BAD, _FAILED, "Rejected"),
    Mark(GateDecision.TIMED_OUT, Tone.WARNING, _ATTENTION, "Not answered in time"),
    Mark(FailureDecision.RETRY, Tone.BUSY, "↻", "Retry"),
    Mark(FailureDecision.CONTINUE, Tone.WARNING, _RUNS, "Continue without it"),
    Mark(FailureDecision.STOP, Tone.WARNING, _STOPS, "Stop"),
    Mark(StepDecision.DONE, Tone.GOOD, _DONE, "Done"),
    Mark(StepDecision.COULD_NOT, Tone.BAD, _FAILED, "Could not be done"),
    Mark(StepDecision.GO_ON, Tone.WARNING, _RUNS, "Go on without it"),
)

_STEPS = _table(
    Mark(StepStatus.NOT_STARTED, Tone.NEUTRAL, _NOT_YET, "Not started"),
    Mark(StepStatus.RUNNING, Tone.BUSY, _RUNS, "Running"),
    Mark(StepStatus.WAITING, Tone.WAITING, _WAITS, "Waiting for an answer"),
    Mark(StepStatus.SUCCEEDED, Tone.GOOD, _DONE, "Succeeded"),
    Mark(StepStatus.FAILED, Tone.BAD, _FAILED, "Failed"),
    Mark(StepStatus.TIMED_OUT, Tone.BAD, _FAILED, "Timed out", "It did not succeed within its time."),
    Mark(StepStatus.CANCELLED, Tone.NEUTRAL, _STOPS, "Cancelled", "The execution ended before it did."),
    Mark(StepStatus.SKIPPED, Tone.NEUTRAL, _LEFT_OUT, "Left out"),
    Mark(StepStatus.UNKNOWN, Tone.WARNING, _ATTENTION, "Not known", "Nobody saw what became of it."),
)

WOULD_BE_DONE = Mark(
    StepStatus.SKIPPED,
    Tone.NEUTRAL,
    _LEFT_OUT,
    "Would be done",
    "Executions of this type leave it out, others do it.",
)

# What a wave with steps does while nothing of it is launched.
_STAGES: Mapping[str, tuple[str, str]] = {
    WaveStage.BEFORE_STEPS: ("Before its launch", "It waits, or its steps before the launch run."),
    WaveStage.AFTER_STEPS: ("Being proven", "Its servers are launched; its steps after the launch run."),
}

_JOBS = _table(
    Mark("PENDING", Tone.BUSY, _ASKED, "Pending"),
    Mark("STARTED", Tone.BUSY, _RUNS, "Running"),
    Mark(
        "COMPLETED",
        Tone.NEUTRAL,
        _DONE,
        "Ended",
        "It ended; that alone says nothing of its servers.",
    ),
    Mark("UNLISTED", Tone.WARNING, _ATTENTION, "Never listed", "DRS took the job and never listed it."),
)

_ACTIONS = _table(
    Mark("IN_PROGRESS", Tone.BUSY, _RUNS, "Running"),
    Mark("SUCCEEDED", Tone.GOOD, _DONE, "Succeeded"),
    Mark("FAILED", Tone.BAD, _FAILED, "Failed"),
)

_SEVERITIES = _table(
    Mark(FindingSeverity.ERROR, Tone.BAD, _FAILED, "Error"),
    Mark(FindingSeverity.WARNING, Tone.WARNING, _ATTENTION, "Warning"),
)


def _mark(known: Mapping[str, Mark], code: str) -> Mark:
    """A value without a mark is shown as it is, neither good nor bad."""
    found = known.get(code)
    return found or Mark(code, Tone.NEUTRAL, "•", code.replace("_", " ").capitalize())


execution_mark = partial(_mark, _EXECUTIONS)
wave_mark = partial(_mark, _WAVES)
phase_mark = partial(_mark, _PHASES)
decision_mark = partial(_mark, _DECISIONS)
job_mark = partial(_mark, _JOBS)
action_mark = partial(_mark, _ACTIONS)
step_mark = partial(_mark, _STEPS)
severity_mark = partial(_mark, _SEVERITIES)


def mark_of_wave(wave: WaveRecord) -> Mark:
    """Mark of a wave of an execution; one that is at its steps is not being launched."""
    mark = wave_mark(wave["status"])
    told = _STAGES.get(wave.get("stage", "")) if wave["status"] in ACTIVE_WAVES else None
    return replace(mark, icon=_RUNS, word=told[0], meaning=told[1]) if told else mark


def mark_of(execution: Execution) -> Mark:
    """Mark of an execution; one that was cancelled is called so, whatever it had reached until then."""
    mark = execution_mark(execution["status"])
    word = _CANCELLED_WORDS.get(mark.code)
    if word is None or not was_cancelled(execution):
        return mark
    return replace(mark, icon=_STOPS, word=word, meaning="It was ended before its time.")


_DRILL_MEANING = "Drill: test instances, the source servers are untouched."
_REAL_MEANING = "Real recovery: its instances are meant to take over from the source servers."
_DRY_RUN_MEANING = "Dry run: everything is checked, nothing is launched."


@dataclass(frozen=True)
class Badge:
    """What cannot be mistaken: drill or real."""

    word: str
    icon: str
    meaning: str
    is_real: bool
    is_dry_run: bool

    @property
    def is_alarm(self) -> bool:
        """Whether servers of a real recovery are launched: what nobody may overlook."""
        return self.is_real and not self.is_dry_run


def badge_of(execution: Execution) -> Badge:
    """Drill or real, and whether anything is launched at all."""
    is_real, is_dry_run = execution["executionType"] == ExecutionType.RECOVERY, bool(execution.get("dryRun"))
    meaning = _REAL_MEANING if is_real else _DRILL_MEANING
    return Badge(
        word="REAL RECOVERY" if is_real else "DRILL",
        icon="▲" if is_real else "◇",
        meaning=_DRY_RUN_MEANING if is_dry_run else meaning,
        is_real=is_real,
        is_dry_run=is_dry_run,
    )
