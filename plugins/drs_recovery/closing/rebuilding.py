"""
Put the record of an execution together again that is not in the table any more, from the jobs that DRS has.

The table may be lost, emptied, or a restored backup in the middle of an execution. Every job carries the
execution's tags, so that what was launched is found. What only the record knew is lost: who approved, who
asked, what failed before. So nothing more is started, and such an execution never ends COMPLETED.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from drs_recovery.durations import epoch
from drs_recovery.hooks import Clients, Target, TargetClients, ask_targets
from drs_recovery.jobs import ATTEMPT_TAG, CLOCK_TOLERANCE, EXECUTION_TAG, FIRST_ATTEMPT, PART_TAG, WAVE_TAG
from drs_recovery.preflight import GroupResolver
from drs_recovery.store import JobRef, NewExecution, NewServer, WaveRef

if TYPE_CHECKING:
    from drs_recovery.plan import RecoveryPlan
    from drs_recovery.store import ExecutionStore

LOST = (
    "the record of this execution was no longer in the table while it ran: the table was lost, emptied or "
    "replaced by an older copy. What DRS knows of it is rebuilt; approvals, answers and steps are lost. "
    "Nothing more is started: check the instances, then start a new execution for what is missing"
)
"""Why a rebuilt execution does not end well, for people."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundJob:
    """
    A job that carries the tags of the execution.

    :param created: epoch seconds at which DRS made it.
    """

    wave: int
    ref: JobRef
    created: float


class Rebuilder:
    """Rebuild records."""

    def __init__(self, store: ExecutionStore, plan: RecoveryPlan) -> None:
        self._store, self._plan = store, plan
        self._clients = Clients()

    def jobs_of(self, execution_id: str, since: float) -> list[FoundJob]:
        """
        Look for the jobs of an execution in all targets of the plan.

        :param since: epoch seconds before which it had none.
        :return: the jobs, those of earlier attempts first.
        :raises Exception: of AWS: a target does not answer now, so that the caller tries again.
        """
        moment = datetime.fromtimestamp(since, UTC) - CLOCK_TOLERANCE
        targets = dict.fromkeys(
            (Target(group.connection, group.region) for group in self._plan.protection_groups.values()),
            execution_id,
        )
        asked = ask_targets(
            self._clients, targets, "DRS", lambda hooks, wanted: list(_jobs_at(hooks, wanted, moment))
        )
        for trouble in asked.troubles:
            if trouble.passes:
                raise trouble.error
            log.error("execution %s: jobs may be missing in its record: %s", execution_id, trouble)
        found = [job for at_target in asked.found.values() for job in at_target]
        known = [job for job in found if 1 <= job.wave <= len(self._plan.waves)]
        return sorted(known, key=lambda job: (job.wave, job.ref.attempt, job.ref.part))

    def rebuild(self, new: NewExecution, jobs: Sequence[FoundJob]) -> None:
        """
        Put on record what is known; safe to run again, also side by side.

        :param new: the execution as it would be opened now; what is left of its record stays as it is.
        """
        execution_id = new.execution_id
        self._store.create_execution(new)
        self._store.begin_rebuilding(execution_id, LOST)
        # Nobody else may open the plan beside it: the lock went with the table.
        self._store.locks.hold_plan(execution_id)
        by_wave = jobs_by_wave(jobs)
        resolved = GroupResolver(self._clients, self._plan, by_wave).resolve() if by_wave else None
        for number, found in by_wave.items():
            servers = resolved.of_wave(number) if resolved else []
            self.rebuild_wave(WaveRef(execution_id, number), found, servers)
        self._store.end_rebuilding(execution_id, [job.ref.job_id for job in jobs])
        log.warning("execution %s: its record was lost and is rebuilt, with %d jobs", execution_id, len(jobs))

    def rebuild_wave(self, ref: WaveRef, jobs: Sequence[FoundJob], servers: Iterable[NewServer] = ()) -> None:
        """
        Put a wave on record as one that was started; one that has ended stays as it is.

        :param servers: of the wave, as far as they are known.
        """
        wave = self._store.get_wave(ref)
        if wave["status"].is_final:
            return
        known = {server.source_server_id: server for server in servers}
        for job in jobs:
            for server_id in job.ref.server_ids:
                known.setdefault(server_id, server_of(job, server_id))
        if "startTime" not in wave:
            self._store.add_servers(ref, list(known.values()))
        start, attempt = min(job.created for job in jobs), max(job.ref.attempt for job in jobs)
        self._store.rebuild_wave(ref, start, attempt)
        for job in jobs:
            self._store.waves.record_job(ref, job.ref, adopted=True)
        self._store.waves.start_polling(ref)


def jobs_by_wave(jobs: Iterable[FoundJob]) -> dict[int, list[FoundJob]]:
    """The jobs of each wave."""
    by_wave: dict[int, list[FoundJob]] = defaultdict(list)
    for job in jobs:
        by_wave[job.wave].append(job)
    return by_wave


def _jobs_at(hooks: TargetClients, execution_id: str, since: datetime) -> Iterable[FoundJob]:
    for job in hooks.drs.jobs_since(since):
        tags = hooks.drs.job_tags(job) or {}
        if tags.get(EXECUTION_TAG) == execution_id and tags.get(WAVE_TAG, "").isdecimal():
            yield _found(hooks, job, tags)


def _found(hooks: TargetClients, job: Mapping[str, Any], tags: Mapping[str, str]) -> FoundJob:
    ref = JobRef(
        job_id=str(job["jobID"]),
        region=hooks.target.region,
        connection=hooks.target.connection,
        part=int(tags.get(PART_TAG, "1")),
        server_ids=tuple(str(server["sourceServerID"]) for server in job.get("participatingServers", ())),
        attempt=int(tags.get(ATTEMPT_TAG, FIRST_ATTEMPT)),
        account=hooks.account_id,
    )
    return FoundJob(int(tags[WAVE_TAG]), ref, epoch(job.get("creationDateTime")) or time.time())


def server_of(job: FoundJob, server_id: str) -> NewServer:
    """A server that the plan does not name any more."""
    return NewServer(
        source_server_id=server_id,
        server_name=server_id,
        critical=True,
        region=job.ref.region,
        connection=job.ref.connection,
    )
