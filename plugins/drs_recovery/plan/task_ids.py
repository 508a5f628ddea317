"""How the tasks of a plan are called in Airflow, and which of them belong to an execution."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drs_recovery.plan.model import RecoveryPlan

OPEN = "open_execution"
FINALIZE = "finalize_execution"
APPROVE = "approve"
START = "start_recovery"
WAIT = "wait_for_launch"
ENRICH = "enrich_instances"
DECIDE = "decide"

_LONGEST_SLUG = 60

REMOVED = "removed"
"""Airflow's state of a task that its DAG does not have any more."""

_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", REMOVED})


def wave_group_id(number: int, name: str) -> str:
    """
    Id of a wave's task group, such as ``wave_02_application``; never over 70 characters.

    :param number: of the wave, from 1.
    :param name: of the wave.
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "_", ascii_name.lower()).strip("_")
    return f"wave_{number:02d}_{slug[:_LONGEST_SLUG].strip('_') or 'wave'}"


def wave_tasks(plan: RecoveryPlan, number: int) -> tuple[str, ...]:
    """Names of a wave's tasks within its group, in the order in which they run."""
    gate = (APPROVE,) if plan.may_gate(number) else ()
    decision = (DECIDE,) if plan.wave(number).on_failure == "ask" else ()
    return (*gate, START, WAIT, ENRICH, *decision)


def wave_task_ids(plan: RecoveryPlan, numbers: Iterable[int]) -> list[str]:
    """
    Ids of the tasks of waves.

    :param plan: the plan.
    :param numbers: of the waves, from 1.
    """
    return [f"{plan.group_task_id(number)}.{name}" for number in numbers for name in wave_tasks(plan, number)]


def is_to_come(state: str | None) -> bool:
    """
    Whether Airflow is still to run a task, or runs it.

    :param state: of the task, as Airflow names it.
    """
    return state not in _ENDED


def missing_tasks(task_ids: Iterable[str], states: Mapping[str, str | None]) -> list[str]:
    """
    Which tasks a DAG run does not have.

    :param task_ids: of the tasks.
    :param states: of the run's tasks, by task id.
    """
    return [task_id for task_id in task_ids if states.get(task_id, REMOVED) == REMOVED]


def is_task_of(task_id: str, wave: Mapping[str, Any]) -> bool:
    """
    Whether a task belongs to a wave of an execution.

    While an execution runs, its DAG may have tasks of another version of its plan: of the one that its file
    has now, or of that with which another execution was opened.

    :param task_id: of a task of some wave; one outside of a group belongs to whatever wave it is given.
    :param wave: WAVE record.
    """
    group, _, _ = task_id.rpartition(".")
    return not group or group == wave_group_id(wave["waveNumber"], wave["waveName"])
