"""
Plans, as the API describes them.

The models only describe: answers go out as they are, with every field that they have.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from drs_recovery.store.execution_types import ExecutionSummary
from drs_recovery.store.record_fields import MOMENT, about
from drs_recovery.web.plans.changes import ChangeState
from drs_recovery.web.plans.drill_proof import ProofState
from drs_recovery.web.plans.sources import PlanKind
from drs_recovery.web.shared.objectives import ObjectiveState


def never_null(schema: dict[str, Any]) -> None:
    """
    Say that a value is absent, never null, as long as there is none.

    :param schema: of a value that pydantic describes as optional.
    """
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    schema.update(kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})
    if schema.get("default", ...) is None:
        del schema["default"]


def _describe_fields(schema: dict[str, Any]) -> None:
    for field in schema.get("properties", {}).values():
        never_null(field)


class PlanModel(BaseModel):
    """Base of all models of plans; what they do not name may be there as well."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="allow",
        json_schema_extra=_describe_fields,
    )


def maybe(description: str, example: Any = None) -> Any:
    """Describe a field that is absent as long as it has no value."""
    return Field(None, description=description, examples=None if example is None else [example])


class PlanError(PlanModel):
    """One thing that is wrong in a plan file."""

    file: str = about("Name of the file.", "payroll.yaml")
    place: str = about("Path inside the file; empty for the whole of it.", "waves[1].servers[0]")
    message: str = about("What is wrong and what was expected.", '"s-12" is not a DRS source server id')


class Proof(PlanModel):
    """Whether the last good drill still proves that the plan works."""

    state: ProofState = about(
        "FRESH; OVERDUE if it is too old, by the plan's schedule or after 90 days; NEVER if there is none.",
        "OVERDUE",
    )
    sentence: str = about("The same in words.", "Last good drill 120 days ago: older than 90 days")
    age: int | None = maybe("Seconds since the end of the last good drill, in full minutes.", 10368000)


class Measured(PlanModel):
    """What the last good drill measured, against what the plan promises now."""

    state: ObjectiveState = about("What came of it.", "MET")
    sentence: str = about("The same in words.", "RTO 42 min of 1 h: met")
    measured: float | None = maybe("Seconds that were measured.", 2522.5)
    objective: float | None = maybe("Seconds that the plan promises.", 3600)


class MeasuredObjectives(PlanModel):
    """Recovery time and recovery point."""

    rto: Measured = about("Recovery time.")
    rpo: Measured = about("Recovery point.")


class Plan(PlanModel):
    """A plan, as its card in the console shows it."""

    plan_id: str = about(
        "Its id; of a file whose id cannot be known, the name of the file.", "three-tier-crm"
    )
    plan_name: str = about("Its name.", "Three-tier CRM")
    dag_id: str = about("Airflow's id of its DAG.", "recover_three-tier-crm")
    kind: PlanKind = about(
        "GOOD; BROKEN, with `errors`; or NO_FILE if only Airflow knows it, since its file is not here.",
        "GOOD",
    )
    can_start: bool = about("Whether Airflow has a DAG of it that can be triggered.", True)
    file: str | None = maybe("Name of its file.", "three-tier-crm.yaml")
    description: str | None = maybe("What it is for.", "Database first, then application, then web.")
    owner: str | None = maybe("Team that answers for it.", "crm-team")
    tier: str | None = maybe("The tag that names its tier.", "tier-1")
    tags: list[str] = about("All other tags.", ["crm"])
    schedule: str | None = maybe(
        "When drills start automatically, in words.",
        "At 03:00, on day 1 of the month (America/New_York)",
    )
    next_run: float | None = maybe("When Airflow starts the next drill. Epoch seconds.", MOMENT)
    next_run_note: str | None = maybe("Why there is no `nextRun`.", "none while the plan is paused")
    errors: list[PlanError] = about("Everything that is wrong in its file.", [])
    warnings: list[str] = about("What keeps it from running, or costs money.", [])
    live_executions: list[ExecutionSummary] = about("Those that have not ended, newest first.", [])
    last_drill: ExecutionSummary | None = maybe("The newest drill that has ended, however; no dry run.")
    last_recovery: ExecutionSummary | None = maybe("The newest real recovery that has ended; no dry run.")
    last_good_drill: ExecutionSummary | None = maybe("The newest that completed every wave of the plan.")
    proof: Proof = about("Whether the last good drill still counts.")
    objectives: MeasuredObjectives = about("What the last good drill measured.")
    changed_since_good_drill: bool | None = maybe("Whether it differs from the plan that was drilled.", False)


class PlanChange(PlanModel):
    """One thing that changed."""

    place: str = about("Where in the plan.", "Wave 2 Application")
    what: str = about("What.", "timeout 1 h 30 min → 30 min")


class PlanChanges(PlanModel):
    """How a plan differs from the one that the last good drill ran."""

    state: ChangeState = about("What is known of it.", "CHANGED")
    sentence: str = about("The same in words.", "1 change since the last good drill")
    changes: list[PlanChange] = about("What changes the recovery: that drill does not prove it.", [])
    texts: list[PlanChange] = about("What does not: names, descriptions, tags.", [])


class PlanWave(PlanModel):
    """One wave of a plan, in words."""

    wave_number: int = about("From 1, in the order of the plan.", 2)
    wave_name: str = about("Its name.", "Application")
    after: str = about("What it waits for.", "after Database")
    groups: list[str] = about("Its protection groups.", ["application: 2 servers, us-east-1"])
    gate: str | None = maybe("Who is asked before it.", "asks dba-lead")
    timeout: str = about("How long it may take.", "1 h 30 min")
    success: str = about("When it succeeds.", "every critical server launches")
    failure: str = about("What happens when it fails.", "what depends on it does not start")


class PlanDetail(Plan):
    """A plan with its waves and its changes."""

    changes: PlanChanges = about("How it differs from the plan of the last good drill.")
    waves: list[PlanWave] = about("What a recovery does; empty if its file cannot be used.", [])
    notices: list[str] = about("What could not be read for this answer, and why.", [])


class PlanList(PlanModel):
    """Every plan."""

    plans: list[Plan] = about("Plans that need attention come first, as in the console.", [])
    notices: list[str] = about("What could not be read for this answer, and why.", [])
