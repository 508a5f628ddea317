"""What DRS refuses when a job is asked for: servers that are busy, and too much at once."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.drs.exceptions import ConflictError, QuotaExceededError
from sandbox.drs.jobs import Job
from sandbox.world import Quotas


def admit(server_ids: Sequence[str], live_jobs: Sequence[Job], quotas: Quotas) -> None:
    """
    Refuse a job that may not start.

    :param server_ids: source servers that would take part.
    :param live_jobs: jobs of the account and Region that have not ended.
    :param quotas: the limits.
    :raises ConflictError: when one of the servers takes part in a live job.
    :raises QuotaExceededError: when the new job would exceed a quota.
    """
    busy = {server_id: job for job in live_jobs for server_id in job.servers}
    for server_id in server_ids:
        if server_id in busy:
            message = f"Source server {server_id} is already participating in job {busy[server_id].job_id}."
            raise ConflictError(message, "SourceServer", server_id)
    if len(server_ids) > quotas.servers_per_job:
        message = f"A job can have {quotas.servers_per_job} servers at most, not {len(server_ids)}."
        raise QuotaExceededError(message, "servers_per_job")
    if len(live_jobs) >= quotas.jobs_in_progress:
        message = f"{quotas.jobs_in_progress} jobs are in progress, which is the maximum."
        raise QuotaExceededError(message, "jobs_in_progress")
    if len(busy) + len(server_ids) > quotas.servers_in_jobs:
        message = (
            f"{len(busy)} servers are in running jobs and {len(server_ids)} more were asked for; "
            f"{quotas.servers_in_jobs} is the maximum."
        )
        raise QuotaExceededError(message, "servers_in_jobs")
