"""The step that starts a wave's DRS jobs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import AirflowSkipException

from drs_recovery.engine.clients import Clients
from drs_recovery.engine.job_starter import JobStarter, NotStartedError, Started
from drs_recovery.engine.judgement import wave_label
from drs_recovery.engine.parts import JobPart, parts_of
from drs_recovery.engine.polling import WaveWatcher
from drs_recovery.engine.start_rules import check_may_start, check_not_ending, skip_reason
from drs_recovery.exceptions import ExecutionError, WaveFailedError
from drs_recovery.operators.base import WaveOperator, fails_for_good
from drs_recovery.records import JobRef
from drs_recovery.settings import poll_interval

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class StartRecoveryOperator(WaveOperator):
    """
    Start the DRS jobs of a wave: one for each Region and account, and for each 100 servers.

    Safe to run any number of times: jobs that exist are adopted, never started again. Throttling, 5xx, lost
    answers, conflicts with other jobs and full quotas are waited for in the triggerer until the wave's
    time-out. The wave refuses to start without the recorded approval of its gate and before the waves it
    depends on are completed, however their tasks got green.

    :param wave_number: from 1.
    :return: the job ids.
    """

    def execute(self, context: Context) -> list[str]:
        """Start what is not started yet; wait if DRS has no room."""
        execution_id = self.execution_id_of(context)
        with fails_for_good():
            return self._start_wave(context, execution_id)

    def _start_wave(self, context: Context, execution_id: str) -> list[str]:
        document = self.store.get_document(execution_id)
        if reason := skip_reason(document, self.wave_number):
            raise AirflowSkipException(reason)
        check_may_start(document, self.plan_of(execution_id), self.wave_number)
        wave, is_new = self.store.request_wave(execution_id, self.wave_number)
        if is_new:
            self.log.info("execution %s: start of wave %s requested", execution_id, self.wave_number)
        try:
            return self._start_jobs(context, execution_id, wave)
        except NotStartedError as error:
            self._wait_or_give_up(execution_id, wave, error)
        except ExecutionError as error:
            self.store.fail_wave(execution_id, self.wave_number, str(error))
            raise

    def _start_jobs(self, context: Context, execution_id: str, wave: Mapping[str, Any]) -> list[str]:
        recorded = {int(job["part"]): str(job["jobId"]) for job in wave["jobs"]}
        starter = JobStarter(Clients(), self.store.get_execution(execution_id), wave)
        for part in parts_of(self.store.get_servers(execution_id, self.wave_number)):
            if part.number not in recorded:
                # Somebody may have cancelled while the parts before this one were started.
                check_not_ending(self.store.get_execution(execution_id))
                started = self._remembered(context, part) or starter.start_or_adopt(part)
                self._record(context, execution_id, started)
                recorded[part.number] = started.job.job_id
        self.store.start_polling(execution_id, self.wave_number)
        return [recorded[number] for number in sorted(recorded)]

    def _record(self, context: Context, execution_id: str, started: Started) -> None:
        job = started.job
        context["task_state_store"].set(_state_key(job.part), job.job_id)
        self.store.record_job(execution_id, self.wave_number, job, adopted=started.adopted)
        verb = "adopted" if started.adopted else "started"
        self.log.info("execution %s wave %s: %s %s", execution_id, self.wave_number, verb, job.job_id)

    @staticmethod
    def _remembered(context: Context, part: JobPart) -> Started | None:
        """The job that an earlier try started but could not record."""
        job_id = context["task_state_store"].get(_state_key(part.number))
        if not job_id:
            return None
        job = JobRef(
            job_id=str(job_id),
            region=part.place.region,
            connection=part.place.connection,
            part=part.number,
            server_ids=part.server_ids,
        )
        return Started(job, adopted=True)

    def _wait_or_give_up(
        self, execution_id: str, wave: Mapping[str, Any], error: NotStartedError
    ) -> NoReturn:
        if time.time() >= self.deadline_of(execution_id):
            failed = WaveFailedError(wave_label(wave), f"not started within its time-out: {error}")
            self.store.fail_wave(execution_id, self.wave_number, str(failed))
            raise failed from error
        pause = poll_interval() if error.pause is None else error.pause
        self.log.warning(
            "execution %s wave %s: not started yet, next try in %.0f s: %s",
            execution_id,
            self.wave_number,
            pause,
            error,
        )
        # The parts that did start go on meanwhile.
        WaveWatcher(self.store).look(execution_id, self.wave_number)
        self.look_again_in(pause)


def _state_key(part_number: int) -> str:
    return f"drs_job_{part_number}"
