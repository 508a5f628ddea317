"""
The waves of a plan as tasks, of one version of the plan or of several.

An execution runs the version with which it was opened. While it lives and the file changes, the DAG has the
tasks of both; each execution passes over those of the other. Where both have a wave of the same number and
name, it is the same tasks: what only one of the versions has, such as a gate, the other one passes over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup, TriggerRule

from drs_recovery.operators import (
    ApprovalGateOperator,
    EnrichInstancesOperator,
    FailureDecisionOperator,
    StartRecoveryOperator,
)
from drs_recovery.plan import task_ids
from drs_recovery.sensors import RecoveryJobSensor

if TYPE_CHECKING:
    from airflow.sdk import DAG, BaseOperator

    from drs_recovery.plan import RecoveryPlan

_OPERATORS: Mapping[str, Any] = {
    task_ids.APPROVE: ApprovalGateOperator,
    task_ids.START: StartRecoveryOperator,
    task_ids.WAIT: RecoveryJobSensor,
    task_ids.ENRICH: EnrichInstancesOperator,
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
    if match is not None and match[2] in _OPERATORS:
        _OPERATORS[match[2]](task_id=task_id, wave_number=int(match[1]), dag=dag)


def _tasks_of(versions: Sequence[RecoveryPlan], group: str, number: int) -> set[str]:
    """Names of the tasks that a wave has in any version."""
    same = (p for p in versions if number <= len(p.waves) and p.group_task_id(number) == group)
    return {name for plan in same for name in task_ids.wave_tasks(plan, number)}


def _add_wave(plan: RecoveryPlan, number: int, names: set[str]) -> tuple[BaseOperator, BaseOperator]:
    """Add the task group of a wave; its first and its last task."""
    # Only the end of a wave leaves something to decide; behind a failed open_execution there is nothing.
    first_rule = TriggerRule.ALL_DONE if plan.dependencies(number) else TriggerRule.NONE_FAILED
    gated = task_ids.APPROVE in names
    with TaskGroup(group_id=plan.group_task_id(number), tooltip=plan.wave(number).name):
        start = StartRecoveryOperator(
            task_id=task_ids.START,
            wave_number=number,
            trigger_rule=TriggerRule.NONE_FAILED if gated else first_rule,
        )
        wait = RecoveryJobSensor(task_id=task_ids.WAIT, wave_number=number)
        # The servers of a failed wave that did come up get their details too.
        enrich = EnrichInstancesOperator(
            task_id=task_ids.ENRICH, wave_number=number, trigger_rule=TriggerRule.ALL_DONE
        )
        start >> wait >> enrich
        start >> enrich
        last = _add_decision(number, enrich) if task_ids.DECIDE in names else enrich
        if not gated:
            return start, last
        approve = ApprovalGateOperator(task_id=task_ids.APPROVE, wave_number=number, trigger_rule=first_rule)
        approve >> start
        return approve, last


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
