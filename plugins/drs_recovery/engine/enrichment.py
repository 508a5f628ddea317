"""
Find the EC2 instance of every server that was launched and write its details to the store.

A server is READY only after this. The rows of DescribeRecoveryInstances can lag a poll or two behind a job's
LAUNCHED, and EC2 may not know an instance right after its launch, so a missing detail is first waited for.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from drs_recovery.engine.actions import warning_of
from drs_recovery.engine.clients import Clients, Place
from drs_recovery.engine.ec2 import describe_instances
from drs_recovery.engine.judgement import has_launched
from drs_recovery.engine.observation import epoch
from drs_recovery.records import ServerSeen, WavePoll
from drs_recovery.statuses import LaunchOutcome, ServerPhase, launch_outcome
from drs_recovery.store import ExecutionStore

# EC2 instance states in which an instance is on its way out.
_GONE_STATES = frozenset({"shutting-down", "terminated"})
_STARTING_STATE = "pending"


class InstanceEnricher:
    """
    Bring EC2 details into the records of a wave.

    :param store: the execution store.
    :param clients: hooks by place.
    :param patience: seconds after its launch for which a server may lack details before it counts as failed.
    """

    def __init__(self, store: ExecutionStore, clients: Clients, patience: float) -> None:
        self._store = store
        self._clients = clients
        self._patience = patience

    def enrich(self, execution_id: str, wave_number: int) -> tuple[str, ...]:
        """
        Look once for the instances of a wave's servers and record what is there.

        :param execution_id: the execution.
        :param wave_number: from 1.
        :return: ids of launched servers whose details are still to come.
        """
        servers = [s for s in self._store.get_servers(execution_id, wave_number) if _lacks_details(s)]
        if not servers:
            return ()
        seen = [
            self._seen(server, *self._found(server, rows, instances))
            for place_servers, rows, instances in self._answers(servers)
            for server in place_servers
        ]
        poll = WavePoll(jobs=(), servers=tuple(entry for entry in seen if entry is not None))
        after = self._store.record_poll(execution_id, wave_number, poll)
        return tuple(s["sourceServerId"] for s in after if self._is_waited_for(s))

    def _is_waited_for(self, server: Mapping[str, Any]) -> bool:
        """A server that failed after its launch has an instance too, which is looked for as patiently."""
        if has_launched(server):
            return True
        launched = launch_outcome(server["launchStatus"]) is LaunchOutcome.LAUNCHED
        return launched and not server.get("instanceId") and self._is_patient(server)

    def _is_patient(self, server: Mapping[str, Any]) -> bool:
        return time.time() < float(server["launchedTime"]) + self._patience

    def _answers(
        self, servers: Iterable[Mapping[str, Any]]
    ) -> Iterator[tuple[list[Mapping[str, Any]], list[Mapping[str, Any]], dict[str, Mapping[str, Any]]]]:
        by_place: dict[Place, list[Mapping[str, Any]]] = defaultdict(list)
        for server in servers:
            by_place[Place(server["connection"], server["region"])].append(server)
        for place, place_servers in by_place.items():
            hooks = self._clients.at(*place)
            rows = hooks.drs.recovery_instances([server["sourceServerId"] for server in place_servers])
            instance_ids = {row["ec2InstanceID"] for row in rows if row.get("ec2InstanceID")}
            instance_ids |= {s["recoveryInstanceId"] for s in place_servers if s.get("recoveryInstanceId")}
            yield place_servers, list(rows), describe_instances(hooks.ec2.conn, sorted(instance_ids))

    @staticmethod
    def _found(
        server: Mapping[str, Any],
        rows: Sequence[Mapping[str, Any]],
        instances: Mapping[str, Mapping[str, Any]],
    ) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
        row = next((row for row in rows if _belongs_to(row, server)), None)
        if row is None:
            return _replaced(server, instances)
        return row, instances.get(str(row.get("ec2InstanceID")))

    def _seen(
        self,
        server: Mapping[str, Any],
        row: Mapping[str, Any] | None,
        instance: Mapping[str, Any] | None,
    ) -> ServerSeen | None:
        fields = {**_row_fields(row), **_instance_fields(instance, row)}
        phase = None
        if has_launched(server):
            phase, error = self._verdict(server, row, fields)
            fields["error"] = error
            if phase is ServerPhase.READY:
                fields["warning"] = warning_of(server)
        if not fields and phase is None:
            return None
        return ServerSeen(
            source_server_id=server["sourceServerId"], launch_status=None, phase=phase, fields=fields
        )

    def _verdict(
        self, server: Mapping[str, Any], row: Mapping[str, Any] | None, fields: Mapping[str, Any]
    ) -> tuple[ServerPhase | None, str | None]:
        state = fields.get("instanceState")
        if state in _GONE_STATES:
            return ServerPhase.FAILED, f"instance {fields['instanceId']} was launched and is {state} in EC2"
        if state and state != _STARTING_STATE and fields.get("privateIp"):
            return ServerPhase.READY, None
        if self._is_patient(server):
            return None, None
        return ServerPhase.FAILED, f"DRS says LAUNCHED, but {_what_is_missing(row, fields)}"


def _what_is_missing(row: Mapping[str, Any] | None, fields: Mapping[str, Any]) -> str:
    if row is None:
        return "DescribeRecoveryInstances lists no recovery instance of its job"
    if "instanceState" not in fields:
        return f"EC2 does not know its instance {row.get('ec2InstanceID')}"
    return f"its instance {fields['instanceId']} is {fields['instanceState']} or has no private address"


def _lacks_details(server: Mapping[str, Any]) -> bool:
    """Whatever a job did to its server, an instance may be there: even of a failed or unfinished one."""
    return has_launched(server) or (bool(server.get("jobId")) and not server.get("instanceId"))


def _belongs_to(row: Mapping[str, Any], server: Mapping[str, Any]) -> bool:
    """Only an instance of this job counts: an earlier drill's instance can still be listed."""
    if row.get("sourceServerID") != server["sourceServerId"]:
        return False
    if "jobID" in row:
        return bool(row["jobID"] == server.get("jobId"))
    return bool(row.get("recoveryInstanceID")) and row["recoveryInstanceID"] == server.get(
        "recoveryInstanceId"
    )


