"""Serve plans over the API: numbers for programs where pages have words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from drs_recovery.store.execution_types import ExecutionSummary
from drs_recovery.web.api.answers import json_answer
from drs_recovery.web.api.examples_plan import PLAN_DETAIL, PLANS
from drs_recovery.web.api.models_plan import PlanDetail, PlanList
from drs_recovery.web.api.queries import demand_no_query
from drs_recovery.web.api.responses import example_of, problems
from drs_recovery.web.plans.cards import PlanCard
from drs_recovery.web.plans.drill_proof import DrillProof
from drs_recovery.web.plans.page import AllPlansNow, OnePlanNow, PlanNow, PlansNow
from drs_recovery.web.plans.sources import PlanPast, Record
from drs_recovery.web.plans.view import PlanWave
from drs_recovery.web.shared.objectives import ObjectiveResult

_SUMMARY = tuple(ExecutionSummary.__annotations__)


def values_of_all(found: PlansNow) -> dict[str, Any]:
    """
    Tell of all plans.

    :param found: what is known of them.
    :return: as :class:`~drs_recovery.web.api.models_plan.PlanList`.
    """
    plans = [_plan(card, found.pasts[card.plan_id], found.moment) for card in found.view.cards]
    return {"plans": plans, "notices": _said(found.view.notice, found.airflow_missing)}


def values_of_one(found: PlanNow) -> dict[str, Any]:
    """
    Tell of one plan.

    :param found: what is known of it.
    :return: as :class:`~drs_recovery.web.api.models_plan.PlanDetail`.
    """
    view = found.view
    return {
        **_plan(view.card, found.past, found.moment),
        "changes": asdict(view.changes),
        "waves": [_wave(wave) for wave in view.waves],
        "notices": _said(found.notice, found.airflow_missing),
    }


def _plan(card: PlanCard, past: PlanPast, now: float) -> dict[str, Any]:
    about, (rto, rpo) = card.about, card.objectives
    return {
        "planId": card.plan_id,
        "planName": about.name,
        "dagId": card.dag_id,
        "kind": card.kind,
        "canStart": card.can_start,
        "tags": about.tags,
        "errors": [asdict(error) for error in card.errors],
        "warnings": card.warnings,
        "liveExecutions": _summaries(past.live),
        "proof": _proof(card.proof, now),
        "objectives": {"rto": _objective(rto), "rpo": _objective(rpo)},
        **_present(
            file=card.file,
            description=about.description,
            owner=about.owner,
            tier=about.tier,
            schedule=about.schedule,
            nextRun=card.next_run and card.next_run.seconds,
            nextRunNote=card.next_run_note,
            lastDrill=_summary(past.last_drill),
            lastRecovery=_summary(past.last_recovery),
            lastGoodDrill=_summary(past.last_good_drill),
            changedSinceGoodDrill=card.changed_since_proof,
        ),
    }


def _summaries(executions: Iterable[Record]) -> list[dict[str, Any] | None]:
    return [_summary(execution) for execution in executions]


def _summary(execution: Record | None) -> dict[str, Any] | None:
    if execution is None:
        return None
    return {name: execution[name] for name in _SUMMARY if name in execution}


def _proof(proof: DrillProof, now: float) -> dict[str, Any]:
    said = {"state": proof.state, "sentence": proof.sentence}
    if proof.ended is None:
        return said
    # In full minutes, so that the same answer stays the same for a while.
    return {**said, "age": max(0, int((now - proof.ended.seconds) // 60 * 60))}


def _objective(result: ObjectiveResult) -> dict[str, Any]:
    seconds = _present(measured=result.measured_seconds, objective=result.objective_seconds)
    return {"state": result.state, "sentence": result.sentence, **seconds}


def _wave(wave: PlanWave) -> dict[str, Any]:
    told = asdict(wave)
    return {"waveNumber": told.pop("number"), "waveName": told.pop("name"), **_present(**told)}


def _present(**values: Any) -> Mapping[str, Any]:
    """Without what is not known: fields without a value are absent."""
    return {name: value for name, value in values.items() if value is not None and value != ""}


def _said(*sentences: str) -> list[str]:
    return [sentence for sentence in sentences if sentence]


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
