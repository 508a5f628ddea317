"""
The queues for capacity in DRS, in the execution store: one partition for each account and Region.

Reservations of a target are made one after the other. Each is written on condition that the queue's guard
is as it was when the capacity was computed, so that two executions never take the same capacity. And on
condition that the reservation before it was seen: DynamoDB shows the writes of a transaction to a query one
by one, so that the guard can be there before the entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from drs_recovery.exceptions import StoreConflictError
from drs_recovery.statuses import Priority
from drs_recovery.store.base import StoreBase
from drs_recovery.store.expressions import Action, Check, Condition, Delete, Item, Key, Put
from drs_recovery.store.keys import END_OF_RANGE
from drs_recovery.store.queue_entries import Queue, QueueEntry, QueueState
from drs_recovery.store.transaction import RECORD_IS_AS_READ, RECORD_IS_NEW
from drs_recovery.store.values import present

# In this order in the partition.
_GUARD, _ENTRIES = "GUARD", "JOB#"

# Entries that one transaction takes out; the next look takes the rest.
_MOST_AT_ONCE = 50


class JobQueue(StoreBase):
    """Join a queue, reserve capacity, leave."""

    def read(self, target: str) -> Queue:
        """
        Read the queue of a target.

        One query reads the guard and what is behind it: a reservation that comes between is seen by the
        guard's condition, or by that on the entry which the guard names.

        :param target: account and Region, such as ``123456789012:us-east-1``.
        """
        rows = self.table.query(_partition(target), _GUARD, _ENTRIES + END_OF_RANGE)
        guard: Item = next((row for row in rows if row["recordKey"] == _GUARD), {"version": 0})
        entries = tuple(_entry_of(row) for row in rows if row["recordKey"] != _GUARD)
        return Queue(target, guard["version"], guard.get("limits"), entries, guard.get("last"))

    def wait(self, target: str, entry: QueueEntry, until: float) -> None:
        """
        Join a queue, or stay in it; an entry that another writer changed in this moment stays as it is.

        :param until: epoch seconds after which the entry counts no more.
        """
        waiting = replace(entry, until=until, state=QueueState.WAITING, job_id=None)
        self._write_alone(_put_entry(target, waiting))

    def reserve(self, queue: Queue, entry: QueueEntry, until: float, limits: Mapping[str, Any]) -> QueueEntry:
        """
        Take capacity for a job, if none was taken since the queue was read.

        :param until: epoch seconds after which its start cannot be under way any more.
        :raises StoreConflictError: another reservation came first; nothing is reserved.
        """
        reserved = replace(entry, until=until, state=QueueState.RESERVED)
        key = _guard_key(queue.target)
        guard = {
            **key.attributes,
            "version": queue.version + 1,
            "limits": dict(limits),
            "last": entry.order,
        }
        self.table.transact(
            [
                Put(guard, _as_read(queue.version)),
                _put_entry(queue.target, reserved),
                *_last_was_seen(queue, entry),
            ]
        )
        return replace(reserved, version=entry.version + 1)

    def name_job(self, target: str, entry: QueueEntry, job_id: str, until: float) -> None:
        """
        Write down the job that took the capacity: it counts until DRS lists the job.

        :param until: epoch seconds after which DRS must have listed it.
        """
        self._write_alone(_put_entry(target, replace(entry, job_id=job_id, until=until)))

    def leave(self, target: str, entries: Sequence[QueueEntry]) -> None:
        """
        Take entries out of a queue, unless another writer changed one of them since.

        :param entries: as they were read; at most as many as a transaction holds are taken out.
        """
        known = [entry for entry in entries if entry.version][:_MOST_AT_ONCE]
        if known:
            self._write_alone(*(Delete(_entry_key(target, e), _as_read(e.version)) for e in known))

    def _write_alone(self, *actions: Action) -> None:
        """Write unless another writer was faster."""
        try:
            self.table.transact(actions)
        except StoreConflictError:
            return


def _partition(target: str) -> str:
    return f"queue:{target}"


def _guard_key(target: str) -> Key:
    return Key(_partition(target), _GUARD)


def _entry_key(target: str, entry: QueueEntry) -> Key:
    return Key(_partition(target), _ENTRIES + entry.order)


def _as_read(version: int) -> Condition:
    return Condition(RECORD_IS_AS_READ, {"readVersion": version}) if version else RECORD_IS_NEW


def _last_was_seen(queue: Queue, mine: QueueEntry) -> list[Action]:
    if queue.last is None or queue.last == mine.order:
        return []
    seen = next((entry for entry in queue.entries if entry.order == queue.last), None)
    # Seen with its capacity, it may go on: its owner records its job next, which takes no capacity of others.
    if seen is not None and not seen.waits:
        return []
    version = 0 if seen is None else seen.version
    return [Check(Key(_partition(queue.target), _ENTRIES + queue.last), _as_read(version))]


def _put_entry(target: str, entry: QueueEntry) -> Put:
    values = {
        "version": entry.version + 1,
        "queuedExecutionId": entry.execution_id,
        "planId": entry.plan_id,
        "executionType": entry.execution_type,
        "priority": entry.priority,
        "waveNumber": entry.wave_number,
        "attempt": entry.attempt,
        "part": entry.part,
        "servers": list(entry.server_ids),
        "joinedTime": entry.joined,
        "until": entry.until,
        "state": entry.state,
        **present({"jobId": entry.job_id}),
    }
    return Put({**_entry_key(target, entry).attributes, **values}, _as_read(entry.version))


def _entry_of(item: Item) -> QueueEntry:
    return QueueEntry(
        execution_id=item["queuedExecutionId"],
        plan_id=item["planId"],
        execution_type=item["executionType"],
        priority=Priority(item["priority"]),
        wave_number=item["waveNumber"],
        attempt=item["attempt"],
        part=item["part"],
        server_ids=tuple(item["servers"]),
        joined=item["joinedTime"],
        until=item["until"],
        state=QueueState(item["state"]),
        job_id=item.get("jobId"),
        version=item["version"],
    )
