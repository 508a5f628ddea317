"""Troubles in the execution store: what keeps an execution or a wave from going on, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.store.documents import limited
from drs_recovery.store.expressions import Item
from drs_recovery.store.transaction import StoreBase, execution_growth, record_update, retried_on_conflict

# The same trouble is written again when the record of it is older than so many seconds.
_NOTED_FOR = 30.0


class StoreTroubles(StoreBase):
    """Write what is waited for before a start; what polls wait for is ``lastPollError`` of the wave."""

    @retried_on_conflict
    def note_waiting(self, execution_id: str, message: str, number: int | None = None) -> float:
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
    def end_waiting(self, execution_id: str, number: int) -> None:
        """
        Record that nothing keeps a wave from going on, but perhaps its place in the queue for DRS.

        :param execution_id: the execution.
        :param number: the wave, from 1.
        """
        wave = self._read_wave(execution_id, number)
        if "waitingFor" in wave:
            self.table.transact([record_update(wave, {"waitingFor": None})])

    def _waiting(self, execution_id: str, number: int | None) -> tuple[Item, Item | None]:
        """The EXECUTION record, and the one that waits; None if it has ended."""
        if number is None:
            execution = self._read_execution(execution_id)
            return execution, None if ExecutionStatus(execution["status"]).is_final else execution
        execution, wave = self._read_together(execution_id, number)
        is_over = ExecutionStatus(execution["status"]).is_final or WaveStatus(wave["status"]).is_final
        return execution, None if is_over else wave


def trouble(known: Mapping[str, Any] | None, message: str, now: float) -> Item:
    """
    A trouble as records have it: ``message``, ``since`` when things do not go on, ``time`` of the last time.

    :param known: what the record has already, if it has; records of earlier releases have no ``since``.
    :param message: for people.
    :param now: epoch seconds.
    """
    since = now if known is None else known.get("since", known["time"])
    return {"message": message, "since": since, "time": now}
