"""
Check the rules between the keys of a plan.

The rules read the plain document rather than the models, so that they are checked and reported although some
fields are wrong; they pass over what has not the expected shape, because the models report it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from drs_recovery.plan.message_templates import message_problem
from drs_recovery.plan.problems import Finding, Location, did_you_mean, place, quoted, visible
from drs_recovery.plan.step_rules import step_findings

# DynamoDB keeps at most 400 KB a record, and what happens in an execution needs room beside the plan. JSON
# takes a little more than DynamoDB's own form.
MOST_SNAPSHOT_BYTES = 250_000


def rule_findings(document: object) -> list[Finding]:
    """Everything in which a document breaks a rule that one key alone cannot break."""
    if not isinstance(document, Mapping):
        return []
    groups, waves = _mapping(document.get("protection_groups")), _sequence(document.get("waves"))
    names = _wave_names(waves)
    return [
        *_group_forms(groups),
        *_repeated_servers(groups),
        *_repeated_wave_names(waves),
        *_wave_names_that_are_numbers(waves),
        *_group_references(groups, waves),
        *_unused_groups(groups, waves),
        *_dependency_references(waves, names),
        *_cycles(waves, names),
        *step_findings(waves, names),
        *_repeated_words(document, waves),
        *_unheard(document),
        *_message_templates(document, waves, names),
    ]


def size_findings(document: Mapping[str, Any]) -> Iterator[Finding]:
    """
    Whether the record of an execution has room for a plan.

    :param document: as it is kept there, dumped from the models.
    """
    size = len(json.dumps(document, ensure_ascii=False, default=str).encode())
    if size > MOST_SNAPSHOT_BYTES:
        most, has = MOST_SNAPSHOT_BYTES // 1000, math.ceil(size / 1000)
        message = (
            f"is too large: an execution keeps its plan in its record, which holds at most {most} kB of it; "
            f"it needs {has} kB; split it, find servers by tags, or shorten its texts"
        )
        yield Finding((), message)


def _group_forms(groups: Mapping[str, Any]) -> Iterator[Finding]:
    for name, group in groups.items():
        if not isinstance(group, Mapping):
            continue
        given = [key for key in ("servers", "tags") if group.get(key) is not None]
        if len(given) == 2:
            yield Finding(("protection_groups", name), "has both servers and tags; give one of them")
        if not given:
            yield Finding(("protection_groups", name), "has neither servers nor tags; give one of them")


def _repeated_servers(groups: Mapping[str, Any]) -> Iterator[Finding]:
    seen: dict[str, Location] = {}
    for location, server_id in _servers(groups):
        if server_id in seen:
            yield Finding(
                location,
                f"{quoted(server_id)} is already in {place(seen[server_id])}; a server may be listed once",
            )
        seen.setdefault(server_id, location)


def _servers(groups: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
    for name, group in groups.items():
        for index, server in enumerate(_sequence(_mapping(group).get("servers"))):
            server_id = server.get("id") if isinstance(server, Mapping) else server
            if isinstance(server_id, str):
                yield ("protection_groups", name, "servers", index), server_id


def _repeated_wave_names(waves: list[Any]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, name in _named(waves):
        if name in first:
            yield Finding(
                ("waves", index, "name"), f"{quoted(name)} is already the name of waves[{first[name]}]"
            )
        first.setdefault(name, index)


def _wave_names_that_are_numbers(waves: list[Any]) -> Iterator[Finding]:
    """Waves are chosen by number or by name: "2" must not mean two of them."""
    for index, name in _named(waves):
        number = int(name) if name.isdecimal() else 0
        if 1 <= number <= len(waves) and number != index + 1:
            message = f"{quoted(name)} is the number of another wave; name it in words"
            yield Finding(("waves", index, "name"), message)


def _group_references(groups: Mapping[str, Any], waves: list[Any]) -> Iterator[Finding]:
    users: dict[str, Location] = {}
    for location, name in _texts(waves, "groups"):
        if name not in groups:
            yield Finding(
                location, f"{quoted(name)} is not a protection group of this plan{_hint(name, groups)}"
            )
        elif name in users:
            yield Finding(
                location, f"{quoted(name)} is already in {place(users[name])}; a group belongs to one wave"
            )
        users.setdefault(name, location)


def _unused_groups(groups: Mapping[str, Any], waves: list[Any]) -> Iterator[Finding]:
    if not waves or not all(isinstance(_mapping(wave).get("groups"), (list, tuple)) for wave in waves):
        return
    used = {name for _, name in _texts(waves, "groups")}
    for name in groups:
        if name not in used:
            yield Finding(("protection_groups", name), "is in no wave, so its servers would not be recovered")


def _dependency_references(waves: list[Any], names: Mapping[str, int]) -> Iterator[Finding]:
    for location, name in _texts(waves, "depends_on"):
        if name not in names:
            yield Finding(location, f"{quoted(name)} is not a wave of this plan{_hint(name, names)}")
        elif names[name] == location[1]:
            yield Finding(location, f"{quoted(name)} depends on itself")


def _cycles(waves: list[Any], names: Mapping[str, int]) -> Iterator[Finding]:
    graph = _dependency_graph(waves, names)
    while cycle := _cycle(graph):
        path = _from_first(cycle)
        titles = [_title(waves, index) for index in (*path, path[0])]
        message = f"these waves wait for each other: {' -> '.join(titles)}"
        if any(_mapping(waves[index]).get("depends_on") is None for index in path):
            message += " (without depends_on, a wave waits for the one before it)"
        yield Finding(_dependency_location(waves, path[0]), message)
        graph[path[0]].discard(path[1 % len(path)])


def _dependency_graph(waves: list[Any], names: Mapping[str, int]) -> dict[int, set[int]]:
    """For each wave the waves that it waits for; a wave that names itself is reported elsewhere."""
    graph: dict[int, set[int]] = {}
    for index, wave in enumerate(waves):
        listed = _mapping(wave).get("depends_on")
        if listed is None:
            graph[index] = {index - 1} if index else set()
        else:
            graph[index] = {
                names[name] for name in _sequence(listed) if isinstance(name, str) and name in names
            }
        graph[index].discard(index)
    return graph


def _cycle(graph: Mapping[int, set[int]]) -> list[int]:
    """One cycle of a graph, each wave before the one that it waits for; empty when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # The exception repeats the first node at the end, and lists each node before its successor.
        closed: list[int] = error.args[1]
        return closed[:0:-1]
    return []


