"""The step that waits for a wave's DRS jobs and judges their servers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseSensorOperator

from drs_recovery.operators import WaveMixin, fails_for_good, outlives_outages, quick_retries
from drs_recovery.plan import plan_from_snapshot
from drs_recovery.waves import PollResult, WaveEnd, WaveWatcher, check_not_cancelled, wave_of

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from drs_recovery.store import ExecutionRecord, Wave, WaveRecord
    from drs_recovery.triggers import RecoveryJobTrigger


class RecoveryJobSensor(WaveMixin, BaseSensorOperator):
    """
    Wait until every DRS job of a wave is COMPLETED, then judge the wave server by server.

    A COMPLETED job proves nothing by itself: it can hold failed servers. Transient errors of AWS are survived
    until the wave's time-out. Progress is in the store after every look.
    """

    def __init__(self, *, wave_number: int, **kwargs: Any) -> None:
        super().__init__(**quick_retries(kwargs))
        self.wave_number = wave_number

    @outlives_outages
    def execute(self, context: Context) -> dict[str, int]:
        """Leave the worker, unless the wave has ended already."""
        execution, known = self.records_of(context, self.wave_number)
        with fails_for_good(), self.announcing(execution["executionId"]):
            check_not_cancelled(execution)
            wave = self.own_wave([known] if known else [])
            if wave["status"].is_final:
                return self._judge(execution)
            # The first try comes right behind the start of the jobs and would see nothing yet; a retry can
            # come long after their end.
            if context["ti"].try_number == 1:
                self._leave_worker(self.jobs_trigger(execution, wave))
            look = self._look(execution["executionId"])
            if look.problem:
                # Also past the time-out: the trigger asks for some minutes more before it gives up.
                self._leave_worker(self.jobs_trigger(execution, wave))
            return self._judge_if_over(execution, wave, look)

    @outlives_outages
    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, int]:
        """
        Judge what the trigger left in the store.

        :param event: of :class:`~drs_recovery.triggers.recovery_job.RecoveryJobTrigger`.
        """
        execution = self.record_of(context)
        with fails_for_good(), self.announcing(execution["executionId"]) as news:
            # The last step of the run follows the jobs and ends the wave.
            check_not_cancelled(execution)
            document = self.store.get_rest(execution)
            wave = wave_of(document, self.wave_number)
            if event["status"] == "settled" and not event["problem"]:
                found = self._judge(document, wave=wave)
                news.document = document
                return found
            # The triggerer may have been out of reach of DRS or of the store: what counts is what is true
            # now.
            return self._judge_if_over(document, wave, self._look(document["executionId"]))

    def _look(self, execution_id: str) -> PollResult:
        return WaveWatcher(self.store).look(self.wave_in(execution_id))

    def _judge_if_over(
        self, execution: ExecutionRecord, wave: WaveRecord, look: PollResult
    ) -> dict[str, int]:
        """A verdict is final: only a settled wave gets one, or one whose time is over."""
        trigger = self.jobs_trigger(execution, wave)
        if not look.settled and time.time() < trigger.deadline:
            self._leave_worker(trigger)
        return self._judge(execution, look.problem)

    def _leave_worker(self, trigger: RecoveryJobTrigger) -> NoReturn:
        self.defer(trigger=trigger, method_name="execute_complete")

    def _judge(
        self, execution: ExecutionRecord, problem: str | None = None, wave: Wave | None = None
    ) -> dict[str, int]:
        plan = plan_from_snapshot(execution["planSnapshot"])
        return WaveEnd(self.store, plan, self.wave_in(execution["executionId"])).judge(problem, wave)
