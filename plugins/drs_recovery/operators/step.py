"""The task of one step before or after the launch of a wave."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowSkipException

from drs_recovery.exceptions import ExecutionError
from drs_recovery.opening import check_reopening, make_way
from drs_recovery.operators.base import fails_for_good, quick_retries
from drs_recovery.operators.outages import outlives_outages
from drs_recovery.operators.questions import comment_form
from drs_recovery.operators.start_recovery import CLEARING_ACTOR
from drs_recovery.operators.step_driving import StepDriver
from drs_recovery.operators.wave_steps import WaveMixin
from drs_recovery.plan import BEFORE, plan_from_snapshot
from drs_recovery.statuses import MANUAL_ANSWERS, RETRYABLE_WAVES, StepStatus, WaveStage, WaveStatus
from drs_recovery.store import StepRef, step_holds
from drs_recovery.waves import (
    begin_retry,
    check_dependencies,
    check_may_start,
    check_not_cancelled,
    recorded_failure,
    resume_after_steps,
    skip_reason,
)

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from drs_recovery.store import ExecutionDocument, StepRecord, Wave


class StepOperator(StepDriver, WaveMixin, HITLOperator):
    """
    Run one step of a wave, holding no worker while it waits.

    What became of it is what the store says: marking this task as success proves nothing. Clearing it runs a
    step again that succeeded, as long as its wave is there, and begins a new attempt at a wave that failed
    because of it.
    """

    def __init__(self, *, wave_number: int, side: str, step_number: int, **kwargs: Any) -> None:
        # Airflow hands in the DAG's params: they belong to the trigger form, not to the question.
        kwargs.pop("params", None)
        super().__init__(
            subject=f"Step {side} {step_number} of wave {wave_number}",
            options=list(MANUAL_ANSWERS),
            params=comment_form(),
            **quick_retries(kwargs),
        )
        self.wave_number, self.side, self.step_number = wave_number, side, step_number

    @outlives_outages
    def execute(self, context: Context) -> str:
        """Do what the record asks for next, until the step holds."""
        with fails_for_good():
            document = self.store.get_rest(self.record_of(context))
            with self.announcing(document["executionId"]):
                return self._run(context, document)

    @outlives_outages
    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """Record the answer, or that there was none, then go on from what stands."""
        with fails_for_good():
            self.take_answer(context, self._ref(self.execution_id_of(context)), event)
        return self.execute(context)

    def _ref(self, execution_id: str) -> StepRef:
        return StepRef(execution_id, self.wave_number, self.side, self.step_number)

    def _run(self, context: Context, document: ExecutionDocument) -> str:
        wave = self.own_wave(document["waves"])
        step = self._own_step(wave)
        if reason := skip_reason(document, self.wave_number):
            raise AirflowSkipException(reason)
        if step["status"] is StepStatus.SKIPPED or self._is_passed(wave, step):
            return str(step.get("detail", step["status"]))
        check_not_cancelled(document)
        if wave["status"] in RETRYABLE_WAVES and "startTime" in wave:
            self._retry(context, document, wave)
        elif self.side == BEFORE:
            self._begin_wave(context, document, wave)
        record = self.drive(context, self._ref(document["executionId"]))
        return str(record.get("detail", record["status"]))

    def _own_step(self, wave: Wave) -> StepRecord:
        for step in wave.get("steps", ()):
            if (step["side"], step["stepNumber"]) == (self.side, self.step_number):
                return step
        raise AirflowSkipException(
            f"{self.task_id} is not a task of this execution, opened with another version of the plan"
        )

    def _is_passed(self, wave: Wave, step: StepRecord) -> bool:
        """Whether nothing is to be done: the wave is beyond this step, or another attempt needs it not."""
        if wave["status"] is WaveStatus.COMPLETED:
            return True
        is_launched = wave["status"].is_active and wave.get("stage") is not WaveStage.BEFORE_STEPS
        is_behind = self.side == BEFORE and (is_launched or wave["status"] in RETRYABLE_WAVES)
        return step_holds(step) and (is_behind or wave["status"] in RETRYABLE_WAVES)

    def _begin_wave(self, context: Context, document: ExecutionDocument, wave: Wave) -> None:
        execution_id = document["executionId"]
        if wave["status"] is WaveStatus.NOT_STARTED:
            document = self.wait_for_waves_before(context, document, "go_on")
            self.pass_over_if_blocked(document)
            check_may_start(document, plan_from_snapshot(document["planSnapshot"]), self.wave_number)
            make_way(self.store, execution_id, document)
        begun = self.store.waves.begin(self.wave_in(execution_id), int(context["ti"].max_tries))
        self.wait_until(begun)

    def wait_until(self, begun: Any) -> None:
        """Leave the worker while the wave has to wait before it begins."""
        left = float(begun.get("waitUntil", 0)) - time.time()
        if left > 0:
            self.log.info("wave %s waits for %.0f s", self.wave_number, left)
            self.look_again_in(left, "go_on")

    def _retry(self, context: Context, document: ExecutionDocument, wave: Wave) -> None:
        """Begin a new attempt at a wave that failed because of this step."""
        execution_id, asked_by = document["executionId"], int(context["ti"].max_tries)
        check_dependencies(document, plan_from_snapshot(document["planSnapshot"]), self.wave_number)
        check_reopening(self.store, document)
        make_way(self.store, execution_id, document)
        if not begin_retry(self.store, self.wave_in(execution_id), CLEARING_ACTOR, asked_by):
            raise recorded_failure(wave)
        if self.side != BEFORE and not resume_after_steps(self.store, self.wave_in(execution_id)):
            raise ExecutionError(
                "servers of the wave are not ready: clear start_recovery to try the wave again from there"
            )
