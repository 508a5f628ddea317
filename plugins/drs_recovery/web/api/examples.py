"""Examples of executions and actions for the OpenAPI document; a test validates them against its schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.web.allowed_actions import ActionKind

EXECUTION_ID = "1091119c-3c7a-5a88-ad47-84de02b0a4e3"

_OPENED = 1795275003.335


def _counts(**parts: int) -> dict[str, int]:
    names = ("pending", "snapshot", "converting", "launching", "launched", "ready", "failed")
    return {"totalServers": sum(parts.values()), **{name: parts.get(name, 0) for name in names}}


SUMMARY: dict[str, Any] = {
    "executionId": EXECUTION_ID,
    "dagRunId": "CHG0030042",
    "executionType": "DRILL",
    "isDrill": True,
    "status": "PAUSED",
    "initiatedBy": "admin",
    "controller": "vienna",
    "ticket": "CHG0030042",
    "submittedTime": _OPENED,
    "startTime": _OPENED + 81,
    "totalWaves": 2,
    "completedWaves": 1,
}

EXECUTION: dict[str, Any] = {
    **SUMMARY,
    "planId": "three-tier-crm",
    "planName": "Three-tier CRM",
    "planHash": "6915feabd8b34fd38c70d438b2e1225119ce75eee6ff9661083949fcce5fbeca",
    "dagId": "recover_three-tier-crm",
    "recordVersion": 1,
    "reason": "Quarterly drill",
    "objectives": {"rto": 3600, "rpo": 900},
    "admittedTime": _OPENED + 10,
    "lastUpdatedTime": _OPENED + 151,
    "currentWave": 1,
    "activeWaves": [],
    "waitingGates": [2],
    "paused": {
        "wave": 2,
        "since": _OPENED + 151,
        "message": "Is the restored database consistent?",
        "approvers": ["dba-lead"],
        "deadline": _OPENED + 14551,
    },
    "progress": _counts(pending=1, ready=1),
    "findings": [],
    "instancesTerminated": False,
}

_SERVER: dict[str, Any] = {
    "executionId": EXECUTION_ID,
    "waveNumber": 1,
    "sourceServerId": "s-1111111111111111a",
    "serverName": "crm-db-01",
    "critical": True,
    "region": "us-east-1",
    "connection": "aws_default",
    "isDrill": True,
    "phase": "READY",
    "launchStatus": "LAUNCHED",
    "transitionHistory": [
        {"status": "PENDING", "timestamp": _OPENED + 83},
        {"status": "STARTED", "timestamp": _OPENED + 84},
        {"status": "IN_PROGRESS", "timestamp": _OPENED + 102},
        {"status": "LAUNCHED", "timestamp": _OPENED + 111},
    ],
    "jobId": "drsjob-4d3945da588349469",
    "accountId": "123456789012",
    "launchTime": _OPENED + 102,
    "launchedTime": _OPENED + 111,
    "recoveryInstanceId": "i-7971feeb7de1e40c1",
    "instanceId": "i-7971feeb7de1e40c1",
    "instanceType": "r5.large",
    "instanceState": "running",
    "ec2LaunchTime": _OPENED + 111,
    "privateIp": "172.31.0.5",
    "hostname": "ip-172-31-0-5.ec2.internal",
    "replicationLag": 12,
    "pointInTime": _OPENED + 84,
    "lastPolledTime": _OPENED + 136,
    "pollAttempts": 10,
}

_JOB: dict[str, Any] = {
    "jobId": "drsjob-4d3945da588349469",
    "region": "us-east-1",
    "connection": "aws_default",
    "accountId": "123456789012",
    "attempt": 1,
    "part": 1,
    "status": "COMPLETED",
    "startTime": _OPENED + 84,
    "endTime": _OPENED + 110,
}

_STEP: dict[str, Any] = {
    "executionId": EXECUTION_ID,
    "waveNumber": 1,
    "side": "after",
    "stepNumber": 1,
    "name": "CRM answers",
    "kind": "http_probe",
    "onFailure": "ask",
    "status": "SUCCEEDED",
    "attempts": [
        {"number": 1, "startTime": _OPENED + 112, "endTime": _OPENED + 136, "status": "SUCCEEDED"},
    ],
    "startTime": _OPENED + 112,
    "endTime": _OPENED + 136,
    "duration": 24.0,
    "detail": "crm-db-01: HTTP 200 from 172.31.0.5",
    "tries": 2,
    "servers": {"total": 1, "succeeded": 1, "failures": []},
}


DOCUMENT: dict[str, Any] = {
    **EXECUTION,
    "planSnapshot": {"id": "three-tier-crm", "name": "Three-tier CRM"},
    "waves": [
        {
            "executionId": EXECUTION_ID,
            "waveNumber": 1,
            "waveName": "Database",
            "status": "COMPLETED",
            "dependsOn": [],
            "jobs": [_JOB],
            "startTime": _OPENED + 81,
            "endTime": _OPENED + 137,
            "duration": 56.0,
            "progress": _counts(ready=1),
            "lastPolledTime": _OPENED + 136,
            "pollAttempts": 10,
            "serverStatuses": [_SERVER],
            "stage": "AFTER_STEPS",
            "afterSteps": 1,
            "steps": [_STEP],
        },
        {
            "executionId": EXECUTION_ID,
            "waveNumber": 2,
            "waveName": "Application",
            "status": "NOT_STARTED",
            "dependsOn": [1],
            "gate": {
                "since": _OPENED + 151,
                "message": "Is the restored database consistent?",
                "approvers": ["dba-lead"],
                "deadline": _OPENED + 14551,
                "decision": "WAITING",
            },
            "jobs": [],
            "progress": _counts(pending=1),
            "pollAttempts": 0,
            "serverStatuses": [],
        },
    ],
}

EXECUTIONS: dict[str, Any] = {
    "executions": [EXECUTION],
    "nextCursor": "WzE3OTUyNzUwMDMuMzM1LCAiMTA5MTExOWMiXQ",
}

EVENTS: dict[str, Any] = {
    "events": [
        {
            "executionId": EXECUTION_ID,
            "event": "EXECUTION_OPENED",
            "actor": "admin",
            "time": _OPENED,
            "detail": {"executionType": "DRILL"},
        },
        {
            "executionId": EXECUTION_ID,
            "event": "GATE_OPENED",
            "actor": "engine",
            "time": _OPENED + 151,
            "detail": {"wave": 2},
        },
    ]
}


_TAKEN = {"executionId": EXECUTION_ID, "time": 1795275242.977, "dagRunId": "CHG0030042"}
_TERMINATING_RUN = f"console-{EXECUTION_ID}-all-0"

SENT: Mapping[ActionKind, dict[str, Any]] = {
    ActionKind.APPROVE: {"wave": 2, "comment": "row counts match"},
    ActionKind.REJECT: {"wave": 2, "comment": "table ORDERS is empty"},
    ActionKind.DECIDE: {"wave": 2, "decision": "RETRY", "comment": "capacity is back"},
    ActionKind.ANSWER: {"wave": 2, "side": "after", "step": 1, "decision": "DONE", "comment": "logged in"},
    ActionKind.CANCEL: {"reason": "wrong plan"},
    ActionKind.RETRY: {"wave": 2, "reason": "capacity is back"},
    ActionKind.TERMINATE: {"confirmation": "three-tier-crm"},
}


def _taken(kind: ActionKind, actor: str, outcome: str) -> dict[str, Any]:
    about = {name: SENT[kind][name] for name in ("wave", "side", "step") if name in SENT[kind]}
    run = {"dagRunId": _TERMINATING_RUN} if kind is ActionKind.TERMINATE else {}
    return {"action": kind, "outcome": outcome, "actor": actor, **_TAKEN, **about, **run}


_APPLICATION = 'wave 2 "Application"'
_OUTCOMES: tuple[tuple[ActionKind, str, str], ...] = (
    (
        ActionKind.APPROVE,
        "dba-lead",
        f"Airflow has taken your approval of {_APPLICATION}: the wave starts within seconds.",
    ),
    (
        ActionKind.REJECT,
        "dba-lead",
        f"Airflow has taken your rejection of {_APPLICATION}: the wave does not start, and the "
        "execution ends when what runs has ended.",
    ),
    (
        ActionKind.DECIDE,
        "dba-lead",
        f"Airflow has taken your decision about {_APPLICATION}: the failed servers get a new job "
        "within seconds, launched ones stay as they are.",
    ),
    (
        ActionKind.ANSWER,
        "dba-lead",
        'Airflow has taken your answer DONE to step after 1 "Log in" of wave 2 "Application": the wave goes '
        "on within seconds.",
    ),
    (ActionKind.CANCEL, "admin", "Nothing more starts. One DRS job still runs: it is followed to its end."),
    (
        ActionKind.RETRY,
        "admin",
        f"Attempt 2 at {_APPLICATION} is requested: it begins within seconds, for the servers that "
        "failed or were never started.",
    ),
    (
        ActionKind.TERMINATE,
        "dr-lead",
        "Termination of the remaining instances (2 on record) is requested. The record "
        "shows when they are gone, usually within minutes; until then they cost money.",
    ),
)
TAKEN: Mapping[ActionKind, dict[str, Any]] = {
    kind: _taken(kind, actor, text) for kind, actor, text in _OUTCOMES
}
