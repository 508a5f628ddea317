"""
The items of a table as one of its indexes holds them: by partition, in the order of the sort attribute.

What an index shows of an item is made from the item alone: moto writes all of it out for each attribute.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import RESULT_SIZE_LIMIT, SecondaryIndex

from sandbox.activity import IndexEntry, Stored

Schema = Sequence[Mapping[str, str]]
"""Attributes of a key with their roles, as in CreateTable."""

PrimaryKey = tuple[DynamoType, DynamoType]
"""Hash and sort attribute of an item of the table."""

Order = tuple[Any, ...]
"""By what rows of a partition are sorted: the sort attribute, then the table's own key; as moto compares."""


@dataclass(eq=False)
class Row:
    """An item in an index; a changed item gets a new row."""

    partition: Any
    order: Order
    item: Item
    project: Callable[[Item], Item]

    @cached_property
    def size(self) -> int:
        """Bytes, as moto counts them against the most that an answer holds."""
        return int(self.item.size())

    @cached_property
    def shown(self) -> Item:
        """What the index shows of the item: made once, and asked for again and again."""
        return self.project(self.item)


class SortedRows:
    """
    An index, or a table in the order of its own key.

    :param kinds: type of each attribute of a key, such as ``S``.
    """

    def __init__(
        self,
        schema: Schema,
        keys: Sequence[str],
        kinds: Mapping[str, str],
        project: Callable[[Item], Item],
    ) -> None:
        self.schema = schema
        roles = {key["KeyType"]: key["AttributeName"] for key in schema}
        self._partition = roles["HASH"]
        self._order = tuple(dict.fromkeys([roles["RANGE"], *keys]))
        self._kinds = {name: kinds[name] for name in roles.values()}
        self._project = project
        self._partitions: dict[Any, list[Row]] = defaultdict(list)
        self._rows: dict[PrimaryKey, Row] = {}
        self._odd: set[PrimaryKey] = set()

    @property
    def is_whole(self) -> bool:
        """Whether each item fits: one whose attribute has another type DynamoDB refuses, and moto takes."""
        return not self._odd

    def put(self, key: PrimaryKey, item: Item) -> None:
        """Hold an item as it is now; one that lacks an attribute is not in the index."""
        self.drop(key)
        if any(name not in item.attrs for name in self._kinds):
            return
        if any(item.attrs[name].type != kind for name, kind in self._kinds.items()):
            self._odd.add(key)
            return
        partition = item.attrs[self._partition].cast_value
        self._rows[key] = row = Row(partition, self._order_of(item.attrs), item, self._project)
        insort(self._partitions[partition], row, key=by_order)

    def drop(self, key: PrimaryKey) -> None:
        """Hold an item no longer."""
        self._odd.discard(key)
        row = self._rows.pop(key, None)
        if row is not None:
            rows = self._partitions[row.partition]
            del rows[bisect_left(rows, row.order, key=by_order)]

    def partition(self, value: DynamoType) -> Sequence[Row]:
        """The rows of a partition, in order."""
        return self._partitions.get(value.cast_value, ())

    def end_of_page(self, key: Mapping[str, Any], value: DynamoType) -> Order | None:
        """
        Where the page before ended.

        :param key: ``ExclusiveStartKey``.
        :return: None if no page of this partition ends with that key.
        """
        values = {name: DynamoType(one) for name, one in key.items()}
        if values.keys() != {self._partition, *self._order} or values[self._partition] != value:
            return None
        return self._order_of(values)

    def _order_of(self, attributes: Mapping[str, DynamoType]) -> Order:
        return tuple(attributes[name].cast_value for name in self._order)


def by_order(row: Row) -> Order:
    """Sort key of rows of a partition."""
    return row.order


# moto's own limit, in bytes; it refuses larger items.
_LARGEST_ITEM = 405_000


