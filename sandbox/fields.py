"""Checks what callers describe (faults, source servers) against a table of fields, and says what is known."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Field:
    """
    One key of a description.

    :param default: value when the key is left out; None is "not set".
    """

    accepts: Callable[[Any], bool]
    expects: str
    default: Any = None
    required: bool = False


def filled(fields: Mapping[str, Field], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """
    Check a description.

    :returns: every field with defaults filled in, and what is wrong.
    """
    problems = [unknown("key", str(key), fields) for key in given if key not in fields]
    for name, field in fields.items():
        if field.required and name not in given:
            problems.append(f"{name} is missing: expected {field.expects}")
        elif name in given and not field.accepts(given[name]):
            problems.append(f"{name} is {given[name]!r}: expected {field.expects}")
    return {name: given.get(name, field.default) for name, field in fields.items()}, problems


def unknown(what: str, name: str, known: Collection[str]) -> str:
    """Say that a name is not known, which one may have been meant, and which are known."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f", did you mean {near[0]}?" if near else "."
    return f"unknown {what} {name!r}{hint} Known: {', '.join(sorted(known))}"


def is_number(value: Any) -> bool:
    """Whether a value is a number of 0 or more."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def is_count(value: Any) -> bool:
    """Whether a value is a whole number of 1 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def text(default: str | None = None, *, required: bool = False) -> Field:
    """Any text but an empty one."""
    return Field(lambda value: isinstance(value, str) and bool(value), "a text", default, required)


def seconds(default: float | None = None, *, required: bool = False) -> Field:
    """A duration in seconds."""
    return Field(is_number, "a number of seconds, 0 or more", default, required)


def seconds_or_text() -> Field:
    """A duration in seconds, or the words of a header as they are."""

    def accepts(value: Any) -> bool:
        return is_number(value) or (isinstance(value, str) and value.isprintable())

    return Field(accepts, "a number of seconds, 0 or more, or the text of the header")


def count(default: int | None = None, *, required: bool = False) -> Field:
    """A whole number of 1 or more."""
    return Field(is_count, "a whole number, 1 or more", default, required)


def flag() -> Field:
    """A truth value, false unless given."""
    return Field(lambda value: isinstance(value, bool), "true or false", False)


def one_of(*values: str, default: str | None = None, required: bool = False) -> Field:
    """One of some words."""
    return Field(lambda value: value in values, "one of " + ", ".join(values), default, required)


def outputs() -> Field:
    """Names, each with a list of texts."""

    def accepts(value: Any) -> bool:
        return isinstance(value, dict) and all(
            isinstance(texts, list) and all(isinstance(one, str) for one in texts) for texts in value.values()
        )

    return Field(accepts, 'an object of lists of texts, such as {"step.Output": ["done"]}')


def anything() -> Field:
    """Any JSON."""
    return Field(lambda _value: True, "any JSON")
