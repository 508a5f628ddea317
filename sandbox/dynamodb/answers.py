"""Writes answers with items as moto does, a hundred times quicker: it looks for each type in each value."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import StructureShape
from moto.core.serialize import SERVICE_SPECIFIC_SERIALIZERS, JSONSerializer


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
