"""
Turn a plan into a DAG. Wiring only: what a step does is in its operator.

The first task of a wave behind others runs when they have ended, well or not (``all_done``): whether the wave
starts, is passed over or refuses is decided by the record, which knows what the plan wants after a failure.
Trigger rules are no safety net and need not be one: ``start_recovery`` reads the record before it launches
anything.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow.sdk import DAG, CronTriggerTimetable, Param, TaskGroup, TriggerRule
from airflow.sdk.definitions.param import ParamsDict

from drs_recovery.dag_docs import broken_plan_doc, plan_doc
from drs_recovery.engine.run_options import LATEST
from drs_recovery.operators.approval_gate import ApprovalGateOperator
from drs_recovery.operators.broken_plan import BrokenPlanOperator
from drs_recovery.operators.enrich_instances import EnrichInstancesOperator
from drs_recovery.operators.failure_decision import FailureDecisionOperator
from drs_recovery.operators.finalize_execution import FinalizeExecutionOperator
from drs_recovery.operators.open_execution import OpenExecutionOperator
from drs_recovery.operators.start_recovery import StartRecoveryOperator
from drs_recovery.sensors.recovery_job import RecoveryJobSensor
from drs_recovery.settings import schedules
from drs_recovery.statuses import ExecutionType
from drs_recovery.task_weights import task_weight

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from drs_recovery.exceptions import PlanError
    from drs_recovery.plan import RecoveryPlan

log = logging.getLogger(__name__)

PLAN_TAG = "recovery-plan"
BROKEN_TAG = "broken-plan"


def build_dag(plan: RecoveryPlan) -> DAG:
    """
    Build the DAG ``recover_<plan id>``.

    It is not paused when it first appears: a recovery that is triggered on the worst day must not wait for
    somebody to find the switch.

    :param plan: a valid plan.
    """
    with DAG(
        dag_id=plan.dag_id,
        dag_display_name=plan.name,
        description=plan.description,
        doc_md=plan_doc(plan),
        tags=[PLAN_TAG, *plan.tags],
        schedule=_timetable(plan),
        catchup=False,
        is_paused_upon_creation=False,
        default_args={"owner": plan.owner or "airflow", "weight_rule": "absolute"},
        dagrun_timeout=None,
    ) as dag:
        opened = OpenExecutionOperator(task_id="open_execution", plan=plan)
        finalized = FinalizeExecutionOperator(task_id="finalize_execution", plan=plan)
        finalized.as_teardown(on_failure_fail_dagrun=True)
        ends: dict[int, BaseOperator] = {}
        for number in _in_dependency_order(plan):
            first, last = _add_wave(plan, number)
            before = [ends[other] for other in plan.dependencies(number)] or [opened]
            before >> first
            ends[number] = last
        # Every wave, not only the last ones: a task of a wave behind others may fail while others run.
        [opened, *ends.values()] >> finalized
    for task in dag.tasks:
        task.priority_weight = task_weight(plan, type(task))
    # Last, since Airflow copies the params of a DAG into every task that joins it, and checks each copy again
    # whenever the DAG is serialised: nine tenths of the time of a parse, for a form that no task has.
    dag.params = ParamsDict(trigger_form(plan))
    return dag


def build_broken_dag(plan_id: str, error: PlanError) -> DAG:
    """
    Build the paused placeholder of a plan that cannot be used; its page and its run show the problems.

    :param plan_id: id of the plan, as far as it could be read.
    :param error: every problem of its file.
    """
    with DAG(
        dag_id=f"recover_{plan_id}",
        description="This plan cannot be used; its problems are in the documentation of this DAG.",
        doc_md=broken_plan_doc(error),
        tags=[PLAN_TAG, BROKEN_TAG],
        schedule=None,
        catchup=False,
        is_paused_upon_creation=True,
    ) as dag:
        BrokenPlanOperator(task_id="show_plan_errors", problems=str(error))
    return dag


def _add_wave(plan: RecoveryPlan, number: int) -> tuple[BaseOperator, BaseOperator]:
    """Add the task group of a wave; its first and its last task."""
    # Only the end of a wave leaves something to decide; behind a failed open_execution there is nothing.
    first_rule = TriggerRule.ALL_DONE if plan.dependencies(number) else TriggerRule.NONE_FAILED
    gated = plan.may_gate(number)
    with TaskGroup(group_id=plan.group_task_id(number), tooltip=plan.wave(number).name):
        start = StartRecoveryOperator(
            task_id="start_recovery",
            wave_number=number,
            trigger_rule=TriggerRule.NONE_FAILED if gated else first_rule,
        )
        wait = RecoveryJobSensor(task_id="wait_for_launch", wave_number=number)
        # The servers of a failed wave that did come up get their details too.
        enrich = EnrichInstancesOperator(
            task_id="enrich_instances", wave_number=number, trigger_rule=TriggerRule.ALL_DONE
        )
        start >> wait >> enrich
        start >> enrich
        last = _add_decision(plan, number, enrich)
        if not gated:
            return start, last
        approve = ApprovalGateOperator(task_id="approve", wave_number=number, trigger_rule=first_rule)
        approve >> start
        return approve, last


def _add_decision(plan: RecoveryPlan, number: int, end: BaseOperator) -> BaseOperator:
    """Let people decide about a failed wave, where the plan says so; the last task of the wave."""
    if plan.wave(number).on_failure != "ask":
        return end
    decide = FailureDecisionOperator(task_id="decide", wave_number=number, trigger_rule=TriggerRule.ALL_DONE)
    end >> decide
    return decide


def _in_dependency_order(plan: RecoveryPlan) -> list[int]:
    """Wave numbers so that each comes after those it depends on; a plan may list them in any order."""
    ordered: list[int] = []
    waiting = list(range(1, len(plan.waves) + 1))
    while waiting:
        ready = next(n for n in waiting if set(plan.dependencies(n)) <= set(ordered))
        ordered.append(ready)
        waiting.remove(ready)
    return ordered


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


def trigger_form(plan: RecoveryPlan) -> dict[str, Param]:
    """
    The options of an execution, as Airflow's trigger form and REST API offer them.

    :param plan: its wave names are in the form's explanations.
    """
    names = ", ".join(f"{number} ({wave.name})" for number, wave in enumerate(plan.waves, start=1))
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
