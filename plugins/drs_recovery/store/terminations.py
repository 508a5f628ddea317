"""The end of an execution's instances in the execution store: asked for, under way, seen to be gone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import ServerPhase
from drs_recovery.store.base import StoreBase
from drs_recovery.store.documents import compose
from drs_recovery.store.expressions import Delete, Item
from drs_recovery.store.facts import has_instances_left, instances_of
from drs_recovery.store.first_forms import ENGINE, NewEvent, termination_entry
from drs_recovery.store.keys import END_OF_RANGE, HOUSEKEEPING, due_key, due_prefix
from drs_recovery.store.launches import InstancesSeen, compared
from drs_recovery.store.progress import merge_jobs
from drs_recovery.store.rules import can_terminate, is_termination_requested
from drs_recovery.store.transaction import (
    execution_update,
    in_transactions,
    record_update,
    retried_on_conflict,
)
from drs_recovery.store.values import limited, present

if TYPE_CHECKING:
    from drs_recovery.store.instances import Instances
    from drs_recovery.store.records import JobSeen, TerminationRef
    from drs_recovery.store.table import ExecutionsTable

_SUBJECT = "what the execution launched"

# What is true no more of a server that has an instance after all.
_NOT_OVER: Item = {"terminatedTime": None, "replacedBy": None}


class Terminations(StoreBase):
    """Every transition of the instances of an execution that has ended; none touches its final status."""

    def __init__(self, table: ExecutionsTable, clock: Callable[[], float], instances: Instances) -> None:
        super().__init__(table, clock)
        self._instances = instances

    @retried_on_conflict
    def request(self, execution_id: str, actor: str, request_id: str, detail: Mapping[str, Any]) -> bool:
        """
        Record a request to terminate instances of an execution: before that, none is.

        :return: False if this request is on record already.
        :raises TransitionRefusedError: the execution lives, or has no instance left.
        """
        execution, waves, servers, _ = self._read_all(execution_id)
        if is_termination_requested(execution, request_id):
            return False
        if not can_terminate(compose(execution, waves, servers)):
            raise TransitionRefusedError(_SUBJECT, _standing(execution), ServerPhase.TERMINATED)
        now = self._now()
        # Which waves, if it is not about all: the other instances stay.
        only = present({"waves": detail.get("waves")})
        request = {"actor": actor, "time": now, "requestId": request_id, **only}
        requests = [*execution.get("terminationRequests", []), request]
        update = execution_update(execution, now, {"terminationRequests": requests, "terminationError": None})
        self._commit(NewEvent("TERMINATION_REQUESTED", detail, actor), [update])
        return True

    def postpone(self, execution_id: str, other: str, reason: str) -> bool:
        """
        Record that instances of an execution stay for as long as another one needs their servers, once.

        :return: False if that is on record already.
        """
        event = NewEvent("TERMINATION_POSTPONED", {"for": other, "reason": reason}, HOUSEKEEPING)
        return self._tell_once(execution_id, event, of="for")

    @retried_on_conflict
    def record_job(self, execution_id: str, job: TerminationRef, adopted: bool) -> None:
        """Record a DRS job that terminates instances of an execution, once."""
        execution = self._read_execution(execution_id)
        jobs = execution.get("terminateJobs", [])
        if any(known["jobId"] == job.job_id for known in jobs):
            return
        now = self._now()
        detail = {
            "jobId": job.job_id,
            "region": job.region,
            "instances": list(job.instance_ids),
            "adopted": adopted or None,
        }
        update = execution_update(execution, now, {"terminateJobs": [*jobs, termination_entry(job, now)]})
        event = NewEvent("TERMINATION_JOB_STARTED", detail, _actor(execution))
        self._commit(event, [update], by_anybody=True)

    @retried_on_conflict
    def record_poll(self, execution_id: str, jobs: Sequence[JobSeen]) -> None:
        """Write how far the termination jobs of an execution are; nothing goes backwards."""
        execution = self._read_execution(execution_id)
        before = execution.get("terminateJobs", [])
        after = merge_jobs(before, jobs)
        if after != before:
            self.table.transact([execution_update(execution, self._now(), {"terminateJobs": after})])

    @retried_on_conflict
    def record_terminated(self, execution_id: str, gone: Collection[str]) -> None:
        """Record the servers all of whose instances are gone; what the execution reached stays counted."""
        _, _, servers, _ = self._read_all(execution_id)
        now = self._now()
        updates = [
            record_update(server, changes)
            for server in servers
            if (changes := compared(server, InstancesSeen(gone=gone), now))
        ]
        for part in in_transactions(updates):
            self.table.transact(part)

    @retried_on_conflict
    def finish(self, execution_id: str) -> bool:
        """
        Record that no instance of an execution is left, once.

        :return: False if it was recorded before, or an instance is left.
        """
        execution, waves, servers, _ = self._read_all(execution_id)
        if execution["instancesTerminated"] or has_instances_left(compose(execution, waves, servers)):
            return False
        now = self._now()
        changes = {"instancesTerminated": True, "terminatedTime": now, "terminationError": None}
        changes |= _fulfilled(execution, now)
        detail = {"servers": len([server for server in servers if "terminatedTime" in server])}
        update = execution_update(execution, now, changes)
        event = NewEvent("INSTANCES_TERMINATED", detail, _actor(execution))
        self._commit(event, [update, *_no_longer_due(execution)])
        return True

    @retried_on_conflict
    def record_failure(self, execution_id: str, message: str) -> bool:
        """
        Record why instances of an execution could not be terminated.

        :return: False if the record says so already.
        """
        execution, error = self._read_execution(execution_id), limited(message)
        if execution.get("terminationError") == error:
            return False
        update = execution_update(execution, self._now(), {"terminationError": error})
        self._commit(NewEvent("TERMINATION_FAILED", {"error": error}, _actor(execution)), [update])
        return True

    @retried_on_conflict
    def record_sweep(self, execution_id: str, instance_ids: Sequence[str], job_id: str | None) -> None:
        """
        Record that instances of an execution which its servers do not name are being terminated.

        :param job_id: the DRS job that does it, if DRS told.
        """
        execution = self._read_execution(execution_id)
        event = NewEvent("INSTANCES_SWEPT", {"instances": list(instance_ids), "jobId": job_id})
        self._commit(event, [execution_update(execution, self._now(), {})])

    @retried_on_conflict
    def record_late_instance(self, execution_id: str, server_id: str, instance: Mapping[str, str]) -> bool:
        """
        Record an instance that came up after its execution had ended; the final status stays.

        :param instance: its ``jobId``, ``recoveryInstanceId`` and ``instanceId``.
        :return: False if it is on record already, the execution lives, or it has no such server.
        """
        execution, _, servers, _ = self._read_all(execution_id)
        server = next((one for one in servers if one["sourceServerId"] == server_id), None)
        if server is None or not execution["status"].is_final:
            return False
        if instance["recoveryInstanceId"] in instances_of(server):
            return False
        detail = {"wave": server["waveNumber"], "server": server_id, **instance}
        changes = {"instancesTerminated": False, "terminatedTime": None, "instancesLeft": True}
        self._commit(
            NewEvent("INSTANCE_FOUND_LATE", detail),
            [
                execution_update(execution, self._now(), changes),
                record_update(server, {**_with_instance(server, instance), **_NOT_OVER}),
                self._instances.late_launch(execution, server, instance),
            ],
        )
        return True

    def due(self) -> list[tuple[str, float]]:
        """Executions whose instances are due to be terminated, and since when, the longest due first."""
        items = self.table.query(HOUSEKEEPING, "DUE#", due_prefix(self._now()) + END_OF_RANGE)
        return [(item["dueExecutionId"], item["dueTime"]) for item in items]

    def forget_due(self, execution_id: str, time: float) -> None:
        """Take an execution off the list of due ones, such as one that has been opened again since."""
        self.table.transact([Delete(due_key(execution_id, time))])


def _standing(execution: Item) -> str:
    """Why nothing can be terminated, as it follows ``is``."""
    status = execution["status"]
    if not status.is_final:
        return f"part of an execution that is {status}"
    return "terminated already" if execution["instancesTerminated"] else "nothing"


def _fulfilled(execution: Item, now: float) -> Item:
    """Requests that are carried out: an instance that comes up later is not what they asked for."""
    requests = execution.get("terminationRequests")
    return {"terminationRequests": [{"endTime": now, **one} for one in requests]} if requests else {}


def _with_instance(server: Item, instance: Mapping[str, str]) -> Item:
    """Changes of a server by an instance of its newest job, or of an earlier one."""
    if server.get("jobId") == instance["jobId"] and not server.get("instanceId"):
        return dict(instance)
    others = [one for one in server.get("previousInstances", []) if one.get("jobId") != instance["jobId"]]
    return {"previousInstances": [*others, dict(instance)]}


def _no_longer_due(execution: Item) -> list[Delete]:
    if "terminateAfter" not in execution:
        return []
    return [Delete(due_key(execution["executionId"], execution["terminateAfter"]))]


def _actor(execution: Item) -> str:
    """Who asked for it, the last one if there were several."""
    requests = execution.get("terminationRequests") or [{"actor": ENGINE}]
    return str(requests[-1]["actor"])
