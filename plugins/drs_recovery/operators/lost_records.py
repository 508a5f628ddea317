"""What the steps of a run do when the record of their execution is not in the table any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from drs_recovery.closing import FoundJob, Rebuilder
from drs_recovery.opening import new_execution, read_options
from drs_recovery.plan import RecoveryPlan
from drs_recovery.statuses import WaveStatus

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from drs_recovery.store import ExecutionDocument, ExecutionStore

# What Airflow calls a task that did what it should.
_DONE = "success"


class LostRecord:
    """The record of a DAG run's execution, as far as DRS can tell of it."""

    def __init__(
        self,
        store: ExecutionStore,
        plan: RecoveryPlan,
        context: Mapping[str, Any],
        execution_id: str,
        controller: str,
    ) -> None:
        self._plan, self._context, self._execution_id = plan, context, execution_id
        self._store, self._controller = store, controller
        self._rebuilder = Rebuilder(store, plan)

    def jobs(self) -> list[FoundJob]:
        """The jobs that DRS has of the execution."""
        dag_run = self._context["dag_run"]
        # A run that was cleared began anew; when it was due, or triggered, stays.
        moments = [moment for moment in (dag_run.start_date, getattr(dag_run, "run_after", None)) if moment]
        return self._rebuilder.jobs_of(self._execution_id, min(moments).timestamp())

    def rebuild(self, jobs: list[FoundJob] | None = None) -> None:
        """
        Put on record what DRS knows.

        :param jobs: those that it has, if they were looked for already.
        """
        options = read_options(self._plan, self._context)
        new = new_execution(self._store, self._plan, self._context, self._execution_id, options)
        found = self.jobs() if jobs is None else jobs
        self._rebuilder.rebuild(replace(new, controller=self._controller), found)


def plan_of_dag(dag: DAG | None) -> RecoveryPlan | None:
    """The plan as a DAG has it; None where there is none."""
    plans = (getattr(task, "plan", None) for task in (dag.tasks if dag else ()))
    return next((plan for plan in plans if isinstance(plan, RecoveryPlan)), None)


def lost_waves(
    document: ExecutionDocument, plan: RecoveryPlan, task_states: Mapping[str, str | None]
) -> list[int]:
    """Waves that the run has started and of which the record knows nothing: it is an older copy."""
    return [
        wave["waveNumber"]
        for wave in document["waves"]
        if wave["status"] == WaveStatus.NOT_STARTED
        and task_states.get(f"{plan.group_task_id(wave['waveNumber'])}.start_recovery") == _DONE
    ]
