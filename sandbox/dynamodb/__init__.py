"""DynamoDB as moto has it, quick with tables of many thousand items."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import moto.dynamodb.models
from botocore.model import StructureShape
from moto.core.serialize import SERVICE_SPECIFIC_SERIALIZERS, JSONSerializer
from moto.dynamodb.models import DynamoDBBackend

from sandbox.dynamodb.table import IndexedTable


def use_indexed_tables() -> None:
    """Let every table that is made from now on be an indexed one."""
    models: Any = moto.dynamodb.models
    models.Table = IndexedTable
    backend: Any = DynamoDBBackend
    backend.update_item = _followed(backend.update_item)
    backend.transact_write_items = _undone_if_it_fails(backend.transact_write_items)


def _followed(theirs: Callable[..., Any]) -> Callable[..., Any]:
    """Tell the table: moto changes an item in place, past it."""

    @functools.wraps(theirs)
    def update_item(backend: DynamoDBBackend, table_name: str, key: Any, *args: Any, **options: Any) -> Any:
        table = backend.get_table(table_name)
        if not isinstance(table, IndexedTable):
            return theirs(backend, table_name, key, *args, **options)
        with table.changing(key):
            return theirs(backend, table_name, key, *args, **options)

    return update_item


def _undone_if_it_fails(theirs: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(theirs)
    def transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> Any:
        names = {action.get("TableName") for one in transact_items for action in one.values()}
        with ExitStack() as stack:
            for name in names & backend.tables.keys():
                table = backend.tables[name]
                if isinstance(table, IndexedTable):
                    stack.enter_context(table.undoing())
            return theirs(backend, transact_items)

    return transact_write_items


class ItemSerializer(JSONSerializer):
    """moto's JSON, but for attribute values, which lie in memory as they are written."""

    def _serialize_type_structure(self, serialized: Any, value: Any, shape: StructureShape, key: str) -> None:
        if shape.name == "AttributeValue" and isinstance(value, dict):
            self._default_serialize(serialized, _written(value), shape, key)
        else:
            super()._serialize_type_structure(serialized, value, shape, key)


def use_item_serializer() -> None:
    """Let DynamoDB write its answers with it."""
    SERVICE_SPECIFIC_SERIALIZERS["dynamodb"] = {"json": ItemSerializer}


def _written(value: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: _WRITERS.get(kind, _as_it_is)(content) for kind, content in value.items()}


def _as_it_is(content: Any) -> Any:
    return content


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


_WRITERS: Mapping[str, Callable[[Any], Any]] = {
    "B": _encoded,
    "BS": lambda contents: [_encoded(content) for content in contents],
    "L": lambda values: [_written(value) for value in values],
    "M": lambda values: {name: _written(value) for name, value in values.items()},
}
