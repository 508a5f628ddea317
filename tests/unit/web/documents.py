"""Execution documents, put together from the records that the store begins with."""

from __future__ import annotations

from typing import Any

from drs_recovery.statuses import ExecutionStatus, ExecutionType, ServerPhase, WaveStatus
from drs_recovery.store.documents import compose
from drs_recovery.store.first_forms import execution_item, server_item, wave_item
from drs_recovery.store.records import NewExecution, NewServer, NewWave
from drs_recovery.store.server_types import progress_of
from drs_recovery.store.table import with_statuses

START = 1_800_000_000.0
NAMES = ("Database", "Application", "Web")

Fields = dict[str, Any]


def server(name: str = "db-1", phase: str = "READY", **fields: Any) -> Fields:
    """What is said of a server beside what it begins with; a READY one has its instance."""
    instance = {
        "launchStatus": "LAUNCHED",
        "jobId": "drsjob-1",
        "instanceId": f"i-{name}",
        "recoveryInstanceId": f"i-{name}",
        "instanceType": "m5.large",
        "instanceState": "running",
        "privateIp": "10.0.0.7",
        "launchTime": START + 60,
        "launchedTime": START + 120,
    }
    launched = phase in ("READY", "TERMINATED")
    return {"serverName": name, "phase": phase, **(instance if launched else {}), **fields}


def wave(status: str = "COMPLETED", *servers: Fields, **fields: Any) -> Fields:
    """What is said of a wave beside what it begins with; None takes a field away."""
    started = {} if status in ("NOT_STARTED", "SKIPPED") else {"startTime": START + 60}
    ended = {"endTime": START + 660, "duration": 600} if started and WaveStatus(status).is_final else {}
    told = {"status": status, "servers": servers, **started, **ended, **fields}
    return {name: value for name, value in told.items() if value is not None}


def document(status: str = "POLLING", *waves: Fields, recovery: bool = False, **fields: Any) -> Fields:
    """An execution document with waves one after another; final ones ended after twelve minutes."""
    execution = execution_item(_new(len(waves), recovery), START)
    execution |= {
        "status": status,
        "activeWaves": [n for n, one in enumerate(waves, 1) if WaveStatus(one["status"]).is_active],
        "waitingGates": [n for n, one in enumerate(waves, 1) if _waits(one)],
        "completedWaves": sum(one["status"] == "COMPLETED" for one in waves),
        "progress": progress_of(ServerPhase(s["phase"]) for one in waves for s in one["servers"]),
    }
    if any("startTime" in one for one in waves):
        execution["startTime"] = START + 60
    if ExecutionStatus(status).is_final:
        execution |= {"endTime": START + 720, "duration": 660, "waitingGates": [], "measured": {}}
    items = [_wave(number, one) for number, one in enumerate(waves, 1)]
    servers = [
        _server(execution, number, index, one)
        for number, wave_fields in enumerate(waves, 1)
        for index, one in enumerate(wave_fields["servers"])
    ]
    told = {name: value for name, value in {**execution, **fields}.items() if value is not None}
    return compose(with_statuses(told), map(with_statuses, items), map(with_statuses, servers))


def gate(decision: str = "WAITING", **fields: Any) -> Fields:
    """A question that dba-lead and dr-lead may answer."""
    approvers = ["dba-lead", "dr-lead"]
    return {
        "decision": decision,
        "since": START + 700,
        "message": "Check the database",
        "approvers": approvers,
        **fields,
    }


def event(name: str, time: float, actor: str = "engine", **detail: Any) -> Fields:
    """An EVENT record, some seconds after the start."""
    return {"event": name, "time": START + time, "actor": actor, "detail": detail}


def _new(waves: int, recovery: bool) -> NewExecution:
    return NewExecution(
        execution_id="6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10",
        plan_id="crm",
        plan_name="CRM",
        plan_hash="abc",
        plan_snapshot={"id": "crm", "drill": {"terminate_after": "PT2H"}},
        dag_id="recover_crm",
        dag_run_id="manual__1",
        execution_type=ExecutionType.RECOVERY if recovery else ExecutionType.DRILL,
        initiated_by="admin",
        waves=tuple(
            NewWave(number, NAMES[(number - 1) % 3], (number - 1,) if number > 1 else ())
            for number in range(1, waves + 1)
        ),
    )


def _waits(fields: Fields) -> bool:
    gates = (fields.get("gate"), fields.get("failureGate"))
    return any(gate and gate["decision"] == "WAITING" for gate in gates)


def _wave(number: int, fields: Fields) -> Fields:
    new = NewWave(number, NAMES[(number - 1) % 3], (number - 1,) if number > 1 else ())
    phases = [ServerPhase(one["phase"]) for one in fields["servers"]]
    shown = {name: value for name, value in fields.items() if name != "servers"}
    return {**wave_item("e1", new), "progress": progress_of(phases), **shown}


def _server(execution: Fields, number: int, index: int, fields: Fields) -> Fields:
    new = NewServer(f"s-{number:02d}{index:03d}", fields["serverName"], True, "us-east-1", "aws_default")
    return {**server_item(execution, number, new), **fields}
