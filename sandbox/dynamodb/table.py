"""
A table that answers queries from indexes, and undoes a failed transaction item by item.

moto sorts and copies all items of a table for each query, and copies the table for each write of a
transaction. Here a call costs what it reads and writes. The answers are the same; for what is rare moto's own
code still gives them: tables without a sort key, indexes of one or of many attributes, ``QueryFilter``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import SecondaryIndex, Table

from sandbox.activity import Stored
from sandbox.dynamodb.indexes import PrimaryKey, Schema, SortedRows, matching, page_of, projected, stored
from sandbox.world import WORLD

Answer = tuple[list[Item], int, dict[str, Any] | None]


@dataclass(frozen=True)
class _Query:
    """The arguments of moto's ``Table.query``, but for those of ``QueryFilter``, which have other names."""

    hash_key: DynamoType | None
    range_comparison: str | None
    range_objs: Sequence[DynamoType]
    limit: int | None
    exclusive_start_key: Mapping[str, Any] | None
    scan_index_forward: bool
    projection_expressions: list[list[str]] | None
    index_name: str | None = None
    consistent_read: bool = False
    filter_expression: Any = None
    hash_key_conditions: Any = None
    range_key_conditions: Any = None


_QUERY_ARGUMENTS = {one.name for one in fields(_Query)}


