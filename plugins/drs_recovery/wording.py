"""Moments as people read them, on the command line and in messages."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(seconds: float | None) -> str:
    """
    A moment in UTC.

    :param seconds: since 1970; None is empty.
    """
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
