"""Questions to people: what is asked, who may answer, and who answered what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drs_recovery.event_labels import in_words
from drs_recovery.statuses import FailureDecision, GateDecision
from drs_recovery.web.allowed_actions import open_failure_gate, open_gate
from drs_recovery.web.shared.formatting import Sentence, listed, said, wave_title
from drs_recovery.web.shared.marks import Mark, decision_mark
from drs_recovery.web.shared.timestamps import Moment

Record = Mapping[str, Any]

# Everything that can happen to a question.
_ANSWERS = {
    "GATE_ANSWER_REFUSED",
    *(f"GATE_{decision}" for decision in GateDecision if decision is not GateDecision.WAITING),
    *(f"FAILURE_GATE_{decision}" for decision in FailureDecision if decision is not FailureDecision.WAITING),
}


@dataclass(frozen=True)
class GateAnswer:
    """
    Something that happened to a question.

    :param time: when.
    :param actor: who.
    :param what: what happened, such as ``Wave 2 approved``.
    :param comment: what they wrote, or why the answer does not count; None if nothing.
    """

    time: Moment
    actor: str
    what: str
    comment: str | None


@dataclass(frozen=True)
class GateView:
    """
    A question, before a wave or about its failure.

    :param title: such as ``Approval before wave 2`` or ``What to do about wave 2``.
    :param question: what is asked, as the plan and the engine put it; may have several lines.
    :param decision: what was decided, or that it waits.
    :param is_open: whether an answer counts now.
    :param needs_second_person: whether whoever started the execution may not approve.
    :param comment: what whoever answered wrote.
    :param sentence: who may answer until when, or who answered when.
    """

    title: str
    question: str
    decision: Mark
    is_open: bool
    needs_second_person: bool
    comment: str | None
    sentence: Sentence


def gate_of(document: Record, wave: Record) -> GateView | None:
    """
    The question before a wave; None if there is none, or it was not asked yet.

    :param document: the execution document.
    :param wave: of the document.
    """
    gate = wave.get("gate")
    if not gate:
        return None
    return _view(gate, f"Approval before {wave_title(wave)}", open_gate(document, wave) is not None)


def failure_gate_of(document: Record, wave: Record) -> GateView | None:
    """
    The newest question about the failure of a wave; None if nobody was asked.

    :param document: the execution document.
    :param wave: of the document.
    """
    gate = wave.get("failureGate")
    if not gate:
        return None
    title = f"What to do about {wave_title(wave)}, which failed"
    return _view(gate, title, open_failure_gate(document, wave) is not None)


def answers_to(events: Iterable[Record], number: int) -> tuple[GateAnswer, ...]:
    """
    Everything that happened to the questions of a wave, oldest first.

    :param events: EVENT records, oldest first.
    :param number: of the wave, from 1.
    """
    return tuple(
        GateAnswer(
            time=Moment.at(event["time"]),
            actor=event["actor"],
            what=in_words(event)[0],
            comment=": ".join(filter(None, map(event["detail"].get, ("reason", "comment")))) or None,
        )
        for event in events
        if event["event"] in _ANSWERS and event["detail"].get("wave") == number
    )


def who_answers(approvers: Sequence[str] | None) -> str:
    """
    Who may answer a question, such as ``dba-lead or dr-lead``.

    :param approvers: user ids; none for everyone who may run the plan.
    """
    return listed(list(map(str, approvers or ())), "or") or "anyone who may run the plan"


def _view(gate: Record, title: str, is_open: bool) -> GateView:
    return GateView(
        title=title,
        question=gate["message"],
        decision=decision_mark(gate["decision"]),
        is_open=is_open,
        needs_second_person=bool(gate.get("twoPerson")),
        comment=gate.get("comment"),
        sentence=_sentence(gate, is_open),
    )


def _sentence(gate: Record, is_open: bool) -> Sentence:
    asked = said("asked ", gate["since"])
    if "actor" in gate:
        when = said(", ", gate["decidedTime"]) if "decidedTime" in gate else said()
        return said(f"{decision_mark(gate['decision']).word} by {gate['actor']}", when, "; ", asked)
    if not is_open:
        return said("Nobody answered before the execution ended; ", asked)
    until = said(", until ", gate["deadline"]) if "deadline" in gate else said()
    return said(f"Waits for {who_answers(gate.get('approvers'))}", until, "; ", asked)
