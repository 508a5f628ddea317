"""Pages of Systems Manager's answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from moto.ssm.exceptions import SSMException

from sandbox.tokens import offset_of, token_of
from sandbox.world import WORLD

# The most that its lists give, and what they give unasked.
_LARGEST_PAGE = 50

Row = TypeVar("Row")


def page_of(
    operation: str, rows: Sequence[Row], request: dict[str, Any], region: str
) -> tuple[Sequence[Row], dict[str, Any]]:
    """
    One page.

    :returns: the rows of the page, and ``NextToken`` as a document, empty on the last page.
    :raises SSMException: for a token of another operation.
    """
    token, subject = request.get("NextToken"), {"operation": operation, "region": region}
    if token is None and WORLD.faults.standing("empty_page_with_token", **subject) is not None:
        return [], {"NextToken": token_of(operation, 0)}
    start = 0 if token is None else offset_of(operation, token)
    if start is None:
        raise SSMException("InvalidNextToken", "The specified token is not valid.")
    fault = WORLD.faults.standing("page_size", **subject)
    end = start + min(request.get("MaxResults") or _LARGEST_PAGE, fault["size"] if fault else _LARGEST_PAGE)
    return rows[start:end], {"NextToken": token_of(operation, end)} if end < len(rows) else {}