def matching(rows: Sequence[Row], comparison: str | None, values: Sequence[DynamoType]) -> range | None:
    """
    Places of the rows for which a condition on the sort attribute holds: they lie side by side.

    :param comparison: as in a KeyConditionExpression, in capitals; None for no condition.
    :return: None for a comparison that is not known here.
    """
    if comparison is None:
        return range(len(rows))
    wanted = [value.cast_value for value in values]
    first, behind = _first_from(rows, wanted[0]), _first_behind(rows, wanted[-1])
    if comparison == "BEGINS_WITH":
        return range(first, bisect_left(rows, True, first, key=lambda row: not _starts(row, wanted[0])))
    ranges = {
        "=": range(first, behind),
        "<": range(first),
        "<=": range(behind),
        ">": range(behind, len(rows)),
        ">=": range(first, len(rows)),
        "BETWEEN": range(first, behind),
    }
    return ranges.get(comparison)


def page_of(
    rows: Sequence[Row], wanted: range, start: Order | None, limit: int | None, *, forward: bool
) -> tuple[list[Row], bool]:
    """
    Read a page, cut where moto cuts it.

    :param start: where the page before ended; None for the first one.
    :param limit: how many rows at most; None for as many as fit.
    :param forward: whether the first in order come first.
    :return: the rows, and whether others follow; as with moto, also when none of those is asked for.
    """
    places, others = _ahead(rows, wanted, start, forward=forward)
    found: list[Row] = []
    size = 0
    for place in places:
        row = rows[place]
        if len(found) == limit or size + row.size > RESULT_SIZE_LIMIT:
            return found, True
        found.append(row)
        size += row.size
    if len(found) == limit:
        return found, bool(others)
    could_be_full = size + _LARGEST_ITEM > RESULT_SIZE_LIMIT
    return found, could_be_full and any(size + rows[place].size > RESULT_SIZE_LIMIT for place in others)


def _ahead(rows: Sequence[Row], wanted: range, start: Order | None, *, forward: bool) -> tuple[range, range]:
    """Places of the wanted rows behind the start, then those of all rows behind these."""
    if forward:
        first = 0 if start is None else bisect_right(rows, start, key=by_order)
        first = max(wanted.start, first)
        last = max(wanted.stop, first)
        return range(first, last), range(last, len(rows))
    end = len(rows) if start is None else bisect_left(rows, start, key=by_order)
    end = min(wanted.stop, end)
    last = min(wanted.start, end)
    return range(end - 1, last - 1, -1), range(last - 1, -1, -1)


def _first_from(rows: Sequence[Row], value: Any) -> int:
    return bisect_left(rows, value, key=_sort_value)


def _first_behind(rows: Sequence[Row], value: Any) -> int:
    return bisect_right(rows, value, key=_sort_value)


def _sort_value(row: Row) -> Any:
    return row.order[0]


def _starts(row: Row, start: str) -> bool:
    return str(row.order[0]).startswith(start)


def projected(item: Item, index: SecondaryIndex) -> Item:
    """What an index shows of an item; its values are the item's own."""
    projection = index.projection or {}
    if projection.get("ProjectionType") not in ("KEYS_ONLY", "INCLUDE"):
        return item
    names = [*index.table_key_attrs, *index.schema_key_attrs, *projection.get("NonKeyAttributes", ())]
    shown = Item(item.hash_key, item.range_key, attrs={})
    for name in names:
        if name in item.attrs:
            # Past the check of the size, which the item has passed.
            dict.__setitem__(shown.attrs, name, item.attrs[name])
    return shown


def stored(item: Item | None, indexes: Iterable[SecondaryIndex]) -> Stored:
    """Measure an item."""
    if item is None:
        return Stored(0, tuple(None for _ in indexes))
    return Stored(int(item.size()), tuple(_entry(item, index) for index in indexes))


def _entry(item: Item, index: SecondaryIndex) -> IndexEntry | None:
    if not all(name in item.attrs for name in index.schema_key_attrs):
        return None
    shown = projected(item, index)
    key = tuple(str(item.attrs[name].value) for name in index.schema_key_attrs)
    return IndexEntry(key, _text(shown), int(shown.size()))


def _text(item: Item) -> str:
    return str(sorted((name, value.to_json()) for name, value in item.attrs.items()))
