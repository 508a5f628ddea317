"""Check the rules of steps that one key alone cannot break: kinds, keys that apply, servers, credentials."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from drs_recovery.plan.message_templates import message_problem
from drs_recovery.plan.problems import Finding, Location, did_you_mean, quoted
from drs_recovery.plan.step_kinds import step_kinds
from drs_recovery.plan.steps import common_keys
from drs_recovery.plan.task_ids import AFTER, BEFORE

if TYPE_CHECKING:
    from drs_recovery.plan.step_kinds import PlanKind

# Of keys, headers and parameters: what stands behind them is no secret only if it is empty.
_SECRET_NAME = re.compile(
    r"(^|[-_])(authorization|cookie|password|passwd|pwd|secret|token|credentials?|api[-_]?key|"
    r"access[-_]?key|private[-_]?key)($|[-_])|^x-(api|auth)",
    re.IGNORECASE,
)
_CAMEL_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SECRET_VALUE = re.compile(
    r"\b(Bearer|Basic)\s+[\w+/=.~-]{8,}|\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY|"
    r"\bhttps?://[^/\s@{}]*:[^/\s@{}]+@",
    re.IGNORECASE,
)


class _Place(NamedTuple):
    """A step as it is written. :ivar wave: the raw wave that has it."""

    location: Location
    side: str
    step: Mapping[str, Any]
    wave: Mapping[str, Any]


def step_findings(waves: list[Any], wave_names: Iterable[str]) -> Iterator[Finding]:
    """Everything that is wrong with the steps of waves beyond their fields."""
    for place in _places(waves):
        kinds = [key for key in step_kinds() if place.step.get(key) is not None]
        if len(kinds) == 1:
            yield from _findings(place, step_kinds()[kinds[0]], wave_names)
        elif kinds:
            yield Finding(place.location, f"is {' and '.join(kinds)}; a step has one kind")
        elif all(key in common_keys() for key in place.step):
            yield Finding(place.location, f"has no kind; expected one of {', '.join(step_kinds())}")


def _places(waves: list[Any]) -> Iterator[_Place]:
    for index, wave in enumerate(waves):
        for side in (BEFORE, AFTER):
            steps = wave.get(side) if isinstance(wave, Mapping) else None
            for position, step in enumerate(steps if isinstance(steps, (list, tuple)) else ()):
                if isinstance(step, Mapping):
                    yield _Place(("waves", index, side, position), side, step, wave)


def _findings(place: _Place, kind: PlanKind, wave_names: Iterable[str]) -> Iterator[Finding]:
    arguments = place.step[kind.key]
    if not isinstance(arguments, Mapping):
        return
    at = (*place.location, kind.key)
    per_server = kind.acts_per_server(arguments)
    for keys, message in kind.problems(arguments):
        yield Finding((*at, *keys), message)
    yield from _inapplicable(place, kind, per_server=per_server)
    yield from _unknown_groups(place)
    if per_server and place.side == BEFORE:
        yield Finding(at, "acts on recovered servers, which are not there before the launch; use it in after")
    for location, text in _texts(arguments, at):
        if ("{{" in text or "{%" in text) and (
            problem := message_problem(text, wave_names, of_server=per_server)
        ):
            yield Finding(location, problem)
    yield from _credentials(arguments, at)


def _inapplicable(place: _Place, kind: PlanKind, *, per_server: bool) -> Iterator[Finding]:
    """Keys that are said to mean something and would be passed over."""
    probe = "a probe is tried until its timeout, every interval"
    callout = f"{kind.key} is no probe; it has retries and retry_delay"
    reasons = {
        **({"retries": probe, "retry_delay": probe} if kind.is_probe else {"interval": callout}),
        **({} if per_server else {"servers": f"this {kind.key} does not act on servers"}),
    }
    for key, reason in reasons.items():
        if key in place.step:
            yield Finding((*place.location, key), f"has no meaning here: {reason}")


def _unknown_groups(place: _Place) -> Iterator[Finding]:
    chosen, groups = place.step.get("servers"), place.wave.get("groups")
    if not isinstance(chosen, (list, tuple)) or not isinstance(groups, (list, tuple)):
        return
    known = [group for group in groups if isinstance(group, str)]
    for index, name in enumerate(chosen):
        if isinstance(name, str) and name not in known:
            hint = did_you_mean(name, known) or f" (there is {', '.join(known)})"
            yield Finding(
                (*place.location, "servers", index), f"{quoted(name)} is not a group of this wave{hint}"
            )


def _texts(value: object, location: Location) -> Iterator[tuple[Location, str]]:
    if isinstance(value, str):
        yield location, value
    elif isinstance(value, Mapping):
        for key, child in value.items():
            yield from _texts(child, (*location, key))
    elif isinstance(value, (list, tuple)):
        for index, child in enumerate(value):
            yield from _texts(child, (*location, index))


def _credentials(value: Mapping[str, Any], location: Location) -> Iterator[Finding]:
    """Literal secrets: plan files are in version control, and a copy of the plan is in every record."""
    for place, text in _texts(value, location):
        named = next((key for key in reversed(place[len(location) :]) if isinstance(key, str)), "")
        if text.strip() and (_is_secret_name(named) or _SECRET_VALUE.search(text)):
            yield Finding(
                place,
                "looks like a literal credential; take it from an Airflow connection at run time: "
                "auth: {connection: id}",
            )


def _is_secret_name(name: str) -> bool:
    return bool(_SECRET_NAME.search(_CAMEL_HUMP.sub("_", name)))
