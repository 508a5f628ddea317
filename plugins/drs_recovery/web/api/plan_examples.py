"""Examples of plans for the OpenAPI document; a test validates them against its schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.web.api.examples import SUMMARY

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
