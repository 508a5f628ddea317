"""Reading the execution store: single records, documents, events and lists. No read scans the table."""

from __future__ import annotations

import base64
import binascii
import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter

from drs_recovery.dynamodb import BY_PLAN, BY_STATUS
from drs_recovery.dynamodb_actions import Item
from drs_recovery.exceptions import StoreConflictError, StoreError
from drs_recovery.records import Page
from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.store_base import StoreBase, retried_on_conflict
from drs_recovery.store_items import END_OF_RANGE, compose, event_order, key_of, public

# (minus submittedTime, execution id): the order of lists, newest first, the same for every reader.
Position = tuple[float, str]

_BATCH = 100


class StoreReads(StoreBase):
    """Every read of the execution store; all but the indexes behind the lists are strongly consistent."""

    def get_execution(self, execution_id: str) -> Item:
        """
        Read the EXECUTION record.

        :param execution_id: the execution.
        :raises ExecutionNotFoundError: there is none with that id.
        """
        return public(self._read_execution(execution_id))

    def get_wave(self, execution_id: str, number: int) -> Item:
        """
        Read a WAVE record.

        :param execution_id: the execution.
        :param number: from 1.
        :raises StoreError: there is no such execution, or it has no such wave.
        """
        return public(self._read_wave(execution_id, number))

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

    @retried_on_conflict
    def _read_all(self, execution_id: str) -> tuple[Item, list[Item], list[Item]]:
        """
        Read the execution, then its waves, then their servers.

        In this order a part can only be newer than the whole above it: a final execution is never shown with
        a wave that still runs, nor a COMPLETED wave with a server that has no instance yet. Only a retry can
        reopen what was read as final a moment before, and then everything is read again.
        """
        execution = self._read_execution(execution_id)
        parts = self.table.query(execution_id, "SERVER#", f"WAVE#{END_OF_RANGE}", backward=True)
        waves = [item for item in parts if item["recordKey"].startswith("WAVE#")]
        servers = [item for item in parts if item["recordKey"].startswith("SERVER#")]
        if _is_final(execution) and any(WaveStatus(wave["status"]).is_active for wave in waves):
            raise StoreConflictError([execution["recordKey"]])
        return execution, waves, servers

    def get_events(self, execution_id: str) -> list[Item]:
        """
        Read what happened, oldest first: ``event``, ``actor``, ``time``, ``detail``.

        :param execution_id: the execution.
        """
        items = self.table.query(execution_id, "EVENT#", f"EVENT#{END_OF_RANGE}")
        return [public(item) for item in sorted(items, key=event_order)]

    def list_executions(
        self,
        plan_id: str | None = None,
        status: ExecutionStatus | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """
        List executions, newest first, each as it is now.

        An execution opened within the last moments may be missing: indexes lag a little behind.

        :param plan_id: only executions of this plan.
        :param status: only executions with this status.
        :param limit: how many at most.
        :param cursor: of the page before.
        :raises StoreError: the cursor is none of this store.
        """
        after = None if cursor is None else _position_of(cursor)
        found = self._listed(self._index_rows(plan_id, status, after), status)
        items = list(islice(found, limit + 1))
        more = len(items) > limit
        return Page(items[:limit], _cursor_of(items[limit - 1]) if more else None)

    def find_live(self, plan_id: str) -> list[Item]:
        """
        Find the executions of a plan that have not ended, newest first; see ``list_executions`` for new ones.

        :param plan_id: the plan.
        """
        # A final status changes only by a retry, which the index shows as late as a new execution.
        rows = (row for row in self._index_rows(plan_id, None, None) if not _is_final(row))
        return [item for item in self._listed(rows, None) if not _is_final(item)]

    def find_all_live(self) -> list[Item]:
        """
        Find the executions of all plans that have not ended, newest first; see ``list_executions``.

        One that changes its status in this moment may be missing, and is found by the next look.
        """
        live = [status for status in ExecutionStatus if not status.is_final]
        rows = _merged(self.table.index_rows(BY_STATUS, status) for status in live)
        return [item for item in self._listed(rows, None) if not _is_final(item)]

    def _index_rows(
        self, plan_id: str | None, status: ExecutionStatus | None, after: Position | None
    ) -> Iterator[Item]:
        """Index rows in the order of lists, from a position on."""
        if plan_id is not None:
            places = [(BY_PLAN, plan_id)]
        else:
            places = [(BY_STATUS, one) for one in ([status] if status else ExecutionStatus)]
        until = None if after is None else -after[0]
        rows = _merged(self.table.index_rows(index, value, until) for index, value in places)
        return (row for row in rows if after is None or _position(row) > after)

    def _listed(self, rows: Iterator[Item], status: ExecutionStatus | None) -> Iterator[Item]:
        """The records behind index rows, as they are now; an index can show an execution in two statuses."""
        seen: set[str] = set()
        while batch := list(islice(rows, _BATCH)):
            keys = list(dict.fromkeys(key_of(row) for row in batch if row["executionId"] not in seen))
            seen.update(key.execution_id for key in keys)
            for item in self.table.get_many(keys):
                if status is None or item["status"] == status:
                    yield {name: value for name, value in public(item).items() if name != "planSnapshot"}


def _merged(streams: Iterable[Iterator[Item]]) -> Iterator[Item]:
    return heapq.merge(*map(_ordered, streams), key=_position)


def _ordered(rows: Iterator[Item]) -> Iterator[Item]:
    """DynamoDB leaves the order of rows with the same time open: order those by id."""
    for _, tied in groupby(rows, key=itemgetter("submittedTime")):
        yield from sorted(tied, key=_position)


def _position(item: Item) -> Position:
    return -item["submittedTime"], item["executionId"]


def _is_final(item: Item) -> bool:
    return "status" in item and ExecutionStatus(item["status"]).is_final


def _cursor_of(item: Item) -> str:
    return base64.urlsafe_b64encode(json.dumps(_position(item)).encode()).decode()


def _position_of(cursor: str) -> Position:
    try:
        content: Sequence[object] = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        match content:
            case [int() | float() as time, str() as execution_id]:
                return time, execution_id
    except (binascii.Error, ValueError):
        pass
    raise StoreError(f"{cursor!r} is not a cursor of a list of executions")
