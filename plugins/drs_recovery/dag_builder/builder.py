"""
Turn a plan into a DAG. Wiring only: what a step does is in its operator.

The first task of a wave behind others runs when they have ended, well or not (``all_done``): whether the wave
starts, is passed over or refuses is decided by the record, which knows what the plan wants after a failure.
Trigger rules are no safety net and need not be one: ``start_recovery`` reads the record before it launches
anything.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, CronTriggerTimetable, Param
from airflow.sdk.definitions.param import ParamsDict

from drs_recovery.dag_builder.docs import broken_plan_doc, plan_doc
from drs_recovery.dag_builder.waves import add_waves
from drs_recovery.dag_builder.weights import task_weight
from drs_recovery.opening.options import LATEST
from drs_recovery.operators.finalize_execution import FinalizeExecutionOperator
from drs_recovery.operators.open_execution import OpenExecutionOperator
from drs_recovery.plan import task_ids
from drs_recovery.plan.model import BROKEN_TAG, DAG_ID_PREFIX, PLAN_TAG
from drs_recovery.settings import schedules
from drs_recovery.statuses import ExecutionType

if TYPE_CHECKING:
    from drs_recovery.exceptions import PlanError
    from drs_recovery.plan.model import RecoveryPlan

log = logging.getLogger(__name__)


def build_dag(plan: RecoveryPlan, versions: Sequence[RecoveryPlan] = ()) -> DAG:
    """
    Build the DAG ``recover_<plan id>``.

    It is not paused when it first appears: a recovery that is triggered on the worst day must not wait for
    somebody to find the switch.

    :param plan: a valid plan.
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
        default_args={"owner": plan.owner or "airflow", "weight_rule": "absolute"},
    )
    return _with_tasks(dag, versions, plan, plan=plan)


def build_broken_dag(plan_id: str, error: PlanError, versions: Sequence[RecoveryPlan] = ()) -> DAG:
    """
    Build the DAG of a plan that cannot be used; its page and its run show the problems.

    It has the tasks of the executions that still run. Otherwise it is a placeholder, paused if it is new.

    :param plan_id: id of the plan, as far as it could be read.
    :param error: every problem of its file.
    :param versions: of the plan, with which live executions were opened.
    """
    tags = {tag for version in versions for tag in version.tags}
    dag = _new_dag(
        plan_id,
        description="This plan cannot be used; its problems are in the documentation of this DAG.",
        doc_md=broken_plan_doc(error, is_alive=bool(versions)),
        tags=[PLAN_TAG, BROKEN_TAG, *sorted(tags)],
        schedule=None,
        default_args={"weight_rule": "absolute"},
        is_paused_upon_creation=not versions,
    )
    return _with_tasks(dag, versions, versions[0] if versions else None, problems=str(error))


def _new_dag(plan_id: str, **arguments: Any) -> DAG:
    defaults = {"catchup": False, "is_paused_upon_creation": False, "dagrun_timeout": None}
    return DAG(dag_id=f"{DAG_ID_PREFIX}{plan_id}", **{**defaults, **arguments})


def _with_tasks(
    dag: DAG, versions: Sequence[RecoveryPlan], shown: RecoveryPlan | None, **opening: Any
) -> DAG:
    """
    Add the tasks of versions of a plan; without any, only the one that tells what is wrong.

    :param shown: the version that people see.
    :param opening: what a new execution is opened with.
    """
    with dag:
        opened = OpenExecutionOperator(task_id=task_ids.OPEN, **opening)
        if versions:
            finalized = FinalizeExecutionOperator(task_id=task_ids.FINALIZE, **opening)
            finalized.as_teardown(on_failure_fail_dagrun=True)
            # Every wave, not only the last ones: a task of a wave behind others may fail while others run.
            [opened, *add_waves(versions, opened)] >> finalized
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


def trigger_form(plan: RecoveryPlan | None) -> dict[str, Param]:
    """
    The options of an execution, as Airflow's trigger form and REST API offer them.

    :param plan: its wave names are in the form's explanations; None if it is broken.
    """
    waves = plan.waves if plan else ()
    names = ", ".join(f"{number} ({wave.name})" for number, wave in enumerate(waves, start=1))
    return {
        "execution_type": Param(
            ExecutionType.DRILL.value,
            type="string",
            enum=[entry.value for entry in ExecutionType],
            description="DRILL launches test instances; RECOVERY is real and asks for approval first.",
        ),
        "ticket": Param(
            None, type=["null", "string"], maxLength=256, description="Id in your ticketing tool."
        ),
        "reason": Param(None, type=["null", "string"], maxLength=1024, description="Why this is started."),
        "waves": Param(
            None,
            type=["null", "array"],
            items={"type": ["integer", "string"]},
            description=f"Only these waves, by number or name, of {names}. Empty: all.",
        ),
        "point_in_time": Param(LATEST, type="string", description=f"Only '{LATEST}' is supported."),
        "keep_instances": Param(
            False, type="boolean", description="The drill's instances stay until you terminate them."
        ),
        "dry_run": Param(False, type="boolean", description="Check everything, launch nothing."),
        "replace_execution": Param(
            None,
            type=["null", "string"],
            maxLength=1024,
            description="Of a RECOVERY: id of the execution whose instances in use it may end; they are lost "
            "with what is on them. Empty: it is refused where instances are in use.",
        ),
    }
