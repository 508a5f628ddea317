"""How long the store takes for the writes of an execution: people and tasks wait for them."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from benchmarks.report import Report
from drs_recovery.statuses import ExecutionStatus, ExecutionType, ServerPhase
from drs_recovery.store import (
    ExecutionsTable,
    ExecutionStore,
    JobRef,
    JobSeen,
    NewExecution,
    NewServer,
    NewWave,
    ServerSeen,
    WavePoll,
    WaveRef,
    create_table,
)
from sandbox.testing import Sandbox, separate_sandbox

# Servers of the only wave; DRS takes at most a hundred in a job.
SERVERS = (2, 25, 100)
EXECUTIONS = 20
REGION, CONNECTION = "us-east-1", "aws_default"


def run() -> Report:
    """Play executions through the store of a sandbox in another process, each to its end."""
    with separate_sandbox("--no-seed") as sandbox:
        rows = [row for count in SERVERS for row in _measure(sandbox, count)]
    return Report("store_transitions", "Writes of an execution: ms in the store, and calls of DynamoDB", rows)


def _measure(sandbox: Sandbox, servers: int) -> list[dict[str, float | str]]:
    client = sandbox.client("dynamodb")
    table = ExecutionsTable(client, f"executions-{servers}")
    create_table(client, table.table_name)
    store = ExecutionStore(table)
    seconds: dict[str, list[float]] = defaultdict(list)
    calls: dict[str, float] = {}

    def timed(name: str, write: Callable[[], object]) -> None:
        before, start = len(sandbox.calls("dynamodb")), time.perf_counter()
        write()
        seconds[name].append(time.perf_counter() - start)
        calls[name] = len(sandbox.calls("dynamodb")) - before

    for number in range(EXECUTIONS):
        _play(store, f"execution-{number}", servers, timed)
    return [
        {
            "servers": servers,
            "write": name,
            "calls": calls[name],
            "median ms": 1000 * statistics.median(taken),
            "p95 ms": 1000 * _p95(taken),
        }
        for name, taken in seconds.items()
    ]


def _play(
    store: ExecutionStore, execution_id: str, servers: int, timed: Callable[[str, Callable[[], object]], None]
) -> None:
    ids = [f"s-{number:017d}" for number in range(servers)]
    store.create_execution(_execution(execution_id))
    store.add_servers(
        WaveRef(execution_id, 1), [NewServer(id_, id_, True, REGION, CONNECTION) for id_ in ids]
    )
    store.waves.request(WaveRef(execution_id, 1))
    job = JobRef("drsjob-00000000000000001", REGION, CONNECTION, 1, tuple(ids))
    store.waves.record_job(WaveRef(execution_id, 1), job, adopted=False)
    store.waves.start_polling(WaveRef(execution_id, 1))
    for name, phase in (("first news", ServerPhase.SNAPSHOT), ("every server ready", ServerPhase.READY)):
        poll = _poll(ids, phase)
        timed(f"record_poll, {name}", lambda poll=poll: store.polls.record(WaveRef(execution_id, 1), poll))  # type: ignore[misc]
    timed(
        "record_poll, no news",
        lambda: store.polls.record(WaveRef(execution_id, 1), _poll(ids, ServerPhase.READY)),
    )
    timed("complete_wave", lambda: store.waves.complete(WaveRef(execution_id, 1)))
    timed("finalize", lambda: store.ending.finalize(execution_id, ExecutionStatus.COMPLETED))


def _execution(execution_id: str) -> NewExecution:
    return NewExecution(
        execution_id=execution_id,
        plan_id=execution_id,
        plan_name="Benchmark",
        plan_hash="0" * 64,
        plan_snapshot={},
        dag_id=f"recover_{execution_id}",
        dag_run_id="manual",
        execution_type=ExecutionType.DRILL,
        initiated_by="benchmark",
        waves=(NewWave(1, "Database"),),
    )


def _poll(ids: Sequence[str], phase: ServerPhase) -> WavePoll:
    is_ready = phase is ServerPhase.READY
    details = (
        {"privateIp": "10.0.0.1", "instanceState": "running", "hostname": "ip-10-0-0-1"} if is_ready else {}
    )
    seen = tuple(
        ServerSeen(
            id_,
            "LAUNCHED" if is_ready else "PENDING",
            phase,
            {"recoveryInstanceId": f"i-{id_[2:]}", "instanceId": f"i-{id_[2:]}", **details},
        )
        for id_ in ids
    )
    status = "COMPLETED" if is_ready else "STARTED"
    return WavePoll(jobs=(JobSeen("drsjob-00000000000000001", status),), servers=seen)


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]
