"""Whether records are as their types say: no field missing, unnamed or of another type."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, NotRequired, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from typing_extensions import is_typeddict

from drs_recovery.store.execution_types import Event, ExecutionDocument
from drs_recovery.store.table import with_statuses


def misfits(document: dict[str, Any], events: list[dict[str, Any]]) -> list[str]:
    """List what an execution document or its events have otherwise than their types say."""
    return [*_misfits(document, ExecutionDocument), *_misfits(events, list[Event])]


def _misfits(value: Any, kind: Any) -> list[str]:
    try:
        TypeAdapter(kind).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        return [str(error)]
    return [f"{place} is in no type" for place in _unnamed(value, kind, "")]


def _unnamed(value: Any, kind: Any, place: str) -> Iterator[str]:
    while get_origin(kind) in (Annotated, NotRequired):
        kind = get_args(kind)[0]
    if get_origin(kind) is list:
        for number, element in enumerate(value):
            yield from _unnamed(element, get_args(kind)[0], f"{place}[{number}]")
    if is_typeddict(kind):
        fields = get_type_hints(kind)
        yield from (f"{place}.{name}" for name in value.keys() - fields.keys())
        for name in value.keys() & fields.keys():
            yield from _unnamed(value[name], fields[name], f"{place}.{name}")


def as_read(kind: str, record: dict[str, Any]) -> dict[str, Any]:
    """A record made by hand, with its statuses as the store reads them; ``kind`` as record keys begin."""
    item = with_statuses({"recordKey": kind, **record})
    del item["recordKey"]
    return item
