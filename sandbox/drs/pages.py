"""Pages of the Describe operations."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, TypeVar

from sandbox.drs.exceptions import ValidationError
from sandbox.drs.reading import Document, Reading

# The model names no default; it is the number of ids that most filters take.
PAGE_SIZE = 200

Row = TypeVar("Row")


def page_of(
    operation: str, rows: Sequence[Row], request: Document, reading: Reading
) -> tuple[Sequence[Row], Document]:
    """
    One page.

    :param operation: such as ``DescribeJobs``.
    :param rows: all rows, in their order.
    :param request: with ``maxResults`` and ``nextToken``.
    :param reading: this look; faults may shrink or empty the page.
    :returns: the rows of the page, and ``nextToken`` as a document, empty on the last page.
    :raises ValidationError: for a token that is not from this operation.
    """
    token = request.get("nextToken")
    if token is None and reading.fault("empty_page_with_token", operation=operation) is not None:
        return [], {"nextToken": _token(operation, 0)}
    start = 0 if token is None else _offset(operation, token)
    end = start + _size(operation, request, reading)
    following = {"nextToken": _token(operation, end)} if end < len(rows) else {}
    return rows[start:end], following


def _size(operation: str, request: Document, reading: Reading) -> int:
    asked = int(request.get("maxResults") or PAGE_SIZE)
    fault = reading.fault("page_size", operation=operation)
    return min(asked, PAGE_SIZE if fault is None else fault["size"])


def _token(operation: str, offset: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([operation, offset]).encode()).decode()


def _offset(operation: str, token: str) -> int:
    try:
        content: Any = json.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError):
        content = None
    match content:
        case [str(owner), int(offset)] if owner == operation and offset >= 0:
            return offset
    raise ValidationError([("nextToken", "Member is not a token of this operation")])
