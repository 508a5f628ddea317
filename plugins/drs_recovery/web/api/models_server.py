"""Servers of a wave, as the API describes them."""

from __future__ import annotations

from drs_recovery.statuses import ServerPhase
from drs_recovery.web.api.models_base import Record, known, later, maybe, time

SOURCE_SERVER = "s-1111111111111111a"
INSTANCE = "i-0a1b2c3d4e5f60718"
ACCOUNT = "123456789012"
EXECUTION = "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10"
JOB = "drsjob-5a1b2c3d4e5f60718"


class Transition(Record):
    """A launch status that a server had, or how far its job was before that: PENDING, STARTED."""

    status: str = known("Launch status as DRS sent it, or PENDING, STARTED of its job.", "LAUNCHED")
    timestamp: float = time("Since when, by DRS's clock where it says so.")


class PostLaunchAction(Record):
    """A post-launch action of DRS."""

    name: str = known("Its name in DRS.", "Validate HTTP")
    optional: bool = known("Whether the server is ready although it fails.", False)
    status: str = known("`SUCCEEDED`, `FAILED`, or as DRS calls what goes on.", "SUCCEEDED")
    reason: str | None = maybe("Why it failed.", "the document timed out")


class EarlierInstance(Record):
    """What an earlier attempt at the wave left of a server."""

    job_id: str | None = maybe("Its DRS job.", JOB)
    recovery_instance_id: str | None = maybe("DRS's id of the instance.", INSTANCE)
    instance_id: str | None = maybe("EC2's id of the instance.", INSTANCE)
    account_id: str | None = maybe("AWS account of that launch.", ACCOUNT)
    terminated_time: float | None = later("When it was seen to be gone, before the server's others.")
    replaced_by: str | None = maybe("Execution whose launch of the server replaced it.", EXECUTION)


class ServerStatus(Record):
    """How far one server of a wave is."""

    execution_id: str = known("Id of the execution.", "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10")
    wave_number: int = known("Number of its wave, from 1.", 1)
    source_server_id: str = known("DRS source server id.", SOURCE_SERVER)
    server_name: str = known("Its name for people.", "crm-db-01")
    critical: bool = known("Whether the wave fails with it.", True)
    region: str = known("AWS Region in which it is recovered.", "us-east-1")
    connection: str = known("Airflow connection that reaches its account.", "aws_default")
    is_drill: bool = known("Whether the execution is a drill.", True)
    phase: ServerPhase = known(
        "How far it is. READY: launched, its EC2 details are known, required post-launch actions done.",
        "READY",
    )
    launch_status: str = known("Launch status as DRS sent it last.", "LAUNCHED")
    transition_history: list[Transition] = known("Every launch status that it had, oldest first.", [])
    attempt: int | None = maybe("Attempt at the wave that launched it; 1 where absent.", 2)
    job_id: str | None = maybe("DRS job that recovers it.", JOB)
    account_id: str | None = maybe("AWS account in which it was launched.", ACCOUNT)
    launch_time: float | None = later("When DRS began to launch it: LAUNCH_START of the job's log.")
    launched_time: float | None = later("When DRS had launched it: LAUNCH_END of the job's log.")
    recovery_instance_id: str | None = maybe("DRS's id of its instance.", INSTANCE)
    instance_id: str | None = maybe("EC2's id of its instance.", INSTANCE)
    instance_type: str | None = maybe("EC2 instance type.", "m5.large")
    instance_state: str | None = maybe("State of the instance in EC2 when it was looked at.", "running")
    ec2_launch_time: float | None = later("When EC2 launched the instance, by EC2's clock.")
    private_ip: str | None = maybe(
        "Private IPv4 address of the instance, or its IPv6 address where it has no other.", "172.31.0.4"
    )
    hostname: str | None = maybe("Name that resolves in the VPC.", "ip-172-31-0-4.ec2.internal")
    replication_lag: float | None = maybe("Seconds that its data was behind when the execution opened.", 12)
    point_in_time: float | None = later("Time of the data that it has.")
    post_launch_actions: list[PostLaunchAction] | None = maybe("DRS's post-launch actions.", [])
    post_launch_actions_status: str | None = maybe(
        "All of them together: IN_PROGRESS, SUCCEEDED or FAILED.", "SUCCEEDED"
    )
    post_launch_actions_completed: float | None = later("When all required ones were seen done.")
    details_awaited_time: float | None = later("Since when only details of its instance are missing.")
    error: str | None = maybe("Why it failed.", "LAUNCH_FAILED: insufficient capacity")
    warning: str | None = maybe("What to know of it although it is ready.", "optional action 'X' failed")
    previous_instances: list[EarlierInstance] | None = maybe("What earlier attempts left.", [])
    terminated_time: float | None = later("When all its instances were seen to be gone.")
    replaced_by: str | None = maybe(
        "Execution whose later launch of the server replaces its instances: they do not count as running.",
        EXECUTION,
    )
    last_polled_time: float | None = later("When it was looked at last.")
    poll_attempts: int = known("How often its wave had been polled then.", 12)
