"""
Executions and their events, as records and documents hold them; the API describes them so, too.

A record can have more fields than its type. A field that has no value is absent, never null.
"""

# No postponed annotations: with them TypedDict would not see which fields are NotRequired.

from typing import Annotated, Any, NotRequired

from typing_extensions import TypedDict

from drs_recovery.statuses import ExecutionStatus, ExecutionType, FindingSeverity
from drs_recovery.store.server_types import (
    EXECUTION,
    INSTANCE,
    JOB,
    SOURCE_SERVER,
    ServerCounts,
    about,
    moment,
    record,
)
from drs_recovery.store.wave_types import WaitingFor, Wave


@record
class Times(TypedDict):
    """Recovery time and recovery point, as promised or as measured."""

    rto: NotRequired[
        Annotated[
            float,
            about("Recovery time, from the first wave's start until the last proof passed. Seconds.", 3600),
        ]
    ]
    rtoLaunched: NotRequired[
        Annotated[float, about("From the same start until the last server was ready. Seconds.", 3300)]
    ]
    rtoDeclared: NotRequired[
        Annotated[
            float, about("From the trigger until the last proof passed: the decision counts. Seconds.", 4200)
        ]
    ]
    rpo: NotRequired[
        Annotated[float, about("Age of a ready server's oldest data at the start. Seconds.", 900)]
    ]
    rpoData: NotRequired[
        Annotated[float, about("Age of the oldest heartbeat that a probe read in the data. Seconds.", 930)]
    ]


@record
class DataTimes(TypedDict):
    """From when the data of an execution's servers is, as far as it is known."""

    oldest: Annotated[float, moment("Of the server with the oldest data.")]
    newest: Annotated[float, moment("Of the server with the newest data.")]
    spread: Annotated[float, about("Seconds between the two.", 540)]


@record
class Cancel(TypedDict):
    """The first request to cancel an execution."""

    actor: Annotated[str, about("Who made the request.", "dr-lead")]
    reason: Annotated[str, about("Reason of the request.", "wrong plan")]
    time: Annotated[float, moment("Time of the request.")]


@record
class Takeover(TypedDict):
    """A takeover of an execution by another Airflow installation."""

    previous: NotRequired[
        Annotated[str, about("The installation that ran it; absent if the record named none.", "vienna")]
    ]
    controller: Annotated[str, about("The installation that runs it from then on.", "graz")]
    actor: Annotated[str, about("Who made the takeover.", "dr-lead")]
    time: Annotated[float, moment("Time of the takeover.")]


@record
class Paused(TypedDict):
    """The question that has waited longest while an execution is PAUSED."""

    wave: Annotated[int, about("The wave concerned, from 1.", 2)]
    side: NotRequired[Annotated[str, about("Of a step: before or after the launch.", "before")]]
    step: NotRequired[Annotated[int, about("Number of the step concerned, from 1.", 1)]]
    since: Annotated[float, moment("When it was asked.")]
    message: Annotated[str, about("What is asked.", "Is the restored database consistent?")]
    approvers: Annotated[
        list[str], about("User ids that may answer; empty for all who may act.", ["dba-lead"])
    ]
    deadline: NotRequired[Annotated[float, moment("Deadline of the answer.")]]
    twoPerson: NotRequired[
        Annotated[bool, about("True if the person who started the execution may not approve.", True)]
    ]


@record
class PreflightFinding(TypedDict):
    """A finding of the checks before the first wave."""

    severity: Annotated[FindingSeverity, about("An ERROR blocks the execution; a WARNING does not.", "ERROR")]
    what: Annotated[str, about("The problem.", "replication is STALLED")]
    remedy: Annotated[str, about("The remedy.", "wait until its state is CONTINUOUS")]
    sourceServerId: NotRequired[Annotated[str, about("The server concerned.", SOURCE_SERVER)]]
    serverName: NotRequired[Annotated[str, about("Name of the server concerned.", "crm-db-01")]]
    waveNumber: NotRequired[Annotated[int, about("The wave concerned, from 1.", 1)]]


@record
class TerminationRequest(TypedDict):
    """A request to terminate instances that an execution launched."""

    actor: Annotated[str, about("Who made the request.", "dr-lead")]
    time: Annotated[float, moment("Time of the request.")]
    requestId: Annotated[str, about("Id of the request.", "manual__2026-11-21T06:00:00+00:00")]
    waves: NotRequired[
        Annotated[list[int], about("The waves whose instances are to be terminated; absent for all.", [2])]
    ]
    endTime: NotRequired[Annotated[float, moment("When no instance was left.")]]


