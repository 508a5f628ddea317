"""
What becomes of the instances that a SERVER record names, as pure functions.

An instance is called running until it was seen to be gone (``terminatedTime``) or a later launch of its
server replaces it (``replacedBy``). Both are said of the whole record or, in ``previousInstances``, of one
attempt.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from drs_recovery.statuses import ServerPhase
from drs_recovery.store.expressions import Item
from drs_recovery.store.facts import Record, instances_left, unconfirmed_instances

# What a SERVER record says of an instance that is gone.
_GONE_STATE = "terminated"


@dataclass(frozen=True)
class InstancesSeen:
    """
    What AWS says of instances that records name.

    :param gone: recovery instance ids of those that are gone.
    :param still_running: of those that run although a launch that has ended was to replace them.
    :param states: state in EC2 of those that EC2 has.
    :param replaced_by: by source server id, the execution of a later launch.
    :param is_all: whether AWS was asked for all instances of the execution that were not seen to be gone.
    """

    gone: Collection[str] = ()
    still_running: Collection[str] = ()
    states: Mapping[str, str] = field(default_factory=dict)
    replaced_by: Mapping[str, str] = field(default_factory=dict)
    is_all: bool = True


def gone(server: Record, now: float) -> Item:
    """
    What the end of all its instances makes of a server.

    Only a READY one becomes TERMINATED: one that failed, or was cut short, is still what the drill showed.

    :param server: SERVER record.
    :param now: when they were seen to be gone.
    """
    changes: Item = {"terminatedTime": now, "instanceState": _GONE_STATE}
    if server["phase"] == ServerPhase.READY:
        changes["phase"] = ServerPhase.TERMINATED
    return changes


def replaced(server: Record, job_id: str, by: str) -> Item:
    """
    What a later launch makes of a server whose instance it replaces; nothing if there is none of that job.

    :param server: SERVER record.
    :param job_id: the earlier job.
    :param by: the execution of the later launch.
    """
    if server.get("jobId") == job_id:
        return {"replacedBy": by} if instances_left(server) else {}
    earlier = server.get("previousInstances", [])
    marked = [
        {**one, "replacedBy": by} if one.get("jobId") == job_id and not _is_told(one) else one
        for one in earlier
    ]
    return {"previousInstances": marked} if marked != earlier else {}


def compared(server: Record, seen: InstancesSeen, now: float) -> Item:
    """
    What a look at AWS changes in a server.

    :param server: SERVER record.
    :param seen: what AWS says.
    :param now: when.
    """
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
