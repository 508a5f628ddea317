"""Turns pydantic's errors into sentences for people who write plans, not Python."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from drs_recovery.plan.problems import Finding, Location, did_you_mean, existing_part, quoted, written

# What the plan fills in by itself: an error in such a value is reported once, where the value was written.
_INHERITED = ("name", "region", "connection")


def field_findings(error: ValidationError, plan: type[BaseModel], document: object) -> Iterator[Finding]:
    """
    Say in words what pydantic found.

    :param error: raised while the document was validated.
    :param plan: model of the whole document.
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
    known = _fields(_model_at(plan, tuple(parents)))
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
    """Without ``Annotated`` and ``| None``."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) is types.UnionType or str(get_origin(kind)) == "typing.Union":
        return _bare(next(choice for choice in get_args(kind) if choice is not type(None)))
    return kind
