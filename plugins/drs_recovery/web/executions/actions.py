"""Offer actions with their consequences, and say why others are not offered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drs_recovery.statuses import (
    FAILURE_ANSWERS,
    MANUAL_ANSWERS,
    RETRYABLE_WAVES,
    STEP_FAILURE_ANSWERS,
    FailureDecision,
    ServerPhase,
    StepDecision,
)
from drs_recovery.store import attempt_of, has_instances_left, is_live
from drs_recovery.web.allowed_actions import (
    ActionKind,
    Rights,
    StepPlace,
    confirmation_of,
    open_failure_gate,
    open_gate,
    open_step_gate,
    why_not,
)
from drs_recovery.web.shared import counted, cut, instances_by_region, places_of, wave_title

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, StepRecord, Wave


@dataclass(frozen=True)
class Choice:
    """One answer to a question with several; its value as the API takes it, such as ``RETRY``."""

    value: str
    label: str
    consequence: str


@dataclass(frozen=True)
class OfferedAction:
    """
    Something that the person may do now.

    :param label: text of the button, such as ``Approve wave 2``.
    :param sure: text of the button in the dialog; empty if that is the label.
    :param confirmation: what has to be typed first; None if nothing.
    :param options: the answers to choose from, for ``decide`` and ``answer``.
    :param place: of the step that it is about, if it is about one.
    """

    kind: ActionKind
    wave: int | None
    subject: str
    label: str
    title: str
    consequences: tuple[str, ...]
    takes_comment: bool = False
    takes_point_in_time: bool = False
    confirmation: str | None = None
    options: tuple[Choice, ...] = ()
    is_primary: bool = False
    is_dangerous: bool = False
    is_set_aside: bool = False
    sure: str = ""
    place: StepPlace | None = None


def _approve(document: ExecutionDocument, wave: Wave) -> OfferedAction:
    kind = "test instances" if document["isDrill"] else "instances of the real recovery"
    consequences = [f"DRS launches {kind} for {counted(len(wave['serverStatuses']), 'server')}."]
    if not document["isDrill"] and not wave["dependsOn"]:
        consequences.append("Drills of this plan, and drills that use its servers, are cancelled.")
    return OfferedAction(
        kind=ActionKind.APPROVE,
        wave=wave["waveNumber"],
        subject=_question(wave, "gate"),
        label=f"Approve wave {wave['waveNumber']}",
        title=f"Approve {wave_title(wave)}{'' if document['isDrill'] else ' of this REAL RECOVERY'}?",
        consequences=(*consequences, _KEPT),
        takes_comment=True,
        is_primary=True,
        sure="" if document["isDrill"] else f"Approve the REAL RECOVERY, wave {wave['waveNumber']}",
    )


def _reject(_document: ExecutionDocument, wave: Wave) -> OfferedAction:
    return OfferedAction(
        kind=ActionKind.REJECT,
        wave=wave["waveNumber"],
        subject=_question(wave, "gate"),
        label=f"Reject wave {wave['waveNumber']}",
        title=f"Reject {wave_title(wave)}?",
        consequences=(
            "The execution is cancelled: nothing more starts, and running waves continue to their end.",
            _KEPT,
        ),
        takes_comment=True,
        is_dangerous=True,
    )


def _decide(_document: ExecutionDocument, wave: Wave) -> OfferedAction:
    return OfferedAction(
        kind=ActionKind.DECIDE,
        wave=wave["waveNumber"],
        subject=_question(wave, "failureGate"),
        label=f"Decide about wave {wave['waveNumber']}",
        title=f"What is to be done about {wave_title(wave)}, which failed?",
        consequences=(_KEPT,),
        takes_comment=True,
        options=tuple(
            Choice(decision, label, _consequence(decision, wave))
            for label, decision in FAILURE_ANSWERS.items()
        ),
        is_primary=True,
    )


def _consequence(decision: FailureDecision, wave: Wave) -> str:
    if decision is FailureDecision.RETRY:
        return f"DRS starts a new job for {_to_retry(wave)} alone; launched servers stay as they are."
    if decision is FailureDecision.CONTINUE:
        return "The waves that depend on this one start without its failed servers."
    return "The waves that depend on this one do not start, and the execution ends."


def _answer(wave: Wave, step: StepRecord) -> OfferedAction:
    is_failure, name = bool(step["gate"].get("isFailure")), step["name"]
    answers = STEP_FAILURE_ANSWERS if is_failure else MANUAL_ANSWERS
    title = f"What is to be done about {name}, which failed?" if is_failure else f"Is this done: {name}?"
    return OfferedAction(
        kind=ActionKind.ANSWER,
        wave=wave["waveNumber"],
        subject=f"{step['side']}-{step['stepNumber']}-{wave['waveNumber']}-{step['gate']['since']}",
        label=f"Answer: {cut(name, _LONGEST_LABEL)}",
        title=title,
        consequences=(_KEPT,),
        takes_comment=True,
        options=tuple(Choice(value, label, _AFTER_ANSWER[value]) for label, value in answers.items()),
        is_primary=True,
        place=StepPlace(step["side"], step["stepNumber"]),
    )


_LONGEST_LABEL = 40

_AFTER_ANSWER: Mapping[StepDecision, str] = {
    StepDecision.DONE: "The wave goes on.",
    StepDecision.COULD_NOT: "The step has failed, and what the plan says about that follows.",
    StepDecision.RETRY: "The step is tried again.",
    StepDecision.GO_ON: "The wave goes on without it: say why. The execution is PARTIAL_SUCCESS at best.",
    StepDecision.STOP: "The wave fails.",
}


def _retry(document: ExecutionDocument, wave: Wave) -> OfferedAction:
    consequences = [_consequence(FailureDecision.RETRY, wave)]
    if not is_live(document):
        consequences.append(
            "The execution is opened again, and waves that were passed over because of this one can run."
        )
    return OfferedAction(
        kind=ActionKind.RETRY,
        wave=wave["waveNumber"],
        subject=f"retry-{wave['waveNumber']}-{attempt_of(wave)}",
        label=f"Retry wave {wave['waveNumber']}",
        title=f"Try {wave_title(wave)} again?",
        consequences=tuple(consequences),
        takes_comment=True,
        takes_point_in_time=True,
        is_primary=not is_live(document),
    )


def _to_retry(wave: Wave) -> str:
    """The servers that a retry starts again: those that failed, and those that never had a job."""
    again = [
        server
        for server in wave["serverStatuses"]
        if server["phase"] == ServerPhase.FAILED or not (server["phase"].is_end or server.get("jobId"))
    ]
    return f"{len(again)} of {counted(len(wave['serverStatuses']), 'server')}"


def _cancel(document: ExecutionDocument) -> OfferedAction:
    return OfferedAction(
        kind=ActionKind.CANCEL,
        wave=None,
        subject="cancel",
        label="Cancel the execution",
        title=f"Cancel this {'drill' if document['isDrill'] else 'REAL RECOVERY'}?",
        consequences=(
            "From now on no wave starts, and none becomes completed.",
            "DRS cannot cancel a job: servers that are being launched come up all the same and are recorded.",
            "Instances stay until they are terminated.",
        ),
        takes_comment=True,
        is_dangerous=True,
    )


def _terminate(document: ExecutionDocument) -> OfferedAction:
    regions = instances_by_region(document)
    which = counted(sum(regions.values()), "instance")
    use = (
        ()
        if document["isDrill"]
        else ("They are the instances of a real recovery: your business may run on them.",)
    )
    return OfferedAction(
        kind=ActionKind.TERMINATE,
        wave=None,
        subject=f"terminate-{len(document.get('terminationRequests') or ())}",
        label="Terminate the instances",
        title=f"Terminate {which} of this {'drill' if document['isDrill'] else 'REAL RECOVERY'}?",
        consequences=(
            *use,
            f"{which}: {places_of(regions)}. Terminated instances cannot be brought back.",
            "Only instances that DRS itself calls those of this execution are terminated.",
            "After that no wave of this execution can be retried.",
        ),
        confirmation=confirmation_of(document),
        is_dangerous=True,
        is_set_aside=not document["isDrill"],
    )


def _question(wave: Wave, name: Literal["gate", "failureGate"]) -> str:
    """One question about a wave: asked again, it is another one."""
    return f"{name}-{wave['waveNumber']}-{wave[name]['since']}"


_KEPT = "Your name and your comment are kept in the record."

_OF_WAVES: Mapping[ActionKind, Callable[[ExecutionDocument, Wave], OfferedAction]] = {
    ActionKind.APPROVE: _approve,
    ActionKind.REJECT: _reject,
    ActionKind.DECIDE: _decide,
    ActionKind.RETRY: _retry,
}


@dataclass(frozen=True)
class WithheldAction:
    """Something that people look for and that this person may not do now."""

    kind: ActionKind
    wave: int | None
    label: str
    reason: str


@dataclass(frozen=True)
class Actions:
    """What a person may do to an execution now."""

    offered: tuple[OfferedAction, ...]
    withheld: tuple[WithheldAction, ...]

    def of_wave(self, number: int) -> tuple[OfferedAction, ...]:
        """The actions that are about a wave, without those about its steps."""
        return tuple(one for one in self.offered if one.wave == number and one.place is None)

    def of_step(self, number: int, side: str, step: int) -> tuple[OfferedAction, ...]:
        """The actions that are about a step of a wave."""
        place = StepPlace(side, step)
        return tuple(one for one in self.offered if one.wave == number and one.place == place)


def actions_for(document: ExecutionDocument, rights: Rights) -> Actions:
    """Offer what a person may do to an execution now; withhold, with the reason, what others or later may."""
    offered, withheld = [], dict[str, WithheldAction]()
    for action in _candidates(document):
        kind = action.kind
        reason = why_not(document, rights, kind, action.wave, action.place)
        if reason is None:
            offered.append(action)
        else:
            # One reason that holds for several of them is told once.
            withheld.setdefault(reason, WithheldAction(kind, action.wave, action.label, reason))
    return Actions(tuple(offered), tuple(withheld.values()))


def _candidates(document: ExecutionDocument) -> Iterator[OfferedAction]:
    """What people look for in the state in which an execution is; what it waits for first."""
    for wave in document["waves"]:
        yield from (_OF_WAVES[kind](document, wave) for kind in _kinds_for(document, wave))
        asking = (step for step in wave.get("steps", ()) if open_step_gate(document, step))
        yield from (_answer(wave, step) for step in asking)
    if is_live(document):
        yield _cancel(document)
    if has_instances_left(document):
        yield _terminate(document)


def _kinds_for(document: ExecutionDocument, wave: Wave) -> Iterator[ActionKind]:
    if open_gate(document, wave):
        yield ActionKind.APPROVE
        yield ActionKind.REJECT
    if open_failure_gate(document, wave):
        yield ActionKind.DECIDE
    elif wave["status"] in RETRYABLE_WAVES and "startTime" in wave:
        yield ActionKind.RETRY
