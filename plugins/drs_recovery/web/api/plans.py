"""Serve plans over the API: numbers for programs where pages have words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from drs_recovery.store import MOMENT, Execution, ExecutionSummary, PlanPoints, about
from drs_recovery.web.api.plan_examples import PLAN_DETAIL, PLANS, POINTS
from drs_recovery.web.api.queries import demand_no_query
from drs_recovery.web.api.responses import example_of, json_answer, problems
from drs_recovery.web.dependencies import Store
from drs_recovery.web.plans import (
    AllPlansNow,
    ChangeState,
    DrillProof,
    OnePlanNow,
    PlanCard,
    PlanHistory,
    PlanKind,
    PlanNow,
    PlansNow,
    ProofState,
    page,
)
from drs_recovery.web.problems import not_found
from drs_recovery.web.shared import ObjectiveResult, ObjectiveState


def never_null(schema: dict[str, Any]) -> None:
    """Say that a value is absent, never null, as long as there is none."""
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
    """One error in a plan file."""

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

    state: ObjectiveState = about("The result.", "MET")
    sentence: str = about("The same in words.", "RTO 42 min of 1 h: met")
    measured: float | None = maybe("Seconds that were measured.", 2522.5)
    objective: float | None = maybe("Seconds that the plan promises.", 3600)


class MeasuredObjectives(PlanModel):
    """Recovery time and recovery point."""

    rto: Measured = about("Recovery time.")
    rpo: Measured = about("Recovery point.")


class Plan(PlanModel):
    """A plan, as its card in the console shows it."""

    plan_id: str = about("Its id; if the file has no readable id, the name of the file.", "three-tier-crm")
    plan_name: str = about("Its name.", "Three-tier CRM")
    dag_id: str = about("Airflow's id of its DAG.", "recover_three-tier-crm")
    kind: PlanKind = about(
        "GOOD; BROKEN, with `errors`; or NO_FILE if Airflow has its DAG but the plan is not on record yet.",
        "GOOD",
    )
    can_start: bool = about("Whether Airflow has a DAG of it that can be triggered.", True)
    file: str | None = maybe("Name of its file.", "three-tier-crm.yaml")
    description: str | None = maybe("What it is for.", "Database first, then application, then web.")
    owner: str | None = maybe("Team responsible for it.", "crm-team")
    tier: str | None = maybe("The tag that names its tier.", "tier-1")
    tags: list[str] = about("All other tags.", ["crm"])
    schedule: str | None = maybe(
        "When drills start automatically, in words.",
        "At 03:00, on day 1 of the month (America/New_York)",
    )
    next_run: float | None = maybe("When Airflow starts the next drill. Epoch seconds.", MOMENT)
    next_run_note: str | None = maybe("Why there is no `nextRun`.", "none while the plan is paused")
    errors: list[PlanError] = about("All errors in its file.", [])
    warnings: list[str] = about("Problems that keep it from running or cost money.", [])
    live_executions: list[ExecutionSummary] = about("Those that have not ended, newest first.", [])
    last_drill: ExecutionSummary | None = maybe(
        "The newest drill that has ended, with any result; no dry run."
    )
    last_recovery: ExecutionSummary | None = maybe("The newest real recovery that has ended; no dry run.")
    last_good_drill: ExecutionSummary | None = maybe(
        "The newest drill that completed every wave of the plan."
    )
    proof: Proof = about("Whether the last good drill still counts.")
    objectives: MeasuredObjectives = about("What the last good drill measured.")
    changed_since_good_drill: bool | None = maybe("Whether it differs from the plan that was drilled.", False)


class PlanChange(PlanModel):
    """One change."""

    place: str = about("Where in the plan.", "Wave 2 Application")
    what: str = about("The change.", "timeout 1 h 30 min → 30 min")


class PlanChanges(PlanModel):
    """How a plan differs from the one that the last good drill ran."""

    state: ChangeState = about("The result of the comparison.", "CHANGED")
    sentence: str = about("The same in words.", "1 change since the last good drill")
    changes: list[PlanChange] = about("Changes to the recovery, which that drill does not prove.", [])
    texts: list[PlanChange] = about("Other changes: names, descriptions, tags.", [])


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


_SUMMARY = tuple(ExecutionSummary.__annotations__)


def values_of_all(found: PlansNow) -> dict[str, Any]:
    """All plans, as :class:`PlanList` describes them."""
    plans = [_plan(card, found.histories[card.plan_id], found.moment) for card in found.view.cards]
    return {"plans": plans, "notices": _without_empty(found.airflow_missing)}


def values_of_one(found: PlanNow) -> dict[str, Any]:
    """One plan, as :class:`PlanDetail` describes it."""
    view = found.view
    return {
        **_plan(view.card, found.history, found.moment),
        "changes": asdict(view.changes),
        "waves": [_wave(wave) for wave in view.waves],
        "notices": _without_empty(found.airflow_missing),
    }


def _plan(card: PlanCard, history: PlanHistory, now: float) -> dict[str, Any]:
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
        "liveExecutions": [_summary(execution) for execution in history.live],
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
            lastDrill=_summary(history.last_drill),
            lastRecovery=_summary(history.last_recovery),
            lastGoodDrill=_summary(history.last_good_drill),
            changedSinceGoodDrill=card.changed_since_proof,
        ),
    }


def _summary(execution: Execution | None) -> dict[str, Any] | None:
    return execution and {name: value for name, value in execution.items() if name in _SUMMARY}


def _proof(proof: DrillProof, now: float) -> dict[str, Any]:
    said = {"state": proof.state, "sentence": proof.sentence}
    if proof.ended is None:
        return said
    # In full minutes, so that the same answer stays the same for a while.
    return {**said, "age": max(0, int((now - proof.ended.seconds) // 60 * 60))}


def _objective(result: ObjectiveResult) -> dict[str, Any]:
    seconds = _present(measured=result.measured, objective=result.target)
    return {"state": result.state, "sentence": result.sentence, **seconds}


def _wave(wave: page.PlanWave) -> dict[str, Any]:
    told = asdict(wave)
    return {"waveNumber": told.pop("number"), "waveName": told.pop("name"), **_present(**told)}


def _present(**values: Any) -> Mapping[str, Any]:
    """Without what is not known: fields without a value are absent."""
    return {name: value for name, value in values.items() if value is not None and value != ""}


def _without_empty(*sentences: str) -> list[str]:
    return [sentence for sentence in sentences if sentence]


router = APIRouter(prefix="/plans", tags=["plans"], dependencies=[Depends(demand_no_query)])


@router.get(
    "", summary="List plans", response_model=PlanList, responses={200: example_of(PLANS), **problems()}
)
def list_plans(request: Request, found: AllPlansNow) -> Response:
    """
    Every plan, also those with errors: what its drills prove, its last executions, and its next run.

    Considers the newest 50 executions of each plan.
    """
    return json_answer(request, values_of_all(found))


@router.get(
    "/{plan_id}/points-in-time",
    summary="List the times that a plan can be recovered to",
    response_model=PlanPoints,
    responses={200: example_of(POINTS), **problems(404)},
)
def read_points_in_time(request: Request, found: OnePlanNow, store: Store) -> Response:
    """
    The times that all servers have a snapshot for, as the plan's last dry run read them.

    404 if no dry run has read them yet.
    """
    points = store.points.of_plan(found.view.card.plan_id)
    if points is None:
        raise not_found(f"no dry run has read the points in time of plan {found.view.card.plan_id!r} yet")
    return json_answer(request, points)


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
