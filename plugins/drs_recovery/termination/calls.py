"""
TerminateRecoveryInstances in calls that DRS accepts.

DRS refuses a whole call because of one instance in it: one that is gone, in failback, or whose server is in
another job. A refused call is divided until the instance that is the reason stands alone, so that all others
are terminated.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from drs_recovery.hooks.drs import DrsHook
from drs_recovery.hooks.errors import AWS_ERRORS, describe, is_refusal
from drs_recovery.jobs.parts import MAX_SERVERS_PER_JOB
from drs_recovery.jobs.room import QueuedError
from drs_recovery.jobs.starter import NotStartedError
from drs_recovery.termination.targets import failback_state
from drs_recovery.transient_errors import error_code

Rows = Mapping[str, Mapping[str, Any]]
"""Rows of DescribeRecoveryInstances by recovery instance id."""

_CONFLICT = "ConflictException"
_UNKNOWN = "ResourceNotFoundException"
_REFUSALS_OF_ONE = frozenset({_CONFLICT, _UNKNOWN, "ValidationException"})


class Room(Protocol):
    """Room for the next job; see :class:`~drs_recovery.termination.room.TerminationRoom`."""

    def take(self, server_ids: Collection[str]) -> None:
        """Take room, or raise ``NotStartedError`` with what is waited for."""

    def give_back(self) -> None:
        """Free the room of a job that DRS did not start."""

    def started(self, job_id: str | None) -> None:
        """Say which job took the room; None if nobody knows whether there is one."""


@dataclass
class Asked:
    """
    What came of asking.

    :param started: id of each job (None if DRS told none) and the instances that it terminates.
    :param refused: reason by the instance that DRS will not terminate.
    :param later: reason by the instance that DRS cannot terminate now.
    :param stopped_by: an error after which nothing more was asked.
    """

    started: list[tuple[str | None, tuple[str, ...]]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)
    stopped_by: Exception | None = None


class TerminationCalls:
    """
    Ask for the end of instances in one place.

    :param drs: DRS there.
    :param allowed: reads DRS's rows of instances anew and gives those which still may be terminated; it is
        asked right before every call.
    :param room: in DRS's quotas, for one job after the other.
    """

    def __init__(self, drs: DrsHook, allowed: Callable[[Sequence[str]], Rows], room: Room) -> None:
        self._drs = drs
        self._allowed = allowed
        self._room = room
        self._asked = Asked()

    def terminate(self, rows: Rows) -> Asked:
        """
        Start jobs that terminate instances.

        :param rows: of the instances.
        """
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
                self._room.take([str(row.get("sourceServerID")) for row in rows.values()])
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
                self._room.give_back()
            else:
                # A job may have started: the next look finds it before it asks again.
                self._room.started(None)
            raise
        self._asked.started.append((job.get("jobID"), tuple(instance_ids)))
        self._room.started(job.get("jobID"))

    def _put_off(self, rows: Rows, reason: NotStartedError) -> None:
        """Leave for a later look what has no room now; those whose servers are free do not wait."""
        held = reason.turn.held if isinstance(reason, QueuedError) else frozenset()
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
