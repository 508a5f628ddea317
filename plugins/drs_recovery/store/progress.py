"""
What a poll or a new attempt changes in the records of servers and jobs, as pure functions.

Polls can overtake each other and DRS can answer with older states, so no poll ever moves anything backwards.
Times are DRS's own where it tells them, so they do not depend on the moment of a poll.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from drs_recovery.statuses import (
    JOB_PENDING,
    JOB_STARTED,
    LaunchOutcome,
    ServerPhase,
    launch_outcome,
)
from drs_recovery.store.facts import Record, attempt_of
from drs_recovery.store.server_types import PROGRESS_PART
from drs_recovery.store.values import present

if TYPE_CHECKING:
    from drs_recovery.store.execution_types import TerminationJob
    from drs_recovery.store.expressions import Item
    from drs_recovery.store.records import JobSeen, ServerSeen
    from drs_recovery.store.wave_types import Job

# Attributes that follow rules of their own, so that a poll's free fields must not set them.
_RULED = frozenset(
    {
        "executionId",
        "recordKey",
        "version",
        "sourceServerId",
        "waveNumber",
        "phase",
        "launchStatus",
        "transitionHistory",
        "launchTime",
        "launchedTime",
        "lastPolledTime",
        "pollAttempts",
        "accountId",
        "replacedBy",
        "terminatedTime",
    }
)

# A state that AWS adds later counts as under way.
_JOB_RANKS = {"PENDING": 0, "STARTED": 1, "COMPLETED": 2}

_UNKNOWN_JOB_RANK = 1

# What DRS's log calls the moment at which a server gets a launch status.
_MOMENTS = {"IN_PROGRESS": "LAUNCH_START", "LAUNCHED": "LAUNCH_END"}

# How far a job is before its servers have a launch status of their own.
_OF_THE_JOB = (JOB_PENDING, JOB_STARTED)

_INSTANCE_MARKS = ("terminatedTime", "replacedBy")

_INSTANCE_NAMES = ("jobId", "accountId", "recoveryInstanceId", "instanceId", *_INSTANCE_MARKS)

# What a server knows of the job and of the instance of one attempt.
_ATTEMPT_FIELDS = (
    *_INSTANCE_NAMES,
    "instanceType",
    "instanceState",
    "ec2LaunchTime",
    "privateIp",
    "hostname",
    "launchTime",
    "launchedTime",
    "readyTime",
    "postLaunchActions",
    "postLaunchActionsStatus",
    "postLaunchActionsCompleted",
    "detailsAwaitedTime",
    "error",
    "warning",
    "previousSnapshotUsed",
)


AnyJob = TypeVar("AnyJob", "Job", "TerminationJob", "Item")


@dataclass(frozen=True)
class ServerChange:
    """A change of one SERVER record: attribute to new value."""

    stored: Mapping[str, Any]
    changes: Item

    @property
    def after(self) -> Item:
        """The record with its changes."""
        return {**self.stored, **self.changes}


def server_changes(
    stored: Iterable[Mapping[str, Any]], seen: Sequence[ServerSeen], now: float, attempt: int
) -> list[ServerChange]:
    """
    Say which servers a poll changes, and how.

    :param seen: what the poll saw; servers that the wave does not have are ignored.
    """
    by_id = {entry.source_server_id: entry for entry in seen}
    found = []
    for server in stored:
        entry = by_id.get(server["sourceServerId"])
        if entry is not None and (changes := _changes(server, entry, now)):
            found.append(ServerChange(server, {**changes, "lastPolledTime": now, "pollAttempts": attempt}))
    return found


def _changes(server: Mapping[str, Any], seen: ServerSeen, now: float) -> Item:
    first = {name: value for name, value in seen.once.items() if name not in server}
    fields = {**first, **seen.fields}
    if ruled := _RULED & (seen.fields.keys() | seen.once.keys()):
        raise ValueError(f"a poll cannot set {', '.join(sorted(ruled))} of a server by its free fields")
    changes = {name: value for name, value in fields.items() if value not in (None, "")}
    changes.update(launch_changes(server, seen, now))
    if seen.phase is not None:
        changes["phase"] = next_phase(server["phase"], seen.phase)
        if changes["phase"] is ServerPhase.READY and "readyTime" not in server:
            changes["readyTime"] = now
    return {name: value for name, value in changes.items() if server.get(name) != value}


def next_phase(stored: ServerPhase, seen: ServerPhase) -> ServerPhase:
    """Phase of a server after a poll: an ended one is not reopened, any other only moves forward."""
    if stored.is_end:
        lost_ready_instance = stored is ServerPhase.READY and seen is ServerPhase.TERMINATED
        return seen if lost_ready_instance else stored
    if seen is ServerPhase.TERMINATED:
        # Its instance went away before the server was ready: it never reached what TERMINATED counts as.
        return ServerPhase.FAILED
    return max(stored, seen, key=lambda phase: phase.rank)


def progress_deltas(changes: Iterable[ServerChange]) -> dict[str, int]:
    """Numbers to add to a ``progress`` map, by their paths; together they sum to 0."""
    deltas: Counter[str] = Counter()
    for change in changes:
        deltas[_part(change.after)] += 1
        deltas[_part(change.stored)] -= 1
    return {f"progress.{part}": delta for part, delta in deltas.items() if delta}


def _part(server: Mapping[str, Any]) -> str:
    return PROGRESS_PART[server["phase"]]


def merge_jobs(stored: Iterable[AnyJob], seen: Iterable[JobSeen]) -> list[AnyJob]:
    """
    Bring what a poll saw into a wave's list of jobs.

    :param seen: jobs of the poll; a job that the wave does not have is ignored.
    """
    by_id = {job.job_id: job for job in seen}
    return [_merge_job(job, by_id.get(job["jobId"])) for job in stored]


def _merge_job(stored: AnyJob, seen: JobSeen | None) -> AnyJob:
    if seen is None or _job_rank(seen.status) < _job_rank(stored["status"]):
        return stored
    merged = stored.copy()
    merged["status"] = seen.status
    if seen.start_time is not None:
        merged["startTime"] = seen.start_time
    if seen.end_time is not None and "endTime" not in stored:
        merged["endTime"] = seen.end_time
    return merged


def _job_rank(status: str) -> int:
    return _JOB_RANKS.get(status, _UNKNOWN_JOB_RANK)


def launch_changes(server: Mapping[str, Any], seen: ServerSeen, now: float) -> Item:
    """Launch status, history and times of a server after a poll, changed or not."""
    status = seen.launch_status
    if status is None or not _moves_on(server["launchStatus"], status):
        status = None
    history = _with_job(server["transitionHistory"], seen.moments, now)
    changes = _times(server, seen.moments, status, now)
    if status is not None:
        changes["launchStatus"] = status
        history = [*history, _entry(status, seen.moments.get(_MOMENTS.get(status, status)), now)]
    return {**changes, "transitionHistory": history}


def _times(
    server: Mapping[str, Any], moments: Mapping[str, float | None], status: str | None, now: float
) -> Item:
    began, ended = moments.get("LAUNCH_START"), moments.get("LAUNCH_END")
    outcome = LaunchOutcome.FAILED if status is None else launch_outcome(status)
    times: Item = {}
    if began is not None:
        times["launchTime"] = began
    elif outcome is not LaunchOutcome.FAILED and "launchTime" not in server:
        times["launchTime"] = now
    if outcome is LaunchOutcome.LAUNCHED or "launchedTime" in server:
        times["launchedTime"] = server.get("launchedTime", now) if ended is None else ended
    return times


def _with_job(history: Sequence[Item], moments: Mapping[str, float | None], now: float) -> list[Item]:
    """The history with how far the job of the newest attempt is; each attempt begins with PENDING."""
    statuses = [entry["status"] for entry in history]
    begun = max((at for at, status in enumerate(statuses) if status == JOB_PENDING), default=0)
    known = set(statuses[begun:])
    # The launch status itself has moved on, perhaps before releases wrote down the job.
    if known.difference(_OF_THE_JOB):
        return list(history)
    missing = [status for status in _OF_THE_JOB if status in moments and status not in known]
    return [*history, *(_entry(status, moments[status], now) for status in missing)]


def _entry(status: str, moment: float | None, now: float) -> Item:
    return {"status": status, "timestamp": now if moment is None else moment}


def _moves_on(stored: str, seen: str) -> bool:
    """PENDING comes first, a final state stays final, and only TERMINATED can follow one."""
    between_running_states = stored != seen and _launch_rank(stored) == _launch_rank(seen) == 1
    return between_running_states or _launch_rank(seen) > _launch_rank(stored)


def _launch_rank(status: str) -> int:
    if status == "PENDING":
        return 0
    if status == "TERMINATED":
        return 3
    return 1 if launch_outcome(status) is LaunchOutcome.RUNNING else 2


def is_to_restart(server: Record, attempt: int) -> bool:
    """Whether a server starts again in a new attempt: it failed, lost its instance or never had a job."""
    if attempt_of(server) == attempt:
        return False
    phase = server["phase"]
    if phase in (ServerPhase.FAILED, ServerPhase.TERMINATED) or "replacedBy" in server:
        return True
    return not (phase.is_end or server.get("jobId"))


def restart_changes(server: Item, attempt: int, now: float) -> Item:
    """Changes of a server in a new attempt; its job and instance go to ``previousInstances``."""
    left = present({name: server.get(name) for name in _INSTANCE_NAMES})
    previous = [*server.get("previousInstances", []), *([left] if left else [])]
    changes: dict[str, Any] = dict.fromkeys(name for name in _ATTEMPT_FIELDS if name in server)
    return {
        **changes,
        # Of the latest data, the next launch takes another snapshot.
        **({"pointInTime": server.get("recoverySnapshotTime")} if "pointInTime" in server else {}),
        "attempt": attempt,
        "phase": ServerPhase.PENDING,
        "launchStatus": "PENDING",
        **({"previousInstances": previous} if previous else {}),
        **_history_changes(server, now),
    }


def _history_changes(server: Item, now: float) -> Item:
    history = server["transitionHistory"]
    if not history or history[-1]["status"] == "PENDING":
        return {}
    return {"transitionHistory": [*history, {"status": "PENDING", "timestamp": now}]}
