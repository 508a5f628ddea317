"""Run the steps of a recovery one by one, each as often as a test likes, without Airflow's database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from airflow.sdk.exceptions import TaskDeferred
from airflow.utils.types import DagRunType

from drs_recovery.configured_store import execution_store
from drs_recovery.dag_builder.trigger_form import trigger_form
from drs_recovery.operators.base import RETRIES
from drs_recovery.operators.complete_wave import CompleteWaveOperator
from drs_recovery.operators.enrich_instances import EnrichInstancesOperator
from drs_recovery.operators.finalize_execution import FinalizeExecutionOperator
from drs_recovery.operators.open_execution import OpenExecutionOperator
from drs_recovery.operators.start_recovery import StartRecoveryOperator
from drs_recovery.operators.step import StepOperator
from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.sensors.recovery_job import RecoveryJobSensor
from drs_recovery.store.keys import execution_id
from sandbox.testing import Sandbox

A_LAUNCH = 600.0
"""Seconds after which whatever a wave launches has ended its jobs."""


class TaskStateStore(dict[str, Any]):
    """Airflow's ``task_state_store`` of one task: it outlives retries."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


class Steps:
    """
    The steps of one DAG run of a plan, as its tasks run them.

    :param plan: the plan as its file has it.
    """

    def __init__(self, plan: RecoveryPlan, run_id: str = "manual__1") -> None:
        self.plan, self.run_id = plan, run_id
        self.conf: dict[str, Any] = {}
        self.run_type = DagRunType.MANUAL
        self.run_start = datetime.now(UTC)
        self.task_states: dict[str, str] = {}
        self.max_tries = RETRIES
        self.task_state_stores: dict[int, TaskStateStore] = defaultdict(TaskStateStore)
        self.store = execution_store()
        self.execution_id = execution_id(plan.dag_id, run_id)

    @property
    def document(self) -> dict[str, Any]:
        return self.store.get_document(self.execution_id)

    @property
    def events(self) -> list[str]:
        return [event["event"] for event in self.store.get_events(self.execution_id)]

    def server(self, name: str) -> dict[str, Any]:
        servers = [s for wave in self.document["waves"] for s in wave["serverStatuses"]]
        return next(server for server in servers if server["serverName"] == name)

    def context(self, wave: int = 0, try_number: int = 1) -> Any:
        """What Airflow hands to a task, of a wave or of the whole run, as far as the steps use it."""
        defaults = {name: param.value for name, param in trigger_form(self.plan).items()}
        return {
            "dag_run": SimpleNamespace(
                dag_id=self.plan.dag_id,
                run_id=self.run_id,
                conf=self.conf,
                run_type=self.run_type,
                start_date=self.run_start,
                triggering_user_name="admin",
            ),
            "params": {**defaults, **self.conf},
            "task_state_store": self.task_state_stores[wave],
            "ti": SimpleNamespace(
                get_task_states=lambda dag_id, run_ids: {self.run_id: self.task_states},
                max_tries=self.max_tries,
                try_number=try_number,
            ),
        }

    def open(self, **conf: Any) -> str:
        self.conf = conf
        return OpenExecutionOperator(task_id="open_execution", plan=self.plan).execute(self.context())

    def foreign_tasks(self) -> list[str]:
        """The run's tasks that no known version of the plan has."""
        opening = OpenExecutionOperator(task_id="open_execution", plan=self.plan)
        return opening.foreign_tasks(opening.task_states(self.context()))

    def start(self, number: int = 1) -> list[str]:
        return StartRecoveryOperator(task_id="start_recovery", wave_number=number).execute(
            self.context(number)
        )

    def clear(self) -> None:
        """Clear the tasks, as a person does: Airflow then allows them as many tries again."""
        self.max_tries += RETRIES + 1

    def wait(self, number: int = 1, try_number: int = 2) -> dict[str, int]:
        """Look and judge as a retry does; the first try leaves the looking to the trigger."""
        return RecoveryJobSensor(task_id="wait_for_launch", wave_number=number).execute(
            self.context(number, try_number)
        )

    def resume_wait(self, event: Mapping[str, Any], number: int = 1) -> dict[str, int]:
        sensor = RecoveryJobSensor(task_id="wait_for_launch", wave_number=number)
        return sensor.execute_complete(self.context(number), dict(event))

    def enrich(self, number: int = 1) -> dict[str, str]:
        return EnrichInstancesOperator(task_id="enrich_instances", wave_number=number).execute(
            self.context(number)
        )

    def step(self, side: str, place: int, number: int = 1) -> str:
        """Run the task of a step before or after the launch."""
        return self.step_operator(side, place, number).execute(self.context(number))

    @staticmethod
    def step_operator(side: str, place: int, number: int = 1) -> StepOperator:
        return StepOperator(task_id=f"{side}_{place}_x", wave_number=number, side=side, step_number=place)

    def complete(self, number: int = 1) -> dict[str, str]:
        return CompleteWaveOperator(task_id="complete_wave", wave_number=number).execute(self.context(number))

    def launch(self, aws: Sandbox, number: int = 1) -> None:
        """Launch a wave, up to its after-steps."""
        self.start(number)
        aws.advance(A_LAUNCH)
        self.wait(number)
        self.enrich(number)

    def finalize(self, **task_states: str) -> str:
        self.task_states.update(task_states)
        return FinalizeExecutionOperator(task_id="finalize_execution", plan=self.plan).execute(self.context())


def complete(aws: Sandbox, steps: Steps, seconds: float = A_LAUNCH, **conf: Any) -> Steps:
    """
    Run the one wave of a plan, and its run, to the end.

    :param seconds: that the launch takes.
    :param conf: of the DAG run.
    """
    steps.open(**conf)
    steps.start()
    aws.advance(seconds)
    steps.wait()
    steps.enrich()
    steps.finalize()
    return steps


def deferred(step: Any, *arguments: Any) -> TaskDeferred:
    """Run a step that leaves the worker; what it waits for."""
    try:
        outcome = step(*arguments)
    except TaskDeferred as parked:
        return parked
    raise AssertionError(f"the step did not wait, it returned {outcome!r}")
