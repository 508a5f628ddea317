"""How large an item is, in its table and in each index."""

from __future__ import annotations

from collections.abc import Iterable

from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import SecondaryIndex

from sandbox.dynamodb.projections import projected
from sandbox.writes import IndexEntry, Stored


def stored(item: Item | None, indexes: Iterable[SecondaryIndex]) -> Stored:
    """
    Measure an item.

    :param item: the item, None if there is none.
    :param indexes: the global indexes of its table.
    """
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
