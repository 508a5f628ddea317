"""The step that asks people what to do about a failed wave, and retries it if they say so."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowSkipException

from drs_recovery.airflow_versions import task_memory
from drs_recovery.closing import end_left_wave, follow_to_end
from drs_recovery.exceptions import ExecutionError, NotStartedError, WaveFailedError, WaveRefusedError
from drs_recovery.notifications import Asked
from drs_recovery.operators.base import fails_for_good, quick_retries
from drs_recovery.operators.outages import outlives_outages
from drs_recovery.operators.questions import answer_of, comment_form, is_timeout
from drs_recovery.operators.step_driving import StepDriver
from drs_recovery.operators.wave_steps import WaveMixin
from drs_recovery.plan import AFTER, BEFORE, plan_from_snapshot
from drs_recovery.statuses import FAILURE_ANSWERS, FailureDecision, StepDecision, WaveStage, WaveStatus
from drs_recovery.store import StepRef, attempt_of, step_holds
from drs_recovery.waves import (
    WaveStarter,
    begin_retry,
    check_not_ending,
    choose_servers,
    failure_question,
    recorded_failure,
    skip_reason,
    wave_label,
)

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from drs_recovery.closing import Pending
    from drs_recovery.store import ExecutionDocument, FailureGate, StepRecord, Wave, WaveRecord


class FailureDecisionOperator(StepDriver, WaveMixin, HITLOperator):
    """
    Ask what to do about a failed wave, holding neither a worker nor a triggerer while people decide.

    The end of a wave whose plan says ``on_failure: ask``; a wave that did not fail passes without a question.
    A retry runs inside this step, which asks again if it fails too. The decision is recorded before anything
    follows from it: the waves behind read that record, not the colour of this task.

    Each run of the step goes on from what the record says, so that it may die or wait anywhere.
    """

    def __init__(self, *, wave_number: int, **kwargs: Any) -> None:
        # Airflow hands in the DAG's params: they belong to the trigger form, not to the question.
        kwargs.pop("params", None)
        super().__init__(
            subject=f"Wave {wave_number} failed",
            options=list(FAILURE_ANSWERS),
            params=comment_form(),
            **quick_retries(kwargs),
        )
        self.wave_number = wave_number

    @outlives_outages
    def execute(self, context: Context) -> str:
        """Do what the record asks for next, until the wave needs no decision."""
        with fails_for_good():
            execution_id = self.execution_id_of(context)
            with self.announcing(execution_id):
                while not self._is_settled(context, execution_id):
                    continue
                return str(self.store.get_wave(self.wave_in(execution_id))["status"])

    @outlives_outages
    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """Record the answer, or that there was none, then act on what stands."""
        with fails_for_good():
            execution_id = self.execution_id_of(context)
            if asking := self._asking_step(execution_id):
                self.take_answer(context, asking, event)
                return self.execute(context)
            self.options = list(FAILURE_ANSWERS)
            gate = self.store.get_wave(self.wave_in(execution_id)).get("failureGate")
            if is_timeout(event):
                self._record(execution_id, FailureDecision.TIMED_OUT, event)
            elif not self.is_outdated(gate, event):
                chosen = super().execute_complete(context, event)["chosen_options"]
                self._record(execution_id, FAILURE_ANSWERS[chosen[0]], event)
        return self.execute(context)

    def _asking_step(self, execution_id: str) -> StepRef | None:
        """The step of the wave that waits for an answer; a retry of the wave runs them here."""
        wave = self.own_wave(self.store.get_document(execution_id)["waves"])
        for step in wave.get("steps", ()):
            gate = step.get("gate")
            if gate and gate["decision"] is StepDecision.WAITING:
                return _ref(step)
        return None

    def _record(self, execution_id: str, decision: FailureDecision, event: Mapping[str, Any]) -> None:
        answer = answer_of(event)
        stands = self.store.gates.decide_failure_gate(
            self.wave_in(execution_id),
            decision,
            answer.actor,
            answer.comment,
            answer.decided_time,
        )
        self.log.info("wave %s: %s by %s", self.wave_number, stands["decision"], stands.get("actor"))
        if stands["decision"] != decision:
            self.log.warning("the answer %s comes after %s", decision, stands["decision"])

    def _is_settled(self, context: Context, execution_id: str) -> bool:
        """Take one step; False if the record has to be looked at again."""
        document = self.store.get_document(execution_id)
        wave = self.own_wave(document["waves"])
        status = wave["status"]
        if status is WaveStatus.COMPLETED:
            return True
        if reason := skip_reason(document, self.wave_number):
            raise AirflowSkipException(reason)
        if status is WaveStatus.FAILED:
            return self._act(context, document, wave)
        if not status.is_active:
            raise ExecutionError(f"wave {wave_label(wave)} launched nothing, it is {status}")
        check_not_ending(document)
        self._finish(context, document, wave)
        return False

    def _act(self, context: Context, document: ExecutionDocument, wave: WaveRecord) -> bool:
        """Do what was decided about this attempt's failure; ask, if nothing is."""
        match _decision(wave):
            case FailureDecision.CONTINUE:
                return True
            case FailureDecision.RETRY:
                actor = str(wave["failureGate"]["actor"])
                begin_retry(self.store, self.wave_in(document["executionId"]), actor)
                return False
            case FailureDecision.STOP | FailureDecision.TIMED_OUT:
                raise recorded_failure(wave)
        if plan_from_snapshot(document["planSnapshot"]).wave(self.wave_number).on_failure != "ask":
            # Another version of the plan asks here; this execution does as it was opened.
            raise recorded_failure(wave)
        check_not_ending(document)
        self._ask(context, document)
        return False

    def _ask(self, context: Context, document: ExecutionDocument) -> None:
        execution_id = document["executionId"]
        self.options = list(FAILURE_ANSWERS)
        question = failure_question(document, self.plan_of(execution_id), self.wave_number)
        gate = self.store.gates.open_failure_gate(
            self.wave_in(execution_id),
            message=question.message,
            approvers=question.approvers,
            deadline=time.time() + question.timeout.total_seconds(),
        )
        self.announce(execution_id, Asked(self.wave_number, self.task_id))
        self.put(context, question, cast("FailureGate", gate))

    def _finish(self, context: Context, document: ExecutionDocument, wave: Wave) -> None:
        """Bring a wave that still runs to its end, as far as that is this step's business."""
        execution_id = document["executionId"]
        try:
            if _is_retried_here(wave):
                self._drive(context, wave, BEFORE)
                if wave["status"] == WaveStatus.PENDING:
                    self._start(context, execution_id)
                pending = self._follow(context, document, wave)
            else:
                # Its own steps have ended, whatever became of its jobs.
                pending = end_left_wave(self.store, document, self.wave_number)
            if pending is not None:
                self.wait_for_end(execution_id, pending, "go_on")
        except WaveFailedError as failed:
            self.log.warning("execution %s: %s", execution_id, failed)
        except WaveRefusedError:
            raise
        except ExecutionError as error:
            self._fail(execution_id, error)

    def _drive(self, context: Context, wave: Wave, side: str) -> None:
        for step in wave.get("steps", ()):
            if step["side"] == side and not step_holds(step):
                self.drive(context, _ref(step))

    def _follow(self, context: Context, document: ExecutionDocument, wave: Wave) -> Pending | None:
        """Follow the launch of the retried wave, then prove it."""
        if wave.get("stage") is not WaveStage.AFTER_STEPS and (
            pending := follow_to_end(self.store, document, self.wave_number, launch_only=True)
        ):
            return pending
        wave = self.own_wave(self.store.get_document(document["executionId"])["waves"])
        if wave["status"].is_active:
            self._drive(context, wave, AFTER)
            return follow_to_end(self.store, document, self.wave_number)
        return None

    def _fail(self, execution_id: str, error: ExecutionError) -> None:
        if self.store.get_wave(self.wave_in(execution_id))["status"] != WaveStatus.FAILED:
            self.store.waves.fail(self.wave_in(execution_id), str(error))

    def _start(self, context: Context, execution_id: str) -> None:
        try:
            starter = WaveStarter(self.store, task_memory(context), choose_servers)
            starter.start(self.wave_in(execution_id))
        except NotStartedError as error:
            self.wait_for_start(execution_id, error, "go_on")


def _ref(step: StepRecord) -> StepRef:
    return StepRef(step["executionId"], step["waveNumber"], step["side"], step["stepNumber"])


def _decision(wave: WaveRecord) -> FailureDecision | None:
    """What was decided about the failure of the wave's last attempt, if anything."""
    gate = wave.get("failureGate")
    return gate["decision"] if gate and gate["attempt"] == attempt_of(wave) else None


def _is_retried_here(wave: WaveRecord) -> bool:
    """Whether the wave's attempt is the answer to the question about the one before it."""
    gate = wave.get("failureGate")
    return bool(
        gate and gate["decision"] == FailureDecision.RETRY and gate["attempt"] == attempt_of(wave) - 1
    )
