"""
Call TerminateRecoveryInstances within the quotas, in calls that DRS accepts.

DRS refuses a whole call because of one instance in it: one that is gone, in failback, or whose server is in
another job. A refused call is divided until the instance that is the reason stands alone, so that all others
are terminated. Terminations do not wait in the queue: without capacity they are tried again at the next poll.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from drs_recovery.exceptions import NotStartedError
from drs_recovery.hooks import AWS_ERRORS, LISTING_SECONDS, TargetClients, describe, is_refusal
from drs_recovery.jobs import MAX_SERVERS_PER_JOB, QueuedError, TargetQueue, reserve_capacity
from drs_recovery.statuses import Priority
from drs_recovery.store import NO_WAVE, UNANSWERED, QueueEntry, WaveRef
from drs_recovery.termination.targets import failback_state
from drs_recovery.transient_errors import error_code

if TYPE_CHECKING:
    from drs_recovery.hooks import DrsHook
    from drs_recovery.store import ExecutionRecord, ExecutionStore

log = logging.getLogger(__name__)

Rows = Mapping[str, Mapping[str, Any]]
"""Rows of DescribeRecoveryInstances by recovery instance id."""

_CONFLICT = "ConflictException"
_UNKNOWN = "ResourceNotFoundException"
_REFUSALS_OF_ONE = frozenset({_CONFLICT, _UNKNOWN, "ValidationException"})


class Reservation(Protocol):
    """Capacity for the next job; see :class:`~drs_recovery.termination.calls.TerminationReservation`."""

    def take(self, server_ids: Collection[str]) -> None:
        """Reserve capacity, or raise ``NotStartedError`` with what is waited for."""

    def release(self) -> None:
        """Release the reservation of a job that DRS did not start."""

    def started(self, job_id: str | None) -> None:
        """Say which job has the reservation; None if nobody knows whether there is one."""


@dataclass
class Asked:
    """
    What came of asking.

    :param started: id of each job (None if DRS told none) and the instances that it terminates.
    """

    started: list[tuple[str | None, tuple[str, ...]]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)
    stopped_by: Exception | None = None


class TerminationCalls:
    """
    Ask for the end of instances in one target.

    :param allowed: reads DRS's rows of instances anew and gives those which still may be terminated; it is
        asked right before every call.
    """

    def __init__(
        self, drs: DrsHook, allowed: Callable[[Sequence[str]], Rows], reservation: Reservation
    ) -> None:
        self._drs = drs
        self._allowed = allowed
        self._reservation = reservation
        self._asked = Asked()

    def terminate(self, rows: Rows) -> Asked:
        """Start jobs that terminate instances."""
        # An instance in failback may be refused: alone, so that no other one waits for it.
        suspects = [instance_id for instance_id, row in rows.items() if failback_state(row)]
        others = sorted(rows.keys() - set(suspects))
        for batch in (*_batches(others), *([one] for one in suspects)):
            self._ask(batch)
        return self._asked

    def _ask(self, batch: Sequence[str]) -> None:
        if self._asked.stopped_by is not None:
            return
        rows: Rows = {}
        try:
            rows = self._allowed(batch)
            if rows:
                self._reservation.take([str(row.get("sourceServerID")) for row in rows.values()])
                self._start(sorted(rows))
        except NotStartedError as error:
            self._put_off(rows, error)
        except AWS_ERRORS as error:
            if not rows or error_code(error) not in _REFUSALS_OF_ONE:
                self._asked.stopped_by = error
            elif len(rows) > 1:
                for half in _halves(sorted(rows)):
                    self._ask(half)
            else:
                self._judge(*next(iter(rows.items())), error)

    def _start(self, instance_ids: Sequence[str]) -> None:
        try:
            job = self._drs.terminate_recovery_instances(instance_ids)
        except AWS_ERRORS as error:
            if is_refusal(error):
                self._reservation.release()
            else:
                # A job may have started: the next look finds it before it asks again.
                self._reservation.started(None)
            raise
        self._asked.started.append((job.get("jobID"), tuple(instance_ids)))
        self._reservation.started(job.get("jobID"))

    def _put_off(self, rows: Rows, reason: NotStartedError) -> None:
        """Leave for a later look what finds no capacity now; those whose servers are free do not wait."""
        held = reason.queue_position.held if isinstance(reason, QueuedError) else frozenset()
        waiting = [one for one, row in rows.items() if row.get("sourceServerID") in held] or list(rows)
        self._asked.later.update(dict.fromkeys(waiting, str(reason)))
        if rest := sorted(rows.keys() - set(waiting)):
            self._ask(rest)

    def _judge(self, instance_id: str, row: Mapping[str, Any], error: Exception) -> None:
        """Say what it means that DRS refused one instance; one that it does not know is gone."""
        state = failback_state(row)
        if error_code(error) == _CONFLICT and state:
            self._asked.refused[instance_id] = (
                f"DRS refuses while it is in failback ({state}): complete or stop the failback, then "
                f"terminate again"
            )
        elif error_code(error) == _CONFLICT:
            self._asked.later[instance_id] = describe(error)
        elif error_code(error) != _UNKNOWN:
            self._asked.refused[instance_id] = describe(error)


def _batches(instance_ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (
        instance_ids[start : start + MAX_SERVERS_PER_JOB]
        for start in range(0, len(instance_ids), MAX_SERVERS_PER_JOB)
    )


def _halves(instance_ids: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    middle = len(instance_ids) // 2
    return instance_ids[:middle], instance_ids[middle:]


class TerminationReservation:
    """Capacity for the terminations of an execution in one target, for one job after the other."""

    def __init__(self, store: ExecutionStore, hooks: TargetClients, execution: ExecutionRecord) -> None:
        self._store, self._execution = store, execution
        self._target = TargetQueue(store, hooks)
        self._taken = 0
        self._entry: QueueEntry | None = None

    def take(self, server_ids: Collection[str]) -> None:
        """
        Reserve capacity for a job.

        :raises QueuedError: there is none now, or a job holds one of the servers.
        :raises NotStartedError: that cannot be told now.
        """
        self._pass_over_unanswered(server_ids)
        self._taken += 1
        entry = QueueEntry(
            execution_id=self._execution["executionId"],
            plan_id=self._execution["planId"],
            execution_type=self._execution["executionType"],
            priority=Priority.LOW,
            wave_number=NO_WAVE,
            attempt=1,
            part=self._taken,
            server_ids=tuple(sorted(server_ids)),
            joined=time.time(),
        )
        self._entry = reserve_capacity(self._store, self._target, entry)

    def release(self) -> None:
        """Release the reservation of a job that DRS did not start."""
        if self._entry is not None:
            self._store.queue.leave(self._target.name, [self._entry])

    def started(self, job_id: str | None) -> None:
        """
        Say which job has the reservation: it stands until DRS lists the job.

        :param job_id: DRS job id; None if DRS did not tell, so that nobody knows whether there is one.
        """
        if self._entry is not None:
            until = self._entry.until if job_id is None else time.time() + LISTING_SECONDS
            self._store.queue.name_job(self._target.name, self._entry, job_id or UNANSWERED, until)

    def _pass_over_unanswered(self, server_ids: Collection[str]) -> None:
        """
        Free what earlier requests for these servers hold whose answers were lost.

        DRS is asked for its jobs after this, and refuses a second one for a server of a job that it does not
        list yet.
        """
        queue = self._store.queue.read(self._target.name)
        mine = queue.of_wave(WaveRef(self._execution["executionId"], NO_WAVE))
        unanswered = [one for one in mine if one.job_id == UNANSWERED]
        passed = [one for one in unanswered if not set(server_ids).isdisjoint(one.server_ids)]
        self._store.queue.leave(queue.target, passed)
