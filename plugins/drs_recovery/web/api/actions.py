"""The actions of the API: each is carried out by Airflow, in the name of whoever asks."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends

from drs_recovery.web.actions import bodies, cancelling, questions, retrying, terminating
from drs_recovery.web.actions.context import ActingPerson
from drs_recovery.web.actions.refusals import ActionTaken
from drs_recovery.web.allowed_actions import ActionKind
from drs_recovery.web.api.examples_execution import SENT, TAKEN
from drs_recovery.web.api.queries import demand_no_query
from drs_recovery.web.api.responses import example_of, problems


def _route(kind: ActionKind) -> dict[str, Any]:
    return {
        # 202: Airflow has taken it, and the record shows what comes of it.
        "status_code": HTTPStatus.ACCEPTED,
        "response_model_exclude_none": True,
        "responses": {202: example_of(TAKEN[kind]), **problems(403, 404, 409, 415)},
        "openapi_extra": {"requestBody": example_of(SENT[kind])},
    }


router = APIRouter(
    prefix="/executions/{execution_id}/actions", tags=["actions"], dependencies=[Depends(demand_no_query)]
)


@router.post("/approve", summary="Approve a wave", **_route(ActionKind.APPROVE))
async def approve(acting: ActingPerson, body: bodies.AnswerBody) -> ActionTaken:
    """Approve the start of a wave that waits for it."""
    return await questions.approve(acting, body.wave, body.comment)


@router.post("/reject", summary="Reject a wave", **_route(ActionKind.REJECT))
async def reject(acting: ActingPerson, body: bodies.AnswerBody) -> ActionTaken:
    """Reject the start of a wave that waits for an approval; the execution ends."""
    return await questions.reject(acting, body.wave, body.comment)


@router.post("/decide", summary="Decide about a failed wave", **_route(ActionKind.DECIDE))
async def decide(acting: ActingPerson, body: bodies.DecisionBody) -> ActionTaken:
    """Say what is to be done about a failed wave whose plan asks."""
    return await questions.decide(acting, body.wave, body.decision, body.comment)


@router.post("/cancel", summary="Cancel an execution", **_route(ActionKind.CANCEL))
async def cancel(acting: ActingPerson, body: bodies.CancelBody) -> ActionTaken:
    """Let nothing more start; DRS jobs that run are followed to their end."""
    return await cancelling.cancel(acting, body.reason)


@router.post("/retry", summary="Try a failed wave again", **_route(ActionKind.RETRY))
async def retry(acting: ActingPerson, body: bodies.RetryBody) -> ActionTaken:
    """Begin a new attempt at the failed servers of a wave, also when the execution has ended."""
    return await retrying.retry(acting, body.wave, body.reason)


@router.post("/terminate", summary="Terminate instances", **_route(ActionKind.TERMINATE))
async def terminate(acting: ActingPerson, body: bodies.TerminateBody) -> ActionTaken:
    """Have the instances of an execution that has ended terminated."""
    return await terminating.terminate(acting, body.waves, body.confirmation)
