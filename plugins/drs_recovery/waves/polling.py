"""
One look at the jobs of a wave: ask DRS, write what changed to the store, say whether the wave is settled.

The sensor's first look, its trigger and the finalizer all use this; it never judges and never ends anything.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from drs_recovery.hooks import (
    AWS_ERRORS,
    PASSING_TROUBLE,
    Clients,
    Target,
    TargetAnswers,
    TargetClients,
    ask_targets,
    demand_account,
    describe,
    retry_after,
)
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store import ServerSeen, WavePoll, WaveRef
from drs_recovery.waves.observation import JobAnswer, has_ended, job_seen, joined, servers_seen
from drs_recovery.waves.post_launch import are_awaited
from drs_recovery.waves.rules import needs_no_more_polls

if TYPE_CHECKING:
    from drs_recovery.hooks import DrsHook
    from drs_recovery.store import Execution, ExecutionStore, Job, ServerStatus

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PollResult:
    """
    What one look came to.

    :param problem: why DRS, in one of the wave's targets, or the store could not be asked this time; None if
        it went well.
    :param retry_after: seconds that AWS asked to wait, if it did.
    """

    settled: bool
    problem: str | None = None
    retry_after: float | None = None
    cancelled: bool = False


class WaveWatcher:
    """Look at the jobs of waves, with clients that are kept between looks."""

    def __init__(self, store: ExecutionStore, clients: Clients | None = None) -> None:
        self._store = store
        self._clients = clients or Clients()

    def look(self, ref: WaveRef) -> PollResult:
        """
        Look once; errors of AWS are recorded and survived, and those of one target hide nothing of another.

        :return: the look; AWS errors are in it, not raised, since the wave's time-out is what ends waiting.
        """
        try:
            return self._look(ref)
        except PASSING_TROUBLE as error:
            problem = describe(error)
            log.warning("%s: no answer this time: %s", ref, problem)
            self._clients.forget()
            record_problem(self._store, ref, problem)
            return PollResult(settled=False, problem=problem, retry_after=retry_after(error))

    def _look(self, ref: WaveRef) -> PollResult:
        execution = self._store.get_execution(ref.execution_id)
        wave = self._store.get_wave(ref)
        servers = self._store.get_servers(ref)
        asked = self._ask(open_jobs(wave["jobs"], servers))
        answers = [answer for at_target in asked.found.values() for answer in at_target]
        problem = joined(map(str, asked.troubles))
        poll = poll_of(answers, servers, await_actions=are_awaited(execution))
        poll = replace(poll, trouble=joined([problem, log_trouble(answers)]))
        if poll.trouble:
            log.warning("%s: %s", ref, poll.trouble)
        after = self._store.polls.record(ref, poll)
        return PollResult(
            # Nobody knows of the jobs of a target that did not answer.
            settled=problem is None and is_settled(execution, answers, after),
            problem=problem,
            retry_after=max((trouble.retry_after or 0.0 for trouble in asked.troubles), default=0.0) or None,
            cancelled="cancel" in execution,
        )

    def _ask(self, jobs: Sequence[Job]) -> TargetAnswers[list[JobAnswer]]:
        by_target: dict[Target, list[Job]] = defaultdict(list)
        for job in jobs:
            by_target[Target(job["connection"], job["region"])].append(job)
        return ask_targets(self._clients, by_target, "DRS", _answers_of)


def _answers_of(hooks: TargetClients, jobs: Sequence[Job]) -> list[JobAnswer]:
    job_ids = [job["jobId"] for job in jobs]
    listed = {job["jobID"]: job for job in hooks.drs.describe_jobs(job_ids)}
    demand_account_of_unlisted(hooks, jobs, listed)
    return [_answer(hooks.drs, job_id, listed.get(job_id)) for job_id in job_ids]


def demand_account_of_unlisted(hooks: TargetClients, jobs: Iterable[Job], listed: Collection[str]) -> None:
    """
    Demand that jobs which DRS does not list were at least looked for in their account.

    :raises botocore errors: the connection leads to another account now, or AWS does not tell.
    """
    unlisted = [job.get("accountId") for job in jobs if job["jobId"] not in listed]
    demand_account(hooks, unlisted)


def _answer(drs: DrsHook, job_id: str, job: Mapping[str, Any] | None) -> JobAnswer:
    if job is None:
        return JobAnswer(job_id, None)
    try:
        return JobAnswer(job_id, job, drs.job_log(job_id))
    except AWS_ERRORS as error:
        # The job itself tells which servers launched: that must not wait for what the log would add.
        return JobAnswer(job_id, job, log_trouble=describe(error))


def log_trouble(answers: Iterable[JobAnswer]) -> str | None:
    """Which logs could not be read, and why, for people; None if all could."""
    return joined(
        f"the log of {answer.job_id} cannot be read: {answer.log_trouble}"
        for answer in answers
        if answer.log_trouble
    )


def record_problem(store: ExecutionStore, ref: WaveRef, problem: str, looks: int = 1) -> None:
    """Put on record that a look failed; never raises."""
    try:
        store.polls.record_failure(ref, problem, looks)
    except PASSING_TROUBLE as error:
        # The store itself is out of reach: the next good poll writes what this one could not.
        log.warning("%s: not recorded: %s", ref, describe(error))


def open_jobs(jobs: Sequence[Job], servers: Sequence[ServerStatus]) -> list[Job]:
    """Jobs that may have news: one that ended, and whose servers a retry started again, has none."""
    named = {server.get("jobId") for server in servers}
    return [job for job in jobs if job["jobId"] in named or not has_ended(job)]


def poll_of(
    answers: Sequence[JobAnswer], servers: Sequence[ServerStatus], *, await_actions: bool
) -> WavePoll:
    """What a look saw, as the store takes it."""
    ids_by_job: dict[str, list[str]] = defaultdict(list)
    for server in servers:
        ids_by_job[server.get("jobId", "")].append(server["sourceServerId"])
    instances = {s["sourceServerId"]: s.get("instanceId") or s.get("recoveryInstanceId") for s in servers}
    seen: list[ServerSeen] = []
    for answer in answers:
        server_ids = ids_by_job[answer.job_id]
        seen += servers_seen(answer, server_ids, await_actions=await_actions, instances=instances)
    jobs = tuple(job for answer in answers if (job := job_seen(answer)) is not None)
    return WavePoll(jobs=jobs, servers=tuple(seen))


def is_settled(execution: Execution, answers: Sequence[JobAnswer], servers: Sequence[ServerStatus]) -> bool:
    """Whether every job is COMPLETED and every server launched, its actions done, or failed."""
    # Once nothing more starts, a server whose job was never started has no end to wait for.
    if execution["status"] == ExecutionStatus.CANCELLING:
        servers = [server for server in servers if server.get("jobId")]
    jobs_ended = bool(answers) and all(answer.is_completed for answer in answers)
    return jobs_ended and all(map(needs_no_more_polls, servers))
