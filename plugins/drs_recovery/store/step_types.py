"""
Steps before and after a wave, as records and documents hold them; the API describes them so, too.

A record can have more fields than its type. A field that has no value is absent, never null.
"""

# No postponed annotations: with them TypedDict would not see which fields are NotRequired.
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from drs_recovery.statuses import StepStatus
from drs_recovery.store.question_types import StepGate
from drs_recovery.store.server_types import EXECUTION, about, moment, record


@record
class StepAttempt(TypedDict):
    """One attempt at a step."""

    number: Annotated[int, about("From 1.", 1)]
    startTime: Annotated[float, moment("When it began.")]
    endTime: NotRequired[Annotated[float, moment("When it ended.")]]
    status: Annotated[StepStatus, about("What became of it.", "SUCCEEDED")]
    externalIds: NotRequired[
        Annotated[dict[str, str], about("Ids of what it started in AWS.", {"commandId": "0a1b…"})]
    ]
    error: NotRequired[Annotated[str, about("Why it failed.", "HTTP 503 from crm-app-01")]]


@record
class StepServer(TypedDict):
    """A server for which a step has not succeeded."""

    sourceServerId: Annotated[str, about("Its id in DRS.", "s-1111111111111111a")]
    serverName: Annotated[str, about("Its name.", "crm-app-01")]
    detail: Annotated[str, about("What was seen of it.", "HTTP 503 from 10.0.1.20")]


@record
class StepServers(TypedDict):
    """The servers on which a step acts."""

    total: Annotated[int, about("How many there are.", 4)]
    succeeded: Annotated[int, about("For how many it succeeded.", 3)]
    failures: Annotated[list[StepServer], about("Those for which it did not, up to twenty.", [])]


@record
class StepRecord(TypedDict):
    """A step before or after the launch of a wave."""

    executionId: Annotated[str, about("Id of the execution.", EXECUTION)]
    waveNumber: Annotated[int, about("Number of the wave, from 1.", 2)]
    side: Annotated[str, about("before or after the launch.", "after")]
    stepNumber: Annotated[int, about("From 1, in the order of its side.", 1)]
    name: Annotated[str, about("Its name in the plan.", "CRM answers")]
    kind: Annotated[str, about("Its kind in the plan.", "http_probe")]
    onFailure: Annotated[str, about("What a failure means: stop, continue or ask.", "stop")]
    status: Annotated[StepStatus, about("Its current status.", "SUCCEEDED")]
    attempts: Annotated[list[StepAttempt], about("Its attempts, oldest first.", [])]
    startTime: NotRequired[Annotated[float, moment("When its newest attempt began.")]]
    endTime: NotRequired[Annotated[float, moment("When it ended.")]]
    duration: NotRequired[Annotated[float, about("Seconds of its newest attempt.", 42.5)]]
    detail: NotRequired[Annotated[str, about("What was seen last.", "HTTP 200 from 10.0.1.20")]]
    output: NotRequired[Annotated[str, about("Its output, up to 4 kB, without secrets.", "row counts match")]]
    error: NotRequired[Annotated[str, about("Why it failed.", "HTTP 503 from 10.0.1.20, 14 tries in 10 min")]]
    tries: NotRequired[Annotated[int, about("How often the newest attempt was looked at.", 14)]]
    lastLookTime: NotRequired[Annotated[float, moment("When it was last looked at.")]]
    lastLookError: NotRequired[
        Annotated[str, about("Why the last look failed.", "ThrottlingException: Rate exceeded")]
    ]
    gate: NotRequired[Annotated[StepGate, about("Its question to people, once asked.")]]
    servers: NotRequired[Annotated[StepServers, about("The servers on which it acts.")]]
    firstAttempt: NotRequired[
        Annotated[int, about("The attempt from which the plan's retries count, from 1.", 1)]
    ]
    askedBy: NotRequired[Annotated[int, about("Number of the request that it answers.", 6)]]


@dataclass(frozen=True)
class NewStep:
    """
    A step as an execution is opened with it.

    :param skip_reason: why this execution passes over it; None if it is to run.
    """

    side: str
    number: int
    name: str
    kind: str
    on_failure: str
    skip_reason: str | None = None


@dataclass(frozen=True)
class StepQuestion:
    """
    A question of a step to people.

    :param approvers: who may answer; empty for everyone who may trigger.
    :param deadline: epoch seconds.
    :param task_id: the task that asks, and with which Airflow takes the answer.
    :param is_failure: whether it asks what to do about a failure; else it is a manual step's own.
    """

    message: str
    approvers: Sequence[str]
    deadline: float
    task_id: str
    is_failure: bool = False


@dataclass(frozen=True)
class StepSeen:
    """
    What looks at a step came to.

    :param tries: how many looks this attempt has had.
    :param failures: servers for which it has not succeeded: id, name, detail.
    :param servers: on how many it acts; 0 if on none.
    :param problem: why the last look failed; the rest is then as of the look before.
    """

    detail: str = ""
    output: str = ""
    external_ids: Mapping[str, str] = field(default_factory=dict)
    tries: int = 0
    servers: int = 0
    failures: Sequence[tuple[str, str, str]] = ()
    problem: str | None = None
