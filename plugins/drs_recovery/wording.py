"""Moments and durations as people read them, on the command line and in messages."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(seconds: float | None) -> str:
    """
    A moment in UTC.

    :param seconds: since 1970; None is empty.
    """
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def words(seconds: float | None) -> str:
    """
    A duration in words, such as ``8 min 53 s``.

    :param seconds: not negative; None is empty. From an hour on, seconds are left out.
    """
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"
