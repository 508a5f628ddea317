"""The step that waits for a wave's DRS jobs and judges their servers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseSensorOperator

from drs_recovery.engine.polling import WaveWatcher
from drs_recovery.engine.start_rules import check_not_cancelled
from drs_recovery.engine.wave_end import WaveEnd
from drs_recovery.operators.base import WaveMixin, fails_for_good, quick_retries
from drs_recovery.statuses import WaveStatus

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

    def execute(self, context: Context) -> dict[str, int]:
        """Leave the worker, unless the wave has ended already."""
        execution_id = self.execution_id_of(context)
        with fails_for_good(), self.announcing(execution_id):
            check_not_cancelled(self.store.get_execution(execution_id))
            if not self._has_ended(context, execution_id):
                self._leave_worker(execution_id)
            return self._judge(execution_id)

    def _has_ended(self, context: Context, execution_id: str) -> bool:
        wave = self.store.get_wave(execution_id, self.wave_number)
        # The first try comes right behind the start of the jobs and would see nothing yet; a retry can come
        # long after their end.
        is_retry = context["ti"].try_number > 1
        return WaveStatus(wave["status"]).is_final or (is_retry and self.poke(context))

    def _leave_worker(self, execution_id: str) -> NoReturn:
        self.defer(trigger=self.jobs_trigger(execution_id), method_name="execute_complete")

    def poke(self, context: Context) -> bool:
        """Look once. True when the wave is settled or its time is over: both end the waiting."""
        execution_id = self.execution_id_of(context)
        look = WaveWatcher(self.store).look(execution_id, self.wave_number)
        return look.settled or time.time() >= self.deadline_of(execution_id)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, int]:
        """
        Judge what the trigger left in the store.

        :param event: of :class:`~drs_recovery.triggers.recovery_job.RecoveryJobTrigger`.
        """
        execution_id = self.execution_id_of(context)
        with fails_for_good(), self.announcing(execution_id):
            # The last step of the run follows the jobs and ends the wave.
            check_not_cancelled(self.store.get_execution(execution_id))
            if event["status"] != "settled":
                # The triggerer may have been out of reach of DRS or of the store: what counts is what is
                # true now.
                self.poke(context)
            return self._judge(execution_id, problem=event.get("problem"))

    def _judge(self, execution_id: str, problem: str | None = None) -> dict[str, int]:
        return WaveEnd(self.store, self.plan_of(execution_id), execution_id, self.wave_number).judge(problem)
