"""Parameters of documents: Systems Manager wants lists of texts, people write texts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from drs_recovery.plan import Line, Name, Prose

_TEXTS = {"type": "array", "items": {"type": "string"}}


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else (value,)


Texts = Annotated[
    tuple[Prose, ...], BeforeValidator(_listed), WithJsonSchema({"anyOf": [{"type": "string"}, _TEXTS]})
]
"""One text, or a list of them."""

Parameters = dict[Name, Texts]

CommandLines = Annotated[
    tuple[Line, ...], BeforeValidator(_listed), WithJsonSchema({"anyOf": [{"type": "string"}, _TEXTS]})
]
"""Lines of a script."""
