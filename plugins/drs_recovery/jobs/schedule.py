"""
Whose turn it is to start a job in a target: rules over its queue, the jobs that DRS lists, and the quotas.

The order is strict, so that nobody starves: a small job does not overtake a large one for which there is no
capacity yet. Only entries that could not start with all the capacity of the target are passed over; a real
recovery among them, which starts when nothing else runs, holds back the drills behind it, or it would
never start.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from drs_recovery.jobs.identity import ATTEMPT_TAG, EXECUTION_TAG, FIRST_ATTEMPT, PART_TAG, WAVE_TAG, misfit
from drs_recovery.statuses import JOB_COMPLETED, TERMINATION_JOB, ExecutionType
from drs_recovery.store import Queue, QueueEntry, QueueState

Job = Mapping[str, Any]

_REAL_RECOVERY = "START_RECOVERY"
_NO_JOB_YET = "a job that is being started"

# Execution, wave, part and attempt, as the tags of a job have them.
_Part = tuple[str | None, ...]


@dataclass(frozen=True)
class QueuePosition:
    """
    Where a job stands.

    :param number: 1-based.
    :param reason: what it waits for, a sentence without its full stop; empty if it is its turn.
    """

    is_now: bool
    number: int = 1
    reason: str = ""
    held: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TargetState:
    """
    All that decides whose turn it is in a target.

    :param jobs: as ``DescribeJobs`` lists them, read after the queue.
    :param time: of the look, in epoch seconds.
    """

    region: str
    limits: Limits
    jobs: tuple[Job, ...]
    queue: Queue
    time: float
    hold_drills: bool = False

    @cached_property
    def entries(self) -> tuple[QueueEntry, ...]:
        """The entries that count, in their order."""
        return tuple(entry for entry in self.queue.entries if entry.until >= self.time)

    def over(self) -> tuple[QueueEntry, ...]:
        """Entries that have served: their wave gave up, or DRS shows what they stood for."""
        return tuple(
            entry for entry in self.queue.entries if entry.until < self.time or _is_shown(self.job_of(entry))
        )

    def running(self) -> Iterator[Job]:
        """The jobs that have not ended."""
        return (job for job in self.jobs if job.get("status") != JOB_COMPLETED)

    def job_of(self, entry: QueueEntry) -> Job | None:
        """
        The job that DRS lists of an entry: by its id, or by its tags if its answer was lost.

        One that terminates instances has no tags; DRS allows a server one job.
        """
        job = self._by_id.get(entry.job_id) or self._tagged_as(entry)
        return self._termination_of(entry.server_ids) if job is None and entry.is_termination else job

    @cached_property
    def positions(self) -> Mapping[str, QueuePosition]:
        """Where everyone stands who waits, by the order of the entry."""
        return dict(_positions(self))

    @cached_property
    def has_recovery(self) -> bool:
        """Whether a real recovery runs a job or wants to; the end of its instances is none."""
        wanted = any(
            entry.execution_type is ExecutionType.RECOVERY and not entry.is_termination
            for entry in self.entries
        )
        return wanted or any(job.get("initiatedBy") == _REAL_RECOVERY for job in self.running())

    def _tagged_as(self, entry: QueueEntry) -> Job | None:
        """Tags can be put on any job: one that is not adopted for a part holds no capacity for it either."""
        is_drill = entry.execution_type is ExecutionType.DRILL
        jobs = self._by_part.get(_part_of(entry), ())
        return next((job for job in jobs if not misfit(job, entry.server_ids, is_drill=is_drill)), None)

    def _termination_of(self, server_ids: Collection[str]) -> Job | None:
        jobs = (job for job in self.running() if job.get("type") == TERMINATION_JOB)
        return next((job for job in jobs if servers_of(job).issuperset(server_ids)), None)

    @cached_property
    def _by_id(self) -> Mapping[str | None, Job]:
        return {job["jobID"]: job for job in self.jobs}

    @cached_property
    def _by_part(self) -> Mapping[_Part, Sequence[Job]]:
        found: dict[_Part, list[Job]] = defaultdict(list)
        for job in self.jobs:
            tags = {ATTEMPT_TAG: FIRST_ATTEMPT, **(job.get("tags") or {})}
            found[_part_in_tags(tags)].append(job)
        return found


@dataclass(frozen=True)
class _Usage:
    """What is taken of a target."""

    limits: Limits
    jobs: int = 0
    holders: Mapping[str, str] | None = None

    def taken(self, server_ids: Iterable[str], holder: str) -> _Usage:
        return replace(
            self, jobs=self.jobs + 1, holders={**(self.holders or {}), **dict.fromkeys(server_ids, holder)}
        )

    @property
    def servers(self) -> int:
        return len(self.holders or {})

    def held_of(self, entry: QueueEntry) -> dict[str, str]:
        """Servers of the entry that something holds, and what."""
        holders = self.holders or {}
        return {one: holders[one] for one in entry.server_ids if one in holders}

    def exceeds_all(self, entry: QueueEntry) -> bool:
        """Whether a job is larger than the quotas allow at all."""
        return len(entry.server_ids) > min(self.limits.servers_per_job, self.limits.servers_in_jobs)

    def fits(self, entry: QueueEntry) -> bool:
        # What the quotas forbid is left to DRS to refuse, when it is in nobody's way: they may be outdated.
        if self.exceeds_all(entry) or self.limits.jobs_in_progress < 1:
            return self.jobs == 0
        return (
            self.jobs < self.limits.jobs_in_progress
            and self.servers + len(entry.server_ids) <= self.limits.servers_in_jobs
        )

    def __str__(self) -> str:
        limits = self.limits
        return (
            f"{self.jobs} of {limits.jobs_in_progress} jobs run with {self.servers} of "
            f"{limits.servers_in_jobs} servers"
        )


def position_of(mine: QueueEntry, target: TargetState) -> QueuePosition:
    """
    Say whether a job may be started now, or where it stands.

    :param mine: the job; it need not have joined the queue yet, and its own reservation is not in its way.
    """
    waiting = replace(mine, state=QueueState.WAITING, job_id=None, until=target.time)
    return replace(target, queue=target.queue.having(waiting)).positions[mine.order]


def _positions(target: TargetState) -> Iterator[tuple[str, QueuePosition]]:
    """Let everyone who waits reserve capacity in order, until it is used up for the first of them."""
    taken = usage = _taken(target)
    number, is_blocked, wants_all = 1, False, False
    for entry in target.entries:
        if not entry.waits:
            continue
        if obstacle := _obstacle(entry, usage, target, wants_all):
            is_large_recovery = entry.execution_type is ExecutionType.RECOVERY and usage.exceeds_all(entry)
            wants_all = wants_all or (is_large_recovery and not usage.held_of(entry))
            yield entry.order, QueuePosition(False, number, obstacle, frozenset(usage.held_of(entry)))
            continue
        is_blocked = is_blocked or not usage.fits(entry)
        if is_blocked:
            yield entry.order, QueuePosition(False, number, _reason(number, taken, entry, target.region))
        else:
            yield entry.order, QueuePosition(True, number)
            usage = usage.taken(entry.server_ids, _NO_JOB_YET)
        number += 1


def _taken(target: TargetState) -> _Usage:
    """The capacity that running jobs and reservations take."""
    usage = _Usage(target.limits)
    # Just after its start, DRS may not name the servers of a job yet.
    named = {job["jobID"]: one.server_ids for one in target.queue.entries if (job := target.job_of(one))}
    for job in target.running():
        usage = usage.taken(servers_of(job) or named.get(job["jobID"], ()), str(job["jobID"]))
    for entry in target.entries:
        if not entry.waits and target.job_of(entry) is None:
            usage = usage.taken(entry.server_ids, entry.job_id or _NO_JOB_YET)
    return usage


def _obstacle(entry: QueueEntry, usage: _Usage, target: TargetState, wants_all: bool) -> str | None:
    """What keeps a job from starting however much capacity there is; it is in nobody's way meanwhile."""
    if held := usage.held_of(entry):
        server_id, holder = next(iter(held.items()))
        return f"server {server_id} takes part in {holder}, and DRS allows one job a server"
    if target.hold_drills and entry.execution_type is ExecutionType.DRILL and target.has_recovery:
        return f"a drill waits while a real recovery runs or waits in {target.region}"
    if wants_all and entry.execution_type is ExecutionType.DRILL:
        return f"a recovery that is larger than DRS's quotas waits until nothing else runs in {target.region}"
    if usage.exceeds_all(entry) and not usage.fits(entry):
        return (
            f"a job of {len(entry.server_ids)} servers is more than DRS's quotas allow in {target.region}: "
            "it is tried when nothing else runs there"
        )
    return None


