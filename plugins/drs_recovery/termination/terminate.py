"""
One look at the end of an execution's instances: what is gone, what is still to be asked for, what objects.

Looking again is all that a caller has to do: every look asks DRS and EC2 what still exists, goes on with jobs
that run already, whoever started them, and asks for the rest. So it does not matter which answers were lost.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from drs_recovery.hooks import (
    AWS_ERRORS,
    Clients,
    Target,
    WrongAccountError,
    connection_exists,
    demand_account,
    describe,
    describe_instances,
    is_over_quota,
    is_transient,
    is_unanswered,
    retry_after,
)
from drs_recovery.opening import Need, needed_by
from drs_recovery.statuses import JOB_COMPLETED, TERMINATION_JOB, ExecutionType
from drs_recovery.store import TerminationRef, is_store_away
from drs_recovery.termination.calls import Asked, Rows, TerminationCalls, TerminationReservation
from drs_recovery.termination.targets import (
    RecordedInstance,
    TerminationState,
    objection,
    recorded_instances,
    termination_state_of,
)
from drs_recovery.waves import JobAnswer, job_seen, requested_at

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, ExecutionStore, TerminationJob

# A job that terminates instances takes minutes; one that still runs is looked for so far back.
_LONGEST_JOB = timedelta(hours=6)

# Instances that are all gone wait so long for the end of their jobs before the record is closed without it.
_JOB_PATIENCE = 3600.0

Element = TypeVar("Element")

log = logging.getLogger(__name__)


@dataclass
class TerminationLook:
    """
    What one look came to.

    :param unlisted: those of them that EC2 still has and DRS does not list.
    :param retry_after: seconds that AWS asked to wait, if it did.
    """

    left: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    jobs_run: bool = False
    retry_after: float | None = None

    @property
    def is_settled(self) -> bool:
        """Whether another look cannot change anything: all is gone but what is refused."""
        return not (self.left or self.problems or self.jobs_run)

    @property
    def waits_for(self) -> str:
        """What is still to come, for people."""
        return "; ".join([*self.left, *self.problems]) or "the end of its termination jobs"

    def add_error(self, error: Exception, where: str) -> None:
        """Sort an error of AWS: it passes by itself, or it is a refusal."""
        if passes_by_itself(error):
            self.problems.append(f"{where}: {describe(error)}")
            self.retry_after = retry_after(error) or self.retry_after
        else:
            self.refusals.append(f"{where}: {describe(error)}")


class Terminator:
    """Terminate the instances of executions that have ended."""

    def __init__(self, store: ExecutionStore, clients: Clients) -> None:
        self._store = store
        self._clients = clients
        # Nobody answered there: a pass over many executions waits for that once, not for each of them.
        self._silent: dict[Target, Exception] = {}

    def look(
        self, execution_id: str, waves: Collection[int] | None = None, *, allow_recovery: bool = False
    ) -> TerminationLook:
        """
        Look once at every target, record what is gone, ask for what is not.

        :param waves: only instances of these waves; None for all.
        :return: the look; AWS errors are in it, not raised, so that one target does not hold up the others.
        """
        document = self._store.get_document(execution_id)
        look = TerminationLook()
        left = recorded_instances(document, waves)
        # A recovery can have been opened since the termination was asked for.
        servers = {instance.server_id for instance in left}
        need = needed_by(self._store, document, servers, (ExecutionType.RECOVERY,))
        for target, instances in self._answering(_by_target(left), look):
            at_target = _TargetLook(self._store, self._clients, document, target, instances, allow_recovery)
            with self._reaching(target, look):
                at_target.run(look, need)
        self._follow_jobs(execution_id, look)
        return look

    def _follow_jobs(self, execution_id: str, look: TerminationLook) -> None:
        """Record how far the jobs are, and that nothing is left once they have ended."""
        execution = self._store.get_execution(execution_id)
        running = [job for job in execution.get("terminateJobs", []) if job["status"] != JOB_COMPLETED]
        for target, jobs in self._answering(_jobs_by_target(running), look):
            with self._reaching(target, look):
                self._follow_jobs_at(execution_id, target, jobs, look)
        newest = max((requested_at(job) for job in running), default=0.0)
        all_ended = not (look.jobs_run or look.problems)
        if all_ended or time.time() > newest + _JOB_PATIENCE:
            self._store.terminations.finish(execution_id)

    def _answering(
        self, by_target: Mapping[Target, Sequence[Element]], look: TerminationLook
    ) -> Iterator[tuple[Target, Sequence[Element]]]:
        """What lies at targets that did not keep silent before."""
        for target, elements in by_target.items():
            if target in self._silent:
                look.add_error(self._silent[target], _name(target))
            else:
                yield target, elements

    @contextmanager
    def _reaching(self, target: Target, look: TerminationLook) -> Iterator[None]:
        """Do something at a target; its errors are the look's, and hold up no other target."""
        try:
            yield
        except AWS_ERRORS as error:
            if is_store_away(error):
                raise
            self._clients.forget()
            look.add_error(error, _name(target))
            if is_unanswered(error):
                self._silent[target] = error

    def _follow_jobs_at(
        self, execution_id: str, target: Target, jobs: Sequence[TerminationJob], look: TerminationLook
    ) -> None:
        listed = self._clients.at(*target).drs.describe_jobs([job["jobId"] for job in jobs])
        seen = [job_seen(JobAnswer(str(job["jobID"]), job)) for job in listed]
        self._store.terminations.record_poll(execution_id, [job for job in seen if job is not None])
        look.jobs_run = look.jobs_run or any(job.get("status") != JOB_COMPLETED for job in listed)


