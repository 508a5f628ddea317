"""Instances as Systems Manager knows them: managed if their agent has ever called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Instance
from moto.ssm.exceptions import InvalidFilterKey, SSMException

from sandbox.drs import drs_backends
from sandbox.world import WORLD

ONLINE, LOST = "Online", "ConnectionLost"
# Instances in other states are not known any more.
_STATES = {"running": ONLINE, "pending": LOST, "stopping": LOST, "stopped": LOST}


@dataclass(frozen=True)
class Node:
    """
    A managed instance.

    :param server_id: the source server that it was recovered from, if it was.
    :param ping: ``PingStatus``.
    """

    instance: Instance
    server_id: str | None
    name: str
    os: str
    ping: str

    def document(self) -> dict[str, Any]:
        """As DescribeInstanceInformation shows it."""
        return {
            "InstanceId": self.instance.id,
            "PingStatus": self.ping,
            "LastPingDateTime": WORLD.clock.now(),
            "AgentVersion": "3.3.4108.0",
            "IsLatestVersion": True,
            "PlatformType": "Windows" if self.os == "windows" else "Linux",
            "ResourceType": "EC2Instance",
            "IPAddress": self.instance.private_ip,
            "ComputerName": self.name,
        }


def nodes_of(account: str, region: str) -> Iterator[Node]:
    """Every managed instance."""
    rows = drs_backends[account][region].instances.rows
    for reservation in ec2_backends[account][region].reservations.values():
        for instance in reservation.instances:
            row = rows.get(instance.id)
            node = Node(
                instance,
                row.server.server_id if row else None,
                row.server.name if row else instance.id,
                row.server.os if row else "linux",
                _STATES.get(instance.state, ""),
            )
            fault = WORLD.faults.standing("ssm_agent", region=region, server=node.server_id)
            if fault is not None and fault["state"] == "lost":
                yield Node(node.instance, node.server_id, node.name, node.os, LOST)
            elif fault is None and node.ping:
                yield node


def node_of(account: str, region: str, instance_id: str) -> Node:
    """
    A managed instance.

    :raises SSMException: if it is none.
    """
    for node in nodes_of(account, region):
        if node.instance.id == instance_id:
            return node
    message = f"Instances [[{instance_id}]] not in a valid state for account {account}"
    raise SSMException("InvalidInstanceId", message)


def described(account: str, region: str, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of DescribeInstanceInformation that fit every filter."""
    members = {"InstanceIds": "InstanceId", "PingStatus": "PingStatus", "PlatformTypes": "PlatformType"}
    rows = [node.document() for node in nodes_of(account, region)]
    for wanted in filters:
        key = wanted.get("Key") or wanted.get("key") or ""
        if key not in members:
            raise InvalidFilterKey(f"the sandbox has no filter {key}")
        values = wanted.get("Values") or wanted.get("valueSet") or []
        rows = [row for row in rows if row[members[key]] in values]
    return rows
