"""Which waves a wave waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.statuses import WaveStatus
from drs_recovery.store.rules import ended_as_planned

Record = Mapping[str, Any]


def waves_before(document: Record, wave: Record) -> list[Record]:
    """
    The waves that must end well before a wave; in place of one that was left out, those before that one.

    :param document: the execution document.
    :param wave: of the document.
    :return: in the order of their numbers.
    """
    by_number = {other["waveNumber"]: other for other in document["waves"]}
    waiting, found = list(wave["dependsOn"]), dict[int, Record]()
    seen = set[int]()
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        other = by_number[number]
        if other["status"] == WaveStatus.SKIPPED and ended_as_planned(other):
            waiting.extend(other["dependsOn"])
        else:
            found[number] = other
    return [found[number] for number in sorted(found)]
