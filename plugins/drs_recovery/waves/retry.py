"""How long an attempt at a wave may take, and what has become of the attempt before it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from drs_recovery.exceptions import NotStartedError
from drs_recovery.hooks import AWS_ERRORS, LISTING_SECONDS, Clients, demand_account, describe, retry_after
from drs_recovery.settings import details_timeout
from drs_recovery.statuses import JOB_UNLISTED, ServerPhase
from drs_recovery.store import JobSeen, ServerSeen, WavePoll, WaveRef
from drs_recovery.waves.enrichment import InstanceEnricher
from drs_recovery.waves.late_jobs import record_late_jobs
from drs_recovery.waves.observation import has_ended, requested_at
from drs_recovery.waves.points_in_time import choose_again
from drs_recovery.waves.polling import WaveWatcher
from drs_recovery.waves.rules import needs_no_more_polls, wave_of

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionStore, Job, WaveRecord


def begin_retry(store: ExecutionStore, ref: WaveRef, actor: str, asked_by: int | None = None) -> bool:
    """
    Begin a new attempt at a wave if a person asked for one; see :meth:`Retries.begin`.

    :raises TransitionRefusedError: the execution may not go on.
    """
    return store.retries.begin(ref, actor, asked_by)[1]


def resume_after_steps(store: ExecutionStore, ref: WaveRef) -> bool:
    """
    Bring a wave that is tried again back to its after-steps, if all of its servers are still ready.

    :return: False if servers are to be started again first.
    """
    servers = store.get_servers(ref)
    if not all(server["phase"] is ServerPhase.READY for server in servers):
        return False
    store.retries.restart_failed(ref)
    store.waves.start_polling(ref)
    store.waves.enter_after_steps(ref)
    return True


def choose_servers(store: ExecutionStore, clients: Clients, ref: WaveRef) -> None:
    """
    Decide which servers a retry starts again, after a look at what became of their earlier jobs.

    A wave that failed by its time-out can have launched more meanwhile, or still be at it, also in a job
    whose answer was lost. What those jobs left behind is recorded before their servers start again.

    :raises NotStartedError: DRS could not be asked this time.
    """
    if not store.get_wave(ref).get("restartPending"):
        return
    document = store.get_document(ref.execution_id)
    try:
        record_late_jobs(store, document, wave_of(document, ref.number))
    except AWS_ERRORS as error:
        why = f"the jobs of the attempt before are not known: {describe(error)}"
        raise NotStartedError(why, retry_after(error)) from error
    wave = store.get_wave(ref)
    if wave["jobs"]:
        look = WaveWatcher(store, clients).look(ref)
        if look.problem:
            raise NotStartedError(look.problem, look.retry_after)
        try:
            _give_up_lost_servers(store, clients, wave)
        except AWS_ERRORS as error:
            raise NotStartedError(describe(error), None) from error
        details = InstanceEnricher(store, clients, details_timeout()).enrich(ref)
        if details.problems:
            raise NotStartedError("; ".join(details.problems), None)
    choose_again(store, clients, wave)
    store.retries.restart_failed(ref)


def _give_up_lost_servers(store: ExecutionStore, clients: Clients, wave: WaveRecord) -> None:
    """
    Call the servers FAILED whose job DRS does not list, long after its start.

    If it runs nevertheless, DRS's rule of one job a server keeps a second one from starting.
    """
    lost = {job["jobId"] for job in wave["jobs"] if _is_lost(clients, job)}
    failed = tuple(
        ServerSeen(
            server["sourceServerId"],
            phase=ServerPhase.FAILED,
            fields={"error": f"DRS does not list its job {server['jobId']}"},
        )
        for server in store.get_servers(WaveRef.of(wave))
        if server.get("jobId") in lost and not needs_no_more_polls(server)
    )
    jobs = tuple(JobSeen(str(job_id), JOB_UNLISTED) for job_id in sorted(lost))
    store.polls.record(WaveRef.of(wave), WavePoll(jobs, failed, is_look=False))


def _is_lost(clients: Clients, job: Job) -> bool:
    if has_ended(job) or time.time() < requested_at(job) + LISTING_SECONDS:
        return False
    hooks = clients.at(job["connection"], job["region"])
    demand_account(hooks, [job.get("accountId")])
    return not hooks.drs.describe_jobs([job["jobId"]])
