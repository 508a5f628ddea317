"""
Launches as pure functions: the record of a job that may have left instances, and what becomes of those.

By the record they are found until all are seen to be gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drs_recovery.statuses import ServerPhase
from drs_recovery.store.expressions import Item, Key, Put
from drs_recovery.store.facts import Record, instances_left, unconfirmed_instances
from drs_recovery.store.keys import launch_key
from drs_recovery.store.records import Launch

if TYPE_CHECKING:
    from drs_recovery.store.records import JobRef


def launch_of_job(execution: Item, number: int, job: JobRef, now: float) -> Launch:
    """The launch by which the instances of a job are found later."""
    return Launch(
        execution_id=execution["executionId"],
        wave_number=number,
        job_id=job.job_id,
        target=target_of(job.account or job.connection, job.region),
        server_ids=tuple(job.server_ids),
        created=now if job.created is None else job.created,
    )


def target_of(account: str, region: str) -> str:
    """How places are named."""
    return f"{account}:{region}"


def launch_put(launch: Launch) -> Put:
    """The record by which the instances of a job are found."""
    values = {
        "launchedBy": launch.execution_id,
        "waveNumber": launch.wave_number,
        "jobId": launch.job_id,
        "place": launch.target,
        "servers": list(launch.server_ids),
        "createdTime": launch.created,
    }
    return Put({**launch_key_of(launch).attributes, **values})


def launch_key_of(launch: Launch) -> Key:
    """Key of that record."""
    return launch_key(launch.target, launch.execution_id, launch.job_id)


def launch_of(item: Item) -> Launch:
    """The launch that a record tells of."""
    return Launch(
        execution_id=item["launchedBy"],
        wave_number=item["waveNumber"],
        job_id=item["jobId"],
        target=item["place"],
        server_ids=tuple(item["servers"]),
        created=float(item["createdTime"]),
    )


# What a SERVER record says of an instance that is gone.
_GONE_STATE = "terminated"


@dataclass(frozen=True)
class InstancesSeen:
    """
    An answer of AWS about instances that records name.

    :param states: state in EC2 of those that EC2 has.
    """

    gone: Collection[str] = ()
    still_running: Collection[str] = ()
    states: Mapping[str, str] = field(default_factory=dict)
    replaced_by: Mapping[str, str] = field(default_factory=dict)
    is_all: bool = True


def gone(server: Record, now: float) -> Item:
    """
    Changes of a server all of whose instances are gone.

    Only a READY one becomes TERMINATED: one that failed, or was cut short, is still what the drill showed.
    """
    changes: Item = {"terminatedTime": now, "instanceState": _GONE_STATE}
    if server["phase"] == ServerPhase.READY:
        changes["phase"] = ServerPhase.TERMINATED
    return changes


def replaced(server: Record, job_id: str, by: str) -> Item:
    """Changes of a server when a later launch replaces the instance of a job; none without one."""
    if server.get("jobId") == job_id:
        return {"replacedBy": by} if instances_left(server) else {}
    earlier = server.get("previousInstances", [])
    marked = [
        {**one, "replacedBy": by} if one.get("jobId") == job_id and not _is_told(one) else one
        for one in earlier
    ]
    return {"previousInstances": marked} if marked != earlier else {}


def compared(server: Record, seen: InstancesSeen, now: float) -> Item:
    """Changes of a server by an answer of AWS."""
    open_ones = unconfirmed_instances(server)
    by = seen.replaced_by.get(server["sourceServerId"])
    if open_ones and open_ones.keys() <= set(seen.gone):
        return {**gone(server, now), **({"replacedBy": by} if by and "replacedBy" not in server else {})}
    changes: Item = {}
    earlier = server.get("previousInstances", [])
    told = [_told(one, seen, server["executionId"], now) for one in earlier]
    if told != earlier:
        changes["previousInstances"] = told
    name = str(server.get("recoveryInstanceId") or server.get("instanceId"))
    if name in open_ones and name in seen.still_running and "replacedBy" in server:
        changes["replacedBy"] = None
    if name in open_ones and seen.states.get(name) not in (None, server.get("instanceState")):
        changes["instanceState"] = seen.states[name]
    return changes


def _told(attempt: Item, seen: InstancesSeen, execution_id: str, now: float) -> Item:
    """An earlier attempt's instance: a later attempt replaced it, unless another execution did before."""
    name = attempt.get("recoveryInstanceId") or attempt.get("instanceId")
    if name in seen.gone and "terminatedTime" not in attempt:
        return {"replacedBy": execution_id, **attempt, "terminatedTime": now}
    if name in seen.still_running:
        return {key: value for key, value in attempt.items() if key != "replacedBy"}
    return attempt


def _is_told(attempt: Record) -> bool:
    return "terminatedTime" in attempt or "replacedBy" in attempt
