"""Tell in words what changed in a plan since its last good drill, and is therefore unproven."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from drs_recovery.durations import parse_duration, words
from drs_recovery.plan import RecoveryPlan, plan_from_snapshot
from drs_recovery.web.plans.comparison import (
    ABSENT,
    ORDER,
    WAITS_FOR,
    WAVES,
    Difference,
    Place,
    differences,
    moved,
)
from drs_recovery.web.shared import HIDDEN, SECRET_FIELDS, counted

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionRecord, ServerStatus

_LABELS: Mapping[Place, str] = {
    ("name",): "name",
    ("objectives", "rto"): "objective RTO",
    ("objectives", "rpo"): "objective RPO",
    ("priority",): "priority in the queue for DRS",
    ("region",): "Region",
    ("connection",): "Airflow connection",
    ("notify",): "notifications",
    ("notify", "sns_topic_arn"): "SNS topic of notifications",
    ("notify", "notifiers"): "notifiers",
    ("approval", "recovery"): "gate before a real recovery",
    ("drill", "terminate_after"): "cleanup of drill instances after",
    ("drill", "await_actions"): "post-launch actions decide in drills",
    ("point_in_time",): "point in time",
    ("pause_before",): "gate",
    ("timeout",): "timeout",
    ("success_when",): "success when",
    ("on_failure",): "on failure",
    ("wait_before",): "waiting time before it",
    ("only",): "only in",
    ("before",): "actions before it",
    ("after",): "actions after it",
    (WAITS_FOR,): "waits for",
    ("depends_on",): "depends_on (it waits for the same waves)",
    ("tags",): "tags",
    ("servers",): "servers",
    ("groups",): "groups",
}
_PARTS = {WAVES: "Wave", "protection_groups": "Group"}
_GATE_LABELS = {"two_person": "two people needed", "on_timeout": "on timeout", "timeout": "timeout"}
_DURATIONS = frozenset({"rto", "rpo", "timeout", "wait_before", "terminate_after"})
_LONGEST = 160


def change_words(difference: Difference) -> Iterator[tuple[str, str]]:
    """Tell a difference in one or more pairs: where, and what changed there."""
    match difference.place:
        case (root, step) if (root, step) == (WAVES, ORDER):
            for wave, follower in moved(difference.before, difference.after):
                yield f"Wave {wave}", f"moved before wave {follower}" if follower else "moved to the end"
        case (root, part, *rest) if root in _PARTS:
            yield f"{_PARTS[root]} {part}", _within(tuple(rest), difference)
        case place:
            yield "Plan", _within(place, difference)


def is_text_only(difference: Difference) -> bool:
    """Whether a difference leaves the recovery as it is: texts, or an order without a meaning."""
    place = difference.place
    if place[0] in ("name", "description", "owner", "tags") or place[-1] == "depends_on":
        return True
    return place[-2:] == ("servers", ORDER) or _is_same_set(difference)


def _is_same_set(difference: Difference) -> bool:
    if difference.place[-1] not in ("approvers", "groups", WAITS_FOR):
        return False
    before, after = difference.before, difference.after
    return isinstance(before, list) and isinstance(after, list) and sorted(before) == sorted(after)


def _within(place: Place, difference: Difference) -> str:
    before, after = difference.before, difference.after
    if not place:
        return f"added{_contents(after)}" if before is ABSENT else f"removed{_contents(before)}"
    if place[-1] == ORDER:
        return "servers are listed in another order"
    label = _label(place)
    if place[0] == "servers" and len(place) == 2:
        return f"{label} {_server(after)} added" if before is ABSENT else f"{label} {_server(before)} removed"
    old, new = (_value(place[-1], value) for value in (before, after))
    if before is ABSENT or (before is None and after is not None):
        return f"{label} added{new and ': '}{new}"
    if after is ABSENT or after is None:
        return f"{label} removed{old and ', before: '}{old}"
    return f"{label} {old} → {new}" if old != new else f"{label} changed: {new}"


def _label(place: Place) -> str:
    if place in _LABELS:
        return _LABELS[place]
    match place:
        case ("pause_before", key):
            return f"gate: {_GATE_LABELS.get(key, key)}"
        case ("approval", "recovery", key):
            return f"gate before a real recovery: {_GATE_LABELS.get(key, key)}"
        case ("servers", server):
            return f"server {server}"
        case ("servers", server, key):
            return f"server {server}: {key.replace('_', ' ')}"
        case ("tags", key):
            return f"tag {key}"
    return " ".join(step.replace("_", " ") for step in place)


def _server(server: ServerStatus) -> str:
    return "(critical)" if server["critical"] else "(not critical)"


def _contents(part: Mapping[str, Any]) -> str:
    """What a whole wave or group brings along, or took with it."""
    if "groups" in part:
        return f", with {_value('groups', part['groups'])}" + (
            ", behind a gate" if part["pause_before"] else ""
        )
    return f", with {_value('servers', part['servers']) or _value('tags', part['tags'])}"


def _value(key: str, value: Any) -> str:
    if value is None or value is ABSENT:
        return ""
    if key in SECRET_FIELDS:
        return HIDDEN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key == WAITS_FOR:
        return ", ".join(f"wave {name}" for name in value) or "no wave"
    if key == "approvers" and not value:
        return "everyone who may trigger the plan"
    if isinstance(value, Mapping):
        return _shortened(
            ", ".join(_entry(name, child) for name, child in value.items() if child is not None)
        )
    if isinstance(value, list):
        return _shortened(", ".join(_value("", child) for child in value) or "none")
    return _span(value) if key in _DURATIONS else _shortened(str(value))


def _entry(name: str, value: Any) -> str:
    return name if isinstance(value, Mapping) and "critical" in value else f"{name} {_value(name, value)}"


def _span(text: str) -> str:
    """A duration in words, unless words would leave something out, or it is none (``never``)."""
    if not text.startswith("P"):
        return text
    seconds = parse_duration(text).total_seconds()
    return words(seconds) if seconds < 3600 or seconds % 60 == 0 else text


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


class ChangeState(StrEnum):
    """What is known of a plan's changes."""

    UNCHANGED = "UNCHANGED"
    CHANGED = "CHANGED"
    ONLY_TEXTS = "ONLY_TEXTS"
    NEVER_DRILLED = "NEVER_DRILLED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class PlanChange:
    """
    One thing that changed.

    :param place: where, such as ``Wave 2 Application``, ``Group database`` or ``Plan``.
    :param what: such as ``timeout 1 h 30 min → 30 min``.
    """

    place: str
    what: str


