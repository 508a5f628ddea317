"""
Waves and their jobs, as records and documents hold them; the API describes them so, too.

A record can have more fields than its type. A field that has no value is absent, never null.
"""

# No postponed annotations: with them TypedDict would not see which fields are NotRequired.

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from drs_recovery.statuses import SkipCause, WaveStage, WaveStatus
from drs_recovery.store.question_types import FailureGate, Gate
from drs_recovery.store.server_types import (
    ACCOUNT,
    EXECUTION,
    JOB,
    ServerCounts,
    ServerStatus,
    about,
    moment,
    record,
)
from drs_recovery.store.step_types import StepRecord


@record
class Job(TypedDict):
    """A DRS job that was started for a wave."""

    jobId: Annotated[str, about("DRS job id.", JOB)]
    region: Annotated[str, about("AWS Region of the job.", "us-east-1")]
    connection: Annotated[str, about("Airflow connection that reaches its account.", "aws_default")]
    accountId: NotRequired[Annotated[str, about("AWS account of the job.", ACCOUNT)]]
    part: Annotated[int, about("Number of the job within its attempt, from 1.", 1)]
    attempt: NotRequired[Annotated[int, about("Number of its attempt; 1 where absent.", 1)]]
    status: Annotated[
        str, about("PENDING, STARTED, COMPLETED, or UNLISTED: DRS never listed it.", "COMPLETED")
    ]
    startTime: Annotated[
        float, moment("When DRS accepted it, by DRS's clock; until DRS lists it, when it was recorded.")
    ]
    requestedTime: NotRequired[Annotated[float, moment("When it was started or found, by Airflow's clock.")]]
    endTime: NotRequired[Annotated[float, moment("When it ended, by DRS's clock.")]]


@record
class PollError(TypedDict):
    """A failed poll of DRS; the next successful one removes it."""

    message: Annotated[str, about("The error.", "ThrottlingException: Rate exceeded")]
    since: NotRequired[Annotated[float, moment("When the polls began to fail, possibly with another error.")]]
    time: Annotated[float, moment("Last failure.")]


@record
class WaitingFor(TypedDict):
    """What keeps an execution from being opened, or a wave from being started."""

    message: Annotated[
        str, about("What it waits for, as AWS reports it.", "ThrottlingException: Rate exceeded")
    ]
    since: Annotated[float, moment("When the wait began, possibly for another reason.")]
    time: Annotated[float, moment("Last try.")]


@record
class QueuePlace(TypedDict):
    """Position of a wave that waits for DRS capacity."""

    phase: Annotated[str, about("Always QUEUED.", "QUEUED")]
    position: Annotated[
        int, about("Position of its next waiting job in the queue of the account and Region, from 1.", 3)
    ]
    reason: Annotated[
        str,
        about(
            "What it waits for.",
            "2 jobs are ahead; 20 of 20 jobs run with 240 of 500 servers in us-east-1, this job has 12 "
            "servers",
        ),
    ]
    since: Annotated[float, moment("When the attempt began to wait.")]


@record
class RetryRequest(TypedDict):
    """A request for a new attempt at a wave."""

    actor: Annotated[str, about("Who made the request.", "dr-lead")]
    time: Annotated[float, moment("Time of the request.")]
    askedBy: Annotated[int, about("Number of the request, which leads to one attempt.", 2)]
    reason: NotRequired[Annotated[str, about("Reason of the request.", "the quota was raised")]]
    pointInTime: NotRequired[
        Annotated[
            str | dict[str, str],
            about("From when the data of the servers that start again shall be.", "2026-11-17T03:00:00Z"),
        ]
    ]


@record
class WaveRecord(TypedDict):
    """A wave of an execution without its servers."""

    executionId: Annotated[str, about("Id of the execution.", EXECUTION)]
    waveNumber: Annotated[int, about("From 1, in the order of the plan.", 1)]
    waveName: Annotated[str, about("Its name in the plan.", "Database")]
    status: Annotated[WaveStatus, about("Its current status.", "COMPLETED")]
    stage: NotRequired[
        Annotated[WaveStage, about("What it is at, or was when it ended, once it began.", "AFTER_STEPS")]
    ]
    statusReason: NotRequired[Annotated[str, about("Why it is not COMPLETED.", "1 critical server failed")]]
    skipCause: NotRequired[
        Annotated[
            SkipCause,
            about(
                "Why a SKIPPED wave was skipped: by choice, with its execution, or because of another wave."
            ),
        ]
    ]
    dependsOn: Annotated[list[int], about("Numbers of the waves that must complete before it.", [])]
    gate: NotRequired[Annotated[Gate, about("The question before it, once asked.")]]
    failureGate: NotRequired[Annotated[FailureGate, about("The question about its failure, once asked.")]]
    queue: NotRequired[
        Annotated[QueuePlace, about("Its position in the queue while DRS has no capacity for its jobs.")]
    ]
    queuedTime: NotRequired[Annotated[float, moment("When its attempt began to wait for DRS capacity.")]]
    queueEndTime: NotRequired[
        Annotated[float, moment("When DRS had capacity for the last job of that attempt.")]
    ]
    jobs: Annotated[list[Job], about("The DRS jobs of all its attempts.", [])]
    attempt: NotRequired[Annotated[int, about("Number of the newest attempt; 1 where absent.", 2)]]
    attemptTime: NotRequired[Annotated[float, moment("When the newest attempt was requested.")]]
    restartPending: NotRequired[
        Annotated[bool, about("True until the servers of the retry are chosen.", True)]
    ]
    waitBefore: NotRequired[Annotated[float, about("Seconds to wait before it starts.", 300)]]
    waitUntil: NotRequired[Annotated[float, moment("When that wait is over.")]]
    beforeSteps: NotRequired[Annotated[int, about("Number of steps before its launch.", 1)]]
    afterSteps: NotRequired[Annotated[int, about("Number of steps after its launch.", 2)]]
    startTime: NotRequired[Annotated[float, moment("When it first began.")]]
    launchTime: NotRequired[Annotated[float, moment("When its launch was requested, behind its steps.")]]
    launchedTime: NotRequired[Annotated[float, moment("When all of its servers were found launched.")]]
    endTime: NotRequired[Annotated[float, moment("When it ended.")]]
    duration: NotRequired[Annotated[float, about("Seconds from start to end.", 1260.5)]]
    expectedDuration: NotRequired[Annotated[float, about("Expected seconds.", 1300)]]
    askedBy: NotRequired[Annotated[int, about("Number of the request that its newest attempt answers.", 0)]]
    retryRequest: NotRequired[Annotated[RetryRequest, about("The newest request for a new attempt.")]]
    progress: Annotated[ServerCounts, about("Number of servers in each phase.")]
    lastPolledTime: NotRequired[Annotated[float, moment("Last poll of its jobs.")]]
    pollAttempts: Annotated[int, about("Number of polls.", 42)]
    lastPollError: NotRequired[Annotated[PollError, about("Why the last poll failed.")]]
    waitingFor: NotRequired[Annotated[WaitingFor, about("While PENDING: why its jobs are not started.")]]


@record
class Wave(WaveRecord):
    """A wave of an execution with its servers and steps."""

    serverStatuses: Annotated[list[ServerStatus], about("Its servers, ordered by their ids.", [])]
    steps: NotRequired[Annotated[list[StepRecord], about("Its steps, in the order in which they run.", [])]]
