"""A point in time as people write it: the latest data, or a UTC time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

LATEST = "latest"
"""The newest data: DRS takes a snapshot for the launch."""

# Clocks differ by seconds; whoever asks for a time that is to come has made a mistake.
_CLOCK_TOLERANCE = timedelta(minutes=5)

_TIME = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?"
_FORM = re.compile(rf"{_TIME}(Z|[+-]\d{{2}}:\d{{2}})?", re.ASCII)

_EXPECTED = f'"{LATEST}" or a UTC time such as 2025-01-31T03:00:00Z'


def read_point(text: str) -> str:
    """
    Check what somebody wrote.

    :raises ValueError: neither ``latest`` nor a UTC time that has been; a sentence that follows the text.
    """
    if text != LATEST:
        moment = _moment(text)
        if moment > datetime.now(UTC) + _CLOCK_TOLERANCE:
            raise ValueError(f"is in the future; expected {_EXPECTED}, of which there can be snapshots")
    return text


def _moment(text: str) -> datetime:
    try:
        # The parser takes more forms than people read at a glance, such as 20250131T03Z.
        moment = datetime.fromisoformat(text if _FORM.fullmatch(text) else "")
    except ValueError:
        raise ValueError(f"is neither {_EXPECTED.replace(' or ', ' nor ')}") from None
    if moment.tzinfo is None:
        raise ValueError(f"has no time zone; expected {_EXPECTED}, with Z for UTC")
    if moment.utcoffset() != timedelta(0):
        raise ValueError(
            f"is not in UTC; expected {_EXPECTED}: that would be {moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        )
    return moment


def point_seconds(point: str) -> float | None:
    """
    Epoch seconds of a point in time that was checked before; None for the latest data.

    :param point: ``latest`` or a UTC time.
    """
    return None if point == LATEST else _moment(point).timestamp()


def point_schema() -> dict[str, object]:
    """Describe the text to editors."""
    pattern = rf"^({LATEST}|{_TIME}(Z|[+-]00:00))$"
    return {"type": "string", "pattern": pattern, "examples": [LATEST, "2025-01-31T03:00:00Z"]}
