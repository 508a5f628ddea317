"""Serve the pages of plans: one card each, the urgent ones first, and each plan by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from drs_recovery.plan.loader import LoadedPlans
from drs_recovery.plan.model import DAG_ID_PREFIX
from drs_recovery.web import dependencies
from drs_recovery.web.airflow import AirflowPlanFacts, AllPlansInAirflow, PlanId, PlanInAirflow
from drs_recovery.web.alarms import LiveRecoveries
from drs_recovery.web.dependencies import Store
from drs_recovery.web.plans import sources
from drs_recovery.web.plans.cards import PlanCard, plan_card
from drs_recovery.web.plans.drill_charts import chart_drills
from drs_recovery.web.plans.sources import PlanKind, PlanPast
from drs_recovery.web.plans.view import PlanPage, plan_page
from drs_recovery.web.problems import not_found
from drs_recovery.web.rendering import render
from drs_recovery.web.security import CurrentPerson
from drs_recovery.web.shared.formatting import counted


@dataclass(frozen=True)
class PlansNow:
    """
    Every plan that a person may see.

    :param view: what is said of them.
    :param pasts: the executions of which that is said, by plan id.
    :param airflow_missing: why Airflow could not be asked; empty if it could.
    :param moment: epoch seconds at which they were like that.
    """

    view: PlansView
    pasts: Mapping[str, PlanPast]
    airflow_missing: str
    moment: float


@dataclass(frozen=True)
class PlanNow:
    """
    One plan that a person may see.

    :param view: what is said of it.
    :param past: the executions of which that is said.
    :param notice: why the plan files could not be read; empty if they could.
    :param airflow_missing: why Airflow could not be asked; empty if it could.
    :param moment: epoch seconds at which it was like that.
    """

    view: PlanPage
    past: PlanPast
    notice: str
    airflow_missing: str
    moment: float


def _all_plans(store: Store, person: CurrentPerson, airflow: AllPlansInAirflow) -> PlansNow:
    read, now = dependencies.read_plans(person), time.time()
    facts = airflow.of_those(person)
    pasts = sources.pasts_of(store, dict.fromkeys([*read.loaded.sources, *(facts or {})]))
    view = plans_view(read.loaded, pasts, facts, now, read.notice)
    return PlansNow(view, pasts, airflow.problem, now)


def _one_plan(plan_id: PlanId, store: Store, person: CurrentPerson, airflow: PlanInAirflow) -> PlanNow:
    person.demand_read(f"{DAG_ID_PREFIX}{plan_id}", f"there is no plan {plan_id!r}")
    read, history = dependencies.read_plans(person), sources.history_of(store, plan_id)
    if not (plan_id in read.loaded.sources or airflow.plans or history.executions):
        raise not_found(f"there is no plan {plan_id!r}")
    drilled, now = history.past.last_good_drill, time.time()
    view = plan_page(
        plan_card(read.loaded, plan_id, history.past, airflow.plans, now),
        read.loaded.plans.get(plan_id),
        drilled and store.get_execution(drilled["executionId"]),
        history.executions,
        sources.waves_of(store, chart_drills(history.executions)),
    )
    return PlanNow(view, history.past, read.notice, airflow.problem, now)


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
        notice=found.notice,
        airflow_missing=found.airflow_missing,
        refresh=_REFRESH,
    )


_NO_PAST = PlanPast()


@dataclass(frozen=True)
class PlansView:
    """
    The page of plans.

    :param cards: the urgent ones first.
    :param live: how many plans have a live execution.
    :param broken: how many cannot be used.
    :param unproven: how many have no good drill that is recent enough.
    :param headline: the counts in sentences, the most urgent first; never empty.
    :param notice: why the plan files could not be read; empty if they could.
    """

    cards: tuple[PlanCard, ...]
    live: int
    broken: int
    unproven: int
    headline: tuple[str, ...]
    notice: str


def plans_view(
    loaded: LoadedPlans,
    pasts: Mapping[str, PlanPast],
    airflow: Mapping[str, AirflowPlanFacts] | None,
    now: float,
    notice: str = "",
) -> PlansView:
    """
    Compose the page of plans; only what the person may read is to be passed in.

    :param loaded: the plan files.
    :param pasts: executions by plan id.
    :param airflow: what Airflow knows, by plan id; None if it could not be asked. A plan of which there is no
        file gets a card, too.
    :param now: epoch seconds.
    :param notice: why the plan files could not be read.
    """
    ids = dict.fromkeys([*loaded.plans, *loaded.broken, *(airflow or {})])
    cards = sorted(
        (plan_card(loaded, one, pasts.get(one, _NO_PAST), airflow, now) for one in ids),
        key=lambda card: card.urgency,
    )
    live = sum(bool(card.live) for card in cards)
    broken = sum(card.kind is PlanKind.BROKEN for card in cards)
    unproven = sum(card.proof.is_warning for card in cards)
    return PlansView(
        tuple(cards), live, broken, unproven, tuple(_headline(len(cards), live, broken, unproven)), notice
    )


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
