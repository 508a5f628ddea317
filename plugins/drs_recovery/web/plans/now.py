"""The plans as they are now, for pages and for programs: from the files, the record and Airflow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from drs_recovery.plan.model import DAG_ID_PREFIX
from drs_recovery.web import dependencies
from drs_recovery.web.airflow_facts import AllPlansInAirflow, PlanId, PlanInAirflow
from drs_recovery.web.dependencies import Store
from drs_recovery.web.plans import sources
from drs_recovery.web.plans.cards import plan_card
from drs_recovery.web.plans.drill_times import chart_drills
from drs_recovery.web.plans.inputs import PlanPast
from drs_recovery.web.plans.list import PlansView, plans_view
from drs_recovery.web.plans.view import PlanPage, plan_page
from drs_recovery.web.problems import not_found
from drs_recovery.web.security import CurrentPerson


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
