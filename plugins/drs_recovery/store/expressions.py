"""
What a transaction is made of: values in DynamoDB's own notation, conditions, and the actions.

An expression names an attribute as ``#attribute`` and a value as ``:value``; the ``#`` keeps reserved words
such as ``status`` usable, and the map of names is read off the expression. Nothing here talks to AWS.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Item = dict[str, Any]
"""A record as plain Python: str, bytes, int, float, bool, None, list and dict."""

# Source: DynamoDB's API reference, TransactWriteItems.
MAX_TRANSACTION_ACTIONS = 100

_NAME = re.compile(r"#(\w+)")


def to_dynamodb(value: Any) -> dict[str, Any]:
    """
    Turn a plain value into DynamoDB's notation, such as ``{"N": "3"}``.

    :param value: str, bytes, bool, int, float, None, or a list, tuple or mapping of them.
    :raises TypeError: for a value of any other type.
    :raises ValueError: for a number that DynamoDB cannot hold (infinite, or not a number).
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case bytes():
            return {"B": value}
        case int() | float():
            return {"N": _number_text(value)}
        case list() | tuple():
            return {"L": [to_dynamodb(element) for element in value]}
        case Mapping():
            return {"M": encode(value)}
    raise TypeError(f"the store cannot hold a {type(value).__name__}: {value!r}")


def encode(item: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a record into DynamoDB's notation."""
    return {name: to_dynamodb(value) for name, value in item.items()}


def decode(item: Mapping[str, Any]) -> Item:
    """Turn a record in DynamoDB's notation into plain values; a number with a fraction becomes float."""
    return {name: from_dynamodb(value) for name, value in item.items()}


def from_dynamodb(value: Mapping[str, Any]) -> Any:
    """
    Turn one typed value into a plain one.

    :param value: a map of one entry, such as ``{"N": "3"}``.
    :raises TypeError: for a type that this project never writes (sets).
    """
    kind, content = next(iter(value.items()))
    match kind:
        case "S" | "BOOL" | "B":
            return content
        case "N":
            return float(content) if re.search(r"[.eE]", content) else int(content)
        case "M":
            return decode(content)
        case "L":
            return [from_dynamodb(element) for element in content]
        case "NULL":
            return None
    raise TypeError(f"the store does not use the DynamoDB type {kind}")


def _number_text(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"DynamoDB has no number {value}")
    return repr(value)


@dataclass(frozen=True)
class Condition:
    """
    A condition of a write.

    :param expression: the condition, attributes as ``#name``, values as ``:name``.
    :param values: the value behind each ``:name``, the colon left out.
    """

    expression: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __and__(self, other: Condition) -> Condition:
        """Both must hold; a value name used by both must mean the same."""
        return Condition(f"{self.expression} AND {other.expression}", {**self.values, **other.values})


@dataclass(frozen=True)
class Key:
    """Where a record lies: its partition and its sort key."""

    execution_id: str
    record_key: str

    @property
    def attributes(self) -> dict[str, str]:
        """The key as attributes of the record."""
        return {"executionId": self.execution_id, "recordKey": self.record_key}


@dataclass(frozen=True)
class Put:
    """
    Write a whole record.

    :param condition: what must hold; None if it may replace what is there.
    """

    item: Item
    condition: Condition | None = None

    @property
    def key(self) -> Key:
        """Key of the record that is written."""
        return Key(self.item["executionId"], self.item["recordKey"])

    def request(self, table_name: str) -> dict[str, Any]:
        """Build the entry of ``TransactItems``."""
        condition = _condition(self.condition, {}) if self.condition else {}
        return {"Put": {"TableName": table_name, "Item": encode(self.item), **condition}}


@dataclass(frozen=True)
class Check:
    """Demand something of a record without writing it."""

    key: Key
    condition: Condition

    def request(self, table_name: str) -> dict[str, Any]:
        """Build the entry of ``TransactItems``."""
        content = {
            "TableName": table_name,
            "Key": encode(self.key.attributes),
            **_condition(self.condition, {}),
        }
        return {"ConditionCheck": content}


@dataclass(frozen=True)
class Update:
    """
    Change attributes of a record and leave its others alone.

    :param changes: attribute to new value; None removes the attribute.
    :param deltas: number attribute to what is added to it; a dot goes into a map (``progress.ready``).
    :param appended: list attribute to the element that is put at its end; a list that is not there is made.
    """

    key: Key
    condition: Condition
    changes: Mapping[str, Any] = field(default_factory=dict)
    deltas: Mapping[str, int] = field(default_factory=dict)
    appended: Mapping[str, Any] = field(default_factory=dict)
    stored: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def after(self) -> Item:
        """The record as this leaves it; numbers that others add to meanwhile are theirs."""
        after = {name: value for name, value in {**self.stored, **self.changes}.items() if value is not None}
        for path, delta in self.deltas.items():
            group, _, name = path.partition(".")
            after[group] = {**after[group], name: after[group][name] + delta}
        return after

    def request(self, table_name: str) -> dict[str, Any]:
        """Build the entry of ``TransactItems``."""
        values: dict[str, Any] = {}
        expression = _update_expression(self, values)
        content = {
            "TableName": table_name,
            "Key": encode(self.key.attributes),
            "UpdateExpression": expression,
        }
        return {"Update": {**content, **_condition(self.condition, values, expression)}}


@dataclass(frozen=True)
class Delete:
    """
    Remove a record; without a condition, one that is not there any more is fine.

    :param condition: what must hold; None if it may go as it is.
    """

    key: Key
    condition: Condition | None = None

    def request(self, table_name: str) -> dict[str, Any]:
        """Build the entry of ``TransactItems``."""
        content = {"TableName": table_name, "Key": encode(self.key.attributes)}
        if self.condition is not None:
            content |= _condition(self.condition, {})
        return {"Delete": content}


Action = Put | Check | Update | Delete


def _update_expression(update: Update, values: dict[str, Any]) -> str:
    """Build the expression; the values it uses are added to ``values``."""
    assignments = []
    for number, (name, value) in enumerate((n, v) for n, v in update.changes.items() if v is not None):
        values[f"set{number}"] = value
        assignments.append(f"#{name} = :set{number}")
    for number, (path, delta) in enumerate(update.deltas.items()):
        values[f"add{number}"] = delta
        place = _path(path)
        assignments.append(f"{place} = {place} + :add{number}")
    for number, (name, element) in enumerate(update.appended.items()):
        values.update({f"new{number}": [element], "none": []})
        assignments.append(f"#{name} = list_append(if_not_exists(#{name}, :none), :new{number})")
    removed = [f"#{name}" for name, value in update.changes.items() if value is None]
    parts = [f"SET {', '.join(assignments)}"] if assignments else []
    parts += [f"REMOVE {', '.join(removed)}"] if removed else []
    return " ".join(parts)


def _path(path: str) -> str:
    return ".".join(f"#{name}" for name in path.split("."))


def _condition(condition: Condition, values: dict[str, Any], other_expression: str = "") -> dict[str, Any]:
    """Build the members of a request that belong to its expressions."""
    names = set(_NAME.findall(f"{condition.expression} {other_expression}"))
    members: dict[str, Any] = {"ConditionExpression": condition.expression}
    if names:
        members["ExpressionAttributeNames"] = {f"#{name}": name for name in sorted(names)}
    if values or condition.values:
        all_values = {**values, **condition.values}
        members["ExpressionAttributeValues"] = {f":{name}": to_dynamodb(v) for name, v in all_values.items()}
    return members
