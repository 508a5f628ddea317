"""Tokens of pages: where the next page starts, readable only for the operation that wrote it."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any


def token_of(operation: str, offset: int) -> str:
    """Write a token."""
    return base64.urlsafe_b64encode(json.dumps([operation, offset]).encode()).decode()


def offset_of(operation: str, token: str) -> int | None:
    """Read a token; None if it is none of this operation."""
    try:
        content: Any = json.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError):
        return None
    match content:
        case [str(owner), int(offset)] if owner == operation and offset >= 0:
            return offset
    return None
