"""
What DRS's answers say about each server: jobs, their logs and post-launch actions turned into records.

Pure functions over shapes of botocore's drs model (``Job``, ``ParticipatingServer``, ``JobLog``). Only
``jobID`` is required in a ``Job``, and unknown states and events occur, so that every other key is read
with care.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from drs_recovery.durations import epoch
from drs_recovery.statuses import (
    ENDED_JOBS,
    FAULT_EVENTS,
    JOB_COMPLETED,
    JOB_PENDING,
    JOB_STARTED,
    JOB_UNLISTED,
    LOG_EVENT_PHASES,
    LaunchOutcome,
    ServerPhase,
    launch_outcome,
)
from drs_recovery.store import JobSeen, ServerSeen
from drs_recovery.waves import post_launch

if TYPE_CHECKING:
    from drs_recovery.store import Job, TerminationJob

# EC2's encoded authorization failures run to some thousand characters, and a wave can have hundreds of them.
LONGEST_RAW_ERROR = 2_000

SILENT_NO_LAUNCH = (
    "DRS launched no instance and logged no reason; the usual cause is that the caller of StartRecovery "
    "lacks EC2 rights (DRS acts with the caller's rights): compare the role of the Airflow connection with "
    "infra/iam.yaml and look for denied EC2 calls in CloudTrail"
)

_PREVIOUS_SNAPSHOT = "USING_PREVIOUS_SNAPSHOT"
_TAKEN_AWAY = "DRS took its instance away again and logged no reason"


@dataclass(frozen=True)
class JobAnswer:
    """
    All that DRS said about one job in one look.

    :param job: its ``Job``, or None while DescribeJobs does not list it.
    :param log: its ``JobLog`` items, oldest first; empty if the log was not read.
    :param log_trouble: why the log could not be read this time, so that ``log`` may lack the newest items.
    :param asked_at: when DRS was asked, in epoch seconds.
    """

    job_id: str
    job: Mapping[str, Any] | None
    log: Sequence[Mapping[str, Any]] = ()
    log_trouble: str | None = None
    asked_at: float = field(default_factory=time.time, compare=False)

    @property
    def is_completed(self) -> bool:
        """Whether the job ended; that alone says nothing about its servers."""
        return self.job is not None and self.job.get("status") == JOB_COMPLETED


def has_ended(job: Job | TerminationJob) -> bool:
    """Whether nothing more comes of a job."""
    return job["status"] in ENDED_JOBS


def requested_at(job: Job | TerminationJob) -> float:
    """
    Epoch seconds, by our clock, at which a job was started or found: ``startTime`` is by DRS's clock.

    :param job: its entry in a record; older ones have one time only.
    """
    return float(job.get("requestedTime", job["startTime"]))


def is_unlisted(job: Job) -> bool:
    """Whether no look has found a job in DescribeJobs yet, so that its start is our own time."""
    if job["status"] == JOB_PENDING:
        return bool(job.get("requestedTime") == job["startTime"])
    return bool(job["status"] == JOB_UNLISTED)


def job_seen(answer: JobAnswer) -> JobSeen | None:
    """The job's own part of a poll, or None if DRS does not list it."""
    if answer.job is None or "status" not in answer.job:
        return None
    ended = epoch(answer.job.get("endDateTime")) if answer.is_completed else None
    started = _epoch_if(answer.job.get("creationDateTime"))
    return JobSeen(answer.job_id, str(answer.job["status"]), end_time=ended, start_time=started)


def servers_seen(
    answer: JobAnswer,
    server_ids: Iterable[str],
    *,
    await_actions: bool,
    instances: Mapping[str, str | None] = MappingProxyType({}),
) -> tuple[ServerSeen, ...]:
    """
    Say for each server of a job how far it is.

    :return: one entry a server; nothing about servers of which DRS said nothing yet.
    """
    if answer.job is None:
        return ()
    participating = {
        server.get("sourceServerID"): server for server in answer.job.get("participatingServers", [])
    }
    return tuple(
        _server_seen(answer, server_id, participating.get(server_id), await_actions, instances.get(server_id))
        for server_id in server_ids
    )


def _server_seen(
    answer: JobAnswer,
    server_id: str,
    server: Mapping[str, Any] | None,
    await_actions: bool,
    instance_id: str | None,
) -> ServerSeen:
    fields: dict[str, Any] = {}
    launch_status = str(server["launchStatus"]) if server and "launchStatus" in server else None
    outcome = launch_outcome(launch_status or "")
    phase = _phase_from_log(answer.log, server_id)
    if any(item.get("event") == _PREVIOUS_SNAPSHOT and _server_of(item) == server_id for item in answer.log):
        fields["previousSnapshotUsed"] = True
    if server and server.get("recoveryInstanceID"):
        fields["recoveryInstanceId"] = server["recoveryInstanceID"]
    if outcome is LaunchOutcome.LAUNCHED:
        phase = _after_launch(server or {}, fields, await_actions)
    elif outcome is LaunchOutcome.FAILED or answer.is_completed:
        phase = ServerPhase.FAILED
        known = fields.get("recoveryInstanceId") or instance_id
        fields["error"] = failure_reason(answer, server_id, server, known)
    once = {}
    if fields.get("postLaunchActionsStatus") in post_launch.DONE:
        once["postLaunchActionsCompleted"] = answer.asked_at
    moments = _moments_of(answer, server_id)
    return ServerSeen(server_id, launch_status, phase, fields=fields, once=once, moments=moments)


