"""Values as records have them: none that is absent, texts of limited length, plans compressed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drs_recovery.store.expressions import Item


# A record has room for 400 KB: a text of many servers' errors could fill it, and no transition would pass.
LONGEST_TEXT = 20_000


def present(values: Mapping[str, Any]) -> Item:
    """The values that are there: absent is absent, not null."""
    return {name: value for name, value in values.items() if value is not None}


def limited(text: str) -> str:
    """
    A text for people as a record has room for it.

    :param text: such as the reasons of all failed servers together; each has its own in its record, too.
    """
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]} [... shortened, {len(text)} characters]"


def compressed(plan: Mapping[str, Any]) -> bytes:
    """
    A plan as records have it.

    Each write of the EXECUTION record costs by its size, and the snapshot would be nearly all of it.
    """
    return zlib.compress(json.dumps(plan, sort_keys=True, ensure_ascii=False).encode())


def uncompressed(packed: bytes) -> dict[str, Any]:
    """A plan that a record has."""
    plan: dict[str, Any] = json.loads(zlib.decompress(packed))
    return plan
