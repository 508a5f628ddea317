"""
Where two plans differ: every value that is not the same, by its place.

Plans are compared as documents, so that no part of the format can be forgotten here. Servers are found again
by their id and waves by their name, not by their position; a wave with a new name is found by its groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from drs_recovery.plan import RecoveryPlan

Place = tuple[str, ...]

WAVES, ORDER, WAITS_FOR = "waves", "(order)", "(waits for)"
"""Steps of places that plan files lack: the order of a list, and the waves that a wave really waits for."""

ABSENT: Final = object()
"""Stands for what only the other plan has."""


@dataclass(frozen=True)
class Difference:
    """
    One value that is not the same.

    :param place: keys from the root; waves have their number and name, servers their id.
    :param before: in the earlier plan; ABSENT if it has no such thing.
    """

    place: Place
    before: Any
    after: Any


def differences(before: RecoveryPlan, after: RecoveryPlan) -> list[Difference]:
    """List all differences in the order of the later plan; equal plans, and only those, have none."""
    labels = _wave_labels(before, after)
    old, new = (_document(plan, names) for plan, names in zip((before, after), labels, strict=True))
    return list(_compare((), old, new))


def _wave_labels(before: RecoveryPlan, after: RecoveryPlan) -> tuple[dict[str, str], dict[str, str]]:
    """For both plans, what each wave is called in places: waves that belong together are called the same."""
    new = {wave.name: _label(number, wave.name) for number, wave in enumerate(after.waves, start=1)}
    by_groups = {frozenset(wave.groups): wave.name for wave in after.waves}
    old_names = {wave.name for wave in before.waves}
    old = {}
    for number, wave in enumerate(before.waves, start=1):
        renamed = by_groups.get(frozenset(wave.groups))
        if wave.name in new:
            old[wave.name] = new[wave.name]
        elif renamed is not None and renamed not in old_names:
            old[wave.name] = new[renamed]
        else:
            old[wave.name] = f"{_label(number, wave.name)} (earlier)"
    return old, new


def _label(number: int, name: str) -> str:
    return f"{number} {name}"


def _document(plan: RecoveryPlan, labels: Mapping[str, str]) -> dict[str, Any]:
    document = plan.model_dump(mode="json")
    document[WAVES] = {
        labels[wave["name"]]: {
            **wave,
            WAITS_FOR: [labels[plan.wave(other).name] for other in plan.dependencies(number)],
        }
        for number, wave in enumerate(document[WAVES], start=1)
    }
    for group in document["protection_groups"].values():
        if group["servers"] is not None:
            group["servers"] = {server["id"]: server for server in group["servers"]}
    return document


def _compare(place: Place, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _compare_mappings(place, before, after)
    elif before != after:
        yield Difference(place, before, after)


def _compare_mappings(
    place: Place, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Difference]:
    for key in dict.fromkeys([*after, *before]):
        yield from _compare((*place, key), before.get(key, ABSENT), after.get(key, ABSENT))
    if place[-1:] in ((WAVES,), ("servers",)):
        yield from _compare_order(place, before, after)


def _compare_order(place: Place, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    old, new = [key for key in before if key in after], [key for key in after if key in before]
    if old != new:
        yield Difference((*place, ORDER), old, new)


def moved(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, str | None]]:
    """Say what changed its position, and what it stands before now; None at the end."""
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    stayed = {after[index] for block in blocks for index in range(block.b, block.b + block.size)}
    followers = [*after[1:], None]
    return [pair for pair in zip(after, followers, strict=True) if pair[0] not in stayed]
