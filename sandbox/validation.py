"""Checks a request against the model of its service, as AWS does before anything else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape

Problem = tuple[str, str]


@cache
def service_model(service: str) -> ServiceModel:
    """The model of a service in the installed botocore."""
    return botocore.session.Session().get_service_model(service)


def operation_model(service: str, name: str) -> OperationModel:
    """The model of one operation."""
    return service_model(service).operation_model(name)


def problems_of(service: str, operation: str, request: Any) -> list[Problem]:
    """Member and what is wrong with it."""
    return list(check(operation_model(service, operation).input_shape, request, ""))


def check(shape: Shape, value: Any, path: str) -> Iterator[Problem]:
    """Every way in which a value does not fit its shape."""
    expected = _JSON_TYPES[shape.type_name]
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
        yield path, f"Member must be a {shape.type_name}"
        return
    yield from _CHECKS.get(shape.type_name, _no_more_checks)(shape, value, path)


def _check_structure(shape: Shape, value: dict[str, Any], path: str) -> Iterator[Problem]:
    prefix = f"{path}." if path else ""
    for name in shape.required_members:
        if value.get(name) is None:
            yield prefix + name, "Member must not be null"
    for name, member in value.items():
        if name not in shape.members:
            yield prefix + name, "Member is unknown to this operation"
        elif member is not None:
            yield from check(shape.members[name], member, prefix + name)


def _check_list(shape: Shape, value: list[Any], path: str) -> Iterator[Problem]:
    yield from _check_range(shape, len(value), path, "length ")
    for index, member in enumerate(value):
        yield from check(shape.member, member, f"{path}[{index}]")


def _check_map(shape: Shape, value: dict[str, Any], path: str) -> Iterator[Problem]:
    yield from _check_range(shape, len(value), path, "length ")
    for key, member in value.items():
        yield from check(shape.key, key, f"{path} key")
        yield from check(shape.value, member, f"{path}.{key}")


def _check_string(shape: Shape, value: str, path: str) -> Iterator[Problem]:
    yield from _check_range(shape, len(value), path, "length ")
    pattern = shape.metadata.get("pattern")
    if pattern and not _expression(pattern).fullmatch(value):
        yield path, f"Member must satisfy regular expression pattern: {pattern}"
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield path, f"Member must satisfy enum value set: [{', '.join(allowed)}]"


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    """Java's names of character classes are none of Python's."""
    for name, characters in (("L", r"\w"), ("Z", r"\s"), ("N", r"\d")):
        pattern = pattern.replace(rf"\p{{{name}}}", characters)
    return re.compile(pattern)


def _check_number(shape: Shape, value: int, path: str) -> Iterator[Problem]:
    yield from _check_range(shape, value, path, "value ")


def _check_range(shape: Shape, size: int, path: str, what: str) -> Iterator[Problem]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield path, f"Member must have {what}greater than or equal to {low}"
    if high is not None and size > high:
        yield path, f"Member must have {what}less than or equal to {high}"


def _no_more_checks(_shape: Shape, _value: Any, _path: str) -> Iterator[Problem]:
    return iter(())


_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,), "list": (list,), "map": (dict,), "string": (str,),
    "integer": (int,), "long": (int,), "boolean": (bool,), "timestamp": (int, float, str), "blob": (str,),
}  # fmt: skip

_CHECKS: dict[str, Callable[[Shape, Any, str], Iterator[Problem]]] = {
    "structure": _check_structure,
    "list": _check_list,
    "map": _check_map,
    "string": _check_string,
    "integer": _check_number,
    "long": _check_number,
}
