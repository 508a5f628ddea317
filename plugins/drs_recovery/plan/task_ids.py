"""Name the tasks of a plan in Airflow, and resolve waves that people name by number or name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drs_recovery.plan.model import RecoveryPlan

OPEN = "open_execution"
FINALIZE = "finalize_execution"
PUBLISH = "publish_end"
APPROVE = "approve"
START = "start_recovery"
WAIT = "wait_for_launch"
ENRICH = "enrich_instances"
COMPLETE = "complete_wave"
DECIDE = "decide"

BEFORE, AFTER = "before", "after"
"""The sides of a wave's launch on which it can have steps."""

_STEP_TASK = re.compile(rf"({BEFORE}|{AFTER})_(\d{{1,2}})_\w+")

_LONGEST_SLUG = 60

REMOVED = "removed"
"""Airflow's state of a task that its DAG does not have any more."""

_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", REMOVED})


def wave_group_id(number: int, name: str) -> str:
    """Id of a wave's task group, such as ``wave_02_application``; never over 70 characters."""
    return f"wave_{number:02d}_{_slug(name) or 'wave'}"


def _slug(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "_", ascii_name.lower()).strip("_")
    return slug[:_LONGEST_SLUG].strip("_")


def wave_tasks(plan: RecoveryPlan, number: int) -> tuple[str, ...]:
    """Names of a wave's tasks within its group, in the order in which they run."""
    wave = plan.wave(number)
    gate = (APPROVE,) if plan.may_gate(number) else ()
    complete = (COMPLETE,) if wave.after else ()
    decision = (DECIDE,) if wave.on_failure == "ask" else ()
    before, after = step_tasks(plan, number, BEFORE), step_tasks(plan, number, AFTER)
    return (*gate, *before, START, WAIT, ENRICH, *after, *complete, *decision)


def step_tasks(plan: RecoveryPlan, number: int, side: str) -> tuple[str, ...]:
    """Names of the tasks of a wave's steps on one side, such as ``after_1_crm_answers``."""
    steps = plan.wave(number).steps(side)
    return tuple(
        f"{side}_{place}_{_slug(step.title) or step.kind.key}" for place, step in enumerate(steps, start=1)
    )


def step_of_task(name: str) -> tuple[str, int] | None:
    """
    Side and number of the step whose task has a name; None if it is no step's.

    :param name: within the wave's group.
    """
    match = _STEP_TASK.fullmatch(name)
    return (match[1], int(match[2])) if match else None


def wave_task_ids(plan: RecoveryPlan, numbers: Iterable[int]) -> list[str]:
    """Ids of the tasks of waves."""
    return [f"{plan.group_task_id(number)}.{name}" for number in numbers for name in wave_tasks(plan, number)]


def is_to_come(state: str | None) -> bool:
    """Whether Airflow is still to run a task, or runs it."""
    return state not in _ENDED


def missing_tasks(task_ids: Iterable[str], states: Mapping[str, str | None]) -> list[str]:
    """Which tasks a DAG run does not have."""
    return [task_id for task_id in task_ids if states.get(task_id, REMOVED) == REMOVED]


def is_task_of(task_id: str, wave: Mapping[str, Any]) -> bool:
    """
    Whether a task belongs to a wave of an execution.

    While an execution runs, its DAG may have tasks of another version of its plan: of the one that its file
    has now, or of that with which another execution was opened.

    :param task_id: of a task of some wave; one outside of a group belongs to whatever wave it is given.
    """
    group, _, _ = task_id.rpartition(".")
    return not group or group == wave_group_id(wave["waveNumber"], wave["waveName"])


# A wrong choice can be as long as a request; what is told of it is not.
_LONGEST_ENTRY = 100
# Of the number of a wave; see ``MOST_WAVES``.
_MOST_DIGITS = 2


def chosen_waves(
    names: Mapping[str, int], chosen: Sequence[Any] | None, findings: list[str]
) -> tuple[int, ...] | None:
    """
    Read a choice of waves. An integer is a number; a text is a name, or the digits of a number.

    :return: numbers, ascending; None if none is chosen, which means all.
    """
    if not chosen:
        return None
    known = {number: _number_of(entry, names) for number, entry in enumerate(chosen)}
    if unknown := [str(chosen[index])[:_LONGEST_ENTRY] for index, number in known.items() if number is None]:
        choices = ", ".join(f"{number} ({name})" for name, number in names.items())
        findings.append(f"unknown waves {', '.join(unknown)}, expected some of {choices}")
    return tuple(sorted({number for number in known.values() if number is not None}))


def _number_of(entry: Any, names: Mapping[str, int]) -> int | None:
    if isinstance(entry, str) and entry in names:
        return names[entry]
    is_digits = (
        isinstance(entry, str) and entry.isascii() and entry.isdecimal() and len(entry) <= _MOST_DIGITS
    )
    number = int(entry) if is_digits else entry
    is_number = isinstance(number, int) and not isinstance(number, bool)
    return number if is_number and number in names.values() else None
