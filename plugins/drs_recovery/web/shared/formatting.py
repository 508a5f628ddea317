"""
Format durations, times, sentences and links of pages, and hide the secrets of plans.

Relative times advance in steps, so that the page of an unchanged record stays byte for byte the same for some
seconds: the browser fetches it again and again, and an unchanged page costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drs_recovery.durations import moment, words
from drs_recovery.statuses import WaveStatus
from drs_recovery.store import ended_as_planned

if TYPE_CHECKING:
    from drs_recovery.store import Execution, ExecutionDocument, Wave

_DAY = 86_400
# Up to here hours say more than days.
_HOURS_UNTIL = 2 * _DAY


@dataclass(frozen=True)
class Timestamp:
    """A moment."""

    seconds: float
    text: str

    @classmethod
    def at(cls, seconds: float) -> Timestamp:
        """A moment for a page."""
        return cls(float(seconds), moment(seconds))


def timestamp_if(seconds: float | None) -> Timestamp | None:
    """A moment that may not have come."""
    return None if seconds is None else Timestamp.at(seconds)


def rough_words(seconds: float) -> str:
    """A span in one unit, such as ``35 days``: for ages, which nobody reads to the second."""
    if seconds >= _HOURS_UNTIL:
        return f"{int(seconds // _DAY)} days"
    if seconds >= 3600:
        hours = int(seconds // 3600)
        return f"{hours} hour{'' if hours == 1 else 's'}"
    return words(seconds // 60 * 60) if seconds >= 60 else "less than a minute"


@dataclass(frozen=True)
class Clock:
    """
    How long something took, or has taken so far.

    :param text: how long, in words; of a running clock, until the page was made, coarsely.
    :param is_running: whether the browser lets it run on from ``since``.
    """

    since: Timestamp
    text: str
    is_running: bool


@dataclass(frozen=True)
class Link:
    """A link; only its text is shown where no address is known."""

    text: str
    url: str | None


@dataclass(frozen=True)
class Sentence:
    """A text with timestamps in it; ``str`` gives them in UTC."""

    parts: tuple[str | Timestamp, ...]

    def __str__(self) -> str:
        """The whole text."""
        return "".join(part.text if isinstance(part, Timestamp) else part for part in self.parts)

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return bool(self.parts)


def compose(*parts: str | float | Sentence) -> Sentence:
    """Compose a sentence of texts, other sentences, and times in epoch seconds."""
    flat: list[str | Timestamp] = []
    for part in parts:
        if isinstance(part, Sentence):
            flat.extend(part.parts)
        else:
            flat.append(part if isinstance(part, str) else Timestamp.at(part))
    return Sentence(tuple(flat))


def counted(count: int, thing: str, plural: str | None = None) -> str:
    """
    A number of things, such as ``1 server`` or ``6 servers``.

    :param plural: several of them, if that is not the word with an s.
    """
    return f"{count} {thing if count == 1 else plural or thing + 's'}"


def listed(names: Sequence[str], conjunction: str = "and") -> str:
    """Names as people list them: ``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}"


def wave_title(wave: Wave) -> str:
    """How sentences name a wave: ``wave 2 "Application"``."""
    return f'wave {wave["waveNumber"]} "{wave["waveName"]}"'


def opening(text: str) -> str:
    """A text as it begins a sentence; the rest of it keeps its letters."""
    return text[:1].upper() + text[1:]


def cut(text: str, longest: int) -> str:
    """A text that is not too long for a page of very many."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def clock(since: float, until: float | None, as_of: float) -> Clock:
    """A clock that stands still, or that runs."""
    span = max(0.0, (as_of if until is None else until) - since)
    return Clock(Timestamp.at(since), words(span), is_running=until is None)


# Seconds. A drawing of the timeline cannot show less than this part of its length.
_STEPS = (10, 30, 60, 300, 600, 1800, 3600)
_SMALLEST_PART = 200


def page_time(document: Execution, now: float) -> float:
    """
    The moment of a page: the end of an execution that has ended, else now, in steps that grow with it.

    Never before anything that the record tells of.
    """
    if document["status"].is_final and "endTime" in document:
        return float(document["endTime"])
    part = (now - document["submittedTime"]) / _SMALLEST_PART
    step = next((step for step in _STEPS if step >= part), _STEPS[-1])
    return max(now // step * step, float(document["lastUpdatedTime"]))


def waves_before(document: ExecutionDocument, wave: Wave) -> list[Wave]:
    """The waves that a wave waits for, by number; those before it stand in for one that was left out."""
    by_number = {other["waveNumber"]: other for other in document["waves"]}
    waiting = list(wave["dependsOn"])
    found: dict[int, Wave] = {}
    seen = set[int]()
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        other = by_number[number]
        if other["status"] == WaveStatus.SKIPPED and ended_as_planned(other):
            waiting.extend(other["dependsOn"])
        else:
            found[number] = other
    return [found[number] for number in sorted(found)]


_MINUTE, _HOUR = 60, 3600
_AXIS_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE * count for count in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * count for count in (1, 2, 3, 6, 12)),
    *(_DAY * count for count in (1, 2, 7, 14, 30, 90)),
)


def time_step(longest: float, most: int) -> int:
    """
    Distance of the lines of a time axis: so many seconds, minutes, hours or days as people count in.

    :param most: how many steps there may be; only far beyond a year there are more.
    """
    return next((step for step in _AXIS_STEPS if step * most >= longest), _AXIS_STEPS[-1])


def time_ticks(longest: float, most: int = 5) -> tuple[int, ...]:
    """Seconds of the lines of a time axis, from zero to the first that is not below the longest."""
    step = time_step(longest, most)
    count = max(1, -(-longest // step))
    return tuple(step * number for number in range(int(count) + 1))


SECRET_FIELDS = frozenset({"arguments", "parameters"})
"""Fields of a plan whose values stay hidden, wherever they are."""

HIDDEN = "(not shown)"


def without_secrets(part: Any) -> Any:
    """Plain values of a plan, such as a ``planSnapshot``, with hidden names kept and their values hidden."""
    if isinstance(part, Mapping):
        return {
            name: _hidden(value) if name in SECRET_FIELDS else without_secrets(value)
            for name, value in part.items()
        }
    if isinstance(part, list | tuple):
        return [without_secrets(one) for one in part]
    return part


def _hidden(values: Any) -> Any:
    return dict.fromkeys(values, HIDDEN) if isinstance(values, Mapping) else HIDDEN
