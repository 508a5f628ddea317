"""Gates in the execution store: a question before a wave, and the first answer to it, which stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drs_recovery.exceptions import StoreConflictError, TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, GateDecision, WaveStatus
from drs_recovery.store.documents import Event, limited, present
from drs_recovery.store.expressions import Item
from drs_recovery.store.facts import Record, is_same_person
from drs_recovery.store.rules import demand_live, standing_status, wave_subject, without
from drs_recovery.store.transaction import StoreBase, execution_update, record_update, retried_on_conflict

_PAUSE_FIELDS = ("since", "message", "approvers", "deadline", "twoPerson")

_ASKED_ANEW = {"gate": "GATE_UPDATED", "failureGate": "FAILURE_GATE_UPDATED"}


class StoreGates(StoreBase):
    """Open gates and decide them."""

    @retried_on_conflict
    def open_gate(
        self,
        execution_id: str,
        number: int,
        message: str,
        approvers: Sequence[str],
        deadline: float | None = None,
        *,
        two_person: bool = False,
    ) -> Item:
        """
        Record that a wave waits for an answer; the execution is PAUSED unless a wave is active.

        A gate that was opened before stays as it is, but for what is asked and whom as long as nobody has
        answered; one that an end of the execution closed without an answer is opened anew when the execution
        is.

        :param execution_id: the execution.
        :param number: the wave behind the gate, from 1.
        :param message: what is asked.
        :param approvers: who may answer; empty for everyone who may trigger.
        :param deadline: until when, if there is a limit.
        :param two_person: whether the person who started the execution may not approve.
        :return: the gate: ``decision``, ``since``, ``message``, ``approvers``, and ``deadline`` and
            ``twoPerson`` if they apply.
        :raises TransitionRefusedError: the wave was started or skipped, or the execution ends or has ended.
        """
        execution, wave = self._read_together(execution_id, number)
        if "gate" in wave and stands(wave["gate"], execution, number):
            return self._asked_anew(execution, wave, "gate", message, approvers)
        _demand_gate_can_open(execution, wave)
        now = self._now()
        gate = {
            "decision": GateDecision.WAITING,
            "since": now,
            "message": limited(message),
            "approvers": list(approvers),
            **present({"deadline": deadline, "twoPerson": two_person or None}),
        }
        event = Event(
            "GATE_OPENED", {"wave": number, "message": gate["message"], "approvers": list(approvers)}
        )
        self._commit_opened(event, execution, wave, {"gate": gate}, now)
        return gate

    def _asked_anew(
        self, execution: Item, wave: Item, name: str, message: str, approvers: Sequence[str]
    ) -> Item:
        """A question that is put again says what is true now; an answered one says what was answered to."""
        gate: Item = wave[name]
        asked = {**gate, "message": limited(message), "approvers": list(approvers)}
        if gate["decision"] == GateDecision.WAITING and asked != gate:
            event = Event(_ASKED_ANEW[name], {"wave": wave["waveNumber"], "message": asked["message"]})
            changes, waiting = {name: asked}, execution["waitingGates"]
            standing = self._standing(execution, execution["activeWaves"], waiting, {**wave, **changes})
            now = self._now()
            self._commit(event, [execution_update(execution, now, standing), record_update(wave, changes)])
            return asked
        return dict(gate)

    @retried_on_conflict
    def decide_gate(
        self,
        execution_id: str,
        number: int,
        decision: GateDecision,
        actor: str,
        comment: str | None = None,
        decided_time: float | None = None,
    ) -> Item:
        """
        Record the answer to a gate; the first one stands, a later one changes nothing.

        :param execution_id: the execution.
        :param number: the wave behind the gate, from 1.
        :param decision: any but WAITING.
        :param actor: who decided.
        :param comment: what they wrote, if anything.
        :param decided_time: when they decided; now, if not given.
        :return: the gate as it stands: also ``actor``, ``decidedTime``, and ``comment`` if there is one.
        :raises TransitionRefusedError: the gate is not open, the execution has ended, or a second person is
            needed for an approval.
        """
        if decision is GateDecision.WAITING:
            raise ValueError("WAITING is no decision of a gate")
        execution, wave = self._read_together(execution_id, number)
        if "gate" in wave and wave["gate"]["decision"] != GateDecision.WAITING:
            return dict(wave["gate"])
        _demand_gate_can_be_decided(execution, wave, decision)
        _demand_second_person(execution, wave, decision, actor)
        now = self._now()
        gate = decided(wave["gate"], decision, actor, comment, now if decided_time is None else decided_time)
        event = Event(f"GATE_{decision}", {"wave": number, "comment": comment}, actor)
        self._commit_decided(event, execution, wave, {"gate": gate}, now)
        return gate

    @retried_on_conflict
    def refuse_answer(
        self,
        execution_id: str,
        number: int,
        actor: str,
        reason: str,
        comment: str | None = None,
        answered_time: float | None = None,
    ) -> None:
        """
        Record an answer that does not count; the question stays open.

        :param execution_id: the execution.
        :param number: the wave behind the gate, from 1.
        :param actor: who answered.
        :param reason: why it does not count.
        :param comment: what they wrote, if anything.
        :param answered_time: when they answered; from now on only later answers count.
        :raises TransitionRefusedError: the gate is not open, or the execution has ended.
        """
        execution, wave = self._read_together(execution_id, number)
        _demand_gate_can_be_decided(execution, wave, GateDecision.WAITING)
        event = Event("GATE_ANSWER_REFUSED", {"wave": number, "reason": reason, "comment": comment}, actor)
        gate = {**wave["gate"], **present({"askedAfter": answered_time})}
        update = execution_update(execution, self._now(), {})
        self._commit(event, [update, record_update(wave, {"gate": gate})])

    def _commit_opened(
        self, event: Event, execution: Item, wave: Item, changes: Mapping[str, Item], now: float
    ) -> None:
        """Write the gate of a wave that waits from now on; ``changes`` are those of the wave."""
        waiting = [*execution["waitingGates"], wave["waveNumber"]]
        standing = self._standing(execution, execution["activeWaves"], waiting, {**wave, **changes})
        self._commit(event, [execution_update(execution, now, standing), record_update(wave, changes)])

    def _commit_decided(
        self, event: Event, execution: Item, wave: Item, changes: Mapping[str, Item], now: float
    ) -> None:
        """Write the gate of a wave that waits no longer; ``changes`` are those of the wave."""
        waiting = without(execution["waitingGates"], wave["waveNumber"])
        standing = self._standing(execution, execution["activeWaves"], waiting)
        self._commit(event, [execution_update(execution, now, standing), record_update(wave, changes)])

    def _standing(
        self,
        execution: Item,
        active_waves: Sequence[int],
        waiting_gates: Sequence[int],
        opened: Item | None = None,
    ) -> Item:
        """
        What active waves and waiting gates make of the EXECUTION record.

        :param execution: the record as it was read.
        :param active_waves: numbers of the waves that run from now on.
        :param waiting_gates: numbers of the waves whose gates wait from now on, the longest waiting first.
        :param opened: the WAVE record of a gate that is being opened.
        """
        status = standing_status(ExecutionStatus(execution["status"]), active_waves, waiting_gates)
        paused = None
        if status is ExecutionStatus.PAUSED:
            first = waiting_gates[0]
            if opened is None or opened["waveNumber"] != first:
                opened = self._read_wave(execution["executionId"], first)
            paused = _pause(opened)
        return {
            "status": status,
            "paused": paused,
            "activeWaves": sorted(active_waves),
            "waitingGates": list(waiting_gates),
        }


def _pause(wave: Record) -> Item:
    gate = _waiting_gate(wave)
    if gate is None:
        # EXECUTION names the gate already: the transaction that opens it is still being written.
        raise StoreConflictError([wave["recordKey"]])
    return {"wave": wave["waveNumber"], **{name: gate[name] for name in _PAUSE_FIELDS if name in gate}}


def _waiting_gate(wave: Record) -> Item | None:
    """The open question of a wave: before its start, or about its failure."""
    gates = (wave.get("gate"), wave.get("failureGate"))
    return next((gate for gate in gates if gate and gate["decision"] == GateDecision.WAITING), None)


def decided(gate: Item, decision: str, actor: str, comment: str | None, time: float) -> Item:
    """
    A gate with its answer.

    :param gate: as it was opened.
    :param decision: what was decided.
    :param actor: who decided.
    :param comment: what they wrote, if anything.
    :param time: when they decided.
    """
    answer = {"decision": decision, "actor": actor, "decidedTime": time}
    return {**gate, **answer, **present({"comment": comment})}


def asked_after(gate: Record) -> float:
    """
    Time of the last answer to an earlier question, in epoch seconds: only a later answer is one to this.

    It is by the clock of whoever takes answers, with which no other clock is compared.

    :param gate: of a wave, before its start or about its failure.
    """
    return float(gate.get("askedAfter", 0))


def stands(gate: Record, execution: Record, number: int) -> bool:
    """
    Whether a question was answered or is still open: the end of an execution closes it without an answer.

    :param gate: of a wave, before its start or about its failure.
    :param execution: EXECUTION record.
    :param number: the wave, from 1.
    """
    return gate["decision"] != GateDecision.WAITING or number in execution["waitingGates"]


def _demand_gate_can_open(execution: Record, wave: Record) -> None:
    subject = f"the gate of {wave_subject(wave)}"
    status = demand_live(execution, subject, GateDecision.WAITING)
    if status is ExecutionStatus.CANCELLING:
        raise TransitionRefusedError(subject, f"part of an execution that is {status}", GateDecision.WAITING)
    # The approval of a real recovery is asked before the plan's first wave, even if that one is left out.
    if wave["status"] not in (WaveStatus.NOT_STARTED, WaveStatus.SKIPPED):
        raise TransitionRefusedError(subject, f"before a wave that is {wave['status']}", GateDecision.WAITING)


def _demand_gate_can_be_decided(execution: Record, wave: Record, decision: GateDecision) -> None:
    subject = f"the gate of {wave_subject(wave)}"
    demand_live(execution, subject, decision)
    if (wave.get("gate") or {}).get("decision") != GateDecision.WAITING:
        raise TransitionRefusedError(subject, "not open", decision)


def _demand_second_person(execution: Record, wave: Record, decision: GateDecision, actor: str) -> None:
    alone = is_same_person(execution["initiatedBy"], actor)
    if decision is GateDecision.APPROVED and wave["gate"].get("twoPerson") and alone:
        subject = f"the gate of {wave_subject(wave)}"
        raise TransitionRefusedError(subject, f"for a second person, not {actor}", decision)
