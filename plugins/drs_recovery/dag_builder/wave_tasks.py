"""
Add the tasks of waves to the DAG of a plan.

The first task of a wave behind others runs when they have ended, well or not (``all_done``): the record
decides whether the wave starts, is skipped or refuses, because it knows what the plan wants after a failure.
Trigger rules are no safety net: ``start_recovery`` reads the record before it launches anything.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup, TriggerRule, chain

from drs_recovery.operators import (
    ApprovalGateOperator,
    CompleteWaveOperator,
    EnrichInstancesOperator,
    FailureDecisionOperator,
    StartRecoveryOperator,
    StepOperator,
)
from drs_recovery.plan import RecoveryPlan, step_of_task, task_ids
from drs_recovery.sensors import RecoveryJobSensor

if TYPE_CHECKING:
    from airflow.sdk import DAG, BaseOperator


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
