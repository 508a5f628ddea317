"""Describe problems of a plan document: where, in which order, in sentences for people who write plans."""

from __future__ import annotations

import json
import re
import types
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

Location = tuple[str | int, ...]

# A value is quoted to be recognised, not to be read in full.
_LONGEST_QUOTE = 80

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cn", "Mn", "Me", "Zl", "Zp", "Zs"})
# Of the characters that take more than four hexadecimal digits.
_FIRST_LONG = 0x10000


class Finding(NamedTuple):
    """
    One thing that is wrong.

    :param message: what is wrong and what was expected, without the place.
    """

    location: Location
    message: str


def sentence_error(message: str) -> PydanticCustomError:
    """An error whose text pydantic carries as it is."""
    return PydanticCustomError("sentence", "{message}", {"message": message})


def place(location: Location) -> str:
    """Write a location as users see it, such as ``waves[1].servers[0]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def in_document_order(findings: Iterable[Finding], document: object) -> list[Finding]:
    """Sort as a reader meets the places; what is missing comes after all that is there."""
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
    is_word = not isinstance(value, bool) and isinstance(value, (int, float, date))
    text = written(value) if is_word else json.dumps(value, ensure_ascii=False, default=str)
    shortened = (
        text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…" + ("" if is_word else '"')
    )
    return visible(shortened)


def written(value: object) -> str:
    """The words with which a number or a date stands in the file, where they are known."""
    words = getattr(value, "written", None)
    if words is not None:
        return str(words)
    # Python refuses to write down integers of more than some thousand digits.
    return f"{value:#x}" if isinstance(value, int) else str(value)


def visible(text: str) -> str:
    """A text in which no character hides or looks like others: those stand there as escapes."""
    return "".join(_escaped(character) if _hides(character) else character for character in text)


def _hides(character: str) -> bool:
    # Separators other than the blank, invisible ones, and accents that join the letter before them.
    return character != " " and unicodedata.category(character) in _HIDDEN_CATEGORIES


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) < _FIRST_LONG else f"\\U{ord(character):08x}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the closest known word, else nothing."""
    close = get_close_matches(word, list(known))
    # Of equally close ones that with the same letters: swapped letters are the commonest slip.
    close.sort(key=lambda other: sorted(other) != sorted(word))
    return f"; did you mean '{_told_apart(close[0], word)}'?" if close else ""


def _told_apart(close: str, word: str) -> str:
    """The close word; if only letters that look alike tell it from the other, as escapes."""
    if len(close) != len(word):
        return visible(close)
    pairs = zip(close, word, strict=True)
    look_alike = all(ours == theirs or not (ours + theirs).isascii() for ours, theirs in pairs)
    return json.dumps(close)[1:-1] if look_alike else visible(close)


def not_text(value: object) -> str:
    """Say why a value that should be text is none."""
    if isinstance(value, bool):
        return f"YAML reads this as {quoted(value)} (yes, no, on and off too); put it in quotes"
    if isinstance(value, (int, float)):
        return f'{quoted(value)} is a number; put it in quotes: "{quoted(value)}"'
    if isinstance(value, date):
        return f'YAML reads {quoted(value)} as a date; put it in quotes: "{quoted(value)}"'
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


# What the plan fills in by itself: an error in such a value is reported once, where the value was written.
_INHERITED = ("name", "region", "connection")


def field_findings(error: ValidationError, plan: type[BaseModel], document: object) -> Iterator[Finding]:
    """
    Say in words what pydantic found.

    :param error: raised while the document was validated.
    :param document: as it was written, before defaults were filled in.
    """
    for detail in error.errors(include_url=False):
        location = detail["loc"]
        # pydantic counts valid members only: a list whose members are all wrong is not empty.
        if detail["type"] == "too_short" and detail["input"]:
            continue
        written = existing_part(location, document)
        if detail["type"] == "missing":
            yield Finding(location, _sentence(detail, plan))
        elif written == location or location[-1] not in _INHERITED:
            yield Finding(written, _sentence(detail, plan))


def _sentence(detail: ErrorDetails, plan: type[BaseModel]) -> str:
    wording = _WORDINGS.get(detail["type"])
    return wording(detail, plan) if wording else f"{quoted(detail['input'])}: {detail['msg']}"


def _own_sentence(detail: ErrorDetails, plan: type[BaseModel]) -> str:
    return str(detail["ctx"]["message"])


