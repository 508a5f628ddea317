"""Waves that wait for their DRS jobs, made through the store's own door and without Airflow's tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from benchmarks.made_executions import new_execution
from devstack.environment import EXECUTIONS_TABLE, REGION
from devstack.records import open_store
from drs_recovery.store import ExecutionStore, JobRef, NewServer, NewWave, WaveRef, create_table
from sandbox.testing import Sandbox, separate_sandbox

# Ways to wait, see ``watchers``.
PRODUCT, PER_SERVER, PER_WAVE = "product", "per-server", "per-wave"

CONNECTION = "aws_default"

# More than any measurement starts: how many jobs DRS lets run is not the question here.
_NO_LIMIT = {"jobs_in_progress": 10**6, "servers_in_jobs": 10**6}

# Simulated seconds a real one while waves are started: as good as none, so that no job runs ahead.
STANDSTILL = 0.001
# Simulated seconds over which the starts are spread: waves of many plans are not in step.
_SPREAD = 120.0


@dataclass(frozen=True)
class WaitingWave:
    """The only wave of an execution."""

    execution_id: str
    job_id: str
    server_ids: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """
    What a process is to wait for.

    :param poll_interval: seconds between two looks.
    """

    waves: tuple[WaitingWave, ...]
    poll_interval: float
    seconds: float

    def to_json(self) -> str:
        """The task as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Task:
        """Read what :meth:`to_json` wrote."""
        values = json.loads(text)
        waves = (WaitingWave(**{**wave, "server_ids": tuple(wave["server_ids"])}) for wave in values["waves"])
        return cls(tuple(waves), values["poll_interval"], values["seconds"])


Launches = dict[str, float]
"""Server id to the epoch second at which it was seen to be launched, by whoever has no record that tells."""


@contextmanager
def sandbox_without_limits() -> Iterator[Sandbox]:
    """A sandbox with the table of executions, no servers, no quotas, and a clock that stands still."""
    with separate_sandbox("--no-seed", "--speed", str(STANDSTILL)) as sandbox:
        sandbox.control("PUT", "/quotas", _NO_LIMIT)
        create_table(sandbox.client("dynamodb"), EXECUTIONS_TABLE)
        yield sandbox


def start_waves(sandbox: Sandbox, count: int, servers: int) -> list[WaitingWave]:
    """Start the jobs of waves of one Region, and record them as the steps of a recovery do."""
    store, drs = open_store(sandbox.url), sandbox.client("drs", REGION)
    waves = []
    for number in range(count):
        ids = tuple(f"s-{number:05}{index:012}" for index in range(servers))
        sandbox.add_servers(*({"id": one, "name": f"host-{one}", "region": REGION} for one in ids))
        job = drs.start_recovery(sourceServers=[{"sourceServerID": one} for one in ids], isDrill=True)["job"]
        waves.append(_recorded(store, number, job["jobID"], ids))
        sandbox.advance(_SPREAD / count)
    return waves


def _recorded(store: ExecutionStore, number: int, job_id: str, ids: tuple[str, ...]) -> WaitingWave:
    new = new_execution(number, (NewWave(1, "Everything"),))
    execution = new.execution_id
    store.create_execution(new)
    store.add_servers(
        WaveRef(execution, 1), [NewServer(one, f"host-{one}", True, REGION, CONNECTION) for one in ids]
    )
    store.admit(execution)
    store.waves.request(WaveRef(execution, 1))
    store.waves.record_job(WaveRef(execution, 1), JobRef(job_id, REGION, CONNECTION, 1, ids), adopted=False)
    store.waves.start_polling(WaveRef(execution, 1))
    return WaitingWave(execution, job_id, ids)
