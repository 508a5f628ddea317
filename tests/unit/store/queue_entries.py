"""Entries of the queue for tests of the store."""

from __future__ import annotations

from typing import Any

from drs_recovery.statuses import ExecutionType, Priority
from drs_recovery.store.queue_entries import QueueEntry

TARGET = "123456789012:us-east-1"
LIMITS = {"jobs_in_progress": 20, "time": 1}


def entry(execution_id: str = "e1", **fields: Any) -> QueueEntry:
    """An entry of the first wave of an execution."""
    values: dict[str, Any] = {
        "plan_id": "crm",
        "execution_type": ExecutionType.DRILL,
        "priority": Priority.NORMAL,
        "wave_number": 1,
        "attempt": 1,
        "part": 1,
        "server_ids": ("s-1", "s-2"),
        "joined": 1_800_000_000.5,
        **fields,
    }
    return QueueEntry(execution_id, **values)
