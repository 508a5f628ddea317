"""Checks requests against botocore's model of DRS, as strictly as AWS does and botocore's client does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape

from sandbox.drs.exceptions import ValidationError

Problem = tuple[str, str]


@cache
def service_model() -> ServiceModel:
    """The model of DRS in the installed botocore."""
    return botocore.session.Session().get_service_model("drs")


def operation_model(name: str) -> OperationModel:
    """
    The model of one operation.

    :param name: such as ``DescribeJobs``.
    """
    return service_model().operation_model(name)


def validate(operation: str, request: Any) -> None:
    """
    Check a request.

    :param operation: such as ``StartRecovery``.
    :param request: members by name.
    :raises ValidationError: naming every member that does not fit.
    """
    problems = list(check(operation_model(operation).input_shape, request, ""))
    if problems:
        raise ValidationError(problems)


def check(shape: Shape, value: Any, path: str) -> Iterator[Problem]:
    """
    Every way in which a value does not fit its shape.

    :param shape: botocore's shape.
    :param value: JSON value.
    :param path: where the value is, for the message.
    """
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
    if pattern and not re.fullmatch(pattern, value):
        yield path, f"Member must satisfy regular expression pattern: {pattern}"
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield path, f"Member must satisfy enum value set: [{', '.join(allowed)}]"


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
    "integer": (int,), "long": (int,), "boolean": (bool,),
}  # fmt: skip

_CHECKS: dict[str, Callable[[Shape, Any, str], Iterator[Problem]]] = {
    "structure": _check_structure,
    "list": _check_list,
    "map": _check_map,
    "string": _check_string,
    "integer": _check_number,
    "long": _check_number,
}
