"""
How two other designs wait for the same waves, rebuilt from their documented rules.

Per server: each server is a wait of its own, with one DescribeJobs every 30 seconds; nothing is recorded
meanwhile. Per wave: one DescribeJobs a wave every 60 seconds, after each of which the one record of the whole
execution is written anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.waiting_waves import Launches, Task, WaitingWave
from devstack.environment import EXECUTIONS_TABLE, REGION
from drs_recovery.store import encode

_LAUNCHED = "LAUNCHED"
# Of the per-wave design relative to that of the other two.
_SLOWER = 2.0


async def wait_per_server(task: Task) -> Launches:
    """Wait for each server by itself."""
    seen: Launches = {}
    _client("drs")

    async def one(wave: WaitingWave, server: str) -> None:
        while server not in seen:
            job = await asyncio.to_thread(_job, wave.job_id)
            if _launch_statuses(job)[server] == _LAUNCHED:
                seen[server] = time.time()
            else:
                await asyncio.sleep(task.poll_interval)

    await asyncio.gather(*(one(wave, server) for wave in task.waves for server in wave.server_ids))
    return seen


async def wait_per_wave(task: Task) -> Launches:
    """Wait for each wave by itself, and write the record of its execution after each look."""
    seen: Launches = {}
    for service in ("drs", "dynamodb"):
        _client(service)

    async def one(wave: WaitingWave) -> None:
        while True:
            job = await asyncio.to_thread(_job, wave.job_id)
            await asyncio.to_thread(_rewrite, wave, job)
            launched = [one for one, status in _launch_statuses(job).items() if status == _LAUNCHED]
            seen.update({one: time.time() for one in launched if one not in seen})
            if job["status"] == "COMPLETED":
                return
            await asyncio.sleep(_SLOWER * task.poll_interval)

    await asyncio.gather(*map(one, task.waves))
    return seen


def _job(job_id: str) -> Mapping[str, Any]:
    (job,) = _client("drs").describe_jobs(filters={"jobIDs": [job_id]})["items"]
    return dict(job)


def _launch_statuses(job: Mapping[str, Any]) -> dict[str, str]:
    return {row["sourceServerID"]: row["launchStatus"] for row in job["participatingServers"]}


def _rewrite(wave: WaitingWave, job: Mapping[str, Any]) -> None:
    """Write all that is known: the execution with its wave and, of each server, what this project records."""
    servers = [
        {
            "sourceServerId": server,
            "serverName": f"host-{server}",
            "region": REGION,
            "launchStatus": status,
            "jobId": wave.job_id,
            "lastPolledTime": time.time(),
        }
        for server, status in _launch_statuses(job).items()
    ]
    record = {
        "executionId": f"rewritten-{wave.execution_id}",
        "recordKey": "EXECUTION",
        "waves": [{"waveNumber": 1, "jobId": wave.job_id, "status": job["status"], "servers": servers}],
    }
    _client("dynamodb").put_item(TableName=EXECUTIONS_TABLE, Item=encode(record))


@cache
def _client(service: str) -> Any:
    """The only one of its kind, made before threads use it: botocore's sessions are for one thread."""
    config = Config(max_pool_connections=32)
    return boto3.client(service, REGION, config=config)
