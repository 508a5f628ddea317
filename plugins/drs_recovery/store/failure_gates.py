"""Failure gates in the execution store: what is to be done about a failed wave, asked once an attempt."""

from __future__ import annotations

from collections.abc import Sequence

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, FailureDecision, WaveStatus
from drs_recovery.store.documents import Event, limited, present
from drs_recovery.store.expressions import Item
from drs_recovery.store.facts import Record, attempt_of
from drs_recovery.store.gates import decided, stands
from drs_recovery.store.rules import demand_live, wave_subject
from drs_recovery.store.transaction import retried_on_conflict
from drs_recovery.store.waves import StoreWaves


class StoreFailureGates(StoreWaves):
    """Open failure gates and decide them."""

    @retried_on_conflict
    def open_failure_gate(
        self, execution_id: str, number: int, message: str, approvers: Sequence[str], deadline: float
    ) -> Item:
        """
        Record that people are asked about a failed wave; the execution is PAUSED unless a wave is active.

        The gate of this attempt that was opened before stands, see ``open_gate``.

        :param execution_id: the execution.
        :param number: the failed wave, from 1.
        :param message: what is asked.
        :param approvers: who may answer; empty for everyone who may trigger.
        :param deadline: until when.
        :return: the gate: as of ``open_gate``, and ``attempt``.
        :raises TransitionRefusedError: the wave is not FAILED, or the execution ends or has ended.
        """
        execution, wave = self._read_together(execution_id, number)
        if (gate := _gate_of_attempt(wave)) and stands(gate, execution, number):
            return self._asked_anew(execution, wave, "failureGate", message, approvers)
        _demand_can_open(execution, wave)
        now, attempt = self._now(), attempt_of(wave)
        gate = {
            "decision": FailureDecision.WAITING,
            "attempt": attempt,
            "since": now,
            "message": limited(message),
            "approvers": list(approvers),
            "deadline": deadline,
            **present({"askedAfter": (wave.get("failureGate") or {}).get("decidedTime")}),
        }
        event = Event(
            "FAILURE_GATE_OPENED",
            {"wave": number, "attempt": attempt, "message": gate["message"], "approvers": list(approvers)},
        )
        self._commit_opened(event, execution, wave, {"failureGate": gate}, now)
        return gate

    @retried_on_conflict
    def decide_failure_gate(
        self,
        execution_id: str,
        number: int,
        decision: FailureDecision,
        actor: str,
        comment: str | None = None,
        decided_time: float | None = None,
    ) -> Item:
        """
        Record what is to be done about a failed wave; the first answer stands, a later one changes nothing.

        :param execution_id: the execution.
        :param number: the failed wave, from 1.
        :param decision: any but WAITING.
        :param actor: who decided.
        :param comment: what they wrote, if anything.
        :param decided_time: when they decided; now, if not given.
        :return: the gate as it stands: also ``actor``, ``decidedTime``, and ``comment`` if there is one.
        :raises TransitionRefusedError: nobody was asked, or the execution has ended.
        """
        if decision is FailureDecision.WAITING:
            raise ValueError("WAITING is no decision of a gate")
        execution, wave = self._read_together(execution_id, number)
        gate = wave.get("failureGate")
        if gate and gate["decision"] != FailureDecision.WAITING:
            return dict(gate)
        subject = f"the failure gate of {wave_subject(wave)}"
        demand_live(execution, subject, decision)
        if not gate:
            raise TransitionRefusedError(subject, "not open", decision)
        now = self._now()
        answered = decided(gate, decision, actor, comment, now if decided_time is None else decided_time)
        detail = {"wave": number, "attempt": gate["attempt"], "comment": comment}
        event = Event(f"FAILURE_GATE_{decision}", detail, actor)
        self._commit_decided(event, execution, wave, {"failureGate": answered}, now)
        return answered


def _gate_of_attempt(wave: Record) -> Item | None:
    gate = wave.get("failureGate")
    return dict(gate) if gate and gate["attempt"] == attempt_of(wave) else None


def _demand_can_open(execution: Record, wave: Record) -> None:
    subject, wanted = f"the failure gate of {wave_subject(wave)}", FailureDecision.WAITING
    status = demand_live(execution, subject, wanted)
    if status is ExecutionStatus.CANCELLING:
        raise TransitionRefusedError(subject, f"part of an execution that is {status}", wanted)
    if wave["status"] != WaveStatus.FAILED:
        raise TransitionRefusedError(subject, f"behind a wave that is {wave['status']}", wanted)
