"""Gives moto's DynamoDB indexed tables."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import moto.dynamodb.models
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
