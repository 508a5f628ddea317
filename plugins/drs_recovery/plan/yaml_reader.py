"""Read a plan file: refuse what is no plain file of a sensible size, keep words and places of values."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from drs_recovery.exceptions import PlanError, PlanProblem
from drs_recovery.plan.problems import quoted
from drs_recovery.plan.words import UnusableValueError, add_written_constructors

# DRS's quota of 4000 source servers, each on a line with a comment, takes a third of it.
MOST_BYTES = 1_048_576


class SourceRefusedError(Exception):
    """A file is not read; the text goes on behind the file's name."""


def read_source(path: Path) -> bytes:
    """
    Read a plan file.

    :raises SourceRefusedError: it is not there, no regular file, too large, or a link out of its folder: what
        the link leads to may be none of the reader's business, and errors quote what they find.
    """
    try:
        if not path.resolve(strict=True).is_relative_to(path.parent.resolve()):
            raise SourceRefusedError("is a link out of its folder; put the file itself there")
        # Without waiting: opening a FIFO would hold up the reader until somebody writes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "its links lead in a circle"
        raise SourceRefusedError(f"cannot be read: {reason}") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SourceRefusedError("is not a regular file")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise SourceRefusedError(
            f"is larger than {MOST_BYTES // 1024} KiB, the most that a plan file may have"
        )
    return content


# libyaml is about ten times as fast; PyYAML's wheels bring it, a build from source may not.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]  # which of the two it is, only this machine knows
    """Values of it know how they are written in the file."""


add_written_constructors(_Loader)

# A plan has some eight levels. Far beyond, libyaml's recursion would end the whole process.
_MOST_LEVELS = 50

# A text with one of these can be stored nowhere.
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")

_TEXT_TAG, _MERGE_TAG = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
# What a word without quotes may turn into, by the last part of its YAML tag.
_KINDS = {
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "timestamp": "a date",
}
# DRS's quota of 4000 source servers makes about 20 000 values; more comes of aliases inside aliases.
_MOST_VALUES = 100_000


def read_yaml(path: Path) -> tuple[dict[str, Any], list[PlanProblem]]:
    """
    Read a file that holds one mapping.

    :param path: of a UTF-8 file.
    :raises PlanError: when there is no mapping to be had.
    """
    text = _read_text(path)
    try:
        _refuse_deep_nesting(path, text)
        loader = _Loader(text)
        root = loader.get_single_node()
        problems = list(dict.fromkeys(_node_problems(path, root)))
        document = None if root is None else loader.construct_document(root)
    except yaml.YAMLError as error:
        raise _unreadable(path, *_yaml_complaint(error)) from None
    if document is None:
        raise _unreadable(path, "", "is empty; expected a plan")
    if not isinstance(document, dict):
        raise _unreadable(
            path, "", f"expected a mapping of keys such as schema_version, found {quoted(document)}"
        )
    return document, problems


def _read_text(path: Path) -> str:
    try:
        return read_source(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise _unreadable(
            path, "", f"is not UTF-8 text (byte 0x{byte:02x} at position {error.start})"
        ) from None
    except SourceRefusedError as error:
        raise _unreadable(path, "", str(error)) from None


def _refuse_deep_nesting(path: Path, text: str) -> None:
    levels = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            levels += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            levels -= 1
        if levels > _MOST_LEVELS:
            raise _unreadable(path, _line(event), f"is nested deeper than {_MOST_LEVELS} levels")


def _node_problems(path: Path, root: yaml.Node | None) -> Iterator[PlanProblem]:
    """Walk every value, as often as aliases repeat it; makes each key a text on the way."""
    waiting, seen = [root] if root else [], 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > _MOST_VALUES:
            message = f"holds more than {_MOST_VALUES} values; does an alias contain itself?"
            raise _unreadable(path, _line(node), message)
        if isinstance(node, yaml.ScalarNode) and (half := _HALF_CHARACTER.search(node.value)):
            raise _unreadable(path, _line(node), f"holds \\u{ord(half[0]):04x}, which is half a character")
        if isinstance(node, yaml.MappingNode):
            yield from _key_problems(path, node)
            waiting.extend(part for pair in reversed(node.value) for part in reversed(pair))
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(reversed(node.value))


def _key_problems(path: Path, mapping: yaml.MappingNode) -> Iterator[PlanProblem]:
    first_places: dict[str, str] = {}
    for key, _ in mapping.value:
        place = _line(key)
        if not isinstance(key, yaml.ScalarNode):
            raise _unreadable(path, place, "a key is a list or a mapping; expected text")
        if key.tag not in (_TEXT_TAG, _MERGE_TAG):
            kind = _KINDS.get(key.tag.rpartition(":")[2], "something else")
            message = f"YAML reads the key {quoted(key.value)} as {kind}; put it in quotes"
            yield PlanProblem(path.name, place, message)
            key.tag = _TEXT_TAG
        if key.value in first_places:
            message = f"the key {quoted(key.value)} is there twice (first in {first_places[key.value]})"
            yield PlanProblem(path.name, place, message)
        first_places.setdefault(key.value, place)


def _line(part: yaml.Node | yaml.Event) -> str:
    # Only parts that a program makes have no mark.
    return f"line {part.start_mark.line + 1}" if part.start_mark else ""


def _yaml_complaint(error: yaml.YAMLError) -> tuple[str, str]:
    """Place and message of what YAML itself refuses."""
    if isinstance(error, UnusableValueError):
        return _line(error.node), f"holds {quoted(error.node.value)}, {error.reason}"
    if not isinstance(error, yaml.MarkedYAMLError):
        return "", f"is not valid YAML: {' '.join(str(error).split())}"
    mark = error.problem_mark or error.context_mark
    place = f"line {mark.line + 1}" if mark else ""
    if error.context == "expected a single document in the stream":
        return place, "a second document begins; expected one plan a file"
    return place, f"is not valid YAML: {', '.join(filter(None, (error.context, error.problem)))}"


def _unreadable(path: Path, place: str, message: str) -> PlanError:
    return PlanError([PlanProblem(path.name, place, message)])
