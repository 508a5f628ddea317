"""Keep the words of a plan file with the values read from them, and escape values for Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import yaml


class WrittenInt(int):
    """A whole number, such as 1402433619, with its words: 012345670123."""

    written: str


class WrittenFloat(float):
    """A number with its words."""

    written: str


class WrittenDate(date):
    """A date with its words."""

    written: str


class WrittenDatetime(datetime):
    """A date and time with its words."""

    written: str


class UnusableValueError(yaml.YAMLError):
    """A value is not what its form or its tag says."""

    def __init__(self, reason: str, node: yaml.Node) -> None:
        self.reason, self.node = reason, node
        super().__init__(reason)


def _int(value: int) -> WrittenInt:
    return WrittenInt(value)


def _float(value: float) -> WrittenFloat:
    return WrittenFloat(value)


def _date(value: date) -> WrittenDate | WrittenDatetime:
    if isinstance(value, datetime):
        return WrittenDatetime.fromisoformat(value.isoformat())
    return WrittenDate(value.year, value.month, value.day)


def add_written_constructors(loader: type[yaml.SafeLoader]) -> None:
    """
    Make a loader's numbers and dates keep their words, and its complaints about any value YAML errors.

    PyYAML's own constructors let ``!!int ''``, ``2024-13-45`` and the like fail in whatever way Python does.
    """
    kinds: dict[str, Callable[[Any], Any]] = {"int": _int, "float": _float, "timestamp": _date}
    for name in _NAMES:
        tag = f"tag:yaml.org,2002:{name}"
        loader.add_constructor(tag, _guarded(name, loader.yaml_constructors[tag], kinds.get(name)))


def _guarded(
    name: str, construct: Callable[[Any, yaml.Node], Any], convert: Callable[[Any], Any] | None
) -> Callable[[Any, yaml.Node], Any]:
    def construct_written(loader: Any, node: yaml.Node) -> Any:
        try:
            value = construct(loader, node)
        except Exception as error:  # PyYAML's constructors raise anything
            reason = f": {error}" if isinstance(error, ValueError) else ""
            raise UnusableValueError(f"which is no {_NAMES[name]}{reason}", node) from None
        if convert is None:
            return value
        value = convert(value)
        value.written = node.value
        return value

    return construct_written


_NAMES = {
    "int": "whole number",
    "float": "number",
    "timestamp": "date",
    "bool": "true or false",
    "binary": "base64 text",
}


# What begins or ends an element of Markdown or HTML inside a line.
_SPECIAL = re.compile(r"[\\`*_\[\]<>&|~#!\"']")
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def escaped(value: object) -> str:
    """
    A value as one line of text that Markdown shows as it is: no markup, no HTML, no border of a table.

    :param value: shown as ``str`` shows it.
    """
    one_line = _BREAKS.sub(" ", str(value))
    # Numeric references are text in Markdown as in HTML, where a backslash would help only in one of them.
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", one_line)