def _replaced(
    server: Mapping[str, Any], instances: Mapping[str, Mapping[str, Any]]
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """
    An instance that DRS took away again before it was seen here: a later job of the server replaced it.

    DRS lists it no more, so that waiting for it would be in vain. It has the id of its EC2 instance.
    """
    instance_id = server.get("recoveryInstanceId")
    instance = instances.get(str(instance_id))
    if instance is None or (instance.get("State") or {}).get("Name") not in _GONE_STATES:
        return None, None
    return {"recoveryInstanceID": instance_id, "ec2InstanceID": instance_id}, instance


def _row_fields(row: Mapping[str, Any] | None) -> dict[str, Any]:
    if row is None:
        return {}
    hints = (row.get("recoveryInstanceProperties") or {}).get("identificationHints") or {}
    return {
        "recoveryInstanceId": row.get("recoveryInstanceID"),
        "instanceId": row.get("ec2InstanceID"),
        "hostname": hints.get("hostname"),
        "pointInTime": epoch(row.get("pointInTimeSnapshotDateTime")),
    }


def _instance_fields(instance: Mapping[str, Any] | None, row: Mapping[str, Any] | None) -> dict[str, Any]:
    if instance is None or row is None:
        return {}
    fields = {
        "instanceType": instance.get("InstanceType"),
        "instanceState": (instance.get("State") or {}).get("Name"),
        "privateIp": instance.get("PrivateIpAddress"),
    }
    # The name that resolves in the VPC; without one, the name that the replication agent reported stays.
    if instance.get("PrivateDnsName"):
        fields["hostname"] = instance["PrivateDnsName"]
    return fields
