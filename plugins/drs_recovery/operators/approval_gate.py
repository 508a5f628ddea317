"""The step that asks a person before a wave starts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowSkipException

from drs_recovery.notifications import Asked
from drs_recovery.operators.base import fails_for_good, quick_retries
from drs_recovery.operators.outages import ExpectedFailureError, outlives_outages
from drs_recovery.operators.questions import AskingMixin, answer_of, comment_form, is_timeout
from drs_recovery.operators.wave_steps import WaveMixin
from drs_recovery.plan import plan_from_snapshot
from drs_recovery.statuses import GateDecision
from drs_recovery.store import is_same_person
from drs_recovery.waves import (
    Question,
    check_dependencies,
    gate_is_asked,
    question_of,
    refresh_details,
    refused_gate,
    wave_label,
)

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from drs_recovery.store import Gate


class ApprovalGateOperator(AskingMixin, WaveMixin, ApprovalOperator):
    """
    Ask for approval before a wave, holding neither a worker nor a triggerer while people decide.

    The execution is PAUSED in the store while the question is open. Who decided, when and why is recorded
    there before Airflow goes on: the wave behind the gate reads that record, not the colour of this task. A
    decision that is recorded already is not asked for again. An approval that needs a second person and comes
    from the one who started the execution is recorded and does not count: the question is asked again.
    """

    def __init__(self, *, wave_number: int, **kwargs: Any) -> None:
        # Airflow hands in the DAG's params: they belong to the trigger form, not to the question.
        kwargs.pop("params", None)
        super().__init__(
            subject=f"Approve the start of wave {wave_number}",
            params=comment_form(),
            **quick_retries(kwargs),
        )
        self.wave_number = wave_number

    @outlives_outages
    def execute(self, context: Context) -> Any:
        """Record the pause and ask, unless this execution needs no answer or has one."""
        with fails_for_good():
            document = self.store.get_rest(self.record_of(context))
            plan, wave = plan_from_snapshot(document["planSnapshot"]), self.own_wave(document["waves"])
            if not gate_is_asked(document, plan, self.wave_number):
                self.log.info("wave %s needs no approval", self.wave_number)
                return None
            if reason := refused_gate(document):
                raise AirflowSkipException(reason)
            known = wave.get("gate")
            if "startTime" in wave or (known and known["decision"] == GateDecision.APPROVED):
                # Also when the wave is cleared after the execution has ended, to be tried again.
                return None
            document = self.wait_for_waves_before(context, document, "go_on")
            self.pass_over_if_blocked(document)
            check_dependencies(document, plan, self.wave_number)
            document = refresh_details(self.store, document)
            question = question_of(document, plan, self.wave_number)
            gate = self._opened(document["executionId"], question)
        self.announce(document["executionId"], Asked(self.wave_number, self.task_id))
        self.put(context, question, gate)

    def _opened(self, execution_id: str, question: Question) -> Gate:
        gate = self.store.gates.open(
            self.wave_in(execution_id),
            message=question.message,
            approvers=question.approvers,
            deadline=time.time() + question.timeout.total_seconds(),
            two_person=question.two_person,
        )
        return cast("Gate", gate)

    @outlives_outages
    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Record the decision, then let the question end as Airflow ends it (a rejection skips the wave)."""
        with fails_for_good():
            execution_id = self.execution_id_of(context)
            if is_timeout(event):
                self._record(execution_id, GateDecision.TIMED_OUT, {})
                raise ExpectedFailureError(f"the gate of wave {self.wave_number} was not answered in time")
            if "error" not in event and not self._counts(execution_id, event):
                # Runs as if for the first time: the question is still open in the record.
                return self.execute(context)
            if "error" not in event:
                self._record_answer(execution_id, event)
        return super().execute_complete(context, event)

    def _counts(self, execution_id: str, event: Mapping[str, Any]) -> bool:
        """Whoever started an execution cannot be the second person who approves it; to reject is fine."""
        execution = self.store.get_execution(execution_id)
        gate = self.store.get_wave(self.wave_in(execution_id)).get("gate")
        if self.is_outdated(gate, event):
            self.log.warning("execution %s: an answer to an earlier question does not count", execution_id)
            return False
        user = event.get("responded_by_user") or {}
        is_alone = is_same_person(execution["initiatedBy"], user.get("id"), user.get("name"))
        if not (
            gate and gate.get("twoPerson") and is_alone and self._decision_in(event) is GateDecision.APPROVED
        ):
            return True
        if gate["decision"] == GateDecision.WAITING:
            answer = answer_of(event)
            reason = f"{answer.actor} started the execution: a second person must approve it"
            self.store.gates.refuse_answer(
                self.wave_in(execution_id),
                answer.actor,
                reason,
                answer.comment,
                answer.decided_time,
            )
            self.log.warning("execution %s: not approved: %s", execution_id, reason)
        return False

    def _decision_in(self, event: Mapping[str, Any]) -> GateDecision:
        approved = list(event["chosen_options"]) == [self.APPROVE]
        return GateDecision.APPROVED if approved else GateDecision.REJECTED

    def _record_answer(self, execution_id: str, event: Mapping[str, Any]) -> None:
        decision = self._decision_in(event)
        recorded = self._record(execution_id, decision, event)
        self.log.info("wave %s: %s by %s", self.wave_number, recorded["decision"], recorded["actor"])
        if recorded["decision"] != decision:
            wave = wave_label(self.store.get_wave(self.wave_in(execution_id)))
            raise ExpectedFailureError(
                f"the gate of wave {wave} was {recorded['decision']} by {recorded['actor']} before; "
                f"the later answer {decision} changes nothing"
            )

    def _record(self, execution_id: str, decision: GateDecision, event: Mapping[str, Any]) -> Gate:
        answer = answer_of(event)
        gate = self.store.gates.decide(
            self.wave_in(execution_id),
            decision,
            actor=answer.actor,
            comment=answer.comment,
            decided_time=answer.decided_time,
        )
        return cast("Gate", gate)
