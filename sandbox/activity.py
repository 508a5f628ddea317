"""
What clients did: the AWS calls that the sandbox got, and what their writes to DynamoDB would cost.

Write units and bytes of each partition are computed from item sizes, by the rules of DynamoDB's developer
guide ("Capacity unit consumption for write operations"): a write costs a unit for each kilobyte, begun ones
included, of the larger of the item before and after; twice that in a transaction; and each index pays for its
own entry when that changes, twice when the entry moves. Sizes are moto's, which takes a number for its text:
some bytes more than DynamoDB. Reads cost nothing here, nor do conditional writes that fail.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

# Enough for an hour of a hundred calls a second; older calls stay in the counts only.
KEPT_CALLS = 360_000


@dataclass(frozen=True)
class Call:
    """
    One AWS call.

    :param time: when it came in, UTC, ISO-8601.
    :param status: HTTP status, or ``reset`` for a connection that was closed without an answer.
    :param fault: kind of the fault that changed the answer, or None.
    :param principal: ARN of the role's session with whose key it was signed; None for all other keys.
    """

    time: str
    service: str
    operation: str
    region: str
    status: int | str
    fault: str | None = None
    principal: str | None = None


class CallLog:
    """The calls since the start or the last :meth:`clear`; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.clear()

    def clear(self) -> None:
        """Forget every call."""
        with self._lock:
            self._calls: deque[Call] = deque(maxlen=KEPT_CALLS)
            self._counts: Counter[str] = Counter()

    def record(self, call: Call) -> None:
        """Keep one call."""
        with self._lock:
            self._calls.append(call)
            self._counts[f"{call.service}.{call.operation}"] += 1

    def report(self, service: str | None = None, operation: str | None = None) -> dict[str, Any]:
        """Counts by ``service.operation`` and the calls in order."""
        with self._lock:
            calls = [asdict(call) for call in self._select(service, operation)]
            return {"counts": dict(self._counts), "calls": calls}

    def _select(self, service: str | None, operation: str | None) -> Iterator[Call]:
        for call in self._calls:
            if service in (None, call.service) and operation in (None, call.operation):
                yield call


_UNIT_BYTES = 1024
_TRANSACTION_FACTOR = 2


@dataclass(frozen=True)
class IndexEntry:
    """What an index holds of an item: its key there, all of it for comparison, and its bytes."""

    key: tuple[str, ...]
    content: str
    size: int


@dataclass(frozen=True)
class Stored:
    """
    An item at one moment; updates change items in place.

    :param size: in bytes, 0 if there is no item.
    :param entries: what each index holds of it, in the order of the indexes; None where it is in none.
    """

    size: int
    entries: tuple[IndexEntry | None, ...]


@dataclass
class PartitionWrites:
    """
    Writes to the items of one partition.

    :ivar writes: written and deleted items.
    :ivar units: write units, those of indexes included.
    :ivar stored: bytes of its items now.
    :ivar largest: bytes of the largest item there ever was.
    """

    writes: int = 0
    units: int = 0
    stored: int = 0
    largest: int = 0


class WriteMeter:
    """The writes since the start or the last :meth:`clear`; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._partitions: dict[str, PartitionWrites] = {}

    def clear(self) -> None:
        """Forget every write."""
        with self._lock:
            self._partitions = {}

    def record(self, partition: str, before: Stored, after: Stored, *, in_transaction: bool) -> None:
        """Count one write."""
        factor = _TRANSACTION_FACTOR if in_transaction else 1
        units = factor * _units(max(before.size, after.size))
        units += sum(map(_index_units, before.entries, after.entries))
        with self._lock:
            found = self._partitions.setdefault(partition, PartitionWrites())
            found.writes += 1
            found.units += units
            found.stored += after.size - before.size
            found.largest = max(found.largest, after.size)

    def undo(self, partition: str, before: Stored, after: Stored) -> None:
        """Take the bytes of a write back whose transaction failed; it is paid for nevertheless."""
        with self._lock:
            self._partitions.setdefault(partition, PartitionWrites()).stored += after.size - before.size

    def report(self) -> dict[str, dict[str, int]]:
        """Writes by partition."""
        with self._lock:
            return {name: asdict(found) for name, found in self._partitions.items()}


def _index_units(before: IndexEntry | None, after: IndexEntry | None) -> int:
    if before is None or after is None:
        return _units_of_all([entry for entry in (before, after) if entry is not None])
    if before.content == after.content:
        return 0
    return _units(max(before.size, after.size)) if before.key == after.key else _units_of_all([before, after])


def _units_of_all(entries: Sequence[IndexEntry]) -> int:
    return sum(_units(entry.size) for entry in entries)


def _units(size: int) -> int:
    return max(-(-size // _UNIT_BYTES), 1)
