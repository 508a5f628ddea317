"""Entries, jobs and places for tests of the queue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from drs_recovery.jobs.schedule import Limits, TargetState
from drs_recovery.statuses import ExecutionType, Priority
from drs_recovery.store.queue_entries import NO_WAVE, Queue, QueueEntry, QueueState

NOW = 1_800_000_000.0


def entry(name: str, servers: int | Iterable[str] = 1, **fields: Any) -> QueueEntry:
    """An entry of an execution of that name, which joined ``joined`` seconds after the others."""
    ids = [f"s-{name}{number}" for number in range(servers)] if isinstance(servers, int) else servers
    values: dict[str, Any] = {
        "execution_id": name,
        "plan_id": f"plan-{name}",
        "execution_type": ExecutionType.DRILL,
        "priority": Priority.NORMAL,
        "wave_number": 1,
        "attempt": 1,
        "part": 1,
        "until": NOW + 300,
        **fields,
    }
    return QueueEntry(server_ids=tuple(ids), **{**values, "joined": NOW - 1000 + fields.get("joined", 0)})


def reserved(name: str, servers: int | Iterable[str] = 1, **fields: Any) -> QueueEntry:
    """An entry that has room."""
    return entry(name, servers, state=QueueState.RESERVED, **fields)


def termination(name: str, servers: int | Iterable[str] = 1, **fields: Any) -> QueueEntry:
    """An entry that stands for the end of instances."""
    return entry(name, servers, **{"wave_number": NO_WAVE, "priority": Priority.LOW, **fields})


def job(name: str, servers: int | Iterable[str] = 1, **fields: Any) -> dict[str, Any]:
    """A job as DRS lists it."""
    ids = [f"s-{name}{number}" for number in range(servers)] if isinstance(servers, int) else servers
    return {
        "jobID": f"drsjob-{name}",
        "status": "STARTED",
        "participatingServers": [{"sourceServerID": one} for one in ids],
        **fields,
    }


def target(*entries: QueueEntry, jobs: Iterable[dict[str, Any]] = (), **fields: Any) -> TargetState:
    """A place whose queue has these entries."""
    limits = fields.pop("limits", Limits())
    queue = Queue("1:us-east-1", entries=tuple(sorted(entries, key=lambda one: one.order)))
    return TargetState("us-east-1", limits, tuple(jobs), queue, NOW, **fields)
