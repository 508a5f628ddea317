"""Drive one step of a wave to where the record says that it holds: attempts, retries, questions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, cast

from airflow.providers.standard.operators.hitl import HITLOperator

from drs_recovery.exceptions import WaveFailedError
from drs_recovery.notifications import Asked
from drs_recovery.operators.questions import AskingMixin, answer_of, is_timeout
from drs_recovery.plan import DEFAULT_GATE_TIMEOUT
from drs_recovery.statuses import (
    MANUAL_ANSWERS,
    STEP_FAILURE_ANSWERS,
    StepDecision,
    StepStatus,
    WaveStatus,
)
from drs_recovery.store import StepQuestion, StepRef, has_failed, step_holds, step_label
from drs_recovery.triggers import StepTrigger
from drs_recovery.waves import Question, StepLife, step_question, wave_label

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from drs_recovery.store import StepGate, StepRecord

# Seconds beyond a step's time-out after which its wait in the triggerer ends, whatever happens.
_SPARE_SECONDS = 300.0


@dataclass(frozen=True)
class _Turn:
    """One run of a task that drives a step."""

    context: Context
    ref: StepRef

    @property
    def asked_by(self) -> int:
        """Grows with each clear of the task."""
        return int(self.context["ti"].max_tries)


class StepDriver(AskingMixin):
    """Mixed into the operators that run steps; each of them is one of Airflow's that ask people."""

    def drive(self, context: Context, ref: StepRef) -> StepRecord:
        """
        Bring a step to where it holds; leaves the worker while it waits.

        :raises WaveFailedError: the step failed, and so did its wave.
        :raises TransitionRefusedError: it may not begin.
        """
        turn = _Turn(context, ref)
        while True:
            record = self.store.steps.get(ref)
            if record["status"].is_open:
                self._look(turn)
            elif has_failed(record):
                if self._step_is_settled(turn, record):
                    return record
            elif step_holds(record) and not self._is_cleared(turn, record):
                return record
            else:
                self.store.steps.begin(ref, turn.asked_by)

    def _is_cleared(self, turn: _Turn, record: StepRecord) -> bool:
        return record["status"] is StepStatus.SUCCEEDED and turn.asked_by > record.get("askedBy", 0)

    def _look(self, turn: _Turn) -> None:
        """Look once, and wait in the triggerer if the attempt has not ended by then."""
        life = StepLife(self.store, turn.ref)
        if life.planned.kind.is_question:
            self._ask_about_step(turn, life, is_failure=False)
        life.look()
        run = life.run()
        if run is None:
            return
        trigger = StepTrigger(
            execution_id=turn.ref.execution_id,
            wave_number=turn.ref.wave,
            side=turn.ref.side,
            step_number=turn.ref.number,
            deadline=run.deadline + _SPARE_SECONDS,
        )
        self.defer(trigger=trigger, method_name="go_on")

    def _step_is_settled(self, turn: _Turn, record: StepRecord) -> bool:
        """Whether a step that failed is to be passed; False if its record has to be looked at again."""
        life = StepLife(self.store, turn.ref)
        attempt, step = record["attempts"][-1]["number"], life.planned.step
        if attempt - record.get("firstAttempt", 1) < step.retries and not life.planned.kind.is_question:
            self._try_again(turn, record, step.retry_delay.total_seconds())
            return False
        if step_holds(record):
            self.log.warning("%s: %s", step_label(record), record.get("error"))
            return True
        gate = record.get("gate")
        if gate and not (gate.get("isFailure") and gate["attempt"] == attempt):
            gate = None
        decision = gate["decision"] if gate else None
        if decision is StepDecision.RETRY:
            self.store.steps.begin(turn.ref, turn.asked_by, again=True)
            return False
        if step.on_failure == "ask" and decision in (None, StepDecision.WAITING):
            self._ask_about_step(turn, life, is_failure=True)
        raise self._wave_failure(turn.ref, record, gate)

    def _try_again(self, turn: _Turn, record: StepRecord, delay: float) -> None:
        left = record["endTime"] + delay - time.time()
        if left > 0:
            self.look_again_in(left, "go_on")
        self.store.steps.begin(turn.ref, turn.asked_by, again=True, is_retry=True)

    def _wave_failure(self, ref: StepRef, record: StepRecord, gate: StepGate | None) -> WaveFailedError:
        """End the wave because of a step."""
        said = f"; {gate['decision']}, says {gate['actor']}" if gate and "actor" in gate else ""
        reason = f"{step_label(record)} {record['status']}: {record.get('error', 'no reason is known')}{said}"
        wave = self.store.get_wave(ref.of_wave)
        if wave["status"] != WaveStatus.FAILED:
            self.store.waves.fail(ref.of_wave, reason)
        return WaveFailedError(wave_label(wave), reason)

    def _ask_about_step(self, turn: _Turn, life: StepLife, *, is_failure: bool) -> NoReturn:
        """Put the step's own question, or what to do about its failure."""
        ref, limit = turn.ref, DEFAULT_GATE_TIMEOUT if is_failure else life.planned.step.time_limit
        document = self.store.get_document(ref.execution_id)
        question = step_question(document, ref, life, is_failure=is_failure, timeout=limit)
        deadline = time.time() + limit.total_seconds()
        asked = StepQuestion(
            question.message, question.approvers, deadline, self.task_id, is_failure=is_failure
        )
        record = self.store.steps.ask(ref, asked)
        if record["gate"]["decision"] != StepDecision.WAITING:
            self.look_again_in(0, "go_on")
        self.announce(ref.execution_id, Asked(ref.wave, self.task_id))
        self.put_step(turn.context, question, record["gate"])

    def put_step(self, context: Context, question: Question, gate: StepGate) -> NoReturn:
        """Put a step's question with its own answers."""
        self.options = list(_answers(gate))
        self.put(context, question, gate)

    def take_answer(self, context: Context, ref: StepRef, event: dict[str, Any]) -> None:
        """Record what was answered to a step's open question, or that nobody answered in time."""
        gate = self.store.steps.get(ref).get("gate")
        if gate is None or gate["decision"] != StepDecision.WAITING:
            return
        answer = answer_of(event)
        if is_timeout(event):
            decision = StepDecision.TIMED_OUT
        elif self.is_outdated(gate, event):
            return
        else:
            self.options = list(_answers(gate))
            chosen = cast("Any", HITLOperator.execute_complete)(self, context, event)["chosen_options"]
            decision = _answers(gate)[chosen[0]]
        if decision is StepDecision.GO_ON and not answer.comment:
            reason = "to go on without a step takes a reason: write it as the comment"
            self.store.steps.refuse_answer(ref, answer.actor, reason, answer.decided_time)
            return
        self.store.steps.decide(ref, decision, answer.actor, answer.comment, answer.decided_time)


def _answers(gate: StepGate) -> Mapping[str, StepDecision]:
    return STEP_FAILURE_ANSWERS if gate.get("isFailure") else MANUAL_ANSWERS
