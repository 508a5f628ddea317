"""
The document that is composed of the records of an execution.

``version`` and ``recordKey`` serve the store alone and are in no document.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from drs_recovery.statuses import ENDED_SERVERS
from drs_recovery.store.keys import step_order
from drs_recovery.store.values import present, uncompressed

if TYPE_CHECKING:
    from drs_recovery.store.execution_types import Execution, ExecutionDocument
    from drs_recovery.store.expressions import Item
    from drs_recovery.store.transaction import WaveRecords

_INTERNAL = frozenset({"recordKey", "version"})


def public(item: Mapping[str, Any]) -> Item:
    """A record as readers get it."""
    shown = {name: value for name, value in item.items() if name not in _INTERNAL}
    match shown.get("planSnapshot"):
        case bytes(packed):
            shown["planSnapshot"] = uncompressed(packed)
        case str(text):  # of a record that an earlier release opened
            shown["planSnapshot"] = json.loads(text)
    return shown


def summary(execution: Mapping[str, Any]) -> Execution:
    """An EXECUTION record as lists show it, without the plan snapshot, which would outweigh all else."""
    return cast(
        "Execution", public({name: value for name, value in execution.items() if name != "planSnapshot"})
    )


def compose(
    execution: Mapping[str, Any],
    waves: Iterable[Item],
    servers: Iterable[Item],
    steps: Iterable[Item] = (),
) -> ExecutionDocument:
    """
    Compose the execution document.

    :return: the record with ``waves[]``, each with ``serverStatuses[]``, ordered by number and server id, and
        ``steps[]`` if it has some.
    """
    by_number: dict[int, Item] = {}
    for wave in sorted(waves, key=lambda wave: int(wave["waveNumber"])):
        by_number[wave["waveNumber"]] = {**public(wave), "serverStatuses": []}
    for server in sorted(servers, key=lambda server: str(server["sourceServerId"])):
        wave = by_number[server["waveNumber"]]
        wave["serverStatuses"].append({**public(server), **_polled_with(wave, server)})
    for step in sorted(steps, key=step_order):
        by_number[step["waveNumber"]].setdefault("steps", []).append(public(step))
    polled = {wave["lastPolledTime"] for wave in by_number.values() if "lastPolledTime" in wave}
    newest = {"lastPolledTime": max({execution.get("lastPolledTime", 0), *polled})} if polled else {}
    document = {**public(execution), **newest, "waves": list(by_number.values())}
    if points := data_times(server for wave in by_number.values() for server in wave["serverStatuses"]):
        document["pointInTime"] = points
    return cast("ExecutionDocument", document)


def data_times(servers: Iterable[Mapping[str, Any]]) -> Item | None:
    """
    From when the data of servers is, as far as their records know.

    :return: ``oldest`` and ``newest``, and ``spread``, the seconds between them; None if nothing is known.
    """
    times = [float(server["pointInTime"]) for server in servers if "pointInTime" in server]
    if not times:
        return None
    oldest, newest = min(times), max(times)
    return {"oldest": oldest, "newest": newest, "spread": round(newest - oldest, 3)}


def _polled_with(wave: Mapping[str, Any], server: Mapping[str, Any]) -> Item:
    """
    When a server that is still under way was last looked at.

    Every poll of a wave looks at each of those; only servers that changed are written.
    """
    if server["phase"] in ENDED_SERVERS:
        return {}
    return present({"lastPolledTime": wave.get("lastPolledTime"), "pollAttempts": wave["pollAttempts"]})


def listed_row(record: Mapping[str, object]) -> Item:
    """A listing record as a row of an index would be."""
    return {
        "executionId": record["listedExecutionId"],
        "submittedTime": record["openedTime"],
        "planId": record["planId"],
        "executionType": record["executionType"],
    }


def with_wave(document: ExecutionDocument, records: WaveRecords | None) -> ExecutionDocument:
    """
    The execution document with a wave as a later write left it.

    :param records: what is known of the wave; None for nothing newer.
    """
    if records is None:
        return document
    wave = {**public(records.wave), "serverStatuses": [public(server) for server in records.servers]}
    number = wave["waveNumber"]
    steps = [one["steps"] for one in document["waves"] if one["waveNumber"] == number and "steps" in one]
    wave |= {"steps": steps[0]} if steps else {}
    waves = [wave if one["waveNumber"] == number else one for one in document["waves"]]
    return cast("ExecutionDocument", {**document, **public(records.execution), "waves": waves})
