"""
Examples of executions: a drill of two servers in two waves, halfway through.

The OpenAPI document shows them, and a test holds them against its schemas.
"""

from __future__ import annotations

from typing import Any

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
