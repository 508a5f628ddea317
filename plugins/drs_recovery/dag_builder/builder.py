"""
Turn a plan into a DAG: tasks, trigger rules, weights and the page in Airflow.

The first task of a wave behind others runs when they have ended, well or not (``all_done``): the record
decides whether the wave starts, is skipped or refuses, because it knows what the plan wants after a failure.
Trigger rules are no safety net: ``start_recovery`` reads the record before it launches anything.

An execution runs the version with which it was opened. While it lives and the file changes, the DAG has the
tasks of both; each execution skips those of the other. Where both have a wave of the same number and
name, it is the same tasks: what only one of the versions has, such as a gate, the other one skips.
"""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, CronTriggerTimetable, Param, TaskGroup, TriggerRule, chain
from airflow.sdk.definitions.param import ParamsDict

from drs_recovery.operators import (
    ApprovalGateOperator,
    CompleteWaveOperator,
    EnrichInstancesOperator,
    FailureDecisionOperator,
    FinalizeExecutionOperator,
    OpenExecutionOperator,
    StartRecoveryOperator,
    StepOperator,
)
from drs_recovery.plan import BROKEN_TAG, DAG_ID_PREFIX, PLAN_TAG, RecoveryPlan, step_of_task, task_ids
from drs_recovery.sensors import RecoveryJobSensor
from drs_recovery.settings import schedules
from drs_recovery.statuses import ExecutionType, Priority

if TYPE_CHECKING:
    from airflow.sdk import DAG, BaseOperator

    from drs_recovery.exceptions import PlanError
    from drs_recovery.plan import RecoveryPlan

_OPERATORS: Mapping[str, Any] = {
    task_ids.APPROVE: ApprovalGateOperator,
    task_ids.START: StartRecoveryOperator,
    task_ids.WAIT: RecoveryJobSensor,
    task_ids.ENRICH: EnrichInstancesOperator,
    task_ids.COMPLETE: CompleteWaveOperator,
    task_ids.DECIDE: FailureDecisionOperator,
}

_WAVE_TASK = re.compile(r"wave_(\d{2})_\w+\.(\w+)")


def add_waves(versions: Sequence[RecoveryPlan], opened: BaseOperator) -> list[BaseOperator]:
    """
    Add the task groups of all waves to the current DAG.

    :param versions: of the plan. The order of waves that several have is that of the first: theirs would
        contradict each other, and a wave looks into the record before it starts anyway.
    :param opened: the task behind which waves start that depend on none.
    """
    ends: dict[str, BaseOperator] = {}
    for plan in versions:
        for number in _in_dependency_order(plan):
            group = plan.group_task_id(number)
            if group in ends:
                continue
            before = [ends[plan.group_task_id(other)] for other in plan.dependencies(number)]
            first, ends[group] = _add_wave(plan, number, _tasks_of(versions, group, number))
            (before or [opened]) >> first
    return list(ends.values())


def add_wave_task(dag: DAG, task_id: str) -> None:
    """
    Add one task of a wave to a DAG that does not have it, to be run by itself.

    A task takes nothing from its plan's file, and its id says all that it must know. So it is found in
    whatever state the file is.

    :param task_id: of the task; one that is no wave's is left to Airflow to miss.
    """
    match = _WAVE_TASK.fullmatch(task_id)
    if match is None:
        return
    if step := step_of_task(match[2]):
        StepOperator(task_id=task_id, wave_number=int(match[1]), side=step[0], step_number=step[1], dag=dag)
    elif match[2] in _OPERATORS:
        _OPERATORS[match[2]](task_id=task_id, wave_number=int(match[1]), dag=dag)


def _tasks_of(versions: Sequence[RecoveryPlan], group: str, number: int) -> set[str]:
    """Names of the tasks that a wave has in any version."""
    same = (p for p in versions if number <= len(p.waves) and p.group_task_id(number) == group)
    return {name for plan in same for name in task_ids.wave_tasks(plan, number)}


