"""Serve the pages of plans: one card each, the urgent ones first, and each plan by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from drs_recovery.durations import words
from drs_recovery.plan import (
    DAG_ID_PREFIX,
    Gate,
    LoadedPlans,
    ProtectionGroup,
    RecoveryPlan,
    SuccessRule,
    Wave,
)
from drs_recovery.store import Execution, ExecutionRecord, PlanPoints, WaveRecord
from drs_recovery.web import dependencies
from drs_recovery.web.airflow import AirflowPlanFacts, AllPlansInAirflow, PlanId, PlanInAirflow
from drs_recovery.web.dependencies import LiveRecoveries, Store
from drs_recovery.web.plans import plan_history
from drs_recovery.web.plans.cards import PlanCard, plan_card
from drs_recovery.web.plans.changes import PlanChanges, plan_changes
from drs_recovery.web.plans.charts import DrillChart, OutcomeChart, outcome_chart
from drs_recovery.web.plans.drill_charts import chart_drills, recovery_time_chart, wave_time_charts
from drs_recovery.web.plans.plan_history import PlanHistory, PlanKind
from drs_recovery.web.plans.points_in_time import PointsView, points_view
from drs_recovery.web.problems import not_found
from drs_recovery.web.rendering import render
from drs_recovery.web.security import CurrentPerson
from drs_recovery.web.shared import RunSummary, counted, run_summary


@dataclass(frozen=True)
class PlansNow:
    """
    Every plan that a person may see.

    :param airflow_missing: why Airflow could not be asked; empty if it could.
    """

    view: PlansView
    histories: Mapping[str, PlanHistory]
    airflow_missing: str
    moment: float


@dataclass(frozen=True)
class PlanNow:
    """One plan that a person may see."""

    view: PlanPage
    history: PlanHistory
    airflow_missing: str
    moment: float


def _all_plans(store: Store, person: CurrentPerson, airflow: AllPlansInAirflow) -> PlansNow:
    loaded, now = dependencies.read_plans(store, person), time.time()
    facts = airflow.of_those(person)
    histories = plan_history.read_histories(store, dict.fromkeys([*loaded.sources, *(facts or {})]))
    view = plans_view(loaded, histories, facts, now)
    return PlansNow(view, histories, airflow.problem, now)


def _one_plan(plan_id: PlanId, store: Store, person: CurrentPerson, airflow: PlanInAirflow) -> PlanNow:
    person.demand_read(f"{DAG_ID_PREFIX}{plan_id}", f"there is no plan {plan_id!r}")
    loaded, history = dependencies.read_plans(store, person), plan_history.read_history(store, plan_id)
    if not (plan_id in loaded.sources or airflow.plans or history.executions):
        raise not_found(f"there is no plan {plan_id!r}")
    drilled, now = history.last_good_drill, time.time()
    points = store.points.of_plan(plan_id)
    view = plan_page(
        plan_card(loaded, plan_id, history, airflow.plans, now),
        loaded.plans.get(plan_id),
        drilled and store.get_execution(drilled["executionId"]),
        history.executions,
        plan_history.read_waves(store, chart_drills(history.executions)),
        points,
    )
    return PlanNow(view, history, airflow.problem, now)


AllPlansNow = Annotated[PlansNow, Depends(_all_plans)]
OnePlanNow = Annotated[PlanNow, Depends(_one_plan)]
"""The plan behind ``{plan_id}``; 404 if there is none that this person may see."""


# Seconds after which the browser asks for a page of plans again.
_REFRESH = 15

router = APIRouter()


@router.get("/", name="home")
@router.get("/plans", name="plans")
def plans(request: Request, found: AllPlansNow, recoveries: LiveRecoveries) -> Response:
    """Show every plan."""
    return render(
        request,
        "plans.html",
        recoveries=recoveries,
        view=found.view,
        airflow_missing=found.airflow_missing,
        refresh=_REFRESH,
    )


@router.get("/plans/{plan_id}", name="plan")
def plan(request: Request, found: OnePlanNow, recoveries: LiveRecoveries) -> Response:
    """Show one plan: what is proven of it, what changed since, and what became of it."""
    return render(
        request,
        "plan.html",
        recoveries=recoveries,
        view=found.view,
        airflow_missing=found.airflow_missing,
        refresh=_REFRESH,
    )


_NO_HISTORY = PlanHistory()


@dataclass(frozen=True)
class PlansView:
    """
    The page of plans.

    :param cards: the urgent ones first.
    :param headline: the counts in sentences, the most urgent first; never empty.
    """

    cards: tuple[PlanCard, ...]
    headline: tuple[str, ...]


def plans_view(
    loaded: LoadedPlans,
    histories: Mapping[str, PlanHistory],
    airflow: Mapping[str, AirflowPlanFacts] | None,
    now: float,
) -> PlansView:
    """
    Compose the page of plans; only what the person may read is to be passed in.

    :param airflow: what Airflow knows, by plan id; None if it could not be asked. A plan that is not recorded
        yet gets a card, too.
    """
    ids = dict.fromkeys([*loaded.plans, *loaded.broken, *(airflow or {})])
    cards = sorted(
        (plan_card(loaded, one, histories.get(one, _NO_HISTORY), airflow, now) for one in ids),
        key=lambda card: card.urgency,
    )
    live = sum(bool(card.live) for card in cards)
    broken = sum(card.kind is PlanKind.BROKEN for card in cards)
    unproven = sum(card.proof.is_warning for card in cards)
    return PlansView(tuple(cards), tuple(_headline(len(cards), live, broken, unproven)))


def _headline(total: int, live: int, broken: int, unproven: int) -> Iterator[str]:
    if total == 0:
        yield "There are no plans"
        return
    of_all = f"of {counted(total, 'plan')}"
    if live:
        yield f"{live} {of_all} {_verb(live)} a live execution"
    if broken:
        yield f"{broken} {of_all} {_verb(broken)} errors and cannot be used"
    if unproven:
        yield f"{unproven} {of_all} {_verb(unproven)} no recent good drill"
    else:
        yield "Every plan has a recent good drill"


def _verb(count: int) -> str:
    return "has" if count == 1 else "have"


_FAILURES = {
    "stop": "what depends on it does not start",
    "continue": "the execution continues",
    "ask": "people are asked",
}


@dataclass(frozen=True)
class PlanWave:
    """
    One wave of a plan.

    :param after: such as ``after Database``, or ``at once``.
    :param groups: each with its servers and Region, such as ``database: 2 servers, us-east-1``.
    """

    number: int
    name: str
    after: str
    groups: tuple[str, ...]
    gate: str
    timeout: str
    success: str
    failure: str


def plan_waves(plan: RecoveryPlan) -> tuple[PlanWave, ...]:
    """Describe the waves of a plan, in order."""
    return tuple(_plan_wave(plan, number, wave) for number, wave in enumerate(plan.waves, start=1))


def _plan_wave(plan: RecoveryPlan, number: int, wave: Wave) -> PlanWave:
    earlier = [plan.wave(other).name for other in plan.dependencies(number)]
    return PlanWave(
        number=number,
        name=wave.name,
        after=f"after {', '.join(earlier)}" if earlier else "at once",
        groups=tuple(_group(name, group) for name, group in plan.groups_of(number)),
        gate=_gates(plan, number, wave),
        timeout=words(wave.timeout.total_seconds()),
        success=_success(wave.success_when),
        failure=_FAILURES[wave.on_failure],
    )


def _group(name: str, group: ProtectionGroup) -> str:
    if group.servers:
        servers = counted(len(group.servers), "server")
    else:
        tags = ", ".join(f"{key}={value}" for key, value in (group.tags or {}).items())
        servers = f"servers with {tags}"
    return f"{name}: {servers}, {group.region}"


def _gates(plan: RecoveryPlan, number: int, wave: Wave) -> str:
    if wave.pause_before:
        return f"asks {_people(wave.pause_before)}"
    if plan.approval.recovery and not plan.dependencies(number):
        return f"asks {_people(plan.approval.recovery)} in a real recovery"
    return ""


def _people(gate: Gate) -> str:
    return " or ".join(gate.approvers) or "everyone who may trigger the plan"


def _success(rule: SuccessRule) -> str:
    if rule.kind == "percentage":
        return f"{rule.percent}% of its servers launch"
    return "every server launches" if rule.kind == "all" else "every critical server launches"


@dataclass(frozen=True)
class PlanPage:
    """Everything about one plan; charts are None or empty where nothing has been measured."""

    card: PlanCard
    waves: tuple[PlanWave, ...]
    changes: PlanChanges
    recovery_times: DrillChart | None
    wave_times: tuple[DrillChart, ...]
    outcomes: OutcomeChart
    history: tuple[RunSummary, ...]
    points: PointsView


def plan_page(
    card: PlanCard,
    plan: RecoveryPlan | None,
    last_good_drill: ExecutionRecord | None,
    executions: Sequence[Execution],
    waves: Mapping[str, Sequence[WaveRecord]],
    points: PlanPoints | None = None,
) -> PlanPage:
    """
    Compose the page of a plan.

        :func:`~drs_recovery.web.plans.drill_charts.chart_drills` picks from the executions.
    """
    drills = chart_drills(executions)
    rto = plan.objectives.rto.total_seconds() if plan and plan.objectives.rto else None
    names = [wave.name for wave in plan.waves] if plan else _wave_names(drills, waves)
    return PlanPage(
        card=card,
        waves=plan_waves(plan) if plan else (),
        changes=plan_changes(plan, last_good_drill),
        recovery_times=recovery_time_chart(drills, rto),
        wave_times=wave_time_charts(drills, waves, names, rto),
        outcomes=outcome_chart(drills),
        history=tuple(map(run_summary, executions)),
        points=points_view(points),
    )


def _wave_names(drills: Sequence[Execution], waves: Mapping[str, Sequence[WaveRecord]]) -> list[str]:
    """Names of the waves of the newest drill, for a plan that cannot be read."""
    newest = waves.get(drills[-1]["executionId"], ()) if drills else ()
    return [wave["waveName"] for wave in sorted(newest, key=lambda wave: int(wave["waveNumber"]))]
