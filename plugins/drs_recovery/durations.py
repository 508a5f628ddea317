"""Durations as plan files and DRS write them (ISO-8601), and moments and durations as people read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

# Twice the longest of the product's target times, so that cleaning up never races a team that still looks.
DEFAULT_TERMINATE_AFTER = timedelta(hours=2)

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_CALENDAR_PARTS = re.compile(r"P(?=\d)(?:\d+Y)?(?:\d+M)?(?:\d+[WD])*(?:T.*)?", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """
    Read a duration of weeks, days, hours, minutes and seconds; zero is allowed.

    :param text: such as ``PT15M``, ``P1DT12H`` or ``P2W``; only seconds may have a fraction.
    :raises ValueError: with a sentence that quotes nothing and can follow the quoted text.
    """
    match = _DURATION.fullmatch(text)
    parts = {unit: float(number) for unit, number in match.groupdict().items() if number} if match else {}
    if not parts or text.endswith("T"):
        raise ValueError(_why_not(text))
    try:
        return timedelta(**parts)
    except OverflowError:
        raise ValueError("is too long for a duration") from None


def format_duration(duration: timedelta) -> str:
    """Write a duration in its shortest exact form, ``PT0S`` for zero."""
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{duration.microseconds:06d}".rstrip("0") if duration.microseconds else ""
    clock = "".join(
        f"{number}{unit}"
        for number, unit in ((hours, "H"), (minutes, "M"), (f"{seconds}{fraction}", "S"))
        if number not in (0, "0")
    )
    days = f"{duration.days}D" if duration.days else ""
    if not days and not clock:
        return "PT0S"
    return f"P{days}T{clock}" if clock else f"P{days}"


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


def _why_not(text: str) -> str:
    if text.startswith("-"):
        return "is negative; a duration must be longer than zero"
    if _CALENDAR_PARTS.fullmatch(text):
        hint = re.fullmatch(r"P(\d+M)", text)
        did_you_mean = f"; did you mean 'PT{hint[1]}'?" if hint else ""
        return f"has months or years, whose length varies; use weeks (W), days (D) or less{did_you_mean}"
    return "is not a duration (ISO-8601, such as PT15M, PT1H30M or P2D)"


def epoch(timestamp: str | None) -> float | None:
    """
    Epoch seconds of a DRS timestamp; it comes as ``…Z`` and as ``+00:00`` with microseconds.

    :param timestamp: ISO-8601 text, or None.
    """
    if not timestamp:
        return None
    moment = datetime.fromisoformat(timestamp)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
