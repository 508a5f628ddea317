"""
Puts waiting tasks into Airflow's database: ``python -m benchmarks.deferred_tasks DAG``, a ``Task`` on stdin.

Each wave gets a DAG run whose ``wait_for_launch`` is deferred, as if its first look had just been: a thousand
real runs would take an hour until all of them wait.
"""

from __future__ import annotations

import sys
import time

from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.trigger import Trigger
from airflow.sdk import timezone
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy.orm import Session

from benchmarks.waiting_waves import Task, WaitingWave
from drs_recovery.triggers import RecoveryJobTrigger

_STEP = ".wait_for_launch"


def main(dag_id: str) -> None:
    """Add the tasks."""
    task = Task.from_json(sys.stdin.read())
    with create_session() as session:
        dag = SerializedDagModel.get_dag(dag_id, session=session)
        if dag is None:
            raise RuntimeError(f"{dag_id} is not in Airflow's database")
        for wave in task.waves:
            _defer(dag, wave, task, session)


def _defer(dag: SerializedDAG, wave: WaitingWave, task: Task, session: Session) -> None:
    run = dag.create_dagrun(
        run_id=f"manual__{wave.execution_id}",
        run_after=timezone.utcnow(),
        run_type=DagRunType.MANUAL,
        triggered_by=DagRunTriggeredByType.TEST,
        state=DagRunState.RUNNING,
        session=session,
    )
    trigger = Trigger.from_object(
        RecoveryJobTrigger(
            execution_id=wave.execution_id,
            wave_numbers=[1],
            deadline=time.time() + task.seconds,
            poll_interval=task.poll_interval,
        )
    )
    session.add(trigger)
    session.flush()
    (waiting,) = (one for one in run.get_task_instances(session=session) if one.task_id.endswith(_STEP))
    waiting.state = TaskInstanceState.DEFERRED
    waiting.trigger_id = trigger.id
    waiting.next_method = "execute_complete"
    waiting.start_date = timezone.utcnow()


if __name__ == "__main__":
    main(sys.argv[1])