def _reason(position: int, taken: _Usage, mine: QueueEntry, region: str) -> str:
    ahead = position - 1
    others = f"{ahead} {'job is' if ahead == 1 else 'jobs are'} ahead; " if ahead else ""
    count = len(mine.server_ids)
    mine_has = f"this job has {count} server{'' if count == 1 else 's'}"
    return f"{others}{taken} in {region}, {mine_has}"


def _part_of(entry: QueueEntry) -> _Part:
    return entry.execution_id, str(entry.wave_number), str(entry.part), str(entry.attempt)


def _part_in_tags(tags: Mapping[str, str]) -> _Part:
    attempt = tags.get(ATTEMPT_TAG, FIRST_ATTEMPT)
    return tags.get(EXECUTION_TAG), tags.get(WAVE_TAG), tags.get(PART_TAG), attempt


def _is_shown(job: Job | None) -> bool:
    """Whether DRS lists a job with all that counts: it has ended, or names its servers."""
    return job is not None and (job.get("status") == JOB_COMPLETED or bool(servers_of(job)))


@dataclass(frozen=True)
class Limits:
    """DRS's quotas an account and Region; the defaults are those of AWS's documentation."""

    jobs_in_progress: int = 20
    servers_per_job: int = 100
    servers_in_jobs: int = 500


def servers_of(job: Job) -> set[str]:
    """
    Ids of the servers that take part in a job, as far as DRS tells.

    :param job: as ``DescribeJobs`` shows it.
    """
    return {
        str(server["sourceServerID"])
        for server in job.get("participatingServers") or ()
        if "sourceServerID" in server
    }
