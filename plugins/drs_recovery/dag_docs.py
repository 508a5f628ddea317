"""The Markdown page of a plan's DAG in the Airflow UI."""

from __future__ import annotations

import html
from datetime import timedelta

from drs_recovery.exceptions import PlanError
from drs_recovery.plan import RecoveryPlan


def plan_doc(plan: RecoveryPlan) -> str:
    """
    Describe a plan: what it is for, its objectives, and its waves.

    :param plan: its texts are escaped, since a page renders them.
    """
    lines = [f"# {_text(plan.name)}", _text(plan.description or ""), ""]
    lines += [f"Objectives: RTO {_span(plan.objectives.rto)}, RPO {_span(plan.objectives.rpo)}.", ""]
    lines += ["| wave | name | groups | after waves | success when | time-out |", "|---|---|---|---|---|---|"]
    for number, wave in enumerate(plan.waves, start=1):
        after = ", ".join(map(str, plan.dependencies(number))) or "at once"
        groups = ", ".join(_text(group) for group in wave.groups)
        lines.append(
            f"| {number} | {_text(wave.name)} | {groups} | {after} | {wave.success_when} | {wave.timeout} |"
        )
    return "\n".join(lines)


def broken_plan_doc(error: PlanError) -> str:
    """
    List what is wrong with a plan.

    :param error: every problem of the file.
    """
    problems = "\n".join(f"- {_text(str(problem))}" for problem in error.problems)
    return f"# This plan cannot be used\n\nMend its file; the DAG follows by itself.\n\n{problems}\n"


def _text(value: str) -> str:
    """Plan texts are data: neither HTML nor a table's borders."""
    return html.escape(value).replace("|", "&#124;")


def _span(value: timedelta | None) -> str:
    return str(value) if value is not None else "not set"
