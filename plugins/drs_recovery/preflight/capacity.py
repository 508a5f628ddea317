"""Is DRS busy? Rules over the jobs that run in a target, whoever started them, and its quotas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drs_recovery.jobs import EXECUTION_TAG, QUOTA_CODES, Job, Limits, servers_of
from drs_recovery.preflight.findings import Check, Severity
from drs_recovery.statuses import JOB_COMPLETED, TERMINATION_JOB

if TYPE_CHECKING:
    from drs_recovery.hooks import Target
    from drs_recovery.preflight.servers import ResolvedServer


@dataclass(frozen=True)
class Demand:
    """What the execution asks of DRS in one target."""

    target: Target
    batches: tuple[tuple[int, ...], ...]

    @property
    def largest_job(self) -> int:
        """Servers of its largest job."""
        return max(size for batch in self.batches for size in batch)

    @property
    def most_jobs(self) -> int:
        """How many of its jobs may run side by side."""
        return max(len(batch) for batch in self.batches)

    @property
    def most_servers(self) -> int:
        """How many of its servers may be in jobs side by side."""
        return max(sum(batch) for batch in self.batches)


def running_jobs(jobs: Sequence[Job], execution_id: str) -> list[Job]:
    """
    The jobs that have not ended, but those of the execution itself.

    :param jobs: as ``DescribeJobs`` shows them.
    """
    return [
        job
        for job in jobs
        if job.get("status") != JOB_COMPLETED and (job.get("tags") or {}).get(EXECUTION_TAG) != execution_id
    ]


def conflict_checks(servers: Sequence[ResolvedServer], running: Sequence[Job]) -> Iterator[Check]:
    """Find the servers that a running job holds: DRS allows one job a server."""
    holding = {server_id: job for job in running for server_id in servers_of(job)}
    for found in servers:
        job = holding.get(found.server.source_server_id)
        if job is not None:
            yield _conflict(found, job)


def _conflict(found: ResolvedServer, job: Job) -> Check:
    told = ", ".join(str(job[key]) for key in ("initiatedBy", "status") if job.get(key))
    if job.get("type") == TERMINATION_JOB:
        return Check(
            Severity.NOTABLE,
            f"an earlier instance of it is being terminated by {job['jobID']} ({told})",
            "nothing: the wave waits for the end of that job",
            found.server,
            found.wave_number,
        )
    return Check(
        Severity.ENDANGERS,
        f"it takes part in {job['jobID']} ({told}), and DRS allows one job a server",
        "wait for the end of that job; DRS cannot cancel one",
        found.server,
        found.wave_number,
    )


def quota_checks(demand: Demand, running: Sequence[Job], limits: Limits) -> Iterator[Check]:
    """Hold what the execution asks of DRS against the quotas and what runs already."""
    yield from _job_size_checks(demand, limits)
    busy = len({server_id for job in running for server_id in servers_of(job)})
    yield from _room_checks(
        demand.target, "jobs_in_progress", limits, "jobs", len(running), 1, demand.most_jobs
    )
    yield from _room_checks(
        demand.target,
        "servers_in_jobs",
        limits,
        "servers in running jobs",
        busy,
        demand.largest_job,
        demand.most_servers,
    )


def _job_size_checks(demand: Demand, limits: Limits) -> Iterator[Check]:
    if demand.largest_job > limits.servers_per_job:
        yield Check(
            Severity.ENDANGERS,
            f"a job of {demand.largest_job} servers is needed in {demand.target.region}, and DRS's quota "
            f"{QUOTA_CODES['servers_per_job']} allows {limits.servers_per_job}",
            "divide the wave into smaller ones, or ask AWS for a higher quota",
        )


def _room_checks(
    target: Target, quota: str, limits: Limits, unit: str, used: int, least: int, most: int
) -> Iterator[Check]:
    """Is there capacity for the first job, and for all that may run side by side?"""
    limit = getattr(limits, quota)
    state = (
        f"DRS's quota {QUOTA_CODES[quota]} in {target.region} (connection {target.connection}) allows "
        f"{limit} {unit}, {used} are there"
    )
    remedy = "nothing, if the waves' timeouts allow for it; or ask AWS for a higher quota"
    if least > limit:
        what = f"{state}, so that a wave that needs {least} cannot start"
        yield Check(Severity.ENDANGERS, what, "divide the wave, or ask AWS for a higher quota")
    elif used + least > limit:
        yield Check(Severity.NOTABLE, f"{state}, so that a wave has to wait in the queue", remedy)
    elif used + most > limit:
        what = f"{state}, and the plan may ask for {most} at the same time: some have to wait"
        yield Check(Severity.NOTABLE, what, remedy)
