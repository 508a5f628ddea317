"""
What a person may do to an execution now, from the record and their rights alone.

The page offers only what these rules allow, and the server refuses what they do not, by the same functions.
Airflow and the store have the last word: another person may be quicker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from drs_recovery.statuses import (
    RETRYABLE_WAVES,
    ExecutionStatus,
    FailureDecision,
    GateDecision,
    WaveStatus,
)
from drs_recovery.store import (
    foreign_controller,
    is_live,
    is_same_person,
    step_label,
    step_waits,
    why_not_terminated,
    why_read_only,
)

if TYPE_CHECKING:
    from drs_recovery.store import (
        Execution,
        ExecutionDocument,
        FailureGate,
        Gate,
        Question,
        StepGate,
        StepRecord,
        Wave,
    )

# What an execution has from the moment on in which somebody asks for the end of its instances.
_TERMINATION_FIELDS = ("terminationRequests", "terminateJobs")


class ActionKind(StrEnum):
    """What people can do to an execution; also the last part of the action's address in the API."""

    APPROVE = "approve"
    REJECT = "reject"
    DECIDE = "decide"
    ANSWER = "answer"
    CANCEL = "cancel"
    RETRY = "retry"
    TERMINATE = "terminate"

    @property
    def is_about_wave(self) -> bool:
        """Whether it takes the number of a wave."""
        return self not in (ActionKind.CANCEL, ActionKind.TERMINATE)


class StepPlace(NamedTuple):
    """Which step of a wave. :ivar number: from 1, on its side."""

    side: str
    number: int


# What people say to a question that waits.
ANSWERS = (ActionKind.APPROVE, ActionKind.REJECT, ActionKind.DECIDE, ActionKind.ANSWER)


@dataclass(frozen=True)
class Rights:
    """
    A person, what Airflow's auth manager lets them do, and where.

    :param may_terminate: whether they may trigger ``terminate_recovery_instances``, too.
    """

    user_id: str
    user_name: str
    may_act: bool
    may_terminate: bool
    installation: str | None = None


def why_not(
    document: ExecutionDocument,
    rights: Rights,
    kind: ActionKind,
    number: int | None = None,
    place: StepPlace | None = None,
) -> str | None:
    """Say why a person may not do something now, as a sentence for that person; None if they may."""
    if not rights.may_act:
        return "You may view this plan, but not act on it: that takes the right to trigger its DAG."
    if reason := not_here(document, rights):
        return reason
    if not kind.is_about_wave:
        return _EXECUTION_RULES[kind](document, rights)
    wave = wave_of(document, number)
    if wave is None:
        return f"This execution has no wave {number}."
    if kind is ActionKind.ANSWER:
        return _not_answered_step(document, rights, step_of(wave, place))
    return _WAVE_RULES[kind](document, rights, wave)


def not_here(document: ExecutionDocument, rights: Rights) -> str | None:
    """Say that another installation of Airflow or a newer release acts on an execution; None if this does."""
    if reason := why_read_only(document):
        return f"This execution is shown only: {reason}."
    controller = foreign_controller(document, rights.installation)
    return controller and f"This execution belongs to the Airflow installation {controller}: act there."


def wave_of(document: ExecutionDocument, number: int | None) -> Wave | None:
    """The wave of this number, from 1; None if there is none."""
    return next((wave for wave in document["waves"] if wave["waveNumber"] == number), None)


def step_of(wave: Wave, place: StepPlace | None) -> StepRecord | None:
    """The step of a wave at a place; None if there is none."""
    steps = wave.get("steps", ())
    return next((step for step in steps if (step["side"], step["stepNumber"]) == place), None)


def open_gate(document: ExecutionDocument, wave: Wave) -> Gate | None:
    """The question before a wave, if an answer to it counts now."""
    gate = wave.get("gate")
    return gate if gate and _waits(document, wave, gate, GateDecision.WAITING) else None


def open_failure_gate(document: ExecutionDocument, wave: Wave) -> FailureGate | None:
    """The question about a failed wave, if an answer to it counts now."""
    gate = wave.get("failureGate")
    failed = wave["status"] == WaveStatus.FAILED
    return gate if gate and failed and _waits(document, wave, gate, FailureDecision.WAITING) else None


def open_step_gate(document: ExecutionDocument, step: StepRecord) -> StepGate | None:
    """The question of a step, if an answer to it counts now."""
    return step["gate"] if _is_asking(document) and step_waits(document, step) else None


def may_answer(gate: Question, rights: Rights) -> bool:
    """Whether a person is among those who are asked; Airflow compares the same ids."""
    approvers = gate.get("approvers") or ()
    return rights.may_act and (not approvers or rights.user_id in approvers)


