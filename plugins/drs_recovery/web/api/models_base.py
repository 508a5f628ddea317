"""
What all models of records share.

The models only describe: answers are the store's records as they are, with every field that they have, also
one that no model knows.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

MOMENT = 1795000000.125
"""A time in examples: 2026-11-18T11:06:40.125Z."""


def never_null(schema: dict[str, Any]) -> None:
    """
    Say that a value is absent, never null, as long as there is none.

    :param schema: of a value that pydantic describes as optional.
    """
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    schema.update(kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})
    if schema.get("default", ...) is None:
        del schema["default"]


def _describe_fields(schema: dict[str, Any]) -> None:
    for field in schema.get("properties", {}).values():
        never_null(field)


class Record(BaseModel):
    """Base of all models of records; what they do not name may be there as well."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="allow",
        json_schema_extra=_describe_fields,
    )


def known(description: str, example: Any = None, default: Any = ...) -> Any:
    """
    A field that every record has.

    :param description: what it says.
    :param example: of its value; that of a model is made of those of its own fields.
    :param default: for those that are not always there, see :func:`maybe`.
    """
    return Field(default, description=description, examples=None if example is None else [example])


def maybe(description: str, example: Any = None) -> Any:
    """
    A field that is absent as long as it has no value.

    :param description: what it says.
    :param example: as of :func:`known`.
    """
    return known(description, example, None)


def time(description: str) -> Any:
    """
    A point in time that every record has.

    :param description: what happened then.
    """
    return known(f"{description} Epoch seconds.", MOMENT)


def later(description: str) -> Any:
    """
    A point in time that is absent until then.

    :param description: what happens then.
    """
    return known(f"{description} Epoch seconds.", MOMENT, None)
