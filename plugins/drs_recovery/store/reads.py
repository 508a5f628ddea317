"""Reads of executions whose ids are known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from drs_recovery.exceptions import ExecutionNotFoundError, StoreConflictError
from drs_recovery.store.base import StoreBase, by_kind, is_reopened
from drs_recovery.store.documents import compose, public, summary
from drs_recovery.store.keys import END_OF_RANGE, event_order, execution_key, wave_key
from drs_recovery.store.refs import WaveRef
from drs_recovery.store.transaction import FollowedWave, WaveRecords, retried_on_conflict

if TYPE_CHECKING:
    from drs_recovery.store.execution_types import Event, Execution, ExecutionDocument, ExecutionRecord
    from drs_recovery.store.server_types import ServerStatus
    from drs_recovery.store.table import ExecutionsTable
    from drs_recovery.store.wave_types import WaveRecord


class StoreReads(StoreBase):
    """Reads of executions whose ids are known; all are strongly consistent."""

    def get_execution(self, execution_id: str) -> ExecutionRecord:
        """
        Read the EXECUTION record.

        :raises ExecutionNotFoundError: there is none with that id.
        """
        return cast("ExecutionRecord", public(self._read_execution(execution_id)))

    def get_executions(self, execution_ids: Iterable[str]) -> list[Execution]:
        """Read EXECUTION records without their plan snapshots; see :func:`read_summaries`."""
        return read_summaries(self.table, execution_ids)

    def get_wave(self, ref: WaveRef) -> WaveRecord:
        """
        Read a WAVE record.

        :raises StoreError: there is no such execution, or it has no such wave.
        """
        return cast("WaveRecord", public(self._read_wave(ref)))

    def get_waves(self, execution_ids: Iterable[str], waves: int) -> list[WaveRecord]:
        """Read the first WAVE records of executions; those that do not exist are left out."""
        numbers = range(1, waves + 1)
        keys = [
            wave_key(WaveRef(execution_id, number)) for execution_id in execution_ids for number in numbers
        ]
        return [cast("WaveRecord", public(item)) for item in self.table.get_many(keys)]

    def get_servers(self, ref: WaveRef) -> list[ServerStatus]:
        """Read the SERVER records of a wave, ordered by server id."""
        return [cast("ServerStatus", public(item)) for item in self._read_servers(ref)]

    def get_document(self, execution_id: str) -> ExecutionDocument:
        """
        Read the execution document: the EXECUTION record with ``waves[]``, each with ``serverStatuses[]``.

        :raises ExecutionNotFoundError: there is none with that id.
        """
        return compose(*self._read_all(execution_id))

    def get_rest(self, execution: Execution) -> ExecutionDocument:
        """
        Read the waves and servers to an EXECUTION record that was read right before.

        :return: the execution document, as :meth:`get_document` reads it.
        """
        waves, servers, steps = self._read_parts(execution["executionId"])
        if is_reopened(execution, waves):
            return self.get_document(execution["executionId"])
        return compose(execution, waves, servers, steps)

    @retried_on_conflict
    def follow(self, ref: WaveRef) -> tuple[ExecutionDocument, FollowedWave]:
        """Read the document of an execution in order to write to one of its waves."""
        rows = self.table.query(ref.execution_id, "EXECUTION", f"WAVE#{END_OF_RANGE}", backward=True)
        kinds = by_kind(reversed(rows))
        waves, servers = kinds["WAVE"], kinds["SERVER"]
        execution = next(iter(kinds["EXECUTION"]), None)
        if execution is None:
            raise ExecutionNotFoundError(ref.execution_id)
        if is_reopened(execution, waves):
            raise StoreConflictError([execution["recordKey"]])
        wave = next((one for one in waves if one["waveNumber"] == ref.number), None)
        of_wave = [server for server in servers if server["waveNumber"] == ref.number]
        followed = FollowedWave(None if wave is None else WaveRecords(execution, wave, of_wave))
        return compose(execution, waves, servers, kinds["STEP"]), followed

    def get_events(self, execution_id: str) -> list[Event]:
        """Read what happened, oldest first: ``event``, ``actor``, ``time``, ``detail``."""
        items = self.table.query(execution_id, "EVENT#", f"EVENT#{END_OF_RANGE}")
        return [cast("Event", public(item)) for item in sorted(items, key=event_order)]


def read_summaries(table: ExecutionsTable, execution_ids: Iterable[str]) -> list[Execution]:
    """Read EXECUTION records as lists show them, in the order of the ids; missing ones are left out."""
    keys = [execution_key(execution_id) for execution_id in dict.fromkeys(execution_ids)]
    return [summary(item) for item in table.get_many(keys)]


class Documents:
    """The documents that a pass over many executions needs: each is read once."""

    def __init__(self, store: StoreReads) -> None:
        self._store = store
        self._read: dict[str, ExecutionDocument | None] = {}

    def get(self, execution_id: str) -> ExecutionDocument | None:
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
