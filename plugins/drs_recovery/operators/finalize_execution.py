"""The last step: write the one final status, however the run ended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

from drs_recovery.closing import ExecutionCloser, Pending, ending_of, waves_may_run
from drs_recovery.opening import keep_plan
from drs_recovery.operators.base import fails_for_good
from drs_recovery.operators.lost_records import LostRecord, lost_waves
from drs_recovery.operators.outages import ExpectedFailureError, outlives_outages
from drs_recovery.operators.plan_operator import TASKS_PATIENCE, PlanOperator
from drs_recovery.plan import is_to_come, missing_tasks, plan_from_snapshot, wave_task_ids
from drs_recovery.settings import poll_interval
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store import ended_as_planned
from drs_recovery.triggers import RecoveryJobTrigger

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from drs_recovery.store import ExecutionDocument

# The task that makes the record.
_OPENING = "open_execution"


class FinalizeExecutionOperator(PlanOperator):
    """
    End an execution: follow the jobs that still run, record the instances that come up late, write the
    status.

    Meant as a teardown with ``on_failure_fail_dagrun=True`` and without setups, so that it runs after
    success, failure and "Mark run as failed". DRS cannot cancel a job: while one runs, the status is
    CANCELLING. Raises when the outcome is not good, so that the DAG run is red. Running it twice changes
    nothing.
    """

    def __init__(self, **kwargs: Any) -> None:
        # The record must get its end even if AWS or the store is out of reach for hours.
        super().__init__(**{"retries": 40, "max_retry_delay": timedelta(minutes=5), **kwargs})

    @outlives_outages
    def execute(self, context: Context, missing_since: float | None = None) -> str:
        """
        Take the execution towards its end; leave the worker while something is still to come.

        :param missing_since: since when Airflow lacks tasks of the execution, epoch seconds.
        """
        states = self.task_states(context)
        document = self._document(context, states)
        self._await_tasks(document, states, missing_since)
        execution_id = document["executionId"]
        pending = ExecutionCloser(self.store).close(document, ending_of(document, states))
        if pending is not None:
            self._look_again(execution_id, pending)
        ended = self.store.get_document(execution_id)
        self.announce(execution_id, document=ended)
        keep_plan(document, ended=time.time())
        return self._report(ended)

    def execute_complete(self, context: Context, event: Any, missing_since: float | None = None) -> str:
        """
        Look again.

        :param missing_since: since when Airflow lacks tasks of the execution, epoch seconds.
        """
        return self.execute(context, missing_since)

    def _document(self, context: Context, states: Mapping[str, str | None]) -> ExecutionDocument:
        """The document; a run that ended before its record was made, or lost it, still gets one."""
        execution_id = self.own_id(context)
        record = self.own_record(execution_id)
        if record is None:
            with fails_for_good():
                self._made_again(context, execution_id, states)
            return self.store.get_document(execution_id)
        return self._completed(context, self.store.get_rest(record), states)

    def _made_again(self, context: Context, execution_id: str, states: Mapping[str, str | None]) -> None:
        lost = self.lost_record(context, execution_id)
        jobs = lost.jobs()
        if jobs or states.get(_OPENING) == "success":
            lost.rebuild(jobs)
        else:
            self.create_record(context)

    def _completed(
        self, context: Context, document: ExecutionDocument, states: Mapping[str, str | None]
    ) -> ExecutionDocument:
        """The document with everything that DRS knows; one of an older copy of the table knows less."""
        execution_id, plan = document["executionId"], plan_from_snapshot(document["planSnapshot"])
        waves, is_cut_off = lost_waves(document, plan, states), document.get("rebuilt") is False
        if document["status"].is_final or not (waves or is_cut_off):
            return document
        lost = LostRecord(self.store, plan, context, execution_id, self.installation)
        jobs = lost.jobs()
        if not is_cut_off and not any(job.wave in waves for job in jobs):
            # Somebody marked the step as success by hand.
            return document
        lost.rebuild(jobs)
        return self.store.get_document(execution_id)

    def _await_tasks(
        self, document: ExecutionDocument, states: Mapping[str, str | None], missing_since: float | None
    ) -> None:
        """
        Wait for tasks of the execution that Airflow lost, and got back, while the plan's file changed.

        Without them Airflow takes this step for the next one. Its plan, kept once more, brings them back.
        """
        if self.task_id not in states or not waves_may_run(document):
            return
        numbers = [w["waveNumber"] for w in document["waves"] if not w["status"].is_final]
        wanted = wave_task_ids(plan_from_snapshot(document["planSnapshot"]), numbers)
        missing = missing_tasks(wanted, states)
        since = missing_since or time.time()
        if missing and time.time() > since + TASKS_PATIENCE:
            self.log.error("Airflow has permanently lost %s", ", ".join(missing))
        elif waited_for := missing or [task_id for task_id in wanted if is_to_come(states[task_id])]:
            self.log.warning("not the last step yet: %s are still to run", ", ".join(waited_for))
            keep_plan(document)
            self.defer(
                trigger=TimeDeltaTrigger(timedelta(seconds=poll_interval())),
                method_name="execute_complete",
                kwargs={"missing_since": since if missing else None},
            )

    def _look_again(self, execution_id: str, pending: Pending) -> NoReturn:
        self.log.info("execution %s is not closed yet: %s", execution_id, pending.what)
        if not pending.running_waves:
            self.look_again_in(poll_interval())
        self.defer(
            trigger=RecoveryJobTrigger(
                execution_id=execution_id,
                wave_numbers=pending.running_waves,
                deadline=pending.deadline,
                poll_interval=poll_interval(),
                until_cancelled=False,
            ),
            method_name="execute_complete",
        )

    def _report(self, document: ExecutionDocument) -> str:
        """A green run is a promise: every wave did what the plan asks of it."""
        status = document["status"]
        self.log.info("execution %s is %s", document["executionId"], status)
        failed = status in (ExecutionStatus.FAILED, ExecutionStatus.CANCELLED)
        if failed or "rebuilt" in document or not all(map(ended_as_planned, document["waves"])):
            raise ExpectedFailureError(
                f"the execution is {status}: {document.get('error') or 'see its waves'}"
            )
        return status.value
