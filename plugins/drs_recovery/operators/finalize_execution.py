"""The last step: write the one final status, however the run ended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.engine.clients import Clients
from drs_recovery.engine.ending import Ending, ending_of, open_jobs, settle_deadline
from drs_recovery.engine.enrichment import InstanceEnricher
from drs_recovery.engine.late_jobs import LATE_START_SECONDS, record_late_jobs, waves_without_all_jobs
from drs_recovery.engine.polling import WaveWatcher
from drs_recovery.exceptions import ExecutionNotFoundError, TransitionRefusedError
from drs_recovery.hooks.errors import AWS_ERRORS, describe
from drs_recovery.operators.base import PlanOperator
from drs_recovery.settings import details_timeout, poll_interval
from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.triggers.recovery_job import RecoveryJobTrigger

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class FinalizeExecutionOperator(PlanOperator):
    """
    End an execution: follow the jobs that still run, record the instances that come up late, write the
    status.

    Meant as a teardown with ``on_failure_fail_dagrun=True`` and without setups, so that it runs after
    success, failure and "Mark run as failed". DRS cannot cancel a job: while one runs, the status is
    CANCELLING. Raises when the outcome is not good, so that the DAG run is red. Running it twice changes
    nothing.

    :return: the final status.
    """

    def __init__(self, **kwargs: Any) -> None:
        # The record must get its end even if AWS or the store is out of reach for hours.
        super().__init__(**{"retries": 40, "max_retry_delay": timedelta(minutes=5), **kwargs})

    def execute(self, context: Context) -> str:
        """Follow what still runs, then write the final status."""
        document = self._document(context)
        if not ExecutionStatus(document["status"]).is_final:
            ending = ending_of(document, self._task_states(context))
            self._stop_starts(document, ending)
            self._find_late_jobs(document)
            self._follow_jobs(document["executionId"])
            document = self._write(document["executionId"], ending)
        return self._report(document)

    def _document(self, context: Context) -> dict[str, Any]:
        """The document; a run that ended before its record was made still gets one."""
        execution_id = self.execution_id_of(context)
        try:
            return self.store.get_document(execution_id)
        except ExecutionNotFoundError:
            self.create_record(context)
            return self.store.get_document(execution_id)

    @staticmethod
    def _task_states(context: Context) -> Mapping[str, str | None]:
        """States of the run's tasks by task id: the trace that "Mark run as failed" leaves."""
        dag_run = context["dag_run"]
        states = context["ti"].get_task_states(dag_id=dag_run.dag_id, run_ids=[dag_run.run_id])
        return dict(states.get(dag_run.run_id, {}))

    def _stop_starts(self, document: Mapping[str, Any], ending: Ending) -> None:
        """A task that is being cancelled lives on for some seconds: from here on it may start nothing."""
        if open_jobs(document) or waves_without_all_jobs(document):
            self.store.begin_cancelling(document["executionId"], ending.actor, ending.reason)

    def _find_late_jobs(self, document: Mapping[str, Any]) -> None:
        """Look for jobs whose start was asked for while the run ended, or whose answer was lost."""
        execution_id = document["executionId"]
        for wave in waves_without_all_jobs(document):
            if self._has_all_jobs(document, wave):
                continue
            begun = float(self.store.get_execution(execution_id)["cancellingTime"])
            if WaveStatus(wave["status"]).is_active and time.time() < begun + LATE_START_SECONDS:
                self.look_again_in(poll_interval())

    def _has_all_jobs(self, document: Mapping[str, Any], wave: Mapping[str, Any]) -> bool:
        try:
            return record_late_jobs(self.store, document, wave)
        except AWS_ERRORS as error:
            self.log.warning("wave %s: late jobs not found yet: %s", wave["waveNumber"], describe(error))
            return False

    def _follow_jobs(self, execution_id: str) -> None:
        """Leave the worker while a job runs or a launched server lacks its details."""
        document = self.store.get_document(execution_id)
        deadline = settle_deadline(document)
        waves = open_jobs(document)
        watcher = WaveWatcher(self.store)
        looks = [watcher.look(execution_id, number) for number in waves]
        if not all(look.settled for look in looks) and time.time() < deadline:
            self.defer(
                trigger=RecoveryJobTrigger(
                    execution_id=execution_id,
                    wave_numbers=waves,
                    deadline=deadline,
                    poll_interval=poll_interval(),
                ),
                method_name="execute_complete",
            )
        self._record_late_instances(document, deadline)

    def _record_late_instances(self, document: Mapping[str, Any], deadline: float) -> None:
        enricher = InstanceEnricher(self.store, Clients(), details_timeout())
        started = [wave["waveNumber"] for wave in document["waves"] if wave["jobs"]]
        try:
            missing = [s for number in started for s in enricher.enrich(document["executionId"], number)]
        except AWS_ERRORS as error:
            missing = [describe(error)]
        if missing and time.time() < deadline + details_timeout():
            self.log.info("execution %s: late details of %s", document["executionId"], ", ".join(missing))
            self.look_again_in(poll_interval())

    def _write(self, execution_id: str, ending: Ending) -> dict[str, Any]:
        for wave in self.store.get_document(execution_id)["waves"]:
            if not WaveStatus(wave["status"]).is_final:
                self._end_wave(execution_id, wave, ending)
        document = self.store.get_document(execution_id)
        self.store.finalize(execution_id, ending.status_of(document), ending.error_of(document), ending.actor)
        return self.store.get_document(execution_id)

    def _end_wave(self, execution_id: str, wave: Mapping[str, Any], ending: Ending) -> None:
        try:
            ending.end_wave(self.store, execution_id, wave)
        except TransitionRefusedError as refused:
            # A task that was still alive ended the wave in this moment: its verdict stands.
            self.log.info("execution %s: %s", execution_id, refused)

    def _report(self, document: Mapping[str, Any]) -> str:
        """A green run is a promise: every wave did what the plan asks of it."""
        status = ExecutionStatus(document["status"])
        self.log.info("execution %s is %s", document["executionId"], status)
        waves_fine = all(
            wave["status"] in (WaveStatus.COMPLETED, WaveStatus.SKIPPED) for wave in document["waves"]
        )
        if not waves_fine or status in (ExecutionStatus.FAILED, ExecutionStatus.CANCELLED):
            raise AirflowFailException(
                f"the execution is {status}: {document.get('error') or 'see its waves'}"
            )
        return status.value
