"""
What waits for capacity in DRS: one entry for each job that a wave needs, in the order in which they get it.

DRS allows so many jobs, and so many servers in them, per account and Region. All executions share one queue
for each of those targets. No airflow and no boto3 here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from drs_recovery.statuses import ExecutionType, Priority
from drs_recovery.store.keys import sortable_time
from drs_recovery.store.refs import WaveRef

# Real recoveries before drills, and within each the more important plans first.
_TYPES = (ExecutionType.RECOVERY, ExecutionType.DRILL)
_PRIORITIES = tuple(Priority)
_BEHIND_ALL = len(_TYPES)

NO_WAVE = 0
"""``wave_number`` of a termination of instances: it belongs to no wave, and goes behind all of them."""

UNANSWERED = "a job whose start was not answered"
"""``job_id`` of an entry whose request has ended, and that may or may not have started a job."""


class QueueState(StrEnum):
    """Whether a job waits for capacity, or has it and is being started."""

    WAITING = "WAITING"
    RESERVED = "RESERVED"


@dataclass(frozen=True)
class QueueEntry:
    """
    A job that waits for capacity in DRS, or has got it and is not yet seen in DRS's list of jobs.

    :param wave_number: from 1; ``NO_WAVE`` for a termination.
    :param joined: since when the wave's attempt wants to start, in epoch seconds.
    :param until: epoch seconds after which the entry counts no more: the task that made it must have died.
    :param version: as the store has it; 0 if it has no such entry.
    """

    execution_id: str
    plan_id: str
    execution_type: ExecutionType
    priority: Priority
    wave_number: int
    attempt: int
    part: int
    server_ids: tuple[str, ...]
    joined: float
    until: float = 0.0
    state: QueueState = QueueState.WAITING
    job_id: str | None = None
    version: int = 0

    @property
    def is_termination(self) -> bool:
        """Whether its job terminates instances instead of launching some."""
        return self.wave_number == NO_WAVE

    @property
    def order(self) -> str:
        """Sort key: the lower one goes first. It stays the same when a task runs again."""
        kind = _BEHIND_ALL if self.is_termination else _TYPES.index(self.execution_type)
        rank = f"{kind}{_PRIORITIES.index(self.priority)}"
        wave = f"{self.wave_number:02d}#{self.attempt:04d}#{self.part:03d}"
        return f"{rank}#{sortable_time(self.joined)}#{self.execution_id}#{wave}"

    @property
    def waits(self) -> bool:
        """Whether it has no capacity yet."""
        return self.state is QueueState.WAITING

    def holds_reservation(self, time: float) -> bool:
        """
        Whether it has capacity that counts: its job may be about to start.

        :param time: now, in epoch seconds.
        """
        return not self.waits and self.until >= time

    def is_of(self, ref: WaveRef) -> bool:
        """Whether it is a job of a wave."""
        return WaveRef(self.execution_id, self.wave_number) == ref


@dataclass(frozen=True)
class Queue:
    """
    The queue of a target as it was read.

    :param target: account and Region, such as ``123456789012:us-east-1``.
    :param version: of its guard; it grows with each reservation. 0 before the first one.
    :param limits: the quotas of the target as the guard has them, with the ``time`` at which they were read.
    """

    target: str
    version: int = 0
    limits: Mapping[str, Any] | None = None
    entries: tuple[QueueEntry, ...] = ()
    last: str | None = None

    def standing(self, entry: QueueEntry) -> QueueEntry:
        """An entry as the queue has it; itself if it is not in it."""
        return next((known for known in self.entries if known.order == entry.order), entry)

    def having(self, entry: QueueEntry) -> Queue:
        """The queue with an entry at its place, instead of what it had there."""
        others = (known for known in self.entries if known.order != entry.order)
        return replace(self, entries=tuple(sorted((*others, entry), key=lambda one: one.order)))

    def without(self, entries: Collection[QueueEntry]) -> Queue:
        """The queue as if some entries were not in it."""
        return replace(self, entries=tuple(one for one in self.entries if one not in entries))

    def of_wave(self, ref: WaveRef) -> tuple[QueueEntry, ...]:
        """The entries of a wave."""
        return tuple(entry for entry in self.entries if entry.is_of(ref))
