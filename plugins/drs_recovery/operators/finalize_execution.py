"""The last step: write the one final status, however the run ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.engine.closing import ExecutionCloser, Unsettled
from drs_recovery.engine.ending import ending_of
from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.operators.base import PlanOperator
from drs_recovery.settings import poll_interval
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store_rules import ended_as_planned
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
        """Take the execution towards its end; leave the worker while something is still to come."""
        document = self._document(context)
        execution_id = document["executionId"]
        ending = ending_of(document, self._task_states(context))
        unsettled = ExecutionCloser(self.store).close(execution_id, ending)
        if unsettled is not None:
            self._look_again(execution_id, unsettled)
        self.announce(execution_id)
        return self._report(self.store.get_document(execution_id))

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

    def _look_again(self, execution_id: str, unsettled: Unsettled) -> NoReturn:
        self.log.info("execution %s is not closed yet: %s", execution_id, unsettled.what)
        if not unsettled.running_waves:
            self.look_again_in(poll_interval())
        self.defer(
            trigger=RecoveryJobTrigger(
                execution_id=execution_id,
                wave_numbers=unsettled.running_waves,
                deadline=unsettled.deadline,
                poll_interval=poll_interval(),
                until_cancelled=False,
            ),
            method_name="execute_complete",
        )

    def _report(self, document: Mapping[str, Any]) -> str:
        """A green run is a promise: every wave did what the plan asks of it."""
        status = ExecutionStatus(document["status"])
        self.log.info("execution %s is %s", document["executionId"], status)
        if not all(map(ended_as_planned, document["waves"])) or status in (
            ExecutionStatus.FAILED,
            ExecutionStatus.CANCELLED,
        ):
            raise AirflowFailException(
                f"the execution is {status}: {document.get('error') or 'see its waves'}"
            )
        return status.value
