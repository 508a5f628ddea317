"""The items of a table as one of its indexes holds them: by partition, in the order of the sort attribute."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item

Schema = Sequence[Mapping[str, str]]
"""Attributes of a key with their roles, as in CreateTable."""

PrimaryKey = tuple[DynamoType, DynamoType]
"""Hash and sort attribute of an item of the table."""

Order = tuple[Any, ...]
"""By what rows of a partition are sorted: the sort attribute, then the table's own key; as moto compares."""


@dataclass(eq=False)
class Row:
    """
    An item in an index; a changed item gets a new row.

    :param partition: value of the index's hash attribute.
    :param order: its place in the partition.
    :param item: as the table holds it.
    :param project: makes of an item what the index shows.
    """

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

    :param schema: hash and sort attribute.
    :param keys: hash and sort attribute of the table.
    :param kinds: type of each attribute of a key, such as ``S``.
    :param project: makes of an item what the index shows.
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
        """
        Hold an item as it is now; one that lacks an attribute is not in the index.

        :param key: of the item.
        :param item: new or changed.
        """
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
        """
        Hold an item no longer.

        :param key: of the item.
        """
        self._odd.discard(key)
        row = self._rows.pop(key, None)
        if row is not None:
            rows = self._partitions[row.partition]
            del rows[bisect_left(rows, row.order, key=by_order)]

    def partition(self, value: DynamoType) -> Sequence[Row]:
        """
        The rows of a partition, in order.

        :param value: of the hash attribute.
        """
        return self._partitions.get(value.cast_value, ())

    def end_of_page(self, key: Mapping[str, Any], value: DynamoType) -> Order | None:
        """
        Where the page before ended.

        :param key: ``ExclusiveStartKey``.
        :param value: of the hash attribute.
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