def _add_wave(plan: RecoveryPlan, number: int, names: set[str]) -> tuple[BaseOperator, BaseOperator]:
    """Add the task group of a wave; its first and its last task."""
    # Only the end of a wave leaves something to decide; behind a failed open_execution there is nothing.
    first_rule = TriggerRule.ALL_DONE if plan.dependencies(number) else TriggerRule.NONE_FAILED
    with TaskGroup(group_id=plan.group_task_id(number), tooltip=plan.wave(number).name):
        gate = _add_gate(number, first_rule) if task_ids.APPROVE in names else None
        before = _add_steps(number, names, task_ids.BEFORE, first_rule if gate is None else None)
        start = StartRecoveryOperator(
            task_id=task_ids.START,
            wave_number=number,
            trigger_rule=TriggerRule.NONE_FAILED if gate or before else first_rule,
        )
        wait = RecoveryJobSensor(task_id=task_ids.WAIT, wave_number=number)
        # The servers of a failed wave that did come up get their details too.
        enrich = EnrichInstancesOperator(
            task_id=task_ids.ENRICH, wave_number=number, trigger_rule=TriggerRule.ALL_DONE
        )
        start >> wait >> enrich
        start >> enrich
        head = [task for task in (gate, *before, start) if task is not None]
        tail = [enrich, *_add_proofs(number, names)]
        chain(*head)
        chain(*tail)
        last = _add_decision(number, tail[-1]) if task_ids.DECIDE in names else tail[-1]
        return head[0], last


def _add_gate(number: int, first_rule: TriggerRule) -> BaseOperator:
    return ApprovalGateOperator(task_id=task_ids.APPROVE, wave_number=number, trigger_rule=first_rule)


def _add_steps(
    number: int, names: Collection[str], side: str, first_rule: TriggerRule | None = None
) -> list[BaseOperator]:
    """Add the tasks of the steps of one side, in their order; versions of a plan may name one otherwise."""
    steps = sorted((step[1], name) for name in names if (step := step_of_task(name)) and step[0] == side)
    return [
        StepOperator(
            task_id=name,
            wave_number=number,
            side=side,
            step_number=place,
            trigger_rule=first_rule if first_rule and not index else TriggerRule.NONE_FAILED,
        )
        for index, (place, name) in enumerate(steps)
    ]


def _add_proofs(number: int, names: Collection[str]) -> list[BaseOperator]:
    """Add what comes behind the launch: steps, and the task that ends the wave."""
    if task_ids.COMPLETE not in names:
        return []
    complete = CompleteWaveOperator(
        task_id=task_ids.COMPLETE, wave_number=number, trigger_rule=TriggerRule.NONE_FAILED
    )
    return [*_add_steps(number, names, task_ids.AFTER), complete]


def _add_decision(number: int, end: BaseOperator) -> BaseOperator:
    """Let people decide about a failed wave; the last task of the wave."""
    decide = FailureDecisionOperator(
        task_id=task_ids.DECIDE, wave_number=number, trigger_rule=TriggerRule.ALL_DONE
    )
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


_FIX = "Fix the file; the DAG updates automatically."
_EDITED = (
    "An execution that runs was opened with another version of this plan. Its tasks stay in this DAG until "
    "it has ended."
)


def plan_doc(plan: RecoveryPlan, *, is_edited: bool = False) -> str:
    """Describe a plan: what it is for, its objectives, and its waves."""
    lines = [f"# {_text(plan.name)}", _text(plan.description or ""), ""]
    lines += [_EDITED, ""] if is_edited else []
    lines += [f"Objectives: RTO {_span(plan.objectives.rto)}, RPO {_span(plan.objectives.rpo)}.", ""]
    lines += ["| wave | name | groups | after waves | success when | timeout |", "|---|---|---|---|---|---|"]
    for number, wave in enumerate(plan.waves, start=1):
        after = ", ".join(map(str, plan.dependencies(number))) or "at once"
        groups = ", ".join(_text(group) for group in wave.groups)
        lines.append(
            f"| {number} | {_text(wave.name)} | {groups} | {after} | {wave.success_when} | {wave.timeout} |"
        )
    return "\n".join(lines)


def broken_plan_doc(error: PlanError, *, is_alive: bool = False) -> str:
    """List what is wrong with a plan."""
    problems = "\n".join(f"- {_text(str(problem))}" for problem in error.problems)
    alive = f"{_EDITED}\n\n" if is_alive else ""
    return f"# This plan cannot be used\n\n{_FIX}\n\n{alive}{problems}\n"


def _text(value: str) -> str:
    """Plan texts are data: neither HTML nor a table's borders."""
    return html.escape(value).replace("|", "&#124;")


def _span(value: timedelta | None) -> str:
    return str(value) if value is not None else "not set"


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
        default_args={"owner": plan.owner or "airflow", "weight_rule": "absolute"},
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
    """Add the tasks of versions of a plan; without any, only the one that tells what is wrong."""
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
        "point_in_time": Param(
            None,
            type=["null", "string", "object"],
            description="From when the data shall be: 'latest', a UTC time such as 2025-01-31T03:00:00Z (the "
            'newest snapshots not after it), or {"s-…": "pit-…"} for some servers. Empty: as the plan says.',
        ),
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
