"""The step that asks a person before a wave starts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from drs_recovery.engine.announcements import Asked
from drs_recovery.engine.failure_policy import check_dependencies
from drs_recovery.engine.gates import Question, question_of
from drs_recovery.engine.judgement import wave_label
from drs_recovery.engine.start_rules import gate_is_asked, refused_gate
from drs_recovery.operators.base import WaveMixin, fails_for_good, quick_retries
from drs_recovery.statuses import GateDecision

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

TIME_OUT_ACTOR = "time-out"


class ApprovalGateOperator(WaveMixin, ApprovalOperator):
    """
    Ask for approval before a wave, holding neither a worker nor a triggerer while people decide.

    The execution is PAUSED in the store while the question is open. Who decided, when and why is recorded
    there before Airflow goes on: the wave behind the gate reads that record, not the colour of this task. A
    decision that is recorded already is not asked for again.

    :param wave_number: from 1.
    """

    def __init__(self, *, wave_number: int, **kwargs: Any) -> None:
        # Airflow hands in the DAG's params: they belong to the trigger form, not to the question.
        kwargs.pop("params", None)
        super().__init__(
            subject=f"Approve the start of wave {wave_number}",
            params={
                "comment": Param(
                    "", type=["string", "null"], title="Comment", description="Kept in the record"
                )
            },
            **quick_retries(kwargs),
        )
        self.wave_number = wave_number

    def execute(self, context: Context) -> Any:
        """Record the pause and ask, unless this execution needs no answer or has one."""
        execution_id = self.execution_id_of(context)
        with fails_for_good():
            document = self.store.get_document(execution_id)
            plan = self.plan_of(execution_id)
            if not gate_is_asked(document, plan, self.wave_number):
                self.log.info("execution %s: wave %s needs no approval", execution_id, self.wave_number)
                return None
            if reason := refused_gate(document):
                raise AirflowSkipException(reason)
            self.pass_over_if_blocked(document)
            check_dependencies(document, plan, self.wave_number)
            if self._decision(execution_id) is GateDecision.APPROVED:
                return None
            self._open(execution_id, question_of(document, plan, self.wave_number))
        self.announce(execution_id, Asked(self.wave_number, self.task_id))
        return super().execute(context)

    def _open(self, execution_id: str, question: Question) -> None:
        self.subject, self.body = question.subject, question.body
        self.assigned_users = [{"id": name, "name": name} for name in question.approvers]
        self.response_timeout = question.timeout
        self.defaults = [self.APPROVE] if question.continue_on_timeout else None
        self.store.open_gate(
            execution_id,
            self.wave_number,
            message=question.message,
            approvers=question.approvers,
            deadline=time.time() + question.timeout.total_seconds(),
        )

    def _decision(self, execution_id: str) -> GateDecision | None:
        gate = self.store.get_wave(execution_id, self.wave_number).get("gate")
        return GateDecision(gate["decision"]) if gate else None

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """
        Record the decision, then let the question end as Airflow ends it (a rejection skips the wave).

        :param event: the answer, or the time-out, as Airflow's approval passes it on.
        """
        execution_id = self.execution_id_of(context)
        with fails_for_good():
            if event.get("error_type") == "timeout":
                self._record(execution_id, GateDecision.TIMED_OUT, {})
                raise AirflowFailException(f"nobody answered the gate of wave {self.wave_number} in time")
            if "error" not in event:
                self._record_answer(execution_id, event)
        return super().execute_complete(context, event)

    def _record_answer(self, execution_id: str, event: Mapping[str, Any]) -> None:
        approved = list(event["chosen_options"]) == [self.APPROVE]
        decision = GateDecision.APPROVED if approved else GateDecision.REJECTED
        recorded = self._record(execution_id, decision, event)
        if recorded["decision"] != decision:
            wave = wave_label(self.store.get_wave(execution_id, self.wave_number))
            raise AirflowFailException(
                f"the gate of wave {wave} was {recorded['decision']} by {recorded['actor']} before; "
                f"the later answer {decision} changes nothing"
            )

    def _record(self, execution_id: str, decision: GateDecision, event: Mapping[str, Any]) -> dict[str, Any]:
        user = event.get("responded_by_user") or {}
        answered: datetime | None = event.get("responded_at")
        recorded = self.store.decide_gate(
            execution_id,
            self.wave_number,
            decision,
            actor=str(user.get("name") or user.get("id") or TIME_OUT_ACTOR),
            comment=(event.get("params_input") or {}).get("comment") or None,
            decided_time=answered.timestamp() if answered else None,
        )
        return dict(recorded)