def _missing(detail: ErrorDetails, plan: type[BaseModel]) -> str:
    *parents, key = detail["loc"]
    field = _fields(_model_at(plan, tuple(parents)))[str(key)]
    return f"is missing ({field.rstrip('.')})"


def _unknown_key(detail: ErrorDetails, plan: type[BaseModel]) -> str:
    *parents, key = detail["loc"]
    model = _model_at(plan, tuple(parents))
    if key in getattr(model, "planned_keys", tuple)():
        return f"{key} is not supported yet"
    known = _fields(model)
    hint = did_you_mean(str(key), known) or f" (known keys: {', '.join(known)})"
    return f"unknown key {quoted(key)}{hint}"


def _not_a_mapping(detail: ErrorDetails, plan: type[BaseModel]) -> str:
    known = _fields(_model_at(plan, detail["loc"]))
    keys = f" with keys such as {', '.join(list(known)[:3])}" if known else ""
    return f"expected a mapping{keys}, found {quoted(detail['input'])}"


def _not_a_list(detail: ErrorDetails, plan: type[BaseModel]) -> str:
    return f"expected a list, found {quoted(detail['input'])}"


def _not_a_choice(detail: ErrorDetails, plan: type[BaseModel]) -> str:
    # pydantic says "'stop', 'continue' or 'ask'".
    expected = detail["ctx"]["expected"]
    choices = re.findall("'([^']+)'", expected)
    hint = did_you_mean(written(detail["input"]), choices)
    return f"{quoted(detail['input'])} is not allowed here; expected {expected}{hint}"


def _not_a_switch(detail: ErrorDetails, plan: type[BaseModel]) -> str:
    return f"expected true or false, found {quoted(detail['input'])}"


def _not_a_number(detail: ErrorDetails, plan: type[BaseModel]) -> str:
    return f"expected a whole number, found {quoted(detail['input'])}"


def _too_small(detail: ErrorDetails, plan: type[BaseModel]) -> str:
    return f"{quoted(detail['input'])} is too small; the least is {detail['ctx']['ge']}"


def _too_large(detail: ErrorDetails, plan: type[BaseModel]) -> str:
    return f"{quoted(detail['input'])} is too large; the most is {detail['ctx']['le']}"


def _empty(detail: ErrorDetails, plan: type[BaseModel]) -> str:
    return "is empty; at least one is needed"


def _too_many(detail: ErrorDetails, plan: type[BaseModel]) -> str:
    return f"has {detail['ctx']['actual_length']} entries; at most {detail['ctx']['max_length']} are allowed"


_WORDINGS: Mapping[str, Callable[[ErrorDetails, type[BaseModel]], str]] = {
    "sentence": _own_sentence,
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "model_type": _not_a_mapping,
    "dict_type": _not_a_mapping,
    "tuple_type": _not_a_list,
    "literal_error": _not_a_choice,
    "bool_type": _not_a_switch,
    "int_type": _not_a_number,
    "greater_than_equal": _too_small,
    "less_than_equal": _too_large,
    "too_short": _empty,
    "too_long": _too_many,
}


def _fields(model: type[BaseModel] | None) -> dict[str, str]:
    """Each key of a model as it is written in files, with its description."""
    fields = model.model_fields if model else {}
    return {field.alias or name: str(field.description) for name, field in fields.items()}


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The model that describes a place, found by following the annotations of the fields."""
    kind: Any = model
    for part in location:
        if _is_model(kind):
            fields = {field.alias or name: field for name, field in kind.model_fields.items()}
            field = fields.get(str(part))
            kind = field.annotation if field else None
        else:
            kind = _member(kind)
        kind = _bare(kind)
    return kind if _is_model(kind) else None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _member(kind: Any) -> Any:
    """Type of the members of ``tuple[X, ...]`` or of the values of ``dict[str, X]``."""
    arguments = [argument for argument in get_args(kind) if argument is not Ellipsis]
    return arguments[-1] if arguments else None


def _bare(kind: Any) -> Any:
    """Without ``Annotated`` and ``| None``; a model that is completed later as it is then."""
    if hasattr(kind, "completed"):
        return kind.completed()
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) is types.UnionType or str(get_origin(kind)) == "typing.Union":
        return _bare(next(choice for choice in get_args(kind) if choice is not type(None)))
    return kind
