"""What a card warns of: what Airflow has against a plan, and instances that are left over."""

from __future__ import annotations

from collections.abc import Iterator

from drs_recovery.plan.model import Schedule
from drs_recovery.web.airflow import AirflowPlanFacts
from drs_recovery.web.plans.inputs import PlanKind, PlanPast

_NO_FILE = "Its file is not in the plans folder of this web server: what it promises is not known here"
_NOT_READ = "Airflow has not read this plan: it cannot be started yet"
_IMPORT_ERROR = "Airflow could not load the DAG file at its last try: what it runs may be older than the plan"
_STILL_BROKEN = "Airflow still has the errors of an earlier version of the file: it cannot be started yet"
_STILL_GOOD = "Airflow still has the version before the errors; it gives way to them at the next reading"
_PAUSED = "Paused in Airflow: neither a drill nor a real recovery starts until somebody unpauses it"


def plan_warnings(kind: PlanKind, facts: AirflowPlanFacts | None) -> Iterator[str]:
    """
    Say what keeps a plan from running, and where its file and Airflow disagree.

    :param kind: what became of its file.
    :param facts: what Airflow knows; None if it could not be asked.
    """
    if kind is PlanKind.NO_FILE:
        yield _NO_FILE
    if facts is None:
        return
    if not facts.in_airflow:
        yield _NOT_READ
        return
    if facts.has_import_error:
        yield _IMPORT_ERROR
    if facts.is_placeholder and kind is PlanKind.GOOD:
        yield _STILL_BROKEN
    if not facts.is_placeholder and kind is PlanKind.BROKEN:
        yield _STILL_GOOD
    # The placeholder of a broken plan is made paused, and says nothing about what people want.
    if facts.is_paused and not facts.is_placeholder:
        yield _PAUSED


def left_overs(past: PlanPast) -> Iterator[str]:
    """
    Say which of the last executions have instances that somebody wanted to be gone.

    :param past: executions of the plan.
    """
    for execution, name in ((past.last_drill, "drill"), (past.last_recovery, "real recovery")):
        if execution and execution.get("terminationError") and not execution.get("instancesTerminated"):
            yield f"Not every instance of the last {name} could be terminated"


def next_run_note(kind: PlanKind, schedule: Schedule | None, facts: AirflowPlanFacts | None) -> str:
    """
    Say why no next drill can be told; empty where Airflow tells one.

    :param kind: what became of the plan's file.
    :param schedule: of the plan, if it has one.
    :param facts: what Airflow knows; None if it could not be asked.
    """
    if facts is None:
        return "not known: Airflow could not be asked"
    if facts.is_paused and not facts.is_placeholder:
        return "none while the plan is paused"
    if facts.next_run is not None:
        return ""
    if kind is PlanKind.GOOD and schedule is not None:
        return "not known to Airflow yet"
    return "no schedule" if kind is PlanKind.GOOD else "not known"
