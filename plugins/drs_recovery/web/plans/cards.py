"""One plan on a card: what it is, what happened to it last, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drs_recovery.exceptions import PlanProblem
from drs_recovery.plan.loader import LoadedPlans
from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.web.airflow import AirflowPlanFacts
from drs_recovery.web.plans.about import PlanAbout, about_plan, about_unread_plan
from drs_recovery.web.plans.drill_proof import DrillProof, drill_proof
from drs_recovery.web.plans.inputs import PlanKind, PlanPast, Record
from drs_recovery.web.plans.warnings import left_overs, next_run_note, plan_warnings
from drs_recovery.web.shared.objectives import ObjectiveResult, objective_results
from drs_recovery.web.shared.runs import RunSummary, run_summary
from drs_recovery.web.shared.timestamps import Moment, moment_if


@dataclass(frozen=True)
class PlanCard:
    """
    A plan on the page of plans, and the head of its own page.

    :param plan_id: id of the plan, or of a broken one as far as it is known.
    :param dag_id: its DAG, for links into Airflow.
    :param kind: good; broken, with ``errors``; or known to Airflow only, since its file is not here.
    :param about: what its file says of it.
    :param file: name of the plan's file; empty where it is not here.
    :param next_run: when Airflow starts the next drill by itself.
    :param next_run_note: why there is no ``next_run``; empty if there is one.
    :param live: executions that have not ended, newest first; they get the badge.
    :param last_drill: the newest drill that has ended, however it ended.
    :param last_recovery: the newest real recovery that has ended.
    :param never: what to say where one of them is None: ``never``, or how far back nothing was found.
    :param proof: the last good drill, its age, and whether that is too old.
    :param objectives: RTO and RPO of the last good drill against what the plan promises now.
    :param changed_since_proof: whether the plan differs from the one that was drilled; None if not known.
    :param warnings: sentences: paused, not in Airflow yet, file and Airflow disagree, instances left over.
    :param errors: of a broken plan, each with file, place and what was expected.
    :param can_start: whether Airflow has a DAG that can be triggered.
    """

    plan_id: str
    dag_id: str
    kind: PlanKind
    about: PlanAbout
    file: str
    next_run: Moment | None
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
    past: PlanPast,
    airflow: Mapping[str, AirflowPlanFacts] | None,
    now: float,
) -> PlanCard:
    """
    Compose the card of one plan.

    :param loaded: the plan files.
    :param plan_id: of a good or a broken plan, or of one that only Airflow knows.
    :param past: its executions.
    :param airflow: what Airflow knows, by plan id; None if it could not be asked.
    :param now: epoch seconds.
    """
    plan, error = loaded.plans.get(plan_id), loaded.broken.get(plan_id)
    kind = PlanKind.GOOD if plan else PlanKind.BROKEN if error else PlanKind.NO_FILE
    facts = None if airflow is None else airflow.get(plan_id, AirflowPlanFacts(in_airflow=False))
    schedule = plan.schedule if plan else None
    proven = past.last_good_drill
    return PlanCard(
        plan_id=plan_id,
        dag_id=f"recover_{plan_id}",
        kind=kind,
        about=about_plan(plan) if plan else about_unread_plan(plan_id, facts),
        file=loaded.sources[plan_id].name if plan_id in loaded.sources else "",
        next_run=moment_if(facts.next_run) if facts and not facts.is_paused else None,
        next_run_note=next_run_note(kind, schedule, facts),
        live=tuple(map(run_summary, past.live)),
        last_drill=_summary(past.last_drill),
        last_recovery=_summary(past.last_recovery),
        never=f"not {past.where}" if past.where else "never",
        proof=drill_proof(past, schedule, now),
        objectives=objective_results(proven.get("measured", {}) if proven else {}, _objectives(plan)),
        changed_since_proof=_has_changed(plan, proven),
        warnings=(*plan_warnings(kind, facts), *left_overs(past)),
        errors=error.problems if error else (),
        can_start=bool(facts and facts.in_airflow and not facts.is_placeholder),
    )


def _summary(execution: Record | None) -> RunSummary | None:
    return None if execution is None else run_summary(execution)


def _objectives(plan: RecoveryPlan | None) -> dict[str, float]:
    if plan is None:
        return {}
    return {name: span.total_seconds() for name, span in plan.objectives if span is not None}


def _has_changed(plan: RecoveryPlan | None, proven: Record | None) -> bool | None:
    return None if plan is None or proven is None else plan.digest() != proven["planHash"]
