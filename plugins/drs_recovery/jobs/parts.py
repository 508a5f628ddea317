"""Split the servers of a wave into the jobs that DRS allows: one target each, at most 100 servers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, NotRequired, TypedDict

from drs_recovery.hooks import Target
from drs_recovery.statuses import ServerPhase
from drs_recovery.store import SnapshotRef, attempt_of

if TYPE_CHECKING:
    from drs_recovery.store import ServerStatus, WaveRecord

# Quota L-B827C881, servers in one job. The request's shape would admit 200.
MAX_SERVERS_PER_JOB = 100


class TargetedServer(TypedDict):
    """What a SERVER record says of its target."""

    sourceServerId: str
    connection: str
    region: str
    recoverySnapshotId: NotRequired[str]
    recoverySnapshotTime: NotRequired[float]


@dataclass(frozen=True)
class JobPart:
    """
    The servers of a wave that go into one job.

    :param number: from 1, the same on every retry; it is also a tag of the job.
    :param snapshots: which server is launched from which snapshot; the others from the latest data.
    """

    number: int
    target: Target
    server_ids: tuple[str, ...]
    snapshots: Mapping[str, SnapshotRef] = field(default_factory=dict, hash=False)


def targets_of(servers: Iterable[TargetedServer]) -> set[Target]:
    """Where servers are recovered."""
    return {Target(server["connection"], server["region"]) for server in servers}


def parts_of(servers: Iterable[TargetedServer]) -> tuple[JobPart, ...]:
    """Split servers evenly by target and quota; the same servers always give the same parts."""
    by_target: dict[Target, list[str]] = defaultdict(list)
    snapshots: dict[str, SnapshotRef] = {}
    for server in servers:
        if "recoverySnapshotId" in server:
            snapshot = SnapshotRef(server["recoverySnapshotId"], float(server["recoverySnapshotTime"]))
            snapshots[server["sourceServerId"]] = snapshot
        by_target[Target(server["connection"], server["region"])].append(server["sourceServerId"])
    chunks = [
        (target, chunk) for target in sorted(by_target) for chunk in _even_chunks(sorted(by_target[target]))
    ]
    return tuple(
        JobPart(number, target, tuple(chunk), {one: snapshots[one] for one in chunk if one in snapshots})
        for number, (target, chunk) in enumerate(chunks, start=1)
    )


def parts_of_attempt(wave: WaveRecord, servers: Iterable[TargetedServer]) -> tuple[JobPart, ...]:
    """
    The jobs that the running attempt at a wave needs: a retry needs one only for what it starts again.

    :param wave: WAVE record; a retry whose servers are not chosen yet needs nothing.
    """
    if wave.get("restartPending"):
        return ()
    return parts_of([server for server in servers if attempt_of(server) == attempt_of(wave)])


def jobs_of_attempt(wave: WaveRecord) -> dict[int, str]:
    """Ids of the known jobs of the running attempt, by part."""
    return {
        int(job["part"]): str(job["jobId"]) for job in wave["jobs"] if attempt_of(job) == attempt_of(wave)
    }


def parts_without_job(wave: WaveRecord, servers: Iterable[TargetedServer]) -> tuple[JobPart, ...]:
    """The parts of the running attempt of which no job is known."""
    known = jobs_of_attempt(wave)
    return tuple(part for part in parts_of_attempt(wave, servers) if part.number not in known)


def awaited_parts(wave: WaveRecord, servers: Iterable[ServerStatus]) -> tuple[JobPart, ...]:
    """Those of them that are still to get a job: where AWS refused it for good, every server is FAILED."""
    servers = list(servers)
    failed = {server["sourceServerId"] for server in servers if server["phase"] == ServerPhase.FAILED}
    return tuple(part for part in parts_without_job(wave, servers) if not failed.issuperset(part.server_ids))


def _even_chunks(server_ids: list[str]) -> list[list[str]]:
    count = ceil(len(server_ids) / MAX_SERVERS_PER_JOB)
    return [server_ids[index::count] for index in range(count)]
