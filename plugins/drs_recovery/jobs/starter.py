"""
Start the DRS job of one part of a wave, or adopt the one that an earlier try started.

StartRecovery has no client token, so that a second request would be a second recovery. Every job carries
tags that name execution, wave and part. Before a start we look for them. If an answer was lost and DRS does
not list the job yet, DRS's own rule of one job a server answers a second request with a conflict, until the
job is listed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from drs_recovery.durations import epoch
from drs_recovery.exceptions import JobStartError, NotStartedError
from drs_recovery.hooks import (
    AWS_ERRORS,
    SHORT_PAUSE,
    Clients,
    demand_account,
    describe,
    is_conflict,
    is_over_quota,
    is_refusal,
    is_transient,
    retry_after,
)
from drs_recovery.jobs.identity import (
    ATTEMPT_TAG,
    EXECUTION_TAG,
    FIRST_ATTEMPT,
    PART_TAG,
    PLAN_TAG,
    WAVE_TAG,
    contradiction,
    is_job_id,
)
from drs_recovery.settings import setting_problems
from drs_recovery.store import JobRef, attempt_began, attempt_of

if TYPE_CHECKING:
    from drs_recovery.jobs.parts import JobPart
    from drs_recovery.store import Execution, WaveRecord

# Clocks of this machine and of AWS may differ: jobs are looked for from this long before the wave's start.
CLOCK_TOLERANCE = timedelta(hours=1)

# AWS: tags hold letters, digits, spaces and _ . : / = + - @, at most 256 characters.
_NOT_IN_TAGS = re.compile(r"[^\w .:/=+\-@]")

log = logging.getLogger(__name__)


class Reservations(Protocol):
    """Who may start a job, and when; see :class:`~drs_recovery.waves.reservations.WaveReservations`."""

    def look(self, part: JobPart) -> None:
        """Read the queue before DRS's jobs are: a job that leaves it meanwhile is among those."""

    def jobs(self, part: JobPart, since: datetime) -> Sequence[Mapping[str, Any]]:
        """Read DRS's jobs, those since a moment at the least; capacity is reserved by the same list."""

    def reserve(self, part: JobPart) -> None:
        """Reserve capacity for a job, or raise ``NotStartedError`` with what it waits for."""

    def release(self, part: JobPart) -> None:
        """Release the reservation of a job that DRS did not start."""


@dataclass(frozen=True)
class Started:
    """A job of this wave."""

    job: JobRef
    adopted: bool


def job_tags(execution: Execution, wave: WaveRecord, part: JobPart) -> dict[str, str]:
    """Tags by which people and later tries recognise a job."""
    tags = {
        EXECUTION_TAG: execution["executionId"],
        PLAN_TAG: execution["planId"],
        WAVE_TAG: str(wave["waveNumber"]),
        PART_TAG: str(part.number),
        ATTEMPT_TAG: str(attempt_of(wave)),
        "dr:executionType": execution["executionType"],
        "dr:ticket": _NOT_IN_TAGS.sub("_", execution.get("ticket") or "")[:256],
    }
    return {key: value for key, value in tags.items() if value}


