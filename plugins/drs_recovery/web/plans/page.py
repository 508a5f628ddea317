"""The pages of plans: all of them, and each by itself."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from drs_recovery.web.alarms import LiveRecoveries
from drs_recovery.web.plans.now import AllPlansNow, OnePlanNow
from drs_recovery.web.rendering import render

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