@dataclass(frozen=True)
class PlanChanges:
    """How a plan differs from the one of its last good drill."""

    state: ChangeState
    sentence: str
    changes: tuple[PlanChange, ...] = ()
    texts: tuple[PlanChange, ...] = ()


_SINCE = "since the last good drill"


def plan_changes(plan: RecoveryPlan | None, last_good_drill: ExecutionRecord | None) -> PlanChanges:
    """Compare a plan with what its last good drill ran."""
    if last_good_drill is None:
        return PlanChanges(
            ChangeState.NEVER_DRILLED, "No good drill yet that the plan could be compared with"
        )
    if plan is None:
        return PlanChanges(ChangeState.UNKNOWN, "The current plan cannot be read, so nothing can be compared")
    if plan.digest() == last_good_drill["planHash"]:
        return PlanChanges(ChangeState.UNCHANGED, f"Unchanged {_SINCE}")
    try:
        drilled = plan_from_snapshot(last_good_drill["planSnapshot"])
    except ValidationError:
        sentence = f"Changed {_SINCE}, whose plan this version cannot read: compare the files"
        return PlanChanges(ChangeState.UNKNOWN, sentence)
    return _changes_of(_without_echoes(differences(drilled, plan)))


def _changes_of(found: list[Difference]) -> PlanChanges:
    changes, texts = (
        tuple(
            PlanChange(where, what)
            for difference in found
            if is_text_only(difference) is wanted
            for where, what in change_words(difference)
        )
        for wanted in (False, True)
    )
    if changes:
        sentence = f"{counted(len(changes), 'change')} {_SINCE}"
        return PlanChanges(ChangeState.CHANGED, sentence, changes, texts)
    if texts:
        return PlanChanges(ChangeState.ONLY_TEXTS, f"Only texts changed {_SINCE}", (), texts)
    # Another version of this software may have written the same plan with another digest.
    return PlanChanges(ChangeState.UNCHANGED, f"Unchanged {_SINCE}")


def _without_echoes(found: list[Difference]) -> list[Difference]:
    """Leave out how ``depends_on`` is written where it is told what a wave waits for."""
    told = {one.place[:-1] for one in found if one.place[-1] == WAITS_FOR}
    return [one for one in found if not (one.place[-1] == "depends_on" and one.place[:-1] in told)]
