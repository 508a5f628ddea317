"""What a run left behind in DRS and EC2, to hold against the execution's record."""

from __future__ import annotations

from typing import Any

from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from sandbox.testing import Sandbox
from tests.integration.runs import Ended


def jobs_of(sandbox: Sandbox, ended: Ended, region: str = "us-east-1") -> list[dict[str, Any]]:
    """The DRS jobs that carry the execution's id, oldest first."""
    mine = [
        job
        for job in _jobs(sandbox, region)
        if job["tags"].get("dr:executionId") == ended.document["executionId"]
    ]
    return sorted(mine, key=lambda job: job["creationDateTime"])


def instance(sandbox: Sandbox, server: dict[str, Any]) -> dict[str, Any]:
    """The EC2 instance that a server's record names."""
    ec2 = sandbox.client("ec2", server["region"])
    (reservation,) = ec2.describe_instances(InstanceIds=[server["instanceId"]])["Reservations"]
    return dict(reservation["Instances"][0])


def assert_ready_as_in_ec2(sandbox: Sandbox, ended: Ended, *names: str) -> None:
    """Every server, or those of the names, is READY with the details that EC2 has."""
    for name in names or ended.servers:
        server = ended.servers[name]
        assert server["phase"] == "READY", (name, server.get("error"))
        found = instance(sandbox, server)
        assert {tag["Key"]: tag["Value"] for tag in found["Tags"]}["Name"] == name
        assert server["privateIp"] == found["PrivateIpAddress"]
        assert server["instanceType"] == found["InstanceType"]
        assert server["instanceState"] == found["State"]["Name"]
        assert server["hostname"] == found["PrivateDnsName"]


def accepted_starts(sandbox: Sandbox) -> int:
    """How many jobs DRS has: each StartRecovery that it carried out made one, answered or not."""
    regions = ("us-east-1", "us-west-2")
    return sum(len(_jobs(sandbox, region)) for region in regions)


def answers(sandbox: Sandbox, operation: str) -> list[int | str]:
    """HTTP status of every call of a DRS operation."""
    return [call["status"] for call in sandbox.calls("drs", operation)]


def is_queued(store: ExecutionStore) -> bool:
    """Whether the one execution that lives says that its first wave waits for room in DRS."""
    return any("queue" in store.get_wave(WaveRef(one["executionId"], 1)) for one in store.listings.live())


def _jobs(sandbox: Sandbox, region: str) -> list[dict[str, Any]]:
    pages = sandbox.client("drs", region).get_paginator("describe_jobs").paginate(filters={})
    return [job for page in pages for job in page["items"]]