@record
class TerminationJob(TypedDict):
    """A DRS job that terminates instances of an execution."""

    jobId: Annotated[str, about("DRS job id.", JOB)]
    region: Annotated[str, about("AWS Region of the job.", "us-east-1")]
    connection: Annotated[str, about("Airflow connection that reaches its account.", "aws_default")]
    status: Annotated[str, about("PENDING, STARTED or COMPLETED.", "COMPLETED")]
    requestedTime: NotRequired[Annotated[float, moment("When it was recorded.")]]
    startTime: Annotated[
        float, moment("When DRS accepted it, by DRS's clock; until DRS lists it, when it was recorded.")
    ]
    endTime: NotRequired[Annotated[float, moment("When it ended, by DRS's clock.")]]
    instances: Annotated[list[str], about("The recovery instances that it terminates.", [INSTANCE])]


@record
class ExecutionSummary(TypedDict):
    """A summary of an execution."""

    executionId: Annotated[
        str,
        about("Its id; it stays the same on every retry of the DAG run.", EXECUTION),
    ]
    dagRunId: Annotated[str, about("Airflow's id of the DAG run.", "CHG0030042")]
    executionType: Annotated[ExecutionType, about("DRILL, or RECOVERY for a real recovery.", "DRILL")]
    isDrill: Annotated[bool, about("Whether `executionType` is DRILL.", True)]
    dryRun: NotRequired[
        Annotated[bool, about("True if it only checks everything and launches nothing.", True)]
    ]
    status: Annotated[
        ExecutionStatus,
        about(
            "PENDING, POLLING, PAUSED and CANCELLING lead to one of the others, which are final.",
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
    measured: NotRequired[Annotated[Times, about("Measured times, once it ended.", {"rto": 2522.5})]]
    submittedTime: Annotated[float, moment("When it was opened.")]
    startTime: NotRequired[Annotated[float, moment("When the start of its first wave was requested.")]]
    endTime: NotRequired[Annotated[float, moment("When it ended.")]]
    duration: NotRequired[Annotated[float, about("Seconds from start to end.", 2522.5)]]
    totalWaves: Annotated[int, about("How many waves the plan has.", 3)]
    completedWaves: Annotated[int, about("How many of them are COMPLETED.", 1)]


@record
class Execution(ExecutionSummary):
    """An execution without its waves, as lists show it."""

    planId: Annotated[str, about("Id of its plan.", "three-tier-crm")]
    planName: Annotated[str, about("Name of its plan when it was opened.", "Three-tier CRM")]
    planHash: Annotated[str, about("SHA-256 of its plan's content.", "9f86d081884c7d65")]
    dagId: Annotated[str, about("Airflow's id of the plan's DAG.", "recover_three-tier-crm")]
    recordVersion: NotRequired[
        Annotated[
            int,
            about(
                "By which rules the record changes: a release that knows only smaller numbers leaves it "
                "alone; absent in records of earlier releases.",
                1,
            ),
        ]
    ]
    keepInstances: NotRequired[Annotated[bool, about("True if a drill's instances are left running.", True)]]
    replaceExecution: NotRequired[
        Annotated[
            str,
            about(
                "Ids of the executions whose instances in use it may replace, separated by commas.",
                "1091119c-3c7a-5a88-ad47-84de02b0a4e3",
            ),
        ]
    ]
    reason: NotRequired[Annotated[str, about("Why it runs.", "Quarterly drill")]]
    objectives: Annotated[Times, about("The plan's objectives.", {"rto": 3600, "rpo": 900})]
    bundleName: NotRequired[Annotated[str, about("DAG bundle that its run came from.", "dags-folder")]]
    bundleVersion: NotRequired[Annotated[str, about("Version of that bundle.", "3f1c2d9")]]
    runStartTime: NotRequired[Annotated[float, moment("When Airflow began its DAG run.")]]
    requestedPointInTime: NotRequired[
        Annotated[
            str | dict[str, str],
            about(
                "From when the data shall be: the option of its run, else the plan's wish; groups and "
                "servers of the plan can have their own.",
                "2026-11-17T03:00:00Z",
            ),
        ]
    ]
    admittedTime: NotRequired[Annotated[float, moment("When its checks passed; no wave starts before.")]]
    expectedDuration: NotRequired[
        Annotated[float, about("Expected seconds, without waits for answers.", 2400)]
    ]
    expectedSamples: NotRequired[
        Annotated[
            int,
            about(
                "Smallest number of earlier runs on which the estimate of a wave is based; 0 if DRS's "
                "usual time is used.",
                4,
            ),
        ]
    ]
    lastUpdatedTime: Annotated[float, moment("When its record last changed.")]
    lastPolledTime: NotRequired[Annotated[float, moment("Last poll of DRS.")]]
    currentWave: Annotated[int, about("The wave requested last, from 1; 0 before the first.", 2)]
    activeWaves: Annotated[list[int], about("Waves that were requested and have not ended.", [2])]
    waitingGates: Annotated[list[int], about("Waves that wait for an answer, the longest waiting first.", [])]
    waitingSteps: NotRequired[
        Annotated[
            list[str],
            about(
                "Record keys of steps that wait for people, the longest waiting first.", ["STEP#02#after#01"]
            ),
        ]
    ]
    otherTypeWaves: NotRequired[
        Annotated[int, about("Waves of the plan that executions of another type run.", 1)]
    ]
    paused: NotRequired[Annotated[Paused, about("While PAUSED: the question that has waited longest.")]]
    progress: Annotated[ServerCounts, about("Number of servers in each phase.")]
    findings: NotRequired[
        Annotated[list[PreflightFinding], about("What the preflight found, errors first.", [])]
    ]
    waitingFor: NotRequired[Annotated[WaitingFor, about("Why its opening is delayed.")]]
    error: NotRequired[
        Annotated[str, about("Why it was not completely successful.", "wave 2 (Application) failed")]
    ]
    rebuilt: NotRequired[
        Annotated[
            bool,
            about(
                "Whether its record was lost and rebuilt from DRS; false while the rebuild is still running.",
                True,
            ),
        ]
    ]
    takeovers: NotRequired[
        Annotated[list[Takeover], about("When it was taken over by other installations.", [])]
    ]
    cancel: NotRequired[Annotated[Cancel, about("The first request to cancel it.")]]
    cancelled: NotRequired[Annotated[bool, about("True if it was ended early, whatever its status.", True)]]
    cancellingTime: NotRequired[Annotated[float, moment("Time from which nothing more starts.")]]
    reconcilingTime: NotRequired[
        Annotated[float, moment("When housekeeping, not its DAG run, began to close it.")]
    ]
    terminateAfter: NotRequired[
        Annotated[float, moment("When its instances are due for automatic termination.")]
    ]
    terminationRequests: NotRequired[
        Annotated[list[TerminationRequest], about("Requests to terminate its instances.", [])]
    ]
    terminateJobs: NotRequired[
        Annotated[list[TerminationJob], about("The DRS jobs that terminate its instances.", [])]
    ]
    terminationError: NotRequired[
        Annotated[str, about("Why instances could not be terminated.", "1 instance is left")]
    ]
    instancesLeft: NotRequired[
        Annotated[
            bool,
            about(
                "True if it left instances when it ended, or later; false once the record has none running.",
                True,
            ),
        ]
    ]
    instancesCheckedTime: NotRequired[
        Annotated[float, moment("When its running instances were last compared with DRS and EC2.")]
    ]
    instancesTerminated: Annotated[bool, about("Whether all its instances are terminated.", False)]
    terminatedTime: NotRequired[Annotated[float, moment("When the last instance was found terminated.")]]
    purgingTime: NotRequired[Annotated[float, moment("When somebody began to delete its records.")]]
    notifications: NotRequired[
        Annotated[list[str], about("Keys of the messages sent.", ["EXECUTION_OPENED"])]
    ]


@record
class ExecutionRecord(Execution):
    """An execution with its plan, without its waves."""

    planSnapshot: Annotated[
        dict[str, Any], about("The plan as it was when it opened.", {"id": "three-tier-crm"})
    ]


@record
class ExecutionDocument(ExecutionRecord):
    """An execution with its waves and their servers: the whole record but the events."""

    pointInTime: NotRequired[Annotated[DataTimes, about("From when the data of its servers is.")]]
    waves: Annotated[list[Wave], about("All waves of the plan, in its order.", [])]


@record
class Event(TypedDict):
    """An event of an execution; it never changes."""

    executionId: Annotated[str, about("Id of the execution.", EXECUTION)]
    event: Annotated[str, about("What happened.", "GATE_APPROVED")]
    actor: Annotated[str, about("Who caused it; `engine` if no person did.", "dba-lead")]
    time: Annotated[float, moment("When it happened.")]
    detail: Annotated[
        dict[str, Any], about("Details of the event.", {"wave": 2, "comment": "row counts match"})
    ]
