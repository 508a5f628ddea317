"""Whose a DRS job is: what its tags say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from drs_recovery.jobs.identity import EXECUTION_TAG

if TYPE_CHECKING:
    from drs_recovery.hooks import TargetClients


def owners_of(hooks: TargetClients, rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """
    Execution by job, of the jobs that carry our tags.

    :param rows: recovery instances, as DRS lists them.
    """
    return {job_id: tags[EXECUTION_TAG] for job_id, tags in our_tags(hooks, rows).items()}


def our_tags(hooks: TargetClients, rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, str]]:
    """
    Tags by job, of the jobs that carry ours.

    :param rows: recovery instances, as DRS lists them.
    """
    job_ids = sorted({str(row["jobID"]) for row in rows if row.get("jobID")})
    found: dict[str, Mapping[str, str]] = {}
    for job in hooks.drs.describe_jobs(job_ids) if job_ids else ():
        tags = hooks.drs.job_tags(job) or {}
        if EXECUTION_TAG in tags:
            found[str(job["jobID"])] = tags
    return found
