"""What people send with an action."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from drs_recovery.plan.model import MOST_WAVES
from drs_recovery.statuses import FailureDecision
from drs_recovery.store.documents import LONGEST_TEXT

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
    """What is to be done about a failed wave whose plan says ``on_failure: ask``."""

    wave: Wave
    decision: Annotated[
        Literal[FailureDecision.RETRY, FailureDecision.CONTINUE, FailureDecision.STOP],
        Field(description="RETRY its failed servers, CONTINUE with the waves behind it, or STOP"),
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
        Field(max_length=100, description="Id of the plan, typed; needed for instances of a real recovery"),
    ] = None
