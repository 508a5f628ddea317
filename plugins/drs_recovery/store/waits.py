"""What an execution or a wave waits for: AWS, or room in DRS; and since when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.store.base import StoreBase
from drs_recovery.store.documents import Event, limited
from drs_recovery.store.expressions import Item
from drs_recovery.store.facts import attempt_of, was_queued
from drs_recovery.store.transaction import (
    execution_growth,
    execution_update,
    record_update,
    retried_on_conflict,
)

# The same trouble is written again when the record of it is older than so many seconds.
_NOTED_FOR = 30.0

QUEUED = "QUEUED"
"""Phase of a wave that waits for room in DRS."""


class Waits(StoreBase):
    """Write what is waited for before a start; what polls wait for is ``lastPollError`` of the wave."""

    @retried_on_conflict
    def note(self, execution_id: str, message: str, number: int | None = None) -> float:
        """
        Record what keeps an execution, or a wave, from going on: ``waitingFor``, until it goes on.

        :param execution_id: the execution.
        :param message: what is waited for, for people, with AWS's own words.
        :param number: of the wave that waits, from 1; None for the execution, which is still being opened.
        :return: since when it waits, in epoch seconds, whatever the message was before.
        """
        execution, record = self._waiting(execution_id, number)
        now = self._now()
        if record is None:
            return now
        known = record.get("waitingFor")
        note = trouble(known, limited(message), now)
        if known is None or known["message"] != note["message"] or now - known["time"] > _NOTED_FOR:
            changes: Item = {"waitingFor": note}
            if number is None:
                self.table.transact([execution_growth(execution, now, changes, {})])
            else:
                self.table.transact([record_update(record, changes)])
        return float(note["since"])

    @retried_on_conflict
    def end(self, execution_id: str, number: int) -> None:
        """
        Record that nothing keeps a wave from going on, but perhaps its place in the queue for DRS.

        :param execution_id: the execution.
        :param number: the wave, from 1.
        """
        wave = self._read_wave(execution_id, number)
        if "waitingFor" in wave:
            self.table.transact([record_update(wave, {"waitingFor": None})])

    @retried_on_conflict
    def queue_wave(self, execution_id: str, number: int, position: int, reason: str) -> bool:
        """
        Record where a wave stands in the queue for DRS; the first time in an attempt this is an event.

        :param execution_id: the execution.
        :param number: the wave, from 1.
        :param position: 1-based position in the queue.
        :param reason: what it waits for, for people.
        :return: False if nothing was written: the record says so already, or the wave waits for no start.
        """
        execution, wave = self._read_together(execution_id, number)
        if not _may_be_queued(execution, wave):
            return False
        now, standing = self._now(), {"position": position, "reason": reason}
        if wave.get("queue", {}).items() >= standing.items():
            return False
        since = wave.get("queuedTime", now)
        queue = {"phase": QUEUED, **standing, "since": since}
        update = record_update(wave, {"queue": queue, "queuedTime": since})
        if was_queued(wave):
            self.table.transact([execution_growth(execution, now, {}, {}), update])
        else:
            event = Event("WAVE_QUEUED", {"wave": number, "attempt": attempt_of(wave), **standing})
            self._commit(event, [execution_update(execution, now, {}), update])
        return True

    @retried_on_conflict
    def end_queueing(self, execution_id: str, number: int) -> None:
        """
        Record that a wave waits for room no more, although its jobs are not all started.

        :param execution_id: the execution.
        :param number: the wave, from 1.
        """
        wave = self._read_wave(execution_id, number)
        if "queue" in wave:
            self.table.transact([record_update(wave, {"queue": None})])

    def _waiting(self, execution_id: str, number: int | None) -> tuple[Item, Item | None]:
        """The EXECUTION record, and the one that waits; None if it has ended."""
        if number is None:
            execution = self._read_execution(execution_id)
            return execution, None if ExecutionStatus(execution["status"]).is_final else execution
        execution, wave = self._read_together(execution_id, number)
        is_over = ExecutionStatus(execution["status"]).is_final or WaveStatus(wave["status"]).is_final
        return execution, None if is_over else wave


def _may_be_queued(execution: Item, wave: Item) -> bool:
    status = ExecutionStatus(execution["status"])
    is_ending = status.is_final or status is ExecutionStatus.CANCELLING
    return not is_ending and wave["status"] == WaveStatus.PENDING


def trouble(known: Mapping[str, Any] | None, message: str, now: float) -> Item:
    """
    A trouble as records have it: ``message``, ``since`` when things do not go on, ``time`` of the last time.

    :param known: what the record has already, if it has; records of earlier releases have no ``since``.
    :param message: for people.
    :param now: epoch seconds.
    """
    since = now if known is None else known.get("since", known["time"])
    return {"message": message, "since": since, "time": now}