def is_at_work(document: Execution) -> bool:
    """Whether waves are at work, and nothing waits for people or for the end."""
    at_work = document["status"] in (ExecutionStatus.PENDING, ExecutionStatus.POLLING)
    return at_work and "startTime" in document


def confirmation_of(document: ExecutionDocument) -> str | None:
    """What has to be typed before instances of a real recovery are terminated; None for a drill."""
    return None if document["isDrill"] else str(document["planId"])


def _waits(document: ExecutionDocument, wave: Wave, gate: Gate | FailureGate, waiting: str) -> bool:
    is_open = gate["decision"] == waiting and wave["waveNumber"] in document["waitingGates"]
    return is_open and _is_asking(document)


def _is_asking(document: ExecutionDocument) -> bool:
    """A cancelled or ended execution leaves its questions behind: their answers change nothing any more."""
    return is_live(document) and document["status"] != ExecutionStatus.CANCELLING


def _not_approved(document: ExecutionDocument, rights: Rights, wave: Wave) -> str | None:
    gate = open_gate(document, wave)
    if refusal := _not_answered(gate, rights, wave):
        return refusal
    if gate and gate.get("twoPerson") and _started_it(document, rights):
        return "You started this execution: a second person must approve it."
    return None


def _not_rejected(document: ExecutionDocument, rights: Rights, wave: Wave) -> str | None:
    return _not_answered(open_gate(document, wave), rights, wave)


def _not_decided(document: ExecutionDocument, rights: Rights, wave: Wave) -> str | None:
    return _not_answered(open_failure_gate(document, wave), rights, wave)


def _not_answered(gate: Question | None, rights: Rights, wave: Wave) -> str | None:
    if gate is None:
        return f"Wave {wave['waveNumber']} waits for no such answer."
    if not may_answer(gate, rights):
        return _for_others(gate)
    return None


def _not_answered_step(document: ExecutionDocument, rights: Rights, step: StepRecord | None) -> str | None:
    gate = open_step_gate(document, step) if step else None
    if gate is None:
        label = step_label(step) if step else "this step"
        return f"{label[:1].upper()}{label[1:]} waits for no answer."
    return None if may_answer(gate, rights) else _for_others(gate)


def _for_others(gate: Question) -> str:
    return f"Only {' or '.join(map(str, gate['approvers']))} may answer."


def _started_it(document: ExecutionDocument, rights: Rights) -> bool:
    return is_same_person(document["initiatedBy"], rights.user_id, rights.user_name)


def _not_cancelled(document: ExecutionDocument, _rights: Rights) -> str | None:
    if not is_live(document):
        return "The execution has ended."
    if document["status"] == ExecutionStatus.CANCELLING:
        return "The execution is ending already: nothing more starts."
    return None


def _not_retried(document: ExecutionDocument, _rights: Rights, wave: Wave) -> str | None:
    if wave["status"] not in RETRYABLE_WAVES:
        return f"Wave {wave['waveNumber']} is {wave['status']}: only a failed or interrupted wave is retried."
    if "purgingTime" in document:
        return "The records of this execution are being deleted."
    if "startTime" not in wave:
        return (
            f"Wave {wave['waveNumber']} was never started: "
            "it runs only together with a failed wave that it waits for, or in a new execution."
        )
    if document["status"] == ExecutionStatus.CANCELLING:
        return "The execution is ending: retry the wave after that."
    if any(document.get(name) for name in _TERMINATION_FIELDS):
        return "The instances of this execution are terminated, or are to be: start a new execution."
    if "rebuilt" in document:
        return "The record of this execution was lost and rebuilt, approvals and all: start a new execution."
    if open_failure_gate(document, wave):
        return "People are asked what to do about this wave: a retry is one of the answers."
    return None


def _not_terminated(document: ExecutionDocument, rights: Rights) -> str | None:
    if reason := why_not_terminated(document):
        return f"{reason[0].upper()}{reason[1:]}."
    if not rights.may_terminate:
        return "Terminating instances takes the right to trigger the DAG terminate_recovery_instances."
    return None


_EXECUTION_RULES: Mapping[ActionKind, Callable[[ExecutionDocument, Rights], str | None]] = {
    ActionKind.CANCEL: _not_cancelled,
    ActionKind.TERMINATE: _not_terminated,
}

_WAVE_RULES: Mapping[ActionKind, Callable[[ExecutionDocument, Rights, Wave], str | None]] = {
    ActionKind.APPROVE: _not_approved,
    ActionKind.REJECT: _not_rejected,
    ActionKind.DECIDE: _not_decided,
    ActionKind.RETRY: _not_retried,
}
