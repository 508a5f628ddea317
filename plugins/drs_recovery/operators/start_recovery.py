"""The step that starts a wave's DRS jobs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from drs_recovery.airflow_versions import task_memory
from drs_recovery.exceptions import NotStartedError, TransitionRefusedError, WaveRefusedError
from drs_recovery.opening import check_reopening, make_way
from drs_recovery.operators.base import fails_for_good
from drs_recovery.operators.outages import outlives_outages
from drs_recovery.operators.wave_steps import WaveOperator
from drs_recovery.plan import BEFORE, plan_from_snapshot
from drs_recovery.statuses import RETRYABLE_WAVES, WaveStatus
from drs_recovery.store import waits_for_capacity_only, with_wave
from drs_recovery.waves import (
    WaveStarter,
    begin_retry,
    check_dependencies,
    check_may_start,
    check_steps_hold,
    choose_servers,
    recorded_failure,
    skip_reason,
)

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from drs_recovery.store import ExecutionDocument, FollowedWave, Wave, WaveRecord

# Airflow does not tell a task who cleared it; its audit log does.
CLEARING_ACTOR = "airflow (task cleared)"


class StartRecoveryOperator(WaveOperator):
    """
    Start the DRS jobs of a wave: one for each Region and account, and for each 100 servers.

    Safe to run any number of times: jobs that exist are adopted, never started again. While DRS has no
    capacity for a job, because of its quotas or of another job with its servers, the wave waits in a
    queue that all executions share. That, throttling, 5xx and lost answers are waited for in the
    triggerer until the wave's time-out. The wave refuses to start without the recorded approval of its
    gate and before the waves it depends on are completed, however their tasks got green. A real recovery
    cancels the drills in its way.

    Clearing the task of a failed wave begins a new attempt at its failed servers; Airflow's own retries never
    do. Clearing the task of a completed wave starts nothing.
    """

    @outlives_outages
    def execute(self, context: Context) -> list[str]:
        """Start what is not started yet; wait if DRS has no capacity."""
        execution_id = self.execution_id_of(context)
        with fails_for_good(), self.announcing(execution_id) as news:
            document, followed = self.store.follow(self.wave_in(execution_id))
            wave = self.own_wave(document["waves"])
            if wave["status"] == WaveStatus.COMPLETED:
                return [str(job["jobId"]) for job in wave["jobs"]]
            memory = task_memory(context)
            try:
                started = self._request(context, document, wave, followed)
            except (WaveRefusedError, TransitionRefusedError, AirflowSkipException):
                # It may have waited for capacity already, a first wave since the execution was opened.
                if "startTime" in wave or waits_for_capacity_only(wave):
                    WaveStarter(self.store, memory).leave_queues(self.wave_in(execution_id))
                raise
            starter = WaveStarter(self.store, memory, choose_servers if started is None else None)
            jobs = self._start_jobs(starter, execution_id, started, followed)
            news.document = started
            return jobs

    def _request(
        self,
        context: Context,
        document: ExecutionDocument,
        wave: Wave,
        followed: FollowedWave,
    ) -> ExecutionDocument | None:
        """Record that the wave starts; the document with it, or None while a retry must choose servers."""
        execution_id = document["executionId"]
        if reason := skip_reason(document, self.wave_number):
            raise AirflowSkipException(reason)
        # Airflow raises max_tries with each clear, and with nothing else.
        asked_by = int(context["ti"].max_tries)
        check_steps_hold(wave, BEFORE)
        if wave["status"] in RETRYABLE_WAVES and "startTime" in wave:
            self._retry(document, wave, asked_by)
            return None
        document = self.wait_for_waves_before(context, document)
        self.pass_over_if_blocked(document)
        check_may_start(document, plan_from_snapshot(document["planSnapshot"]), self.wave_number)
        make_way(self.store, execution_id, document)
        if wave.get("waitBefore") and "waitUntil" not in wave:
            self._wait(self.store.waves.begin(self.wave_in(execution_id), asked_by))
            followed.forget()
        self._wait(wave)
        requested, is_new = self.store.waves.request(self.wave_in(execution_id), asked_by, followed)
        if "restartPending" in requested:
            return None
        if is_new:
            self.log.info("execution %s: start of wave %s requested", execution_id, self.wave_number)
        return with_wave(document, followed.records)

    def _wait(self, begun: Mapping[str, Any]) -> None:
        """Leave the worker while the wave has to wait before it begins."""
        left = float(begun.get("waitUntil", 0)) - time.time()
        if left > 0:
            self.log.info("wave %s waits for %.0f s", self.wave_number, left)
            self.look_again_in(left)

    def _retry(self, document: ExecutionDocument, wave: WaveRecord, asked_by: int) -> None:
        execution_id = document["executionId"]
        check_dependencies(document, plan_from_snapshot(document["planSnapshot"]), self.wave_number)
        check_reopening(self.store, document)
        make_way(self.store, execution_id, document)
        if not begin_retry(self.store, self.wave_in(execution_id), CLEARING_ACTOR, asked_by):
            raise recorded_failure(wave)
        self.log.info("execution %s: wave %s is retried", execution_id, self.wave_number)

    def _start_jobs(
        self,
        starter: WaveStarter,
        execution_id: str,
        document: ExecutionDocument | None,
        followed: FollowedWave,
    ) -> list[str]:
        try:
            return starter.start(self.wave_in(execution_id), document, followed)
        except NotStartedError as error:
            self.wait_for_start(execution_id, error)