class _TargetLook:
    """One look at the instances of an execution in one target."""

    def __init__(
        self,
        store: ExecutionStore,
        clients: Clients,
        document: ExecutionDocument,
        target: Target,
        instances: Sequence[RecordedInstance],
        allow_recovery: bool,
    ) -> None:
        self._store = store
        self._document = document
        self._target = target
        self._instances = {instance.instance_id: instance for instance in instances}
        self._allow_recovery = allow_recovery
        self._hooks = clients.at(*target)

    def run(self, look: TerminationLook, need: Need | None) -> None:
        """Look, and ask for the end of what is left."""
        if not connection_exists(self._target.connection):
            look.refusals.append(f"{_name(self._target)}: there is no such connection")
            return
        try:
            demand_account(self._hooks, (instance.account for instance in self._instances.values()))
        except WrongAccountError as error:
            look.refusals.append(
                f"{_name(self._target)}: nothing is terminated, and nothing is gone: {error}"
            )
            return
        rows = self._rows()
        by_state = self._by_state(rows)
        self._store.terminations.record_terminated(
            self._document["executionId"], by_state[TerminationState.GONE]
        )
        look.refusals += [self._objection(one, rows[one]) for one in by_state[TerminationState.NOT_OURS]]
        waited_for = self._ask_for(
            look, {one: rows[one] for one in by_state[TerminationState.TERMINABLE]}, need
        )
        look.left += [
            str(self._instances[one]) for one in (*waited_for, *by_state[TerminationState.UNLISTED])
        ]
        look.unlisted += [str(self._instances[one]) for one in by_state[TerminationState.UNLISTED]]

    def _rows(self, instance_ids: Collection[str] | None = None) -> Rows:
        """DRS's rows of some of the instances, read anew."""
        wanted = self._instances.keys() if instance_ids is None else instance_ids
        servers = sorted({self._instances[one].server_id for one in wanted})
        listed = self._hooks.drs.recovery_instances(servers)
        return {row["recoveryInstanceID"]: row for row in listed if row.get("recoveryInstanceID") in wanted}

    def _allowed(self, instance_ids: Sequence[str]) -> Rows:
        self._store.get_own_execution(self._document["executionId"])
        rows = self._rows(instance_ids)
        return {one: row for one, row in rows.items() if self._may_terminate(one, row)}

    def _may_terminate(self, instance_id: str, row: Mapping[str, Any]) -> bool:
        return objection(self._instances[instance_id], row, allow_recovery=self._allow_recovery) is None

    def _objection(self, instance_id: str, row: Mapping[str, Any]) -> str:
        reason = objection(self._instances[instance_id], row, allow_recovery=self._allow_recovery)
        return f"{self._instances[instance_id]} is left alone: {reason}"

    def _by_state(self, rows: Rows) -> Mapping[TerminationState, list[str]]:
        ec2 = describe_instances(self._hooks.ec2.conn, sorted(i.ec2_id for i in self._instances.values()))
        ended = {
            instance_id
            for job in self._document.get("terminateJobs", [])
            if job["status"] == JOB_COMPLETED
            for instance_id in job["instances"]
        }
        by_state: dict[TerminationState, list[str]] = defaultdict(list)
        for instance_id, recorded in self._instances.items():
            state = termination_state_of(
                recorded,
                rows.get(instance_id),
                ec2.get(recorded.ec2_id),
                allow_recovery=self._allow_recovery,
                job_ended=instance_id in ended,
            )
            by_state[state].append(instance_id)
        return by_state

    def _ask_for(self, look: TerminationLook, rows: Rows, need: Need | None) -> list[str]:
        """Ask for the end of what no job terminates yet; gives what is to be waited for."""
        if not rows:
            return []
        under_way = self._under_way(rows)
        if need is not None:
            look.problems.append(need.reason)
            look.jobs_run = look.jobs_run or bool(under_way)
            return list(rows)
        room = TerminationReservation(self._store, self._hooks, self._document)
        asked = TerminationCalls(self._hooks.drs, self._allowed, room).terminate(
            {one: row for one, row in rows.items() if one not in under_way}
        )
        self._record(asked)
        look.refusals += [f"{self._instances[one]}: {reason}" for one, reason in asked.refused.items()]
        look.problems += [f"{self._instances[one]}: {reason}" for one, reason in asked.later.items()]
        look.jobs_run = look.jobs_run or bool(under_way or asked.started)
        stop = asked.stopped_by
        if stop is not None and is_store_away(stop):
            raise stop
        if stop is not None:
            look.add_error(stop, f"TerminateRecoveryInstances in {_name(self._target)}")
        if stop is None or passes_by_itself(stop):
            return [one for one in rows if one not in asked.refused]
        started = {one for _, instance_ids in asked.started for one in instance_ids}
        return [one for one in rows if one in under_way | started]

    def _under_way(self, rows: Rows) -> set[str]:
        """Instances that a running job terminates: ours, one whose answer was lost, or somebody else's."""
        servers = {row["sourceServerID"]: instance_id for instance_id, row in rows.items()}
        known = {job["jobId"] for job in self._document.get("terminateJobs", [])}
        found: set[str] = set()
        for job in self._running_jobs():
            mine = sorted(servers[server] for server in _participants(job) if server in servers)
            if mine and job["jobID"] not in known:
                self._record_job(str(job["jobID"]), tuple(mine), adopted=True)
            found.update(mine)
        return found

    def _running_jobs(self) -> Iterator[Mapping[str, Any]]:
        for job in self._hooks.drs.jobs_since(datetime.now(UTC) - _LONGEST_JOB):
            if job.get("type") == TERMINATION_JOB and job.get("status") != JOB_COMPLETED:
                yield job

    def _record(self, asked: Asked) -> None:
        for job_id, instance_ids in asked.started:
            if job_id is not None:
                self._record_job(job_id, instance_ids, adopted=False)

    def _record_job(self, job_id: str, instance_ids: tuple[str, ...], *, adopted: bool) -> None:
        execution_id = self._document["executionId"]
        job = TerminationRef(job_id, self._target.region, self._target.connection, instance_ids)
        self._store.terminations.record_job(execution_id, job, adopted)
        log.info("execution %s: %s terminates %s", execution_id, job_id, ", ".join(instance_ids))


def passes_by_itself(error: Exception) -> bool:
    """Whether the same request may go through at a later look."""
    return is_transient(error) or is_over_quota(error)


def _participants(job: Mapping[str, Any]) -> set[str]:
    return {server.get("sourceServerID", "") for server in job.get("participatingServers", [])}


def _name(target: Target) -> str:
    return f"{target.region} (connection {target.connection})"


def _by_target(instances: Sequence[RecordedInstance]) -> dict[Target, list[RecordedInstance]]:
    by_target: dict[Target, list[RecordedInstance]] = defaultdict(list)
    for instance in instances:
        by_target[instance.target].append(instance)
    return by_target


def _jobs_by_target(jobs: Sequence[TerminationJob]) -> dict[Target, list[TerminationJob]]:
    by_target: dict[Target, list[TerminationJob]] = defaultdict(list)
    for job in jobs:
        by_target[Target(job["connection"], job["region"])].append(job)
    return by_target
