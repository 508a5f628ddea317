"""Split the servers of a wave into the jobs that DRS allows: one place each, at most 100 servers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from drs_recovery.engine.clients import Place

# Quota L-B827C881, servers in one job. The request's shape would admit 200.
MAX_SERVERS_PER_JOB = 100


@dataclass(frozen=True)
class JobPart:
    """
    The servers of a wave that go into one job.

    :param number: from 1, the same on every retry; it is also a tag of the job.
    :param place: connection and Region.
    :param server_ids: sorted DRS source server ids.
    """

    number: int
    place: Place
    server_ids: tuple[str, ...]


def parts_of(servers: Iterable[Mapping[str, Any]]) -> tuple[JobPart, ...]:
    """
    Split servers evenly by place and quota; the same servers always give the same parts.

    :param servers: SERVER records of a wave.
    """
    by_place: dict[Place, list[str]] = defaultdict(list)
    for server in servers:
        by_place[Place(server["connection"], server["region"])].append(server["sourceServerId"])
    chunks = [(place, chunk) for place in sorted(by_place) for chunk in _even_chunks(sorted(by_place[place]))]
    return tuple(
        JobPart(number, place, tuple(chunk)) for number, (place, chunk) in enumerate(chunks, start=1)
    )


def _even_chunks(server_ids: list[str]) -> list[list[str]]:
    count = ceil(len(server_ids) / MAX_SERVERS_PER_JOB)
    return [server_ids[index::count] for index in range(count)]
