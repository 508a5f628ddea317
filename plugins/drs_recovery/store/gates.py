"""Gates in the execution store: a question about a wave, and the first answer to it, which stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, FailureDecision, GateDecision, WaveStatus
from drs_recovery.store.base import StoreBase
from drs_recovery.store.facts import Record, attempt_of, is_same_person
from drs_recovery.store.first_forms import NewEvent
from drs_recovery.store.rules import demand_live, wave_subject, without
from drs_recovery.store.transaction import execution_update, record_update, retried_on_conflict
from drs_recovery.store.values import limited, present

if TYPE_CHECKING:
    from drs_recovery.store.expressions import Item
    from drs_recovery.store.refs import WaveRef


@dataclass(frozen=True)
class _Kind:
    """
    A kind of gate.

    :param waiting: its decision until the first answer.
    :param place: where it stands, ``before`` or ``behind`` the wave.
    """

    field: str
    opened: str
    updated: str
    decided: str
    name: str
    waiting: GateDecision | FailureDecision
    place: str
    statuses: frozenset[WaveStatus]
    is_of_attempt: bool

    def subject(self, wave: Record) -> str:
        """How errors name the gate of a wave."""
        return f"{self.name} of {wave_subject(wave)}"

    def demand_can_open(self, execution: Record, wave: Record) -> None:
        """Refuse to ask what no answer could change any more."""
        subject = self.subject(wave)
        status = demand_live(execution, subject, self.waiting)
        if status is ExecutionStatus.CANCELLING:
            raise TransitionRefusedError(subject, f"part of an execution that is {status}", self.waiting)
        if wave["status"] not in self.statuses:
            raise TransitionRefusedError(
                subject, f"{self.place} a wave that is {wave['status']}", self.waiting
            )

    def demand_open(self, execution: Record, wave: Record, wanted: str) -> Item:
        """Refuse an answer to a question that was not asked; gives the gate otherwise."""
        demand_live(execution, self.subject(wave), wanted)
        gate: Item = wave.get(self.field) or {}
        if gate.get("decision") != self.waiting:
            raise TransitionRefusedError(self.subject(wave), "not open", wanted)
        return gate


# The approval of a real recovery is asked before the plan's first wave, even if that one is left out.
_BEFORE_START = _Kind(
    field="gate",
    opened="GATE_OPENED",
    updated="GATE_UPDATED",
    decided="GATE",
    name="the gate",
    waiting=GateDecision.WAITING,
    place="before",
    statuses=frozenset({WaveStatus.NOT_STARTED, WaveStatus.SKIPPED}),
    is_of_attempt=False,
)
_ABOUT_FAILURE = _Kind(
    field="failureGate",
    opened="FAILURE_GATE_OPENED",
    updated="FAILURE_GATE_UPDATED",
    decided="FAILURE_GATE",
    name="the failure gate",
    waiting=FailureDecision.WAITING,
    place="behind",
    statuses=frozenset({WaveStatus.FAILED}),
    is_of_attempt=True,
)


class Gates(StoreBase):
    """Open gates, before the start of a wave and about its failure, and decide them."""

    @retried_on_conflict
    def open(
        self,
        ref: WaveRef,
        message: str,
        approvers: Sequence[str],
        deadline: float | None = None,
        *,
        two_person: bool = False,
    ) -> Item:
        """
        Record that a wave waits for an answer; the execution is PAUSED unless a wave is active.

        A gate that was opened before stays as it is, but for its message and approvers until the first
        answer; one that an end of the execution closed without an answer is opened anew when the execution
        is.

        :param approvers: who may answer; empty for everyone who may trigger.
        :return: the gate: ``decision``, ``since``, ``message``, ``approvers``, and ``deadline`` and
            ``twoPerson`` if they apply.
        :raises TransitionRefusedError: the wave was started or skipped, or the execution ends or has ended.
        """
        limits = present({"deadline": deadline, "twoPerson": two_person or None})
        return self._open(_BEFORE_START, ref, message, approvers, limits)

    @retried_on_conflict
    def open_failure_gate(
        self, ref: WaveRef, message: str, approvers: Sequence[str], deadline: float
    ) -> Item:
        """
        Record that people are asked about a failed wave; the execution is PAUSED unless a wave is active.

        The gate of this attempt that was opened before stands, see :meth:`open`.

        :param approvers: who may answer; empty for everyone who may trigger.
        :return: the gate: as of :meth:`open`, and ``attempt``.
        :raises TransitionRefusedError: the wave is not FAILED, or the execution ends or has ended.
        """
        return self._open(_ABOUT_FAILURE, ref, message, approvers, {"deadline": deadline})

    def _open(
        self,
        kind: _Kind,
        ref: WaveRef,
        message: str,
        approvers: Sequence[str],
        limits: Item,
    ) -> Item:
        execution, wave = self._read_together(ref)
        attempt, known = attempt_of(wave), wave.get(kind.field) or {}
        is_this_one = known and known.get("attempt", attempt) == attempt
        if is_this_one and stands(known, execution, ref.number):
            return self._ask_anew(kind, execution, wave, message, approvers)
        kind.demand_can_open(execution, wave)
        now = self._now()
        of_attempt = {"attempt": attempt} if kind.is_of_attempt else {}
        asked: Item = {"message": limited(message), "approvers": list(approvers)}
        gate = {
            "decision": kind.waiting,
            **of_attempt,
            "since": now,
            **asked,
            **limits,
            **present({"askedAfter": known.get("decidedTime")}),
        }
        waiting, changes = [*execution["waitingGates"], ref.number], {kind.field: gate}
        standing = self._standing(execution, execution["activeWaves"], waiting, {**wave, **changes})
        self._commit(
            NewEvent(kind.opened, {"wave": ref.number, **of_attempt, **asked}),
            [execution_update(execution, now, standing), record_update(wave, changes)],
        )
        return gate

    def _ask_anew(
        self, kind: _Kind, execution: Item, wave: Item, message: str, approvers: Sequence[str]
    ) -> Item:
        """A question that is put again says what is true now; an answered one says what was answered to."""
        gate: Item = wave[kind.field]
        asked = {**gate, "message": limited(message), "approvers": list(approvers)}
        if gate["decision"] == kind.waiting and asked != gate:
            event = NewEvent(kind.updated, {"wave": wave["waveNumber"], "message": asked["message"]})
            changes, waiting = {kind.field: asked}, execution["waitingGates"]
            standing = self._standing(execution, execution["activeWaves"], waiting, {**wave, **changes})
            now = self._now()
            self._commit(event, [execution_update(execution, now, standing), record_update(wave, changes)])
            return asked
        return dict(gate)

    @retried_on_conflict
    def decide(
        self,
        ref: WaveRef,
        decision: GateDecision,
        actor: str,
        comment: str | None = None,
        decided_time: float | None = None,
    ) -> Item:
        """
        Record the answer to a gate; the first one stands, a later one changes nothing.

        :param decided_time: when they decided; now, if not given.
        :return: the gate as it stands: also ``actor``, ``decidedTime``, and ``comment`` if there is one.
        :raises TransitionRefusedError: the gate is not open, the execution has ended, or a second person is
            needed for an approval.
        """
        return self._decide(_BEFORE_START, ref, decision, actor, comment, decided_time)

    @retried_on_conflict
    def decide_failure_gate(
        self,
        ref: WaveRef,
        decision: FailureDecision,
        actor: str,
        comment: str | None = None,
        decided_time: float | None = None,
    ) -> Item:
        """
        Record what is to be done about a failed wave; the first answer stands, a later one changes nothing.

        :param decided_time: when they decided; now, if not given.
        :return: the gate as it stands, as of :meth:`decide`.
        :raises TransitionRefusedError: the gate is not open, or the execution has ended.
        """
        return self._decide(_ABOUT_FAILURE, ref, decision, actor, comment, decided_time)

    def _decide(
        self,
        kind: _Kind,
        ref: WaveRef,
        decision: GateDecision | FailureDecision,
        actor: str,
        comment: str | None,
        decided_time: float | None,
    ) -> Item:
        if decision is kind.waiting:
            raise ValueError("WAITING is no decision of a gate")
        execution, wave = self._read_together(ref)
        known = wave.get(kind.field)
        if known and known["decision"] != kind.waiting:
            return dict(known)
        gate = kind.demand_open(execution, wave, decision)
        _demand_second_person(kind, execution, wave, decision, actor)
        now = self._now()
        answer = {
            "decision": decision,
            "actor": actor,
            "decidedTime": now if decided_time is None else decided_time,
        }
        gate = {**gate, **answer, **present({"comment": comment})}
        of_attempt = {"attempt": gate["attempt"]} if kind.is_of_attempt else {}
        waiting = without(execution["waitingGates"], ref.number)
        standing = self._standing(execution, execution["activeWaves"], waiting)
        self._commit(
            NewEvent(
                f"{kind.decided}_{decision}", {"wave": ref.number, **of_attempt, "comment": comment}, actor
            ),
            [execution_update(execution, now, standing), record_update(wave, {kind.field: gate})],
        )
        return gate

    @retried_on_conflict
    def refuse_answer(
        self,
        ref: WaveRef,
        actor: str,
        reason: str,
        comment: str | None = None,
        answered_time: float | None = None,
    ) -> None:
        """
        Record an answer that does not count; the question stays open.

        :param answered_time: when they answered; from now on only later answers count.
        :raises TransitionRefusedError: the gate is not open, or the execution has ended.
        """
        execution, wave = self._read_together(ref)
        known = _BEFORE_START.demand_open(execution, wave, GateDecision.WAITING)
        event = NewEvent(
            "GATE_ANSWER_REFUSED", {"wave": ref.number, "reason": reason, "comment": comment}, actor
        )
        gate = {**known, **present({"askedAfter": answered_time})}
        update = execution_update(execution, self._now(), {})
        self._commit(event, [update, record_update(wave, {"gate": gate})])


def asked_after(gate: Record) -> float:
    """
    Time of the last answer to an earlier question, in epoch seconds: only a later answer is one to this.

    It is by the clock of the server that takes answers, with which no other clock is compared.
    """
    return float(gate.get("askedAfter", 0))


def stands(gate: Record, execution: Record, number: int) -> bool:
    """Whether a question was answered or is open: the end of an execution closes it without an answer."""
    return gate["decision"] != GateDecision.WAITING or number in execution["waitingGates"]


def _demand_second_person(
    kind: _Kind, execution: Record, wave: Record, decision: GateDecision | FailureDecision, actor: str
) -> None:
    alone = is_same_person(execution["initiatedBy"], actor)
    if decision is GateDecision.APPROVED and wave[kind.field].get("twoPerson") and alone:
        raise TransitionRefusedError(kind.subject(wave), f"for a second person, not {actor}", decision)
