"""
Waves, their questions and jobs, as records and documents hold them; the API describes them so, too.

A record can have more fields than its type. A field that has no value is absent, never null.
"""

# No postponed annotations: with them TypedDict would not see which fields are NotRequired.

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from drs_recovery.statuses import FailureDecision, GateDecision, SkipCause, WaveStatus
from drs_recovery.store.record_fields import ACCOUNT, EXECUTION, JOB, about, moment, record
from drs_recovery.store.server_types import ServerCounts, ServerStatus


@record
class Question(TypedDict):
    """What people are asked, and the answer that stands."""

    since: Annotated[float, moment("When it was asked.")]
    message: Annotated[str, about("What is asked.", "Is the restored database consistent?")]
    approvers: Annotated[
        list[str], about("User ids that may answer; empty for all who may act.", ["dba-lead"])
    ]
    deadline: NotRequired[Annotated[float, moment("Until when it can be answered.")]]
    actor: NotRequired[Annotated[str, about("Who answered.", "dba-lead")]]
    decidedTime: NotRequired[Annotated[float, moment("When it was answered.")]]
    comment: NotRequired[Annotated[str, about("What they wrote.", "row counts match")]]
    askedAfter: NotRequired[Annotated[float, moment("Only answers that were given later count.")]]


@record
class Gate(Question):
    """The question before a wave."""

    decision: Annotated[GateDecision, about("What came of it.", "APPROVED")]
    twoPerson: NotRequired[Annotated[bool, about("Whether who started the execution may not approve.", True)]]


@record
class FailureGate(Question):
    """The question about a failed wave."""

    decision: Annotated[FailureDecision, about("What came of it.", "RETRY")]
    attempt: Annotated[int, about("The attempt that it is about, from 1.", 1)]


@record
class Job(TypedDict):
    """A DRS job that was started for a wave."""

    jobId: Annotated[str, about("DRS job id.", JOB)]
    region: Annotated[str, about("AWS Region of the job.", "us-east-1")]
    connection: Annotated[str, about("Airflow connection that reaches its account.", "aws_default")]
    accountId: NotRequired[Annotated[str, about("AWS account of the job.", ACCOUNT)]]
    part: Annotated[int, about("Which job of its attempt it is, from 1.", 1)]
    attempt: NotRequired[Annotated[int, about("The attempt that it belongs to; 1 where absent.", 1)]]
    status: Annotated[
        str, about("PENDING, STARTED, COMPLETED, or UNLISTED: DRS never listed it.", "COMPLETED")
    ]
    startTime: Annotated[
        float, moment("When DRS took it, by DRS's clock; until DRS lists it, when it was recorded.")
    ]
    requestedTime: NotRequired[Annotated[float, moment("When it was started or found, by Airflow's clock.")]]
    endTime: NotRequired[Annotated[float, moment("When it ended, as DRS says.")]]


@record
class PollError(TypedDict):
    """A look at DRS that failed; the next one that succeeds takes this away."""

    message: Annotated[str, about("What went wrong.", "ThrottlingException: Rate exceeded")]
    since: NotRequired[Annotated[float, moment("Since when it fails; what failed can have changed.")]]
    time: Annotated[float, moment("When it failed last.")]


@record
class WaitingFor(TypedDict):
    """What keeps an execution from being opened, or a wave from being started."""

    message: Annotated[str, about("What it waits for, in AWS's words.", "ThrottlingException: Rate exceeded")]
    since: Annotated[float, moment("Since when it waits; what for can have changed.")]
    time: Annotated[float, moment("When it was tried last.")]


@record
class QueuePlace(TypedDict):
    """Where a wave stands that waits for room in DRS."""

    phase: Annotated[str, about("QUEUED.", "QUEUED")]
    position: Annotated[
        int, about("How manyth of its jobs that waits is in its account and Region, from 1.", 3)
    ]
    reason: Annotated[
        str,
        about(
            "What it waits for.",
            "2 jobs are ahead; 20 of 20 jobs run with 240 of 500 servers in us-east-1, this job has 12 "
            "servers",
        ),
    ]
    since: Annotated[float, moment("Since when the attempt waits.")]


@record
class RetryRequest(TypedDict):
    """Who asked for a new attempt at a wave."""

    actor: Annotated[str, about("Who asked.", "dr-lead")]
    time: Annotated[float, moment("When.")]
    askedBy: Annotated[int, about("Number of the request, which leads to one attempt.", 2)]
    reason: NotRequired[Annotated[str, about("Why.", "the quota was raised")]]


@record
class WaveRecord(TypedDict):
    """A wave of an execution without its servers."""

    executionId: Annotated[str, about("Id of the execution.", EXECUTION)]
    waveNumber: Annotated[int, about("From 1, in the order of the plan.", 1)]
    waveName: Annotated[str, about("Its name in the plan.", "Database")]
    status: Annotated[WaveStatus, about("How far it is.", "COMPLETED")]
    statusReason: NotRequired[
        Annotated[str, about("Why it ended otherwise than COMPLETED.", "1 critical server failed")]
    ]
    skipCause: NotRequired[
        Annotated[
            SkipCause, about("Of a SKIPPED one: by choice, with its execution, or because of another wave.")
        ]
    ]
    dependsOn: Annotated[list[int], about("Numbers of the waves that must end well before it.", [])]
    gate: NotRequired[Annotated[Gate, about("The question before it, once asked.")]]
    failureGate: NotRequired[Annotated[FailureGate, about("The question about its failure, once asked.")]]
    queue: NotRequired[Annotated[QueuePlace, about("Where it stands while DRS has no room for its jobs.")]]
    queuedTime: NotRequired[
        Annotated[float, moment("Since when its attempt waits, or waited, for room in DRS.")]
    ]
    queueEndTime: NotRequired[Annotated[float, moment("When DRS had room for the last job of that attempt.")]]
    jobs: Annotated[list[Job], about("The DRS jobs of all its attempts.", [])]
    attempt: NotRequired[Annotated[int, about("Number of the newest attempt; 1 where absent.", 2)]]
    attemptTime: NotRequired[Annotated[float, moment("When that attempt was asked for.")]]
    restartPending: NotRequired[
        Annotated[bool, about("True until it is decided which servers start again.", True)]
    ]
    startTime: NotRequired[Annotated[float, moment("When it was asked for first.")]]
    endTime: NotRequired[Annotated[float, moment("When it ended.")]]
    duration: NotRequired[Annotated[float, about("Seconds from start to end.", 1260.5)]]
    expectedDuration: NotRequired[Annotated[float, about("Seconds that it should take.", 1300)]]
    askedBy: NotRequired[Annotated[int, about("Number of the request that its newest attempt answers.", 0)]]
    retryRequest: NotRequired[Annotated[RetryRequest, about("The newest request for a new attempt.")]]
    progress: Annotated[ServerCounts, about("How many of its servers are where.")]
    lastPolledTime: NotRequired[Annotated[float, moment("When it was looked at last.")]]
    pollAttempts: Annotated[int, about("How often it was looked at.", 42)]
    lastPollError: NotRequired[Annotated[PollError, about("Why the last poll failed.")]]
    waitingFor: NotRequired[Annotated[WaitingFor, about("While PENDING: why its jobs are not started.")]]


@record
class Wave(WaveRecord):
    """A wave of an execution with its servers."""

    serverStatuses: Annotated[list[ServerStatus], about("Its servers, ordered by their ids.", [])]