class JobStarter:
    """Start or adopt the jobs of one wave."""

    def __init__(self, clients: Clients, execution: Execution, wave: WaveRecord) -> None:
        self._clients = clients
        self._execution = execution
        self._wave = wave
        self.ignored: dict[str, str] = {}
        """Why a job was not adopted that was named as one of this wave, by its id."""

    def start_or_adopt(
        self,
        part: JobPart,
        reservations: Reservations,
        remembered: object = None,
        check: Callable[[JobPart], None] = lambda _: None,
    ) -> Started:
        """
        Make sure that exactly one job runs for a part.

        :param check: raises an error if what is started cannot be; not called for a job that is adopted.
        :raises NotStartedError: not now; the next try adopts a job whose answer was lost.
        :raises JobStartError: DRS refused for a reason that does not pass by itself.
        """
        with self._explaining(part):
            # What is started is recorded with its account: a start that could not be is none.
            _ = self._clients.at(*part.target).account_id
            found = self._recognised(part, remembered)
            # Before the reservation: from the last look at the record to the request is but a moment then.
            self._clients.at(*part.target).drs.prepare_to_send()
        if found is None:
            reservations.look(part)
            with self._explaining(part):
                found = self.find(part, reservations)
        if found is not None:
            return found
        _check_settings()
        check(part)
        reservations.reserve(part)
        try:
            job = self._start(part)
        except AWS_ERRORS as error:
            if _is_surely_not_started(error):
                reservations.release(part)
            raise self._explained(error, part) from error
        return Started(self._ref(part, job), adopted=False)

    def find(self, part: JobPart, reservations: Reservations | None = None) -> Started | None:
        """
        Look for the job of a part by its tags.

        :param reservations: where capacity is to be reserved, if the job is to be started.
        :raises NotStartedError: a job holds these servers and does not say whose it is.
        :raises botocore errors: DRS cannot be asked, or not where the wave's other jobs are.
        """
        self._demand_account(part)
        drs = self._clients.at(*part.target).drs
        since = datetime.fromtimestamp(attempt_began(self._wave), UTC) - CLOCK_TOLERANCE
        for job in reservations.jobs(part, since) if reservations else drs.jobs_since(since):
            if not _may_hold(job, part):
                continue
            tags = drs.job_tags(job)
            if tags is None and "participatingServers" in job:
                raise _untold(job)
            if tags is not None and self._is_tagged_as(job, tags, part):
                return Started(self._ref(part, job), adopted=True)
        return None

    def _recognised(self, part: JobPart, job_id: object) -> Started | None:
        """
        The job that an earlier try kept in mind, if DRS says that it is this part's.

        One that DRS does not list is no proof. If it is ours after all, DRS's rule of one job a server
        answers a second request with a conflict, until the job is listed.
        """
        if not job_id:
            return None
        if not is_job_id(job_id):
            self._ignore(str(job_id), "it is not the id of a DRS job")
            return None
        drs = self._clients.at(*part.target).drs
        job = next(iter(drs.describe_jobs([str(job_id)])), None)
        if job is None:
            log.warning("%s, kept by an earlier try, is not listed by DRS: looked for by its tags", job_id)
            return None
        tags = drs.job_tags(job)
        if tags is None:
            raise _untold(job)
        if why := self._contradiction(job, tags, part):
            self._ignore(str(job_id), why)
            return None
        return Started(self._ref(part, job), adopted=True)

    def _is_tagged_as(self, job: Mapping[str, Any], tags: Mapping[str, str], part: JobPart) -> bool:
        if not self._tags_of(part).items() <= {ATTEMPT_TAG: FIRST_ATTEMPT, **tags}.items():
            return False
        # Tags can be put on any job.
        if why := self._contradiction(job, tags, part):
            self._ignore(str(job["jobID"]), why)
            return False
        return True

    def _tags_of(self, part: JobPart) -> dict[str, str]:
        """The tags by which the job of a part is told from all others."""
        wanted = job_tags(self._execution, self._wave, part)
        return {key: wanted[key] for key in (EXECUTION_TAG, WAVE_TAG, PART_TAG, ATTEMPT_TAG)}

    def _contradiction(self, job: Mapping[str, Any], tags: Mapping[str, str], part: JobPart) -> str | None:
        return contradiction(
            job,
            {ATTEMPT_TAG: FIRST_ATTEMPT, **tags},
            wanted_tags=self._tags_of(part),
            server_ids=part.server_ids,
            is_drill=bool(self._execution["isDrill"]),
        )

    def _ignore(self, job_id: str, why: str) -> None:
        log.warning("%s is not adopted: %s", job_id, why)
        self.ignored[job_id] = why

    def _start(self, part: JobPart) -> Mapping[str, Any]:
        job = self._clients.at(*part.target).drs.start_recovery(
            part.server_ids,
            is_drill=bool(self._execution["isDrill"]),
            tags=job_tags(self._execution, self._wave, part),
            snapshots={server_id: one.snapshot_id for server_id, one in part.snapshots.items()},
        )
        if "jobID" not in job:
            raise NotStartedError("DRS answered StartRecovery without a job id", SHORT_PAUSE)
        return job

    def _ref(self, part: JobPart, job: Mapping[str, Any]) -> JobRef:
        return JobRef(
            job_id=str(job["jobID"]),
            region=part.target.region,
            connection=part.target.connection,
            part=part.number,
            server_ids=part.server_ids,
            attempt=attempt_of(self._wave),
            account=self._clients.at(*part.target).account_id,
            created=epoch(job.get("creationDateTime")),
        )

    def _demand_account(self, part: JobPart) -> None:
        """In another account than that of its other jobs, a job that is not found may run nevertheless."""
        hooks = self._clients.at(*part.target)
        jobs = [job for job in self._wave["jobs"] if (job["connection"], job["region"]) == part.target]
        demand_account(hooks, (job.get("accountId") for job in jobs))

    @contextmanager
    def _explaining(self, part: JobPart) -> Iterator[None]:
        try:
            yield
        except AWS_ERRORS as error:
            raise self._explained(error, part) from error

    def _explained(self, error: Exception, part: JobPart) -> Exception:
        where = f"{part.target.region} (connection {part.target.connection})"
        reason = f"StartRecovery in {where} for {', '.join(part.server_ids)}: {describe(error)}"
        if is_over_quota(error):
            return NotStartedError(reason, retry_after(error))
        if is_transient(error):
            return NotStartedError(reason, retry_after(error) or SHORT_PAUSE)
        return JobStartError(reason)


def _untold(job: Mapping[str, Any]) -> NotStartedError:
    reason = f"DRS did not return the tags of {job['jobID']}, which may belong to this execution"
    return NotStartedError(reason, None)


def _check_settings() -> None:
    """They were good when the execution was opened; one that is not any more can be mended meanwhile."""
    if problems := setting_problems():
        raise NotStartedError(f"nothing is launched with settings like these: {'; '.join(problems)}", None)


def _is_surely_not_started(error: Exception) -> bool:
    """
    Whether no job runs of a request, so that its reservation is free.

    Without an answer one may run, and a conflict may be with the very job whose answer was lost.
    """
    return is_refusal(error) and not is_conflict(error)


def _may_hold(job: Mapping[str, Any], part: JobPart) -> bool:
    """Whether a job can be the part's: just after its start, DRS may not name the servers of a job yet."""
    named = {server.get("sourceServerID") for server in job.get("participatingServers", [])}
    return not named or not named.isdisjoint(part.server_ids)
