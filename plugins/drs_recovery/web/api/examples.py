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
    ActionKind.CANCEL: {"reason": "wrong plan"},
    ActionKind.RETRY: {"wave": 2, "reason": "capacity is back"},
    ActionKind.TERMINATE: {"confirmation": "three-tier-crm"},
}


def _taken(kind: ActionKind, actor: str, outcome: str) -> dict[str, Any]:
    about = {"wave": SENT[kind]["wave"]} if kind.is_about_wave else {}
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


_DRILLED = 1784628803.335

_GOOD_DRILL: dict[str, Any] = {
    **SUMMARY,
    "executionId": "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10",
    "dagRunId": "scheduled__2026-07-21T10:00:00+00:00",
    "status": "COMPLETED",
    "submittedTime": _DRILLED,
    "startTime": _DRILLED + 12,
    "endTime": _DRILLED + 2534.5,
    "duration": 2522.5,
    "measured": {"rto": 2522.5, "rpo": 540.0},
    "completedWaves": 2,
}

PLAN: dict[str, Any] = {
    "planId": "three-tier-crm",
    "planName": "Three-tier CRM",
    "dagId": "recover_three-tier-crm",
    "kind": "GOOD",
    "canStart": True,
    "file": "three-tier-crm.yaml",
    "description": "Database first, then application.",
    "owner": "crm-team",
    "tier": "tier-1",
    "tags": ["crm"],
    "nextRunNote": "no schedule",
    "errors": [],
    "warnings": [],
    "liveExecutions": [SUMMARY],
    "lastDrill": _GOOD_DRILL,
    "lastGoodDrill": _GOOD_DRILL,
    "proof": {
        "state": "OVERDUE",
        "sentence": "Last good drill 123 days ago: older than 90 days",
        "age": 10643640,
    },
    "objectives": {
        "rto": {
            "state": "MET",
            "sentence": "RTO 42 min 2 s of 1 h: met",
            "measured": 2522.5,
            "objective": 3600,
        },
        "rpo": {"state": "MET", "sentence": "RPO 9 min of 15 min: met", "measured": 540, "objective": 900},
    },
    "changedSinceGoodDrill": True,
}

_BROKEN: dict[str, Any] = {
    "planId": "payroll",
    "planName": "payroll",
    "dagId": "recover_payroll",
    "kind": "BROKEN",
    "canStart": False,
    "file": "payroll.yaml",
    "tags": [],
    "nextRunNote": "not known",
    "errors": [
        {
            "file": "payroll.yaml",
            "place": "waves[1].servers[0]",
            "message": '"s-12" is not a DRS source server id (s- and 17 letters or digits)',
        }
    ],
    "warnings": [],
    "liveExecutions": [],
    "proof": {"state": "NEVER", "sentence": "No good drill yet: nothing proves that this plan works"},
    "objectives": {
        "rto": {"state": "NO_OBJECTIVE", "sentence": "RTO not measured; the plan has no objective"},
        "rpo": {"state": "NO_OBJECTIVE", "sentence": "RPO not measured; the plan has no objective"},
    },
}

PLANS: dict[str, Any] = {"plans": [PLAN, _BROKEN], "notices": []}

_WAVE: dict[str, Any] = {
    "timeout": "1 h 30 min",
    "success": "every critical server launches",
    "failure": "what depends on it does not start",
}

PLAN_DETAIL: dict[str, Any] = {
    **PLAN,
    "changes": {
        "state": "CHANGED",
        "sentence": "1 change since the last good drill",
        "changes": [{"place": "Wave 2 Application", "what": "timeout 2 h → 1 h 30 min"}],
        "texts": [],
    },
    "waves": [
        {
            **_WAVE,
            "waveNumber": 1,
            "waveName": "Database",
            "after": "at once",
            "groups": ["database: 1 server, us-east-1"],
        },
        {
            **_WAVE,
            "waveNumber": 2,
            "waveName": "Application",
            "after": "after Database",
            "groups": ["application: 1 server, us-east-1"],
            "gate": "asks dba-lead",
        },
    ],
    "notices": [],
}


POINTS: Mapping[str, Any] = {
    "waves": [1, 2, 3],
    "servers": 6,
    "times": [{"time": 1784628600.0, "oldest": 1784628540.0, "spread": 60.0}],
    "policyReach": 604800,
    "policyServer": "s-1111111111111111a",
    "readTime": _DRILLED,
    "readBy": "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10",
}
