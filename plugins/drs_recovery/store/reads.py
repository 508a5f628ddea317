"""Reading the execution store: single records, documents and events. No read scans the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.store.base import StoreBase, is_reopened
from drs_recovery.store.documents import compose, public, summary
from drs_recovery.store.expressions import Item
from drs_recovery.store.keys import (
    END_OF_RANGE,
    event_order,
    execution_key,
    wave_key,
)
from drs_recovery.store.table import ExecutionsTable


class StoreReads(StoreBase):
    """Reads of executions whose ids are known; all are strongly consistent."""

    def get_execution(self, execution_id: str) -> Item:
        """
        Read the EXECUTION record.

        :param execution_id: the execution.
        :raises ExecutionNotFoundError: there is none with that id.
        """
        return public(self._read_execution(execution_id))

    def get_executions(self, execution_ids: Iterable[str]) -> list[Item]:
        """
        Read EXECUTION records without their plan snapshots, in the order of the ids.

        :param execution_ids: the executions; those that do not exist are left out.
        """
        return read_summaries(self.table, execution_ids)

    def get_wave(self, execution_id: str, number: int) -> Item:
        """
        Read a WAVE record.

        :param execution_id: the execution.
        :param number: from 1.
        :raises StoreError: there is no such execution, or it has no such wave.
        """
        return public(self._read_wave(execution_id, number))

    def get_waves(self, execution_ids: Iterable[str], waves: int) -> list[Item]:
        """
        Read the first WAVE records of executions; those that do not exist are left out.

        :param execution_ids: the executions.
        :param waves: how many of each.
        """
        numbers = range(1, waves + 1)
        keys = [wave_key(execution_id, number) for execution_id in execution_ids for number in numbers]
        return [public(item) for item in self.table.get_many(keys)]

    def get_servers(self, execution_id: str, number: int) -> list[Item]:
        """
        Read the SERVER records of a wave, ordered by server id.

        :param execution_id: the execution.
        :param number: the wave, from 1.
        """
        return [public(item) for item in self._read_servers(execution_id, number)]

    def get_document(self, execution_id: str) -> Item:
        """
        Read the execution document: the EXECUTION record with ``waves[]``, each with ``serverStatuses[]``.

        :param execution_id: the execution.
        :raises ExecutionNotFoundError: there is none with that id.
        """
        execution, waves, servers = self._read_all(execution_id)
        return compose(execution, waves, servers)

    def get_rest(self, execution: Mapping[str, Any]) -> Item:
        """
        Read the waves and servers to an EXECUTION record that was read right before.

        :param execution: the record as readers get it.
        :return: the execution document, as :meth:`get_document` reads it.
        """
        waves, servers = self._read_parts(execution["executionId"])
        if is_reopened(execution, waves):
            return self.get_document(execution["executionId"])
        return compose(execution, waves, servers)

    def get_events(self, execution_id: str) -> list[Item]:
        """
        Read what happened, oldest first: ``event``, ``actor``, ``time``, ``detail``.

        :param execution_id: the execution.
        """
        items = self.table.query(execution_id, "EVENT#", f"EVENT#{END_OF_RANGE}")
        return [public(item) for item in sorted(items, key=event_order)]


def read_summaries(table: ExecutionsTable, execution_ids: Iterable[str]) -> list[Item]:
    """Read EXECUTION records as lists show them, in the order of the ids; missing ones are left out."""
    keys = [execution_key(execution_id) for execution_id in dict.fromkeys(execution_ids)]
    return [summary(item) for item in table.get_many(keys)]


class Documents:
    """
    Read documents as a pass needs them.

    :param store: the execution store.
    """

    def __init__(self, store: StoreReads) -> None:
        self._store = store
        self._read: dict[str, Mapping[str, Any] | None] = {}

    def get(self, execution_id: str) -> Mapping[str, Any] | None:
        """The document as it was when it was needed first; None if there is no record."""
        if execution_id not in self._read:
            try:
                self._read[execution_id] = self._store.get_document(execution_id)
            except ExecutionNotFoundError:
                self._read[execution_id] = None
        return self._read[execution_id]

    def forget(self) -> None:
        """Read all anew from now on."""
        self._read.clear()
