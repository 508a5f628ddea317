"""The actions of the API: each is carried out by Airflow, in the name of whoever asks."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from drs_recovery.opening import read_point_option
from drs_recovery.plan import MOST_STEPS, MOST_WAVES
from drs_recovery.statuses import FailureDecision, StepDecision
from drs_recovery.store import LONGEST_TEXT
from drs_recovery.web.actions import ActingPerson, ActionTaken, ending, questions, retrying
from drs_recovery.web.allowed_actions import ActionKind, StepPlace
from drs_recovery.web.api.examples import SENT, TAKEN
from drs_recovery.web.api.queries import demand_no_query
from drs_recovery.web.api.responses import example_of, problems

# Airflow's note of a DAG run, which holds the reason, has no room for more.
LONGEST_REASON = 1000

# No database column, log or terminal wants these; line breaks and tabs stay.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def _legible(text: str) -> str:
    """A text with its control characters visible as what they are: not legible."""
    return _CONTROL_CHARACTERS.sub("\ufffd", text.replace("\r\n", "\n")).strip()


def _not_blank(text: str) -> str:
    if not text:
        raise ValueError("say why")
    return text


Text = Annotated[str, AfterValidator(_legible)]
Wave = Annotated[
    int, Field(strict=True, ge=1, le=MOST_WAVES, description="Number of the wave, from 1", examples=[2])
]
Comment = Annotated[
    Text | None,
    Field(max_length=LONGEST_TEXT, description="Kept in the record", examples=["row counts match"]),
]


class Body(BaseModel):
    """Unknown members are refused: a misspelt ``waves`` must not mean all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AnswerBody(Body):
    """An answer to the gate of a wave."""

    wave: Wave
    comment: Comment = None


class DecisionBody(Body):
    """The decision about a failed wave whose plan says ``on_failure: ask``."""

    wave: Wave
    decision: Annotated[
        Literal[FailureDecision.RETRY, FailureDecision.CONTINUE, FailureDecision.STOP],
        Field(description="RETRY its failed servers, CONTINUE with the waves that depend on it, or STOP"),
    ]
    comment: Comment = None


class StepAnswerBody(Body):
    """The answer to the question of a step."""

    wave: Wave
    side: Annotated[Literal["before", "after"], Field(description="Of the launch")]
    step: Annotated[
        int, Field(strict=True, ge=1, le=MOST_STEPS, description="Number of the step on its side, from 1")
    ]
    decision: Annotated[
        Literal[
            StepDecision.DONE,
            StepDecision.COULD_NOT,
            StepDecision.RETRY,
            StepDecision.GO_ON,
            StepDecision.STOP,
        ],
        Field(
            description="Of a manual step: DONE or COULD_NOT. Of one that failed: RETRY, GO_ON without it "
            "(takes a comment), or STOP"
        ),
    ]
    comment: Comment = None


class CancelBody(Body):
    """Why an execution is cancelled."""

    reason: Annotated[
        Text,
        AfterValidator(_not_blank),
        StringConstraints(min_length=1, max_length=LONGEST_REASON),
        Field(description="Why, for the record and for the note of the DAG run", examples=["wrong plan"]),
    ]


class RetryBody(Body):
    """Which failed wave is tried again."""

    wave: Wave
    reason: Annotated[
        Text | None,
        Field(max_length=LONGEST_REASON, description="Why, for the record", examples=["capacity is back"]),
    ] = None
    point_in_time: Annotated[
        str | dict[str, str] | None,
        AfterValidator(read_point_option),
        Field(
            alias="pointInTime",
            description="Other data for the servers that start again: `latest`, a UTC time, or the id of a "
            "recovery snapshot for each server id; the same as before if left out",
            examples=[{"s-1111111111111111a": "pit-0a1b2c3d4e5f60718"}],
        ),
    ] = None


class TerminateBody(Body):
    """Which instances of an execution are terminated."""

    waves: Annotated[
        list[Wave] | None,
        Field(
            min_length=1, max_length=MOST_WAVES, description="Only instances of these waves; all, if left out"
        ),
    ] = None
    confirmation: Annotated[
        str | None,
        Field(max_length=100, description="The plan's id; required for instances of a real recovery"),
    ] = None


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
async def approve(acting: ActingPerson, body: AnswerBody) -> ActionTaken:
    """Approve the start of a wave that waits for it."""
    return await questions.approve(acting, body.wave, body.comment)


@router.post("/reject", summary="Reject a wave", **_route(ActionKind.REJECT))
async def reject(acting: ActingPerson, body: AnswerBody) -> ActionTaken:
    """Reject the start of a wave that waits for an approval; the execution ends."""
    return await questions.reject(acting, body.wave, body.comment)


@router.post("/decide", summary="Decide about a failed wave", **_route(ActionKind.DECIDE))
async def decide(acting: ActingPerson, body: DecisionBody) -> ActionTaken:
    """Answer the question about a failed wave whose plan asks."""
    return await questions.decide(acting, body.wave, body.decision, body.comment)


@router.post("/answer", summary="Answer a step", **_route(ActionKind.ANSWER))
async def answer(acting: ActingPerson, body: StepAnswerBody) -> ActionTaken:
    """Say that a manual step is done or could not be done, or what is to be done about a failed step."""
    place = StepPlace(body.side, body.step)
    return await questions.answer_step(acting, body.wave, place, body.decision, body.comment)


@router.post("/cancel", summary="Cancel an execution", **_route(ActionKind.CANCEL))
async def cancel(acting: ActingPerson, body: CancelBody) -> ActionTaken:
    """Cancel: nothing more starts; running DRS jobs are followed to their end."""
    return await ending.cancel(acting, body.reason)


@router.post("/retry", summary="Try a failed wave again", **_route(ActionKind.RETRY))
async def retry(acting: ActingPerson, body: RetryBody) -> ActionTaken:
    """Begin a new attempt at the failed servers of a wave, also when the execution has ended."""
    return await retrying.retry(acting, body.wave, body.reason, body.point_in_time)


@router.post("/terminate", summary="Terminate instances", **_route(ActionKind.TERMINATE))
async def terminate(acting: ActingPerson, body: TerminateBody) -> ActionTaken:
    """Terminate the instances of an execution that has ended."""
    return await ending.terminate(acting, body.waves, body.confirmation)
