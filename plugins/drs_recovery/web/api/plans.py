"""Plans over the API: all of them, and each by itself."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from drs_recovery.web.api.answers import json_answer
from drs_recovery.web.api.examples_plan import PLAN_DETAIL, PLANS
from drs_recovery.web.api.models_plan import PlanDetail, PlanList
from drs_recovery.web.api.plan_values import values_of_all, values_of_one
from drs_recovery.web.api.queries import demand_no_query
from drs_recovery.web.api.responses import example_of, problems
from drs_recovery.web.plans.now import AllPlansNow, OnePlanNow

router = APIRouter(prefix="/plans", tags=["plans"], dependencies=[Depends(demand_no_query)])


@router.get(
    "", summary="List plans", response_model=PlanList, responses={200: example_of(PLANS), **problems()}
)
def list_plans(request: Request, found: AllPlansNow) -> Response:
    """
    Every plan, also those with errors: what is proven of it, what became of it last, and when it runs next.

    Looks at the newest 50 executions of each plan.
    """
    return json_answer(request, values_of_all(found))


@router.get(
    "/{plan_id}",
    summary="Read a plan",
    response_model=PlanDetail,
    responses={200: example_of(PLAN_DETAIL), **problems(404)},
)
def read_plan(request: Request, found: OnePlanNow) -> Response:
    """
    One plan, with what changed since its last good drill and what a recovery does.

    Its executions are at `/executions?plan=`.
    """
    return json_answer(request, values_of_one(found))
