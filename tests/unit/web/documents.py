"""Execution documents, put together from the records that the store begins with."""

from __future__ import annotations

from typing import Any

from drs_recovery.statuses import ExecutionStatus, ExecutionType, ServerPhase, StepStatus, WaveStatus
from drs_recovery.store.documents import compose
from drs_recovery.store.first_forms import execution_item, server_item, step_item, wave_item
from drs_recovery.store.keys import step_key
from drs_recovery.store.records import NewExecution, NewServer, NewWave
from drs_recovery.store.refs import WaveRef
from drs_recovery.store.server_types import progress_of
from drs_recovery.store.step_types import NewStep
from drs_recovery.store.table import with_statuses

START = 1_800_000_000.0
EXECUTION_ID = "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10"
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


def step(name: str = "CRM answers", status: str = "SUCCEEDED", **fields: Any) -> Fields:
    """What is said of a step beside what it begins with; an HTTP probe behind the launch."""
    begun = status not in ("NOT_STARTED", "SKIPPED")
    attempt = {"number": 1, "startTime": START + 300, "status": status}
    told = {"startTime": START + 300, "attempts": [attempt]} if begun else {}
    ended = begun and not StepStatus(status).is_open
    times = {"endTime": START + 360, "duration": 60} if ended else {}
    return {"name": name, "status": status, "kind": "http_probe", "side": "after", **told, **times, **fields}


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
    steps = [one for number, fields in enumerate(waves, 1) for one in _steps(number, fields.get("steps", ()))]
    if waiting := [_key(one) for one in steps if _waits({"gate": one.get("gate")})]:
        execution["waitingSteps"] = [] if ExecutionStatus(status).is_final else waiting
    told = {name: value for name, value in {**execution, **fields}.items() if value is not None}
    parts = [[with_statuses(item) for item in kind] for kind in (items, servers, steps)]
    return compose(with_statuses(told), *parts)


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


def event(name: str, time: float, actor: str = "engine", /, **detail: Any) -> Fields:
    """An EVENT record, some seconds after the start."""
    return {"event": name, "time": START + time, "actor": actor, "detail": detail}


def _new(waves: int, recovery: bool) -> NewExecution:
    return NewExecution(
        execution_id=EXECUTION_ID,
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
    shown = {name: value for name, value in fields.items() if name not in ("servers", "steps")}
    return {**wave_item("e1", new), "progress": progress_of(phases), **shown}


def _server(execution: Fields, number: int, index: int, fields: Fields) -> Fields:
    new = NewServer(f"s-{number:02d}{index:03d}", fields["serverName"], True, "us-east-1", "aws_default")
    return {**server_item(execution, number, new), **fields}


def _steps(wave: int, steps: tuple[Fields, ...]) -> list[Fields]:
    """Records of a wave's steps, numbered on each side."""
    found: list[Fields] = []
    for fields in steps:
        number = 1 + sum(one["side"] == fields["side"] for one in found)
        new = NewStep(fields["side"], number, fields["name"], fields["kind"], "stop")
        found.append({**step_item(WaveRef(EXECUTION_ID, wave), new), **fields})
    return found


def _key(step: Fields) -> str:
    return step_key(EXECUTION_ID, step["waveNumber"], step["side"], step["stepNumber"]).record_key