def _from_first(cycle: list[int]) -> list[int]:
    start = cycle.index(min(cycle))
    return cycle[start:] + cycle[:start]


def _repeated_words(document: Mapping[str, Any], waves: list[Any]) -> Iterator[Finding]:
    """Lists in which a repetition can only be a slip."""
    lists: list[tuple[Location, object]] = [(("tags",), document.get("tags"))]
    approval = _mapping(_mapping(document.get("approval")).get("recovery"))
    lists.append((("approval", "recovery", "approvers"), approval.get("approvers")))
    for index, wave in enumerate(waves):
        pause = _mapping(_mapping(wave).get("pause_before"))
        lists.append((("waves", index, "depends_on"), _mapping(wave).get("depends_on")))
        lists.append((("waves", index, "pause_before", "approvers"), pause.get("approvers")))
    for location, words in lists:
        yield from _repetitions(location, _sequence(words))


def _message_templates(
    document: Mapping[str, Any], waves: list[Any], names: Mapping[str, int]
) -> Iterator[Finding]:
    approval = _mapping(_mapping(document.get("approval")).get("recovery"))
    messages: list[tuple[Location, object]] = [(("approval", "recovery", "message"), approval.get("message"))]
    for index, wave in enumerate(waves):
        pause = _mapping(_mapping(wave).get("pause_before"))
        messages.append((("waves", index, "pause_before", "message"), pause.get("message")))
    for location, text in messages:
        if isinstance(text, str) and (problem := message_problem(text, names)):
            yield Finding(location, problem)


def _repetitions(location: Location, words: list[Any]) -> Iterator[Finding]:
    for index, word in enumerate(words):
        if word in words[:index]:
            yield Finding((*location, index), f"{quoted(word)} is there twice")


def _unheard(document: Mapping[str, Any]) -> Iterator[Finding]:
    notify = document.get("notify")
    if isinstance(notify, Mapping) and not any(value is not None for value in notify.values()):
        yield Finding(("notify",), "is empty; give sns_topic_arn, notifiers, or both")


def _wave_names(waves: list[Any]) -> dict[str, int]:
    return {name: index for index, name in reversed(list(_named(waves)))}


def _named(waves: list[Any]) -> Iterator[tuple[int, str]]:
    for index, wave in enumerate(waves):
        name = _mapping(wave).get("name")
        if isinstance(name, str):
            yield index, name


def _texts(waves: list[Any], key: str) -> Iterator[tuple[Location, str]]:
    for index, wave in enumerate(waves):
        for position, text in enumerate(_sequence(_mapping(wave).get(key))):
            if isinstance(text, str):
                yield ("waves", index, key, position), text


def _title(waves: list[Any], index: int) -> str:
    return str(_mapping(waves[index]).get("name", f"waves[{index}]"))


def _dependency_location(waves: list[Any], index: int) -> Location:
    has_key = "depends_on" in _mapping(waves[index])
    return ("waves", index, "depends_on") if has_key else ("waves", index)


def _hint(word: str, known: Mapping[str, Any]) -> str:
    return did_you_mean(word, known) or f" (there is {', '.join(map(visible, map(str, known))) or 'none'})"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []
