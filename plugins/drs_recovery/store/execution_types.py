"""
Executions and their events, as records and documents hold them; the API describes them so, too.

A record can have more fields than its type. A field that has no value is absent, never null.
"""

# No postponed annotations: with them TypedDict would not see which fields are NotRequired.

from typing import Annotated, Any, NotRequired

from typing_extensions import TypedDict

from drs_recovery.statuses import ExecutionStatus, ExecutionType, FindingSeverity
from drs_recovery.store.record_fields import (
    EXECUTION,
    INSTANCE,
    JOB,
    SOURCE_SERVER,
    about,
    moment,
    record,
)
from drs_recovery.store.server_types import ServerCounts
from drs_recovery.store.wave_types import WaitingFor, Wave


@record
class Times(TypedDict):
    """Recovery time and recovery point, as promised or as measured."""

    rto: NotRequired[
        Annotated[float, about("Recovery time, from the first wave's start to the end. Seconds.", 3600)]
    ]
    rpo: NotRequired[
        Annotated[float, about("Age of a ready server's oldest data at the start. Seconds.", 900)]
    ]


@record
class Cancel(TypedDict):
    """The first request to cancel an execution."""

    actor: Annotated[str, about("Who asked.", "dr-lead")]
    reason: Annotated[str, about("Why.", "wrong plan")]
    time: Annotated[float, moment("When.")]


@record
class Paused(TypedDict):
    """The question that has waited longest while an execution is PAUSED."""

    wave: Annotated[int, about("The wave that it is about, from 1.", 2)]
    since: Annotated[float, moment("When it was asked.")]
    message: Annotated[str, about("What is asked.", "Is the restored database consistent?")]
    approvers: Annotated[
        list[str], about("User ids that may answer; empty for all who may act.", ["dba-lead"])
    ]
    deadline: NotRequired[Annotated[float, moment("Until when it can be answered.")]]
    twoPerson: NotRequired[Annotated[bool, about("Whether who started the execution may not approve.", True)]]


@record
class PreflightFinding(TypedDict):
    """Something that the checks before the first wave found."""

    severity: Annotated[FindingSeverity, about("An ERROR would block the execution, a WARNING not.", "ERROR")]
    what: Annotated[str, about("What is wrong.", "replication is STALLED")]
    remedy: Annotated[str, about("What to do about it.", "wait until its state is CONTINUOUS")]
    sourceServerId: NotRequired[Annotated[str, about("The server that it is about.", SOURCE_SERVER)]]
    serverName: NotRequired[Annotated[str, about("Name of that server.", "crm-db-01")]]
    waveNumber: NotRequired[Annotated[int, about("The wave that it is about, from 1.", 1)]]


@record
class TerminationRequest(TypedDict):
    """A wish to terminate what an execution launched."""

    actor: Annotated[str, about("Who asked.", "dr-lead")]
    time: Annotated[float, moment("When.")]
    requestId: Annotated[str, about("Tells requests apart.", "manual__2026-11-21T06:00:00+00:00")]
    waves: NotRequired[
        Annotated[list[int], about("The waves whose instances are meant; absent for all.", [2])]
    ]
    endTime: NotRequired[Annotated[float, moment("When nothing was left.")]]


@record
class TerminationJob(TypedDict):
    """A DRS job that terminates instances of an execution."""

    jobId: Annotated[str, about("DRS job id.", JOB)]
    region: Annotated[str, about("AWS Region of the job.", "us-east-1")]
    connection: Annotated[str, about("Airflow connection that reaches its account.", "aws_default")]
    status: Annotated[str, about("PENDING, STARTED or COMPLETED.", "COMPLETED")]
    requestedTime: NotRequired[Annotated[float, moment("When it was recorded.")]]
    startTime: Annotated[
        float, moment("When DRS took it, by DRS's clock; until DRS lists it, when it was recorded.")
    ]
    endTime: NotRequired[Annotated[float, moment("When it ended, as DRS says.")]]
    instances: Annotated[list[str], about("The recovery instances that it terminates.", [INSTANCE])]


@record
class ExecutionSummary(TypedDict):
    """An execution in short."""

    executionId: Annotated[
        str,
        about("Its id: the same for the same DAG run, on every retry.", EXECUTION),
    ]
    dagRunId: Annotated[str, about("Airflow's id of the DAG run.", "CHG0030042")]
    executionType: Annotated[ExecutionType, about("DRILL, or RECOVERY for a real one.", "DRILL")]
    isDrill: Annotated[bool, about("The same as a truth value.", True)]
    dryRun: NotRequired[
        Annotated[bool, about("True if everything is only checked and nothing launched.", True)]
    ]
    status: Annotated[
        ExecutionStatus,
        about(
            "PENDING, POLLING, PAUSED and CANCELLING are followed by one of the others, which are final.",
            "POLLING",
        ),
    ]
    initiatedBy: Annotated[str, about("Who or what started it.", "admin")]
    controller: NotRequired[
        Annotated[
            str,
            about(
                "Name of the Airflow installation that runs it, the only one that acts on it; absent in "
                "records of earlier releases.",
                "vienna",
            ),
        ]
    ]
    ticket: NotRequired[Annotated[str, about("Number in a ticketing tool.", "CHG0030042")]]
    measured: NotRequired[Annotated[Times, about("What was measured, once it ended.", {"rto": 2522.5})]]
    submittedTime: Annotated[float, moment("When it was opened.")]
    startTime: NotRequired[Annotated[float, moment("When its first wave was asked for.")]]
    endTime: NotRequired[Annotated[float, moment("When it ended.")]]
    duration: NotRequired[Annotated[float, about("Seconds from start to end.", 2522.5)]]
    totalWaves: Annotated[int, about("How many waves the plan has.", 3)]
    completedWaves: Annotated[int, about("How many of them are COMPLETED.", 1)]


@record
class Execution(ExecutionSummary):
    """An execution without its waves, as lists show it."""

    planId: Annotated[str, about("Id of its plan.", "three-tier-crm")]
    planName: Annotated[str, about("Name of its plan when it opened.", "Three-tier CRM")]
    planHash: Annotated[str, about("SHA-256 of its plan's content.", "9f86d081884c7d65")]
    dagId: Annotated[str, about("Airflow's id of the plan's DAG.", "recover_three-tier-crm")]
    keepInstances: NotRequired[Annotated[bool, about("True if a drill's instances are left running.", True)]]
    replaceExecution: NotRequired[
        Annotated[
            str,
            about(
                "Ids of the executions whose instances in use it may end, with commas between.",
                "1091119c-3c7a-5a88-ad47-84de02b0a4e3",
            ),
        ]
    ]
    reason: NotRequired[Annotated[str, about("Why it runs.", "Quarterly drill")]]
    objectives: Annotated[Times, about("The plan's objectives.", {"rto": 3600, "rpo": 900})]
    runStartTime: NotRequired[Annotated[float, moment("When Airflow began its DAG run.")]]
    admittedTime: NotRequired[
        Annotated[float, moment("When nothing spoke against it; no wave starts before.")]
    ]
    expectedDuration: NotRequired[
        Annotated[float, about("Seconds that it should take, without waits for people.", 2400)]
    ]
    expectedSamples: NotRequired[
        Annotated[
            int,
            about(
                "How many earlier times each of its waves rests on at least; 0 if DRS's usual time stands "
                "in.",
                4,
            ),
        ]
    ]
    lastUpdatedTime: Annotated[float, moment("When its record changed last.")]
    lastPolledTime: NotRequired[Annotated[float, moment("When DRS was looked at last.")]]
    currentWave: Annotated[int, about("The wave that was asked for last, from 1; 0 before the first.", 2)]
    activeWaves: Annotated[list[int], about("Waves that were asked for and have not ended.", [2])]
    waitingGates: Annotated[list[int], about("Waves that wait for an answer, the longest waiting first.", [])]
    paused: NotRequired[Annotated[Paused, about("While PAUSED: the question that has waited longest.")]]
    progress: Annotated[ServerCounts, about("How many of its servers are where.")]
    findings: NotRequired[
        Annotated[list[PreflightFinding], about("What the preflight found, errors first.", [])]
    ]
    waitingFor: NotRequired[Annotated[WaitingFor, about("While it is opened: why that takes long.")]]
    error: NotRequired[Annotated[str, about("Why it did not end well.", "wave 2 (Application) failed")]]
    rebuilt: NotRequired[
        Annotated[
            bool,
            about(
                "Whether its record was lost and put together again from what DRS knows; False while that "
                "goes on.",
                True,
            ),
        ]
    ]
    cancel: NotRequired[Annotated[Cancel, about("The first request to cancel it.")]]
    cancelled: NotRequired[
        Annotated[bool, about("True if it was ended before its time, whatever its status.", True)]
    ]
    cancellingTime: NotRequired[Annotated[float, moment("Since when nothing more starts.")]]
    reconcilingTime: NotRequired[
        Annotated[float, moment("Since when it is closed from outside its DAG run.")]
    ]
    terminateAfter: NotRequired[
        Annotated[float, moment("When its instances are due to be terminated by themselves.")]
    ]
    terminationRequests: NotRequired[
        Annotated[list[TerminationRequest], about("Who wanted its instances gone.", [])]
    ]
    terminateJobs: NotRequired[
        Annotated[list[TerminationJob], about("The DRS jobs that terminate them.", [])]
    ]
    terminationError: NotRequired[
        Annotated[str, about("Why instances could not be terminated.", "1 instance is left")]
    ]
    instancesLeft: NotRequired[
        Annotated[
            bool,
            about(
                "True if it left instances when it ended, or later; false once none is called running.", True
            ),
        ]
    ]
    instancesCheckedTime: NotRequired[
        Annotated[float, moment("When what it calls running was last compared with DRS and EC2.")]
    ]
    instancesTerminated: Annotated[bool, about("Whether no instance of it is left.", False)]
    terminatedTime: NotRequired[Annotated[float, moment("When the last one was seen to be gone.")]]
    notifications: NotRequired[Annotated[list[str], about("Keys of what was told.", ["EXECUTION_OPENED"])]]


@record
class ExecutionRecord(Execution):
    """An execution with its plan, without its waves."""

    planSnapshot: Annotated[
        dict[str, Any], about("The plan as it was when it opened.", {"id": "three-tier-crm"})
    ]


@record
class ExecutionDocument(ExecutionRecord):
    """An execution with its waves and their servers: the whole record but the events."""

    waves: Annotated[list[Wave], about("All waves of the plan, in its order.", [])]


@record
class Event(TypedDict):
    """A thing that happened; it never changes."""

    executionId: Annotated[str, about("Id of the execution.", EXECUTION)]
    event: Annotated[str, about("What happened.", "GATE_APPROVED")]
    actor: Annotated[str, about("Who did it; `engine` for what no person caused.", "dba-lead")]
    time: Annotated[float, moment("When.")]
    detail: Annotated[
        dict[str, Any], about("What belongs to it.", {"wave": 2, "comment": "row counts match"})
    ]
