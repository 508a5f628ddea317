"""
Make the records of an execution whole that is taken over: what DRS says of its jobs goes before the record.

Its table may be a replica that lacks the last writes of a lost Region, or has only some of a transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from drs_recovery.closing import FoundJob, Rebuilder, jobs_by_wave, server_of
from drs_recovery.hooks import AWS_ERRORS, Clients, describe
from drs_recovery.plan import RecoveryPlan, plan_from_snapshot
from drs_recovery.preflight import GroupResolver
from drs_recovery.store import NewServer, NewWave, WaveRef

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionRecord, ExecutionStore, Wave

log = logging.getLogger(__name__)


class RecordMender:
    """Mends the records of one execution; safe to run again."""

    def __init__(self, store: ExecutionStore, execution: ExecutionRecord) -> None:
        self._store, self._execution = store, execution
        self._id = execution["executionId"]
        self._plan = plan_from_snapshot(execution["planSnapshot"])
        self._rebuilder, self._clients = Rebuilder(store, self._plan), Clients()

    def mend(self) -> list[str]:
        """
        Mend what can be mended.

        :return: what was wrong, and what could not be asked, for people; the record's events have it, too.
        """
        numbers = self._store.takeovers.add_missing_waves(self._id, _waves_of(self._plan))
        told = [f"wave {number} was not in this copy of the table" for number in numbers]
        short = self._store.takeovers.short_of_servers(self._id)
        # Transitions of waves rely on the counts of their execution.
        told = self._store.takeovers.mend(self._id, told)
        also: list[str] = []
        try:
            since = float(self._execution.get("runStartTime", self._execution["submittedTime"]))
            jobs = jobs_by_wave(self._rebuilder.jobs_of(self._id, since))
            also += self._add_servers(short, jobs)
            for number, found in sorted(jobs.items()):
                also += self._adopt(number, found)
        except AWS_ERRORS as error:
            log.warning("execution %s: not compared with DRS: %s", self._id, describe(error))
            also.append(f"DRS could not be asked for its jobs, the steps of its run will: {describe(error)}")
        return [*told, *self._store.takeovers.mend(self._id, also)]

    def _add_servers(self, short: Collection[int], jobs: dict[int, list[FoundJob]]) -> Iterator[str]:
        planned = GroupResolver(self._clients, self._plan, short).resolve() if short else None
        for number in sorted({*short, *jobs}):
            named = [server_of(job, one) for job in jobs.get(number, ()) for one in job.ref.server_ids]
            of_plan: Sequence[NewServer] = planned.of_wave(number) if planned and number in short else ()
            known = {server.source_server_id: server for server in [*named, *of_plan]}
            added = self._store.takeovers.add_missing_servers(WaveRef(self._id, number), known.values())
            if added:
                yield f"servers of wave {number} were not in this copy of the table: {', '.join(added)}"

    def _adopt(self, number: int, jobs: Sequence[FoundJob]) -> Iterator[str]:
        """Put on record which jobs a wave has, and with that, that it was started."""
        wave, ref = self._wave(number), WaveRef(self._id, number)
        known = {job["jobId"] for job in wave["jobs"]}
        unknown = [job for job in jobs if job.ref.job_id not in known]
        if unknown:
            self._store.takeovers.approve_started(ref, unknown[0].ref.job_id)
            self._rebuilder.rebuild_wave(ref, jobs)
        if "startTime" in self._wave(number):
            for job in jobs:
                self._store.waves.record_job(ref, job.ref, adopted=True)
        for job in unknown:
            yield f"{job.ref.job_id} of wave {number} was not in this copy of the table"

    def _wave(self, number: int) -> Wave:
        return self._store.get_document(self._id)["waves"][number - 1]


def _waves_of(plan: RecoveryPlan) -> list[NewWave]:
    return [
        NewWave(number, wave.name, plan.dependencies(number))
        for number, wave in enumerate(plan.waves, start=1)
    ]
