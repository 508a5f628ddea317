"""
Instances of real recoveries that are in use.

AWS's guide: a new launch of a source server cleans up all its earlier recovery instances, even those that
were disconnected from DRS or deleted there. So DRS tells which instances there are, whoever launched them;
records tell whose they are, and of instances that DRS lists no more, EC2 tells whether they still run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from drs_recovery.hooks.clients import PlaceClients
from drs_recovery.hooks.ec2 import describe_instances, is_gone
from drs_recovery.hooks.errors import AWS_ERRORS
from drs_recovery.jobs.owners import owners_of
from drs_recovery.statuses import ExecutionStatus, ServerPhase
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.facts import instances_left, instances_of

Rows = Collection[Mapping[str, Any]]

# ``EC2InstanceState`` of botocore's drs model: of these nothing is left that a launch could end.
_GONE = frozenset({"TERMINATED", "SHUTTING-DOWN", "NOT_FOUND"})


@dataclass(frozen=True)
class UsedInstance:
    """
    An instance of a real recovery that exists, or is being launched.

    :param server_id: DRS source server id.
    :param instance_id: EC2 instance id; None while it is being launched.
    :param address: its private address, if it is known.
    :param owner: id of the execution that launched it; None if nothing tells.
    :param execution: EXECUTION record of the owner; None if there is none.
    :param job_id: the DRS job that launched it, if DRS tells.
    """

    server_id: str
    instance_id: str | None
    address: str | None = None
    owner: str | None = None
    execution: Mapping[str, Any] | None = None
    job_id: str | None = None


def used_instances(
    store: ExecutionStore, hooks: PlaceClients, execution_id: str, server_ids: Collection[str]
) -> list[UsedInstance]:
    """
    Find the instances of other real recoveries that a launch of source servers would end.

    :param store: the execution store.
    :param hooks: of the place of the servers.
    :param execution_id: the execution that wants to launch them; what it launched itself is its own.
    :param server_ids: DRS source server ids.
    :raises botocore errors: DRS does not tell; what is on record is all that is known then.
    """
    rows = [row for row in hooks.drs.recovery_instances(sorted(server_ids)) if row.get("isDrill") is not True]
    recorded = list(_recorded(store, server_ids))
    by_id = {one.instance_id: one for one in recorded}
    exists: dict[str | None, bool] = {_instance_of(row): _exists(row) for row in rows}
    unknown = [row for row in rows if _exists(row) and _instance_of(row) not in by_id]
    found = [
        *(one for one in recorded if exists.get(one.instance_id)),
        *_still_there(hooks, [one for one in recorded if one.instance_id not in exists]),
        *_attributed(store, hooks, unknown),
    ]
    return [one for one in found if one.owner != execution_id]


def recorded_use(store: ExecutionStore, execution_id: str, server_ids: Collection[str]) -> list[UsedInstance]:
    """
    What records alone say, where DRS cannot be asked.

    :param store: the execution store.
    :param execution_id: the execution that wants to launch servers.
    :param server_ids: DRS source server ids.
    """
    return [one for one in _recorded(store, server_ids) if one.owner != execution_id]


def _recorded(store: ExecutionStore, server_ids: Collection[str]) -> Iterator[UsedInstance]:
    for execution, server in store.listings.recovered_servers(server_ids):
        owner = {"owner": execution["executionId"], "execution": execution}
        address = server.get("privateIp")
        instances = instances_left(server)
        for attempt in instances.values():
            instance_id = attempt.get("instanceId") or attempt["recoveryInstanceId"]
            told = address if attempt is server else None
            yield UsedInstance(
                server["sourceServerId"], instance_id, told, job_id=attempt.get("jobId"), **owner
            )
        if not instances_of(server) and _is_being_launched(execution, server):
            yield UsedInstance(server["sourceServerId"], None, job_id=server["jobId"], **owner)


def _is_being_launched(execution: Mapping[str, Any], server: Mapping[str, Any]) -> bool:
    lives = not ExecutionStatus(execution["status"]).is_final
    return lives and "jobId" in server and not ServerPhase(server["phase"]).is_end


def _still_there(hooks: PlaceClients, recorded: Collection[UsedInstance]) -> list[UsedInstance]:
    """Those of which EC2 does not say that they are gone: DRS may list them later, or no more."""
    try:
        known = describe_instances(hooks.ec2.conn, [one.instance_id for one in recorded if one.instance_id])
    except AWS_ERRORS:
        return list(recorded)
    return [one for one in recorded if one.instance_id is None or not is_gone(known.get(one.instance_id))]


def _attributed(store: ExecutionStore, hooks: PlaceClients, rows: Rows) -> Iterator[UsedInstance]:
    """Instances that are on no record: the tags of their jobs may name an execution."""
    owners = owners_of(hooks, rows)
    executions = {one["executionId"]: one for one in store.get_executions(owners.values())}
    for row in rows:
        owner = owners.get(str(row.get("jobID")))
        yield UsedInstance(
            server_id=str(row.get("sourceServerID")),
            instance_id=_instance_of(row),
            address=_address_in(row),
            owner=owner,
            execution=executions.get(owner or ""),
            job_id=row.get("jobID"),
        )


def _instance_of(row: Mapping[str, Any]) -> str:
    return str(row.get("ec2InstanceID") or row.get("recoveryInstanceID"))


def _exists(row: Mapping[str, Any]) -> bool:
    return row.get("ec2InstanceState") not in _GONE


def _address_in(row: Mapping[str, Any]) -> str | None:
    interfaces = (row.get("recoveryInstanceProperties") or {}).get("networkInterfaces") or ()
    return next((str(ip) for interface in interfaces for ip in interface.get("ips") or ()), None)