def _moments_of(answer: JobAnswer, server_id: str) -> dict[str, float | None]:
    """When a server's job and its launch reached what, by DRS's clock."""
    job = answer.job or {}
    moments = {JOB_PENDING: _epoch_if(job.get("creationDateTime"))}
    if job.get("status") not in (None, JOB_PENDING):
        moments[JOB_STARTED] = next(_logged(answer.log, "JOB_START", server_id), None)
    began = list(_logged(answer.log, "LAUNCH_START", server_id))
    ended = list(_logged(answer.log, "LAUNCH_END", server_id))
    failed = [at for event in FAULT_EVENTS for at in _logged(answer.log, event, server_id)]
    found = {
        "LAUNCH_START": min(began, default=None),
        "LAUNCH_END": max(ended, default=None),
        "FAILED": max(failed, default=None),
    }
    return {**moments, **{name: at for name, at in found.items() if at is not None}}


def _logged(log: Iterable[Mapping[str, Any]], event: str, server_id: str) -> Iterator[float]:
    for item in log:
        if item.get("event") == event and _concerns(item, server_id):
            moment = _epoch_if(item.get("logDateTime"))
            if moment is not None:
                yield moment


def _epoch_if(timestamp: str | None) -> float | None:
    """A time for the record alone: one that cannot be read must not keep the rest off it."""
    try:
        return epoch(timestamp)
    except ValueError:
        return None


def _phase_from_log(log: Iterable[Mapping[str, Any]], server_id: str) -> ServerPhase | None:
    reached = [
        phase
        for item in log
        if _server_of(item) == server_id
        and (phase := LOG_EVENT_PHASES.get(str(item.get("event")))) is not None
    ]
    return max(reached, key=lambda phase: phase.rank, default=None)


def _after_launch(server: Mapping[str, Any], fields: dict[str, Any], await_actions: bool) -> ServerPhase:
    """Phase of a launched server; adds what its post-launch actions say to the fields."""
    found = post_launch.actions_of(server)
    if not found:
        return ServerPhase.LAUNCHED
    fields["postLaunchActions"] = found
    fields["postLaunchActionsStatus"] = post_launch.status_of(found)
    if not await_actions:
        return ServerPhase.LAUNCHED
    if failed := post_launch.failures(found):
        fields["error"] = failed
        return ServerPhase.FAILED
    return ServerPhase.POST_LAUNCH


def failure_reason(
    answer: JobAnswer, server_id: str, server: Mapping[str, Any] | None, instance_id: str | None = None
) -> str:
    """
    Why a server did not come up, for a person: launch status, log event, ``rawError``, or what to look for.

    :param server: its ``ParticipatingServer``, None if the job does not list it.
    """
    launch_status = None if server is None else server.get("launchStatus")
    state = _state_of(server)
    faults = [item for item in answer.log if item.get("event") in FAULT_EVENTS and _concerns(item, server_id)]
    if faults:
        worst = max(faults, key=lambda item: FAULT_EVENTS.index(str(item["event"])))
        raw_error = str((worst.get("eventData") or {}).get("rawError") or "no rawError")[:LONGEST_RAW_ERROR]
        return f"{state} in {answer.job_id}: {worst['event']}: {raw_error}"
    if answer.log_trouble:
        return f"{state} in {answer.job_id}, whose log cannot be read: {answer.log_trouble}"
    if instance_id:
        return f"{state} in {answer.job_id}: {_beside(instance_id)}"
    if launch_status == "TERMINATED":
        return f"{state} in {answer.job_id}: {_TAKEN_AWAY}"
    if launch_outcome(launch_status or "") is LaunchOutcome.FAILED:
        return f"{state} in {answer.job_id}: {SILENT_NO_LAUNCH}"
    return f"{state} in {answer.job_id} although DRS says that the job is COMPLETED"


def _state_of(server: Mapping[str, Any] | None) -> str:
    if server is None:
        return "not among the job's participatingServers"
    if not server.get("launchStatus"):
        return "without a launchStatus among the job's participatingServers"
    return f"launchStatus {server['launchStatus']}"


def _beside(instance_id: str) -> str:
    return f"DRS logged no reason, and names its instance {instance_id}, which may run"


def reason_beside_instance(error: str, instance_id: str) -> str:
    """The reason of a failed server once an instance of it turned up: then no right was missing."""
    for guess in (SILENT_NO_LAUNCH, _TAKEN_AWAY):
        error = error.replace(guess, _beside(instance_id))
    return error


def _server_of(item: Mapping[str, Any]) -> str | None:
    return (item.get("eventData") or {}).get("sourceServerID")


def _concerns(item: Mapping[str, Any], server_id: str) -> bool:
    """An event without a server, such as JOB_CANCEL, concerns every server of the job."""
    return _server_of(item) in (None, server_id)


def joined(reasons: Iterable[str | None]) -> str | None:
    """
    Several reasons as one text for people; None if there is none.

    :param reasons: those that are None or empty are left out.
    """
    return "; ".join(reason for reason in reasons if reason) or None
