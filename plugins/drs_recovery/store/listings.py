"""
Lists of executions: newest first, page by page, by the indexes. No list scans the table.

A list takes keys and order from index rows, or from listing records, and reads the executions themselves,
consistently: an index lags, and rows only serve to leave out what cannot be wanted.
"""

from __future__ import annotations

import base64
import binascii
import heapq
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from drs_recovery.exceptions import StoreError
from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store.base import StoreBase, is_final
from drs_recovery.store.documents import listed_row, public
from drs_recovery.store.keys import (
    END_OF_RANGE,
    HOUSEKEEPING,
    LIVE_PREFIX,
    START_OF_RANGE,
    listing_moment,
    ticket_partition,
    type_partition,
)
from drs_recovery.store.reads import read_summaries
from drs_recovery.store.records import ExecutionFilter, Page
from drs_recovery.store.table import BY_PLAN, BY_STATUS

if TYPE_CHECKING:
    from drs_recovery.store.execution_types import Execution
    from drs_recovery.store.expressions import Item
    from drs_recovery.store.server_types import ServerStatus

# (minus submittedTime, execution id): the order of lists, newest first, the same for every reader.
Position = tuple[float, str]

# A search for something rare ends its page after so many rows, a few queries: people wait for it.
MOST_ROWS = 1000

_ALL = ExecutionFilter()

# The lists of so many plans are read side by side; of more plans, everything is looked through.
_MOST_PLANS = 8

# Of a position behind all executions of a moment: sorts after every id.
_WHOLE_MOMENT = END_OF_RANGE

# No execution was submitted later, in epoch seconds: a made-up cursor can hold any number.
_LATEST = 1e11


class Listings(StoreBase):
    """Every list of executions."""

    def page(self, wanted: ExecutionFilter = _ALL, limit: int = 50, cursor: str | None = None) -> Page:
        """
        List executions, newest first, each as it is now.

        Lists of a status or of a few plans come from indexes, which lag a little behind: an execution
        that was opened, or changed its status, within the last moments may be missing. No other list lags.

        :return: the page; with few or no items, but a cursor, if so far there are few among very many.
        :raises StoreError: the cursor is none of this store.
        """
        after = None if cursor is None else _position_of(cursor)
        # One row more than the page shows that it is not the last, and another one that no tie goes on.
        search = _Search(self._rows(wanted, after, limit + 2), wanted)
        items: list[Execution] = []
        while len(items) <= limit and (ids := search.candidates(limit + 1 - len(items))):
            items += [item for item in read_summaries(self.table, ids) if wanted.accepts(item)]
        if len(items) > limit:
            return Page(items[:limit], _cursor_of(_position(items[limit - 1])))
        return Page(items, None if search.stopped is None else _cursor_of((-search.stopped, _WHOLE_MOMENT)))

    def live(self, execution_type: ExecutionType | None = None) -> list[Execution]:
        """
        Find the executions of all plans that have not ended, newest first; none is missing.

        :param execution_type: only those of a type; None for all.
        """

        def is_wanted(row: Mapping[str, Any]) -> bool:
            # Rows may hold keys alone: what one does not tell speaks for it.
            return execution_type in (None, row.get("executionType", execution_type))

        rows = self.table.query(HOUSEKEEPING, LIVE_PREFIX, LIVE_PREFIX + END_OF_RANGE)
        ids = [row["liveExecutionId"] for row in rows if is_wanted(row)]
        # Those that an earlier release has opened have no record of being alive.
        live = [status for status in ExecutionStatus if not status.is_final]
        indexed = [row for status in live for row in self.table.index_rows(BY_STATUS, status)]
        ids += [row["executionId"] for row in indexed if is_wanted(row)]
        items = (item for item in read_summaries(self.table, ids) if not is_final(item) and is_wanted(item))
        return sorted(items, key=_position)

    def recovered_servers(self, server_ids: Collection[str]) -> Iterator[tuple[Execution, ServerStatus]]:
        """
        Find source servers in real recoveries that may have instances which are not known to be gone.

        :return: EXECUTION record and SERVER record, newest recovery first.
        """
        rows = self.table.rows(type_partition(ExecutionType.RECOVERY), START_OF_RANGE, END_OF_RANGE)
        ids = (listed_row(row)["executionId"] for row in rows)
        for execution in read_summaries(self.table, ids):
            if is_final(execution) and (
                not execution.get("instancesLeft") or execution["instancesTerminated"]
            ):
                continue
            records = self.table.query(execution["executionId"], "SERVER#", f"SERVER#{END_OF_RANGE}")
            for server in cast("list[ServerStatus]", list(map(public, records))):
                if server["sourceServerId"] in server_ids:
                    yield execution, server

    def _rows(self, wanted: ExecutionFilter, after: Position | None, count: int) -> Iterator[Item]:
        """Index rows, or records of a ticket, in the order of lists, from a position on."""
        until = wanted.until
        if after is not None:
            until = -after[0] if until is None else min(until, -after[0])
        if wanted.since is not None and until is not None and wanted.since > until:
            return iter(())
        streams = [stream(wanted.since, until, count) for stream in self._streams(wanted)]
        return (row for row in _merged(_begun(streams)) if after is None or _position(row) > after)

    def _streams(self, wanted: ExecutionFilter) -> list[Callable[..., Iterator[Item]]]:
        """Streams of all wanted executions, with as few others as possible, each newest first."""
        if wanted.ticket is not None:
            return [partial(self._listed_rows, ticket_partition(wanted.ticket))]
        # Few executions live, however many a plan has had.
        is_about_live = wanted.status is not None and not wanted.status.is_final
        if wanted.plans is not None and len(wanted.plans) <= _MOST_PLANS and not is_about_live:
            return [partial(self.table.index_rows, BY_PLAN, plan_id) for plan_id in sorted(wanted.plans)]
        if wanted.status:
            return [partial(self.table.index_rows, BY_STATUS, wanted.status)]
        types = [wanted.execution_type] if wanted.execution_type else list(ExecutionType)
        return [partial(self._listed_rows, type_partition(kind)) for kind in types]

    def _listed_rows(
        self, partition: str, since: float | None, until: float | None, count: int
    ) -> Iterator[Item]:
        first = START_OF_RANGE if since is None else listing_moment(since)
        last = END_OF_RANGE if until is None else listing_moment(until) + END_OF_RANGE
        return map(listed_row, self.table.rows(partition, first, last, count))


