"""What an index shows of an item, made from the item alone: moto writes all of it out for each attribute."""

from __future__ import annotations

from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import SecondaryIndex


def projected(item: Item, index: SecondaryIndex) -> Item:
    """
    What an index shows of an item; its values are the item's own.

    :param item: as the table holds it.
    :param index: with a projection as in CreateTable.
    """
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
