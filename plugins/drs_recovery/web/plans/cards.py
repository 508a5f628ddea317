"""Build the card of a plan: what it is, its last execution, what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from drs_recovery.web.airflow import AirflowPlanFacts
from drs_recovery.web.plans.plan_history import (
    DrillProof,
    PlanHistory,
    PlanKind,
    drill_proof,
    schedule_words,
)
from drs_recovery.web.shared import (
    ObjectiveResult,
    RunSummary,
    Timestamp,
    counted,
    objective_results,
    run_summary,
    timestamp_if,
)

if TYPE_CHECKING:
    from drs_recovery.exceptions import PlanProblem
    from drs_recovery.plan import LoadedPlans, RecoveryPlan, Schedule
    from drs_recovery.store import Times

_NO_FILE = "The plan is not on record yet: housekeeping records it within ten minutes, or its first execution"
_NOT_READ = "Airflow has not read this plan: it cannot be started yet"
_IMPORT_ERROR = "Airflow could not load the DAG file at its last try: what it runs may be older than the plan"
_STILL_BROKEN = "Airflow still has the errors of an earlier version of the file: it cannot be started yet"
_STILL_GOOD = "Airflow still has the version before the errors; it gives way to them at the next reading"
_PAUSED = "Paused in Airflow: neither a drill nor a real recovery starts until it is unpaused"


def plan_warnings(kind: PlanKind, facts: AirflowPlanFacts | None) -> Iterator[str]:
    """Say what keeps a plan from running, and where its file and Airflow disagree."""
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


def leftover_warnings(history: PlanHistory) -> Iterator[str]:
    """Say which of the last executions have instances that somebody wanted to be gone."""
    for execution, name in ((history.last_drill, "drill"), (history.last_recovery, "real recovery")):
        if execution and execution.get("terminationError") and not execution.get("instancesTerminated"):
            yield f"Not every instance of the last {name} could be terminated"


def next_run_note(kind: PlanKind, schedule: Schedule | None, facts: AirflowPlanFacts | None) -> str:
    """Say why no next drill can be told; empty where Airflow tells one."""
    if facts is None:
        return "not known: Airflow could not be asked"
    if facts.is_paused and not facts.is_placeholder:
        return "none while the plan is paused"
    if facts.next_run is not None:
        return ""
    if kind is PlanKind.GOOD and schedule is not None:
        return "not known to Airflow yet"
    return "no schedule" if kind is PlanKind.GOOD else "not known"


_TIER = re.compile(r"tier[-_ :]?\w+", re.IGNORECASE)


@dataclass(frozen=True)
class PlanAbout:
    """
    What a plan is; texts are empty where they are not known.

    :param tier: the tag that names the tier, such as ``tier-1``.
    :param servers: such as ``6 servers`` or ``4 servers and all with certain tags``.
    """

    name: str
    description: str = ""
    owner: str = ""
    tier: str = ""
    tags: tuple[str, ...] = ()
    servers: str = ""
    waves: str = ""
    schedule: str = ""


def about_plan(plan: RecoveryPlan) -> PlanAbout:
    """Describe a plan."""
    tier, tags = _tier_and_others(plan.tags)
    return PlanAbout(
        name=plan.name,
        description=plan.description or "",
        owner=plan.owner or "",
        tier=tier,
        tags=tags,
        servers=_servers(plan),
        waves=counted(len(plan.waves), "wave"),
        schedule=schedule_words(plan.schedule) if plan.schedule else "",
    )


def about_unread_plan(plan_id: str, facts: AirflowPlanFacts | None) -> PlanAbout:
    """Say what is known of a plan whose file is broken, or which is not on record yet."""
    if facts is None:
        return PlanAbout(plan_id)
    tier, tags = _tier_and_others(facts.tags)
    return PlanAbout(facts.name or plan_id, tier=tier, tags=tags)


def _tier_and_others(tags: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    tier = next((tag for tag in tags if _TIER.fullmatch(tag)), "")
    return tier, tuple(tag for tag in tags if tag != tier)


def _servers(plan: RecoveryPlan) -> str:
    groups = plan.protection_groups.values()
    listed = sum(len(group.servers or ()) for group in groups)
    parts = [counted(listed, "server")] if listed else []
    if any(group.tags for group in groups):
        parts.append("all with certain tags")
    return " and ".join(parts)


@dataclass(frozen=True)
class PlanCard:
    """
    A plan on the page of plans, and the head of its own page.

    :param kind: good; broken, with ``errors``; or known to Airflow only, since it is not on record yet.
    :param next_run_note: why there is no ``next_run``; empty if there is one.
    :param live: executions that have not ended, newest first; they get the badge.
    :param never: what to say where one of them is None: ``never``, or how far back nothing was found.
    :param changed_since_proof: whether the plan differs from the one that was drilled; None if not known.
    """

    plan_id: str
    dag_id: str
    kind: PlanKind
    about: PlanAbout
    file: str
    next_run: Timestamp | None
    next_run_note: str
    live: tuple[RunSummary, ...]
    last_drill: RunSummary | None
    last_recovery: RunSummary | None
    never: str
    proof: DrillProof
    objectives: tuple[ObjectiveResult, ObjectiveResult]
    changed_since_proof: bool | None
    warnings: tuple[str, ...]
    errors: tuple[PlanProblem, ...]
    can_start: bool

    @property
    def is_real_live(self) -> bool:
        """Whether a real recovery of it lives."""
        return any(run.badge.is_alarm for run in self.live)

    @property
    def urgency(self) -> tuple[int, str, str]:
        """Sort key: live real recovery, live, broken, without recent good drill, with warning; by name."""
        signs = (
            self.is_real_live,
            bool(self.live),
            self.kind is PlanKind.BROKEN,
            self.proof.is_warning,
            bool(self.warnings),
            True,
        )
        return signs.index(True), self.about.name.casefold(), self.plan_id


def plan_card(
    loaded: LoadedPlans,
    plan_id: str,
    history: PlanHistory,
    airflow: Mapping[str, AirflowPlanFacts] | None,
    now: float,
) -> PlanCard:
    """Compose the card of one plan: a good or a broken one, or one that only Airflow knows."""
    plan, error = loaded.plans.get(plan_id), loaded.broken.get(plan_id)
    kind = PlanKind.GOOD if plan else PlanKind.BROKEN if error else PlanKind.NO_FILE
    facts = None if airflow is None else airflow.get(plan_id, AirflowPlanFacts(in_airflow=False))
    schedule = plan.schedule if plan else None
    proven = history.last_good_drill
    return PlanCard(
        plan_id=plan_id,
        dag_id=f"recover_{plan_id}",
        kind=kind,
        about=about_plan(plan) if plan else about_unread_plan(plan_id, facts),
        file=loaded.sources[plan_id].name if plan_id in loaded.sources else "",
        next_run=timestamp_if(facts.next_run) if facts and not facts.is_paused else None,
        next_run_note=next_run_note(kind, schedule, facts),
        live=tuple(map(run_summary, history.live)),
        last_drill=history.last_drill and run_summary(history.last_drill),
        last_recovery=history.last_recovery and run_summary(history.last_recovery),
        never=f"not {history.where}" if history.where else "never",
        proof=drill_proof(history, schedule, now),
        objectives=objective_results(proven.get("measured", {}) if proven else {}, _objectives(plan)),
        changed_since_proof=plan.digest() != proven["planHash"] if plan and proven else None,
        warnings=(*plan_warnings(kind, facts), *leftover_warnings(history)),
        errors=error.problems if error else (),
        can_start=bool(facts and facts.in_airflow and not facts.is_placeholder),
    )


def _objectives(plan: RecoveryPlan | None) -> Times:
    promised = plan.objectives if plan else ()
    return cast("Times", {name: span.total_seconds() for name, span in promised if span is not None})
