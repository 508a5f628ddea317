"""Plans, as the API describes them."""

from __future__ import annotations

from drs_recovery.web.api.models_base import Record, known, later, maybe
from drs_recovery.web.api.models_execution import ExecutionSummary
from drs_recovery.web.plans.changes import ChangeState
from drs_recovery.web.plans.drill_proof import ProofState
from drs_recovery.web.plans.inputs import PlanKind
from drs_recovery.web.shared.objectives import ObjectiveState


class PlanError(Record):
    """One thing that is wrong in a plan file."""

    file: str = known("Name of the file.", "payroll.yaml")
    place: str = known("Path inside the file; empty for the whole of it.", "waves[1].servers[0]")
    message: str = known("What is wrong and what was expected.", '"s-12" is not a DRS source server id')


class Proof(Record):
    """Whether the last good drill still proves that the plan works."""

    state: ProofState = known(
        "FRESH; OVERDUE if it is too old, by the plan's schedule or after 90 days; NEVER if there is none.",
        "OVERDUE",
    )
    sentence: str = known("The same in words.", "Last good drill 120 days ago: older than 90 days")
    age: int | None = maybe("Seconds since the end of the last good drill, in full minutes.", 10368000)


class Measured(Record):
    """What the last good drill measured, against what the plan promises now."""

    state: ObjectiveState = known("What came of it.", "MET")
    sentence: str = known("The same in words.", "RTO 42 min of 1 h: met")
    measured: float | None = maybe("Seconds that were measured.", 2522.5)
    objective: float | None = maybe("Seconds that the plan promises.", 3600)


class MeasuredObjectives(Record):
    """Recovery time and recovery point."""

    rto: Measured = known("Recovery time.")
    rpo: Measured = known("Recovery point.")


class Plan(Record):
    """A plan, as its card in the console shows it."""

    plan_id: str = known(
        "Its id; of a file whose id cannot be known, the name of the file.", "three-tier-crm"
    )
    plan_name: str = known("Its name.", "Three-tier CRM")
    dag_id: str = known("Airflow's id of its DAG.", "recover_three-tier-crm")
    kind: PlanKind = known(
        "GOOD; BROKEN, with `errors`; or NO_FILE if only Airflow knows it, since its file is not here.",
        "GOOD",
    )
    can_start: bool = known("Whether Airflow has a DAG of it that can be triggered.", True)
    file: str | None = maybe("Name of its file.", "three-tier-crm.yaml")
    description: str | None = maybe("What it is for.", "Database first, then application, then web.")
    owner: str | None = maybe("Team that answers for it.", "crm-team")
    tier: str | None = maybe("The tag that names its tier.", "tier-1")
    tags: list[str] = known("All other tags.", ["crm"])
    schedule: str | None = maybe(
        "When drills start by themselves, in words.",
        "At 03:00, on day 1 of the month (America/New_York)",
    )
    next_run: float | None = later("When Airflow starts the next drill by itself.")
    next_run_note: str | None = maybe("Why there is no `nextRun`.", "none while the plan is paused")
    errors: list[PlanError] = known("Everything that is wrong in its file.", [])
    warnings: list[str] = known("What keeps it from running, or costs money.", [])
    live_executions: list[ExecutionSummary] = known("Those that have not ended, newest first.", [])
    last_drill: ExecutionSummary | None = maybe("The newest drill that has ended, however; no dry run.")
    last_recovery: ExecutionSummary | None = maybe("The newest real recovery that has ended; no dry run.")
    last_good_drill: ExecutionSummary | None = maybe("The newest that completed every wave of the plan.")
    proof: Proof = known("Whether the last good drill still counts.")
    objectives: MeasuredObjectives = known("What the last good drill measured.")
    changed_since_good_drill: bool | None = maybe("Whether it differs from the plan that was drilled.", False)


class PlanChange(Record):
    """One thing that changed."""

    place: str = known("Where in the plan.", "Wave 2 Application")
    what: str = known("What.", "time-out 1 h 30 min → 30 min")


class PlanChanges(Record):
    """How a plan differs from the one that the last good drill ran."""

    state: ChangeState = known("What is known of it.", "CHANGED")
    sentence: str = known("The same in words.", "1 change since the last good drill")
    changes: list[PlanChange] = known("What changes the recovery: that drill does not prove it.", [])
    texts: list[PlanChange] = known("What does not: names, descriptions, tags.", [])


class PlanWave(Record):
    """One wave of a plan, in words."""

    wave_number: int = known("From 1, in the order of the plan.", 2)
    wave_name: str = known("Its name.", "Application")
    after: str = known("What it waits for.", "after Database")
    groups: list[str] = known("Its protection groups.", ["application: 2 servers, us-east-1"])
    gate: str | None = maybe("Who is asked before it.", "asks dba-lead")
    timeout: str = known("How long it may take.", "1 h 30 min")
    success: str = known("When it succeeds.", "every critical server launches")
    failure: str = known("What happens when it fails.", "what depends on it does not start")


class PlanDetail(Plan):
    """A plan with its waves and its changes."""

    changes: PlanChanges = known("How it differs from the plan of the last good drill.")
    waves: list[PlanWave] = known("What a recovery does; empty if its file cannot be used.", [])
    notices: list[str] = known("What could not be asked for this answer, and why.", [])


class PlanList(Record):
    """Every plan."""

    plans: list[Plan] = known("What needs somebody comes first, as in the console.", [])
    notices: list[str] = known("What could not be asked for this answer, and why.", [])
