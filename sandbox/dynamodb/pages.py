"""Which rows of a partition a page of a query has."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import RESULT_SIZE_LIMIT

from sandbox.dynamodb.sorted_rows import Order, Row, by_order

# moto's own limit, in bytes; it refuses larger items.
_LARGEST_ITEM = 405_000


def matching(rows: Sequence[Row], comparison: str | None, values: Sequence[DynamoType]) -> range | None:
    """
    Places of the rows for which a condition on the sort attribute holds: they lie side by side.

    :param rows: of a partition, in order.
    :param comparison: as in a KeyConditionExpression, in capitals; None for no condition.
    :param values: on its right.
    :return: None for a comparison that is not known here.
    """
    if comparison is None:
        return range(len(rows))
    wanted = [value.cast_value for value in values]
    first, behind = _first_from(rows, wanted[0]), _first_behind(rows, wanted[-1])
    if comparison == "BEGINS_WITH":
        return range(first, bisect_left(rows, True, first, key=lambda row: not _starts(row, wanted[0])))
    ranges = {
        "=": range(first, behind),
        "<": range(first),
        "<=": range(behind),
        ">": range(behind, len(rows)),
        ">=": range(first, len(rows)),
        "BETWEEN": range(first, behind),
    }
    return ranges.get(comparison)


def page_of(
    rows: Sequence[Row], wanted: range, start: Order | None, limit: int | None, *, forward: bool
) -> tuple[list[Row], bool]:
    """
    Read a page, cut where moto cuts it.

    :param rows: of a partition, in order.
    :param wanted: places of those that are asked for.
    :param start: where the page before ended; None for the first one.
    :param limit: how many rows at most; None for as many as fit.
    :param forward: whether the first in order come first.
    :return: the rows, and whether others follow; as with moto, also when none of those is asked for.
    """
    places, others = _ahead(rows, wanted, start, forward=forward)
    found: list[Row] = []
    size = 0
    for place in places:
        row = rows[place]
        if len(found) == limit or size + row.size > RESULT_SIZE_LIMIT:
            return found, True
        found.append(row)
        size += row.size
    if len(found) == limit:
        return found, bool(others)
    could_be_full = size + _LARGEST_ITEM > RESULT_SIZE_LIMIT
    return found, could_be_full and any(size + rows[place].size > RESULT_SIZE_LIMIT for place in others)


def _ahead(rows: Sequence[Row], wanted: range, start: Order | None, *, forward: bool) -> tuple[range, range]:
    """Places of the wanted rows behind the start, then those of all rows behind these."""
    if forward:
        first = 0 if start is None else bisect_right(rows, start, key=by_order)
        first = max(wanted.start, first)
        last = max(wanted.stop, first)
        return range(first, last), range(last, len(rows))
    end = len(rows) if start is None else bisect_left(rows, start, key=by_order)
    end = min(wanted.stop, end)
    last = min(wanted.start, end)
    return range(end - 1, last - 1, -1), range(last - 1, -1, -1)


def _first_from(rows: Sequence[Row], value: Any) -> int:
    return bisect_left(rows, value, key=_sort_value)


def _first_behind(rows: Sequence[Row], value: Any) -> int:
    return bisect_right(rows, value, key=_sort_value)


def _sort_value(row: Row) -> Any:
    return row.order[0]


def _starts(row: Row, start: str) -> bool:
    return str(row.order[0]).startswith(start)
