"""Records of executions that nobody ran, written past the store: a history of years, or a large fleet."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from uuid import UUID

from drs_recovery.statuses import ExecutionStatus, ExecutionType, ServerPhase, WaveStatus
from drs_recovery.store import (
    ExecutionsTable,
    Item,
    NewExecution,
    NewServer,
    NewWave,
    encode,
    execution_item,
    listing_items,
    progress_of,
    server_item,
    wave_item,
)

# Epoch seconds of the oldest one, and from one to the next.
START, EVERY = 1_700_000_000.5, 600
PLANS = 20
TICKET_EVERY, RECOVERY_EVERY = 4, 10

# Of the ends of ten executions.
_ENDS = 7 * [ExecutionStatus.COMPLETED] + [
    ExecutionStatus.FAILED,
    ExecutionStatus.PARTIAL_SUCCESS,
    ExecutionStatus.CANCELLED,
]
# The newest ones have not ended.
_LIVE = 3

# BatchWriteItem takes no more (DynamoDB's API reference).
_BATCH = 25

_PHASES = (ServerPhase.READY, ServerPhase.LAUNCH, ServerPhase.FAILED, ServerPhase.SNAPSHOT, ServerPhase.READY)


def write(table: ExecutionsTable, items: Iterable[Item]) -> None:
    """Write records as they are."""
    puts = ({"PutRequest": {"Item": encode(item)}} for item in items)
    while part := list(itertools.islice(puts, _BATCH)):
        table.client.batch_write_item(RequestItems={table.table_name: part})


def history(count: int) -> Iterator[Item]:
    """EXECUTION records of twenty plans, with their listing records; a tenth are real recoveries."""
    for number in range(count):
        new, time = new_execution(number, (NewWave(1, "Database"),)), START + EVERY * number
        yield from listing_items(new, time)
        if number >= count - _LIVE:
            yield {**execution_item(new, time), "status": ExecutionStatus.POLLING, "startTime": time + 20}
            continue
        ended = {"startTime": time + 20, "endTime": time + 900, "duration": 880, "completedWaves": 1}
        # Seven is prime to ten: no end is that of some plans alone.
        status = _ENDS[(number // PLANS + 7 * number) % len(_ENDS)]
        yield {**execution_item(new, time), **ended, "status": status}


def fleet(servers: int, waves: int) -> Iterator[Item]:
    """The records of one execution that is under way, with failures."""
    new = new_execution(0, tuple(NewWave(number, f"Tier {number}") for number in range(1, waves + 1)))
    each = servers // waves
    phases = [_PHASES[index % len(_PHASES)] for index in range(each)]
    execution = execution_item(new, START) | {"status": ExecutionStatus.POLLING, "startTime": START + 20}
    yield execution | {"activeWaves": list(range(1, waves + 1)), "progress": progress_of(phases * waves)}
    for wave in new.waves:
        begun = {"status": WaveStatus.POLLING, "startTime": START + 20, "progress": progress_of(phases)}
        yield wave_item(new.execution_id, wave) | begun
        for index, phase in enumerate(phases):
            yield server_item(execution, wave.number, _server(wave.number, index)) | _seen(phase, index)


def new_execution(number: int, waves: tuple[NewWave, ...]) -> NewExecution:
    """
    An execution to be opened.

    :param number: which one, from 0; the id is made from it.
    """
    plan = f"plan-{number % PLANS:02}"
    return NewExecution(
        execution_id=str(UUID(int=number + 1)),
        plan_id=plan,
        plan_name=plan.title(),
        plan_hash="abc",
        plan_snapshot=_snapshot(plan, len(waves)),
        dag_id=f"recover_{plan}",
        dag_run_id=f"manual__{number}",
        execution_type=ExecutionType.DRILL if number % RECOVERY_EVERY else ExecutionType.RECOVERY,
        initiated_by="admin",
        ticket=None if number % TICKET_EVERY else f"CHG{number:07}",
        objectives={"rto": 3600, "rpo": 900},
        waves=waves,
    )


def _snapshot(plan: str, waves: int) -> Item:
    groups = {f"tier-{number}": {"servers": [f"s-{number:017}"]} for number in range(1, waves + 1)}
    listed = [{"name": name.title(), "groups": [name]} for name in groups]
    return {
        "schema_version": 1,
        "id": plan,
        "region": "us-east-1",
        "protection_groups": groups,
        "waves": listed,
    }


def _server(wave: int, index: int) -> NewServer:
    return NewServer(
        f"s-{wave:02}{index:015}", f"host-{wave:02}-{index:03}", True, "us-east-1", "aws_default"
    )


def _seen(phase: ServerPhase, index: int) -> Item:
    if phase is ServerPhase.FAILED:
        return {"phase": phase, "launchStatus": "FAILED", "error": f"Launch failed: {'no capacity, ' * 20}"}
    launched = {
        "launchStatus": "LAUNCHED",
        "jobId": "drsjob-1111111111111111a",
        "instanceId": f"i-{index:017}",
        "recoveryInstanceId": f"i-{index:017}",
        "instanceType": "m5.large",
        "instanceState": "running",
        "privateIp": f"10.0.{index // 250}.{index % 250}",
        "hostname": f"ip-10-0-{index}.ec2.internal",
        "launchedTime": START + 300,
    }
    return {"phase": phase, **(launched if phase is ServerPhase.READY else {})}
