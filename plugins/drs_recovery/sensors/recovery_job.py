"""The step that waits for a wave's DRS jobs and judges their servers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseSensorOperator

from drs_recovery.operators.base import fails_for_good, quick_retries
from drs_recovery.operators.outages import outlives_outages
from drs_recovery.operators.wave_steps import WaveMixin
from drs_recovery.statuses import WaveStatus
from drs_recovery.waves.polling import Look, WaveWatcher
from drs_recovery.waves.rules import check_not_cancelled
from drs_recovery.waves.verdict import WaveEnd

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class RecoveryJobSensor(WaveMixin, BaseSensorOperator):
    """
    Wait until every DRS job of a wave is COMPLETED, then judge the wave server by server.

    A COMPLETED job proves nothing by itself: it can hold failed servers. Transient errors of AWS are survived
    until the wave's time-out. Progress is in the store after every look.

    :param wave_number: from 1.
    :return: how many servers launched and failed.
    """

    def __init__(self, *, wave_number: int, **kwargs: Any) -> None:
        super().__init__(**quick_retries(kwargs))
        self.wave_number = wave_number

    @outlives_outages
    def execute(self, context: Context) -> dict[str, int]:
        """Leave the worker, unless the wave has ended already."""
        execution_id = self.execution_id_of(context)
        with fails_for_good(), self.announcing(execution_id):
            check_not_cancelled(self.store.get_execution(execution_id))
            wave = self.own_wave([self.store.get_wave(execution_id, self.wave_number)])
            if WaveStatus(wave["status"]).is_final:
                return self._judge(execution_id)
            # The first try comes right behind the start of the jobs and would see nothing yet; a retry can
            # come long after their end.
            if context["ti"].try_number == 1:
                self._leave_worker(execution_id)
            look = self._look(execution_id)
            if look.problem:
                # Also past the time-out: the trigger asks for some minutes more before it gives up.
                self._leave_worker(execution_id)
            return self._judge_if_over(execution_id, look)

    @outlives_outages
    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, int]:
        """
        Judge what the trigger left in the store.

        :param event: of :class:`~drs_recovery.triggers.recovery_job.RecoveryJobTrigger`.
        """
        execution_id = self.execution_id_of(context)
        with fails_for_good(), self.announcing(execution_id):
            # The last step of the run follows the jobs and ends the wave.
            check_not_cancelled(self.store.get_execution(execution_id))
            if event["status"] == "settled" and not event["problem"]:
                return self._judge(execution_id)
            # The triggerer may have been out of reach of DRS or of the store: what counts is what is true
            # now.
            return self._judge_if_over(execution_id, self._look(execution_id))

    def _look(self, execution_id: str) -> Look:
        return WaveWatcher(self.store).look(execution_id, self.wave_number)

    def _judge_if_over(self, execution_id: str, look: Look) -> dict[str, int]:
        """A verdict is final: only a settled wave gets one, or one whose time is over."""
        if not look.settled and time.time() < self.deadline_of(execution_id):
            self._leave_worker(execution_id)
        return self._judge(execution_id, look.problem)

    def _leave_worker(self, execution_id: str) -> NoReturn:
        self.defer(trigger=self.jobs_trigger(execution_id), method_name="execute_complete")

    def _judge(self, execution_id: str, problem: str | None = None) -> dict[str, int]:
        return WaveEnd(self.store, self.plan_of(execution_id), execution_id, self.wave_number).judge(problem)
