"""A wave as DRS jobs, and capacity for them within the quotas."""

from drs_recovery.jobs.identity import ATTEMPT_TAG, EXECUTION_TAG, FIRST_ATTEMPT, PART_TAG, PLAN_TAG, WAVE_TAG
from drs_recovery.jobs.owners import our_tags, owners_of
from drs_recovery.jobs.parts import (
    MAX_SERVERS_PER_JOB,
    JobPart,
    TargetedServer,
    awaited_parts,
    jobs_of_attempt,
    parts_of,
    parts_of_attempt,
    parts_without_job,
    targets_of,
)
from drs_recovery.jobs.reservations import (
    CLOCK_MARGIN,
    NOT_LOOKED_AT,
    OLDEST_RUNNING_JOB,
    QUOTA_CODES,
    QueuedError,
    TargetQueue,
    read_limits,
    reserve_capacity,
)
from drs_recovery.jobs.schedule import Job, Limits, QueuePosition, TargetState, servers_of
from drs_recovery.jobs.starter import CLOCK_TOLERANCE, JobStarter, Started

__all__ = [
    "ATTEMPT_TAG",
    "CLOCK_MARGIN",
    "CLOCK_TOLERANCE",
    "EXECUTION_TAG",
    "FIRST_ATTEMPT",
    "MAX_SERVERS_PER_JOB",
    "NOT_LOOKED_AT",
    "OLDEST_RUNNING_JOB",
    "PART_TAG",
    "PLAN_TAG",
    "QUOTA_CODES",
    "WAVE_TAG",
    "Job",
    "JobPart",
    "JobStarter",
    "Limits",
    "QueuePosition",
    "QueuedError",
    "Started",
    "TargetQueue",
    "TargetState",
    "TargetedServer",
    "awaited_parts",
    "jobs_of_attempt",
    "our_tags",
    "owners_of",
    "parts_of",
    "parts_of_attempt",
    "parts_without_job",
    "read_limits",
    "reserve_capacity",
    "servers_of",
    "targets_of",
]