class _Search:
    """
    Looks through rows for executions that may be wanted, and gives up after ``MOST_ROWS``.

    It gives up between two moments: the place where to go on is then a time, and names no execution, which
    the reader may not be allowed to see.
    """

    def __init__(self, rows: Iterator[Item], wanted: ExecutionFilter) -> None:
        self._rows, self._wanted = rows, wanted
        self._left = MOST_ROWS
        self._moment: float | None = None
        self.stopped: float | None = None
        """Time of the last row that was looked at, if the search gave up."""

    def candidates(self, count: int) -> list[str]:
        """Ids of the next executions that may be wanted; none at the end, or after too many rows."""
        wanted = (row["executionId"] for row in self._looked_at() if _may_be_wanted(self._wanted, row))
        return list(islice(wanted, count))

    def _looked_at(self) -> Iterator[Item]:
        for row in self._rows:
            if self._left <= 0 and row["submittedTime"] != self._moment:
                self._rows, self.stopped = iter(()), self._moment
                return
            self._left, self._moment = self._left - 1, row["submittedTime"]
            yield row


def _may_be_wanted(wanted: ExecutionFilter, row: Item) -> bool:
    """Whether nothing that a row tells speaks against it; a table made by others may index keys alone."""
    if "planId" in row and not wanted.accepts_plan(row["planId"]):
        return False
    pairs = (("status", wanted.status), ("executionType", wanted.execution_type))
    return all(value is None or row.get(name, value) == value for name, value in pairs)


def _begun(streams: Sequence[Iterator[Item]]) -> list[Iterator[Item]]:
    """Read the first page of each at once: nothing can be put in order before all are there."""
    if len(streams) < 2:
        return list(streams)
    with ThreadPoolExecutor(len(streams)) as pool:
        firsts = list(pool.map(lambda stream: list(islice(stream, 1)), streams))
    return [chain(first, stream) for first, stream in zip(firsts, streams, strict=True)]


def _merged(streams: Iterable[Iterator[Item]]) -> Iterator[Item]:
    return heapq.merge(*map(_ordered, streams), key=_position)


def _ordered(rows: Iterator[Item]) -> Iterator[Item]:
    """DynamoDB leaves the order of rows with the same time open: order those by id."""
    for _, tied in groupby(rows, key=itemgetter("submittedTime")):
        yield from sorted(tied, key=_position)


def _position(item: Mapping[str, Any]) -> Position:
    return -item["submittedTime"], item["executionId"]


def _cursor_of(position: Position) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def _position_of(cursor: str) -> Position:
    try:
        content: Sequence[object] = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        match content:
            case [int() | float() as time, str() as execution_id] if -_LATEST <= time <= 0:
                return time, execution_id
    except (binascii.Error, ValueError, RecursionError):
        pass
    raise StoreError(f"{cursor!r} is not a cursor of a list of executions")
