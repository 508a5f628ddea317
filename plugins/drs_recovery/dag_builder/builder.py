"""
Turn a plan into a DAG: its first and last task, weights and schedule.

An execution runs the version with which it was opened. While it lives and the file changes, the DAG has the
tasks of both; each execution skips those of the other. Where both have a wave of the same number and
name, it is the same tasks: what only one of the versions has, such as a gate, the other one skips.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, CronTriggerTimetable
from airflow.sdk.definitions.param import ParamsDict

from drs_recovery.dag_builder.plan_docs import broken_plan_doc, plan_doc
from drs_recovery.dag_builder.trigger_form import trigger_form
from drs_recovery.dag_builder.wave_tasks import add_waves
from drs_recovery.operators import (
    ApprovalGateOperator,
    CompleteWaveOperator,
    EnrichInstancesOperator,
    FailureDecisionOperator,
    FinalizeExecutionOperator,
    OpenExecutionOperator,
    PublishEndOperator,
    StartRecoveryOperator,
    StepOperator,
)
from drs_recovery.plan import BROKEN_TAG, DAG_ID_PREFIX, PLAN_TAG, RecoveryPlan, task_ids
from drs_recovery.sensors import RecoveryJobSensor
from drs_recovery.settings import schedules, task_defaults
from drs_recovery.statuses import Priority

if TYPE_CHECKING:
    from drs_recovery.exceptions import PlanError

log = logging.getLogger(__name__)

# Above those of other DAGs: unless somebody says otherwise, a task weighs as much as tasks come behind it.
_OF_PRIORITY: Mapping[Priority, int] = {
    Priority.CRITICAL: 4000,
    Priority.HIGH: 3000,
    Priority.NORMAL: 2000,
    Priority.LOW: 1000,
}

# The nearer to the start of a DRS job, the sooner: from then on DRS works, and people who are asked think.
_OF_STEP: Mapping[type, int] = {
    StartRecoveryOperator: 4,
    ApprovalGateOperator: 3,
    FailureDecisionOperator: 3,
    StepOperator: 2,
    CompleteWaveOperator: 2,
    EnrichInstancesOperator: 2,
    OpenExecutionOperator: 2,
    RecoveryJobSensor: 1,
}


def task_weight(plan: RecoveryPlan, step: type) -> int:
    """
    Airflow's ``priority_weight`` of a step, to be used with the weight rule "absolute".

    Without it Airflow would begin every execution before it starts a job of any: by its own rule a task
    weighs the more, the more tasks come behind it.
    """
    return _OF_PRIORITY[Priority(plan.priority)] + _OF_STEP.get(step, 0)


def build_dag(plan: RecoveryPlan, versions: Sequence[RecoveryPlan] = ()) -> DAG:
    """
    Build the DAG ``recover_<plan id>``.

    It is not paused when it first appears: a recovery that is triggered on the worst day must not wait for
    somebody to find the switch.

    :param versions: of the plan whose tasks the DAG has; those of live executions may differ from the plan.
    """
    versions = versions or (plan,)
    dag = _new_dag(
        plan.id,
        dag_display_name=plan.name,
        description=plan.description,
        doc_md=plan_doc(plan, is_edited=any(version != plan for version in versions)),
        tags=[PLAN_TAG, *plan.tags],
        schedule=_timetable(plan),
        default_args={**task_defaults(), "owner": plan.owner or "airflow", "weight_rule": "absolute"},
    )
    return _with_tasks(dag, versions, plan, plan=plan)


def build_broken_dag(plan_id: str, error: PlanError, versions: Sequence[RecoveryPlan] = ()) -> DAG:
    """
    Build the DAG of a plan that cannot be used; its page and its run show the problems.

    It has the tasks of the executions that still run. Otherwise it is a placeholder, paused if it is new.
    """
    tags = {tag for version in versions for tag in version.tags}
    dag = _new_dag(
        plan_id,
        description="This plan cannot be used; its problems are in the documentation of this DAG.",
        doc_md=broken_plan_doc(error, is_alive=bool(versions)),
        tags=[PLAN_TAG, BROKEN_TAG, *sorted(tags)],
        schedule=None,
        default_args={**task_defaults(), "weight_rule": "absolute"},
        is_paused_upon_creation=not versions,
    )
    return _with_tasks(dag, versions, versions[0] if versions else None, problems=str(error))


def _new_dag(plan_id: str, **arguments: Any) -> DAG:
    defaults = {"catchup": False, "is_paused_upon_creation": False, "dagrun_timeout": None}
    return DAG(dag_id=f"{DAG_ID_PREFIX}{plan_id}", **{**defaults, **arguments})


def plan_id_of(dag: DAG) -> str:
    """Id of the plan whose DAG it is."""
    return dag.dag_id.removeprefix(DAG_ID_PREFIX)


def _with_tasks(
    dag: DAG, versions: Sequence[RecoveryPlan], shown: RecoveryPlan | None, **opening: Any
) -> DAG:
    """Add the tasks of versions of a plan; without any, only the one that tells what is wrong."""
    with dag:
        opened = OpenExecutionOperator(task_id=task_ids.OPEN, **opening)
        if versions:
            finalized = FinalizeExecutionOperator(task_id=task_ids.FINALIZE, **opening)
            finalized.as_teardown(on_failure_fail_dagrun=True)
            # Every wave, not only the last ones: a task of a wave behind others may fail while others run.
            [opened, *add_waves(versions, opened)] >> finalized
            published = PublishEndOperator(task_id=task_ids.PUBLISH, plan_id=plan_id_of(dag))
            # The last step alone says whether the run is a good one.
            finalized >> published.as_teardown()
    for task in dag.tasks if versions else ():
        task.priority_weight = task_weight(versions[0], type(task))
    # Last, since Airflow copies the params of a DAG into every task that joins it, and checks each copy again
    # whenever the DAG is serialised: nine tenths of the time of a parse, for a form that no task has.
    dag.params = ParamsDict(trigger_form(shown))
    return dag


def _timetable(plan: RecoveryPlan) -> CronTriggerTimetable | None:
    if plan.schedule is None or not _schedules():
        return None
    return CronTriggerTimetable(plan.schedule.cron, timezone=plan.schedule.timezone)


def _schedules() -> bool:
    try:
        return schedules()
    except ValueError:
        # Without its DAG a recovery could not go on. Whoever starts something is told of the setting.
        log.exception("no plan runs by its schedule")
        return False
