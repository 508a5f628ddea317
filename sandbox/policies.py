"""What IAM policies allow: the part of their language that policies about DRS use."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Statement = Mapping[str, Any]
Context = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Question:
    """
    May this be done?

    :param resource: ARN, or ``*``, which only a policy for all resources covers.
    :param context: condition key in lower case to its values.
    """

    action: str
    resource: str
    context: Context


@dataclass(frozen=True)
class Verdict:
    """What policies say to a question."""

    decision: str
    missing: tuple[str, ...]


def judge(policies: Iterable[Mapping[str, Any]], question: Question) -> Verdict:
    """
    Decide as IAM does: a denial wins, and what nobody allows is refused.

    :raises NotImplementedError: for a condition operator that is not simulated.
    """
    concerned = _concerned(policies, question)
    effects = {statement["Effect"] for statement in concerned if _holds(statement, question.context)}
    missing = {
        key
        for statement in concerned
        for operator, key, _ in _conditions(statement)
        if operator != "Null" and key.lower() not in question.context
    }
    if "Deny" in effects:
        return Verdict("explicitDeny", ())
    if "Allow" in effects:
        return Verdict("allowed", ())
    return Verdict("implicitDeny", tuple(sorted(missing)))


def allowing(policies: Iterable[Mapping[str, Any]], question: Question) -> list[str]:
    """Name the statements that allow what is asked, by their ``Sid``."""
    return [
        statement.get("Sid", "")
        for statement in _concerned(policies, question)
        if statement["Effect"] == "Allow" and _holds(statement, question.context)
    ]


def _concerned(policies: Iterable[Mapping[str, Any]], question: Question) -> list[Statement]:
    return [
        statement
        for policy in policies
        for statement in _listed(policy["Statement"])
        if _covers(statement, "Action", question.action.lower(), str.lower)
        and _covers(statement, "Resource", question.resource, str)
    ]


def _listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _covers(statement: Statement, element: str, asked: str, form: Callable[[str], str]) -> bool:
    if f"Not{element}" in statement:
        return not _matches(_listed(statement[f"Not{element}"]), asked, form)
    return _matches(_listed(statement[element]), asked, form)


@functools.lru_cache(maxsize=10_000)
def _matches(patterns: tuple[str, ...], asked: str, form: Callable[[str], str] = str) -> bool:
    return any(_expression(form(pattern)).fullmatch(asked) for pattern in patterns)


@functools.cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."))


def _conditions(statement: Statement) -> list[tuple[str, str, tuple[str, ...]]]:
    """Operator, key and wanted values of each condition; all have to hold."""
    return [
        (
            operator,
            key,
            tuple(str(value).lower() if operator == "Bool" else str(value) for value in _listed(wanted)),
        )
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    ]


def _text(value: Any) -> str:
    """JSON's booleans count as the words."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _holds(statement: Statement, context: Context) -> bool:
    return all(
        _condition_holds(operator, context.get(key.lower()), wanted)
        for operator, key, wanted in _conditions(statement)
    )


def _condition_holds(operator: str, values: Sequence[str] | None, wanted: tuple[str, ...]) -> bool:
    if operator == "Null":
        return (values is None) == (wanted[0].lower() == "true")
    quantifier, _, plain = operator.rpartition(":")
    if plain not in _OPERATORS or quantifier not in _QUANTIFIERS:
        raise NotImplementedError(f"condition operator {operator}")
    if values is None:
        # A question without the key has no value that could be wrong.
        return quantifier == "ForAllValues"
    return _QUANTIFIERS[quantifier](_OPERATORS[plain](wanted, value) for value in values)


_OPERATORS: Mapping[str, Callable[[tuple[str, ...], str], bool]] = {
    "Bool": lambda wanted, value: value.lower() in wanted,
    "StringEquals": lambda wanted, value: value in wanted,
    "StringLike": _matches,
}

_QUANTIFIERS: Mapping[str, Callable[[Iterable[bool]], bool]] = {
    "": any,
    "ForAnyValue": any,
    "ForAllValues": all,
}