class IndexedTable(Table):
    """moto's table with indexes, each made when it is first asked; arguments are those of moto."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._indexes: dict[str | None, SortedRows] = {}
        self._behind: set[PrimaryKey] = set()
        self._journal: dict[PrimaryKey, Item | None] | None = None
        self._is_metered = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Table:
        """Copy all items, but not in a transaction: what moto would copy them for is done by the journal."""
        if self._journal is not None:
            return self
        twin: IndexedTable = object.__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy({**self.__dict__, "_indexes": {}}, memo))
        return twin

    def put_item(self, item_attrs: dict[str, Any], *args: Any, **options: Any) -> Item:
        """Put an item."""
        with self.changing(item_attrs):
            return super().put_item(item_attrs, *args, **options)

    def delete_item(self, hash_key: DynamoType, range_key: DynamoType | None) -> Item | None:
        """Delete an item."""
        with self._changing(hash_key, range_key):
            return super().delete_item(hash_key, range_key)

    @contextmanager
    def changing(self, attributes: Mapping[str, Any]) -> Iterator[None]:
        """Follow whatever a block does to an item."""
        hash_key, range_key = (
            attributes.get(name) for name in (self.hash_key_attr, self.range_key_attr or "")
        )
        if hash_key is None:
            # Refused by moto.
            yield
            return
        with self._changing(DynamoType(hash_key), DynamoType(range_key) if range_key else None):
            yield

    @contextmanager
    def undoing(self) -> Iterator[None]:
        """Undo every change of a block that fails; with a stream, or without a sort key, moto has to."""
        if not self.has_range_key or self.stream_shard is not None:
            yield
            return
        self._journal = {}
        try:
            yield
        except Exception:
            for key, item in self._journal.items():
                self._restore(key, item)
            raise
        finally:
            self._journal = None

    def query(self, *args: Any, **options: Any) -> Answer:
        """Read a page of a partition; its items are the table's own, written out before the next call."""
        if options.keys() <= _QUERY_ARGUMENTS:
            answer = self._quick_answer(_Query(*args, **options))
            if answer is not None:
                return answer
        answer_of_moto: Answer = super().query(*args, **options)
        return answer_of_moto

    @contextmanager
    def _changing(self, hash_key: DynamoType, range_key: DynamoType | None) -> Iterator[None]:
        if range_key is None:
            yield
            return
        key = (hash_key, range_key)
        if self._journal is not None and key not in self._journal:
            # A copy: updates change an item in place.
            self._journal[key] = copy.deepcopy(self.get_item(*key))
        try:
            with self._metered(key):
                yield
        finally:
            self._look_again(key)

    @contextmanager
    def _metered(self, key: PrimaryKey) -> Iterator[None]:
        """Count a write that succeeds; an update of a new item is a put to moto, and yet one write."""
        if self._is_metered:
            yield
            return
        before, self._is_metered = self._stored(key), True
        try:
            yield
        finally:
            self._is_metered = False
        in_transaction = self._journal is not None
        WORLD.writes.record(str(key[0].value), before, self._stored(key), in_transaction=in_transaction)

    def _stored(self, key: PrimaryKey) -> Stored:
        return stored(self.get_item(*key), self.global_indexes)

    def _restore(self, key: PrimaryKey, item: Item | None) -> None:
        hash_key, range_key = key
        undone = self._stored(key)
        if item is None:
            self.items[hash_key].pop(range_key, None)
        else:
            self.items[hash_key][range_key] = item
        WORLD.writes.undo(str(hash_key.value), undone, self._stored(key))
        self._look_again(key)

    def _look_again(self, key: PrimaryKey) -> None:
        item = self.get_item(*key)
        lags = WORLD.faults.standing("lagging_index") is not None
        if lags:
            self._behind.add(key)
        for name, index in self._indexes.items():
            if item is None or (lags and name is not None):
                index.drop(key)
            else:
                index.put(key, item)

    def _catch_up(self) -> None:
        """Show in the indexes what has changed while they lagged."""
        if WORLD.faults.standing("lagging_index") is None:
            behind, self._behind = self._behind, set()
            for key in behind:
                self._look_again(key)

    def _quick_answer(self, query: _Query) -> Answer | None:
        self._catch_up()
        index = self._index(query)
        if index is None or query.hash_key is None:
            return None
        rows = index.partition(query.hash_key)
        wanted = matching(rows, query.range_comparison, query.range_objs)
        start = None
        if query.exclusive_start_key is not None:
            start = index.end_of_page(query.exclusive_start_key, query.hash_key)
        if wanted is None or (start is None and query.exclusive_start_key is not None):
            return None
        found, is_cut = page_of(rows, wanted, start, query.limit, forward=query.scan_index_forward)
        last = self._get_last_evaluated_key(found[-1].item, query.index_name) if is_cut else None
        return _shown([row.shown for row in found], query), len(found), last

    def _index(self, query: _Query) -> SortedRows | None:
        """The index that a query asks; None if moto has to answer it."""
        secondary: dict[str, SecondaryIndex] = {index.name: index for index in self.all_indexes()}
        name = query.index_name or None
        if name is not None and (name not in secondary or query.consistent_read):
            return None
        schema = self.schema if name is None else secondary[name].schema
        if not (_has_two_attributes(schema) and self.has_range_key):
            return None
        # An index that was deleted, and made anew under the same name, has a schema of its own.
        if name not in self._indexes or self._indexes[name].schema is not schema:
            self._indexes[name] = self._new_index(schema, secondary.get(name or ""))
        index = self._indexes[name]
        return index if index.is_whole else None

    def _new_index(self, schema: Schema, secondary: SecondaryIndex | None) -> SortedRows:
        kinds = {one["AttributeName"]: one["AttributeType"] for one in self.attr}
        project = _itself if secondary is None else partial(projected, index=secondary)
        index = SortedRows(schema, self.table_key_attrs, kinds, project)
        behind = self._behind if secondary is not None else ()
        for item in self.all_items():
            key: PrimaryKey = (item.hash_key, item.range_key)  # type: ignore[assignment]  # has_range_key
            if key not in behind:
                index.put(key, item)
        return index


def _has_two_attributes(schema: Schema) -> bool:
    return sorted(key["KeyType"] for key in schema) == ["HASH", "RANGE"]


def _itself(item: Item) -> Item:
    return item


def _shown(items: list[Item], query: _Query) -> list[Item]:
    if query.filter_expression is not None:
        items = [item for item in items if query.filter_expression.expr(item)]
    if query.projection_expressions:
        items = [item.project(query.projection_expressions) for item in items]
    return items
