"""Describe plans as the documentation of their DAGs."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drs_recovery.exceptions import PlanError
    from drs_recovery.plan import RecoveryPlan


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
