"""What is wrong inside one plan document: where, in which order, and the wording that every check shares."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from typing import NamedTuple

from pydantic_core import PydanticCustomError

Location = tuple[str | int, ...]

# A value is quoted to be recognised, not to be read in full.
_LONGEST_QUOTE = 80


class Finding(NamedTuple):
    """
    One thing that is wrong.

    :param location: keys and indexes from the document's root.
    :param message: what is wrong and what was expected, without the place.
    """

    location: Location
    message: str


def sentence_error(message: str) -> PydanticCustomError:
    """
    An error whose text pydantic carries as it is.

    :param message: may hold any character, braces too.
    """
    return PydanticCustomError("sentence", "{message}", {"message": message})


def place(location: Location) -> str:
    """Write a location as users see it, such as ``waves[1].servers[0]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def in_document_order(findings: Iterable[Finding], document: object) -> list[Finding]:
    """
    Sort as a reader meets the places; what is missing comes after all that is there.

    :param findings: repetitions are dropped.
    :param document: the mapping that the locations point into.
    """
    unique = dict.fromkeys(findings)
    return sorted(unique, key=lambda finding: _position(finding.location, document))


def existing_part(location: Location, document: object) -> Location:
    """The longest beginning of a location that is really there in the document."""
    found: list[str | int] = []
    for part in location:
        if not _holds(document, part):
            break
        document = document[part]  # type: ignore[index]  # _holds has just looked
        found.append(part)
    return tuple(found)


def quoted(value: object) -> str:
    """Show a value from the document in a sentence: text in quotes, containers by their kind."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple, set)):
        return "a list"
    if isinstance(value, date):
        return str(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_QUOTE else f'{text[:_LONGEST_QUOTE]}…"'


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the closest known word, else nothing."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def not_text(value: object) -> str:
    """
    Say why a value that should be text is none.

    :param value: what YAML made of the words in the file.
    """
    if isinstance(value, bool):
        return f"YAML reads this as {quoted(value)} (yes, no, on and off too); put it in quotes"
    if isinstance(value, (int, float)):
        return f'{quoted(value)} is a number; put it in quotes: "{value}"'
    if isinstance(value, date):
        return f'YAML reads {value} as a date; put it in quotes: "{value}"'
    return f"expected text, found {quoted(value)}"


def _holds(document: object, part: str | int) -> bool:
    if isinstance(document, Mapping):
        return part in document
    return isinstance(document, (list, tuple)) and isinstance(part, int) and 0 <= part < len(document)


def _position(location: Location, document: object) -> tuple[int, ...]:
    """Index of each step among its siblings; a step that is not there counts as behind the last one."""
    position: list[int] = []
    for part in location:
        if isinstance(document, Mapping):
            position.append(list(document).index(part) if part in document else len(document))
        else:
            position.append(part if isinstance(part, int) else 0)
        document = document[part] if _holds(document, part) else None  # type: ignore[index]
    return tuple(position)
