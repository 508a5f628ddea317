"""
Questions to people, as records and documents hold them; the API describes them so, too.

A field that has no value is absent, never null.
"""

# No postponed annotations: with them TypedDict would not see which fields are NotRequired.

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from drs_recovery.statuses import FailureDecision, GateDecision, StepDecision
from drs_recovery.store.server_types import about, moment, record


@record
class Question(TypedDict):
    """A question to people, and its valid answer."""

    since: Annotated[float, moment("When it was asked.")]
    message: Annotated[str, about("What is asked.", "Is the restored database consistent?")]
    approvers: Annotated[
        list[str], about("User ids that may answer; empty for all who may act.", ["dba-lead"])
    ]
    deadline: NotRequired[Annotated[float, moment("Deadline of the answer.")]]
    actor: NotRequired[Annotated[str, about("Who answered.", "dba-lead")]]
    decidedTime: NotRequired[Annotated[float, moment("When it was answered.")]]
    comment: NotRequired[Annotated[str, about("Comment with the answer.", "row counts match")]]
    askedAfter: NotRequired[Annotated[float, moment("Only answers given later count.")]]


@record
class Gate(Question):
    """The question before a wave."""

    decision: Annotated[GateDecision, about("The result.", "APPROVED")]
    twoPerson: NotRequired[
        Annotated[bool, about("True if the person who started the execution may not approve.", True)]
    ]


@record
class FailureGate(Question):
    """The question about a failed wave."""

    decision: Annotated[FailureDecision, about("The result.", "RETRY")]
    attempt: Annotated[int, about("The attempt concerned, from 1.", 1)]


@record
class StepGate(Question):
    """The question of a step to people: a manual step's own, or what to do about a failure."""

    decision: Annotated[StepDecision, about("The result.", "DONE")]
    attempt: Annotated[int, about("The attempt concerned, from 1.", 1)]
    taskId: Annotated[
        str, about("The task of its DAG run that asks.", "wave_01_database.after_1_crm_answers")
    ]
    isFailure: NotRequired[Annotated[bool, about("True if it asks what to do about a failure.", True)]]


AnyGate = Gate | FailureGate | StepGate
