"""The DRS jobs of waves in the execution store: recorded once, never forgotten, polled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import WaveStatus
from drs_recovery.store.base import StoreBase
from drs_recovery.store.documents import public
from drs_recovery.store.facts import attempt_of, left_queue
from drs_recovery.store.first_forms import NewEvent, job_entry
from drs_recovery.store.launches import launch_of_job, launch_put
from drs_recovery.store.rules import demand_live, demand_requested, demand_wave_transition, wave_subject
from drs_recovery.store.transaction import (
    execution_update,
    in_transactions,
    record_update,
    refused_by_fresh_records,
    retried_on_conflict,
)
from drs_recovery.store.values import limited, present

if TYPE_CHECKING:
    from drs_recovery.store.expressions import Action, Item, Update
    from drs_recovery.store.instances import Instances
    from drs_recovery.store.records import JobRef
    from drs_recovery.store.refs import WaveRef
    from drs_recovery.store.table import ExecutionsTable
    from drs_recovery.store.transaction import FollowedWave, WaveRecords


class WaveJobs(StoreBase):
    """The jobs of a wave, and the writes that its follower knows."""

    def __init__(self, table: ExecutionsTable, clock: Callable[[], float], instances: Instances) -> None:
        super().__init__(table, clock)
        self._instances = instances

    def _commit_known(
        self,
        event: NewEvent,
        actions: Sequence[Action],
        known: WaveRecords,
        followed: FollowedWave | None,
        *,
        by_anybody: bool = False,
    ) -> WaveRecords:
        """Write a transition with its event; who follows the wave knows what it leaves."""
        self._commit(event, actions, by_anybody=by_anybody)
        after = known.after(actions)
        if followed:
            followed.keep(after)
        return after

    @retried_on_conflict
    @refused_by_fresh_records
    def record_job(
        self,
        ref: WaveRef,
        job: JobRef,
        adopted: bool,
        followed: FollowedWave | None = None,
    ) -> None:
        """
        Record a DRS job of a wave and its servers' ``jobId``, once.

        Allowed also when the wave or the execution has ended meanwhile: a launched job is never forgotten.

        :raises TransitionRefusedError: this wave was not requested, so it can have no job.
        """
        known = self._known(ref, followed)
        demand_requested(known.wave, f"the wave of job {job.job_id}")
        servers = [
            record_update(server, changes)
            for server in known.servers
            if server["sourceServerId"] in job.server_ids and (changes := _job_changes(server, job))
        ]
        # The wave's entry comes last: a reader that finds it finds the servers of the job complete.
        *earlier, last = in_transactions(servers) if servers else [()]
        for part in earlier:
            self.table.transact(part)
            known = known.after(part)
        if all(one["jobId"] != job.job_id for one in known.wave["jobs"]):
            self._add_job(known, last, job, adopted, followed)
        elif last:
            self.table.transact(last)

    def _add_job(
        self,
        known: WaveRecords,
        servers: Sequence[Update],
        job: JobRef,
        adopted: bool,
        followed: FollowedWave | None,
    ) -> None:
        now, number = self._now(), known.wave["waveNumber"]
        jobs = [*known.wave["jobs"], job_entry(job, now)]
        launch = launch_of_job(known.execution, number, job, now)
        actions: list[Action] = [
            execution_update(known.execution, now, {}),
            record_update(known.wave, {"jobs": jobs}),
            launch_put(launch),
            *servers,
        ]
        event = _job_event(number, job, adopted)
        # A request may be on its way when another installation takes the execution over.
        self._commit_known(event, actions, known, followed, by_anybody=True)
        self._instances.mark_replaced(launch)

    def ignore_job(self, ref: WaveRef, job_id: str, reason: str) -> bool:
        """
        Record that a job which was named as one of a wave is none of it, once.

        :return: False if that is on record already.
        """
        detail = {"wave": ref.number, "jobId": limited(job_id), "reason": limited(reason)}
        return self._tell_once(ref.execution_id, NewEvent("JOB_IGNORED", detail), of="jobId")

    @retried_on_conflict
    @refused_by_fresh_records
    def start_polling(self, ref: WaveRef, followed: FollowedWave | None = None) -> Item:
        """
        Record that every job of a wave is started and recorded.

        :raises TransitionRefusedError: the wave is not PENDING, or has no job.
        """
        known = self._known(ref, followed)
        execution, wave = known.execution, known.wave
        if wave["status"] == WaveStatus.POLLING:
            return public(wave)
        demand_live(execution, wave_subject(wave), WaveStatus.POLLING)
        demand_wave_transition(wave, WaveStatus.POLLING)
        if not wave["jobs"]:
            raise TransitionRefusedError(
                wave_subject(wave), f"{wave['status']} without a job", WaveStatus.POLLING
            )
        now = self._now()
        changes = {"status": WaveStatus.POLLING, "waitingFor": None, **left_queue(wave, now)}
        event = NewEvent("WAVE_POLLING", {"wave": ref.number, "jobs": [job["jobId"] for job in wave["jobs"]]})
        actions = [execution_update(execution, now, {}), record_update(wave, changes)]
        return public(self._commit_known(event, actions, known, followed).wave)


def _job_changes(server: Item, job: JobRef) -> Item:
    """Changes of a server by its job; one of an earlier attempt must not hide the newer one."""
    if attempt_of(server) <= job.attempt:
        return {} if server.get("jobId") == job.job_id else _names_of(job)
    previous = server.get("previousInstances", [])
    if any(left.get("jobId") == job.job_id for left in previous):
        return {}
    return {"previousInstances": [*previous, _names_of(job)]}


def _names_of(job: JobRef) -> Item:
    return present({"jobId": job.job_id, "accountId": job.account})


def _job_event(number: int, job: JobRef, adopted: bool) -> NewEvent:
    detail = {
        "wave": number,
        "attempt": job.attempt,
        "jobId": job.job_id,
        "region": job.region,
        "part": job.part,
    }
    return NewEvent("JOB_ADOPTED" if adopted else "JOB_STARTED", {**detail, "servers": list(job.server_ids)})
