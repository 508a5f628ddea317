"""
Servers of a wave, and their number in each phase, as records hold them; the API describes them so, too.

A record can have more fields than its type. A field that has no value is absent, never null. Fields carry
their descriptions, for readers of the code and for the API.
"""

# No postponed annotations: with them TypedDict would not see which fields are NotRequired.
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from drs_recovery.statuses import ServerPhase

MOMENT = 1795000000.125
"""A time in examples: 2026-11-18T11:06:40.125Z."""

SOURCE_SERVER = "s-1111111111111111a"
INSTANCE = "i-0a1b2c3d4e5f60718"
ACCOUNT = "123456789012"
SNAPSHOT = "pit-0a1b2c3d4e5f60718"
EXECUTION = "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10"
JOB = "drsjob-5a1b2c3d4e5f60718"

record = with_config(ConfigDict(extra="allow"))
"""Lets the API's schema of a type tolerate fields that the type does not name."""


def about(description: str, example: Any = None) -> Any:
    """
    Describe a field for the API.

    :param example: of its value; that of a record is made of those of its own fields.
    """
    return Field(description=description, examples=None if example is None else [example])


def moment(description: str) -> Any:
    """Describe a point in time for the API."""
    return about(f"{description} Epoch seconds.", MOMENT)


@record
class Transition(TypedDict):
    """A launch status that a server had, or how far its job was before that: PENDING, STARTED."""

    status: Annotated[
        str, about("Launch status as DRS sent it; before that PENDING or STARTED, of its job.", "LAUNCHED")
    ]
    timestamp: Annotated[float, moment("When it began, by DRS's clock where DRS reports it.")]


@record
class PostLaunchAction(TypedDict):
    """A post-launch action of DRS."""

    name: Annotated[str, about("Its name in DRS.", "Validate HTTP")]
    optional: Annotated[bool, about("Whether the server is ready even if the action fails.", False)]
    status: Annotated[str, about("`SUCCEEDED`, `FAILED`, or DRS's name of an unfinished state.", "SUCCEEDED")]
    reason: NotRequired[Annotated[str, about("Why it failed.", "the document timed out")]]


@record
class EarlierInstance(TypedDict):
    """An instance that an earlier attempt at the wave launched for a server."""

    jobId: NotRequired[Annotated[str, about("Its DRS job.", JOB)]]
    recoveryInstanceId: NotRequired[Annotated[str, about("DRS's id of the instance.", INSTANCE)]]
    instanceId: NotRequired[Annotated[str, about("EC2's id of the instance.", INSTANCE)]]
    accountId: NotRequired[Annotated[str, about("AWS account of that launch.", ACCOUNT)]]
    terminatedTime: NotRequired[
        Annotated[float, moment("When it was found terminated, before the server's other instances.")]
    ]
    replacedBy: NotRequired[
        Annotated[str, about("Execution whose launch of the server replaced the instance.", EXECUTION)]
    ]


