"""Read the execution records of a stack without loading Airflow, and judge one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import boto3

from devstack.environment import EXECUTIONS_TABLE, REGION, SANDBOX_KEY
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.table import ExecutionsTable

# What makes a recovered server usable by somebody: where it is and how to reach it.
_DETAILS = ("instanceId", "privateIp", "hostname", "instanceType")


def open_store(sandbox_url: str) -> ExecutionStore:
    """
    Open the execution store in a sandbox.

    :param sandbox_url: where the sandbox listens.
    """
    client = boto3.client(
        "dynamodb",
        endpoint_url=sandbox_url,
        region_name=REGION,
        aws_access_key_id=SANDBOX_KEY,
        aws_secret_access_key=SANDBOX_KEY,
    )
    return ExecutionStore(ExecutionsTable(client, EXECUTIONS_TABLE))


def shortcomings(document: Mapping[str, Any]) -> list[str]:
    """
    List what keeps an execution from being a full success.

    :param document: the execution document.
    :return: a sentence each; none when every wave is completed and every server ready with its details.
    """
    found = [] if document["status"] == "COMPLETED" else [f"the execution is {document['status']}"]
    if document.get("error"):
        found.append(str(document["error"]))
    for wave in document["waves"]:
        found += _wave_shortcomings(wave)
    return found


def _wave_shortcomings(wave: Mapping[str, Any]) -> Iterator[str]:
    name = f"wave {wave['waveNumber']} {wave['waveName']}"
    if wave["status"] != "COMPLETED":
        reason = wave.get("statusReason")
        yield f"{name} is {wave['status']}" + (f": {reason}" if reason else "")
    if not wave["serverStatuses"]:
        yield f"{name} has no servers"
    for server in wave["serverStatuses"]:
        missing = [detail for detail in _DETAILS if not server.get(detail)]
        if server["phase"] != "READY":
            yield f"{server['serverName']} is {server['phase']}"
        elif missing:
            yield f"{server['serverName']} has no {', '.join(missing)}"