@record
class ServerStatus(TypedDict):
    """State of one server of a wave."""

    executionId: Annotated[str, about("Id of the execution.", EXECUTION)]
    waveNumber: Annotated[int, about("Number of its wave, from 1.", 1)]
    sourceServerId: Annotated[str, about("DRS source server id.", SOURCE_SERVER)]
    serverName: Annotated[str, about("Its name for people.", "crm-db-01")]
    group: NotRequired[Annotated[str, about("Protection group by which the plan has it.", "database")]]
    sourceAddresses: NotRequired[
        Annotated[list[str], about("Addresses of the original server.", ["10.0.1.20"])]
    ]
    critical: Annotated[bool, about("Whether the wave fails if this server fails.", True)]
    region: Annotated[str, about("AWS Region in which it is recovered.", "us-east-1")]
    connection: Annotated[str, about("Airflow connection that reaches its account.", "aws_default")]
    isDrill: Annotated[bool, about("Whether the execution is a drill.", True)]
    phase: Annotated[
        ServerPhase,
        about(
            "Its current phase. READY: launched, EC2 details known, required post-launch actions done.",
            "READY",
        ),
    ]
    launchStatus: Annotated[str, about("Launch status as DRS sent it last.", "LAUNCHED")]
    transitionHistory: Annotated[list[Transition], about("All its launch statuses, oldest first.", [])]
    attempt: NotRequired[Annotated[int, about("Attempt at the wave that launched it; 1 where absent.", 2)]]
    jobId: NotRequired[Annotated[str, about("DRS job that recovers it.", JOB)]]
    accountId: NotRequired[Annotated[str, about("AWS account in which it was launched.", ACCOUNT)]]
    launchTime: NotRequired[
        Annotated[float, moment("When DRS began to launch it: LAUNCH_START of the job's log.")]
    ]
    readyTime: NotRequired[Annotated[float, moment("When it was found ready.")]]
    launchedTime: NotRequired[
        Annotated[float, moment("When DRS had launched it: LAUNCH_END of the job's log.")]
    ]
    recoveryInstanceId: NotRequired[Annotated[str, about("DRS's id of its instance.", INSTANCE)]]
    instanceId: NotRequired[Annotated[str, about("EC2's id of its instance.", INSTANCE)]]
    instanceType: NotRequired[Annotated[str, about("EC2 instance type.", "m5.large")]]
    instanceState: NotRequired[
        Annotated[str, about("State of the instance in EC2 at the last check.", "running")]
    ]
    ec2LaunchTime: NotRequired[Annotated[float, moment("When EC2 launched the instance, by EC2's clock.")]]
    privateIp: NotRequired[
        Annotated[
            str,
            about(
                "Private IPv4 address of the instance, or its IPv6 address where it has no other.",
                "172.31.0.4",
            ),
        ]
    ]
    hostname: NotRequired[
        Annotated[str, about("Name that resolves in the VPC.", "ip-172-31-0-4.ec2.internal")]
    ]
    replicationLag: NotRequired[
        Annotated[float, about("Seconds by which its data was behind when the execution was opened.", 12)]
    ]
    requestedPointInTime: NotRequired[
        Annotated[
            str, about("Wish for it: `latest`, a UTC time, or the id of a snapshot.", "2026-11-17T03:00:00Z")
        ]
    ]
    recoverySnapshotId: NotRequired[
        Annotated[
            str,
            about("Recovery snapshot that it is launched from; absent for the latest data.", SNAPSHOT),
        ]
    ]
    recoverySnapshotTime: NotRequired[Annotated[float, moment("Point in time of that snapshot.")]]
    pointInTime: NotRequired[
        Annotated[float, moment("Point in time of its data: of its snapshot, then as DRS launched it.")]
    ]
    previousSnapshotUsed: NotRequired[
        Annotated[bool, about("True if DRS took no new snapshot and used the previous one.", True)]
    ]
    postLaunchActions: NotRequired[Annotated[list[PostLaunchAction], about("DRS's post-launch actions.", [])]]
    postLaunchActionsStatus: NotRequired[
        Annotated[
            str, about("Status of all of them together: IN_PROGRESS, SUCCEEDED or FAILED.", "SUCCEEDED")
        ]
    ]
    postLaunchActionsCompleted: NotRequired[
        Annotated[float, moment("When all required actions were found finished.")]
    ]
    detailsAwaitedTime: NotRequired[
        Annotated[float, moment("Time from which only details of its instance are missing.")]
    ]
    error: NotRequired[Annotated[str, about("Why it failed.", "LAUNCH_FAILED: insufficient capacity")]]
    warning: NotRequired[
        Annotated[str, about("A problem of a server that is ready.", "optional action 'X' failed")]
    ]
    previousInstances: NotRequired[
        Annotated[list[EarlierInstance], about("Instances of earlier attempts.", [])]
    ]
    terminatedTime: NotRequired[Annotated[float, moment("When all its instances were found terminated.")]]
    replacedBy: NotRequired[
        Annotated[
            str,
            about(
                "Execution whose later launch of the server replaces its instances: they do not count as "
                "running.",
                EXECUTION,
            ),
        ]
    ]
    lastPolledTime: NotRequired[Annotated[float, moment("Last poll of it.")]]
    pollAttempts: Annotated[int, about("Number of polls of its wave at that time.", 12)]


@record
class ServerCounts(TypedDict):
    """Number of servers in each phase; the parts always sum to `totalServers`."""

    totalServers: Annotated[int, about("All servers.", 2)]
    pending: Annotated[int, about("Not started.", 0)]
    snapshot: Annotated[int, about("DRS is taking their snapshots.", 0)]
    converting: Annotated[int, about("DRS is converting their volumes.", 1)]
    launching: Annotated[int, about("DRS is launching their instances.", 0)]
    launched: Annotated[int, about("Launched; details or post-launch actions are still missing.", 0)]
    ready: Annotated[int, about("Ready, including those terminated since.", 1)]
    failed: Annotated[int, about("Failed.", 0)]


PROGRESS_PART: Mapping[ServerPhase, str] = MappingProxyType(
    {
        ServerPhase.PENDING: "pending",
        ServerPhase.SNAPSHOT: "snapshot",
        ServerPhase.CONVERSION: "converting",
        ServerPhase.LAUNCH: "launching",
        ServerPhase.LAUNCHED: "launched",
        ServerPhase.POST_LAUNCH: "launched",
        ServerPhase.READY: "ready",
        ServerPhase.FAILED: "failed",
        # Instances are terminated after the end: the count of what the execution reached stays as it was.
        ServerPhase.TERMINATED: "ready",
    }
)


def progress_of(phases: Iterable[ServerPhase]) -> ServerCounts:
    """Count servers by the part of the progress in which their phase belongs."""
    progress = ServerCounts(
        totalServers=0, pending=0, snapshot=0, converting=0, launching=0, launched=0, ready=0, failed=0
    )
    for phase in phases:
        progress["totalServers"] += 1
        progress[PROGRESS_PART[phase]] += 1  # type: ignore[literal-required]  # the table holds its keys
    return progress
