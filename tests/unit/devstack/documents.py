"""Execution documents for tests."""

from __future__ import annotations

from typing import Any

START = 1_700_000_000.0


def server(name: str = "crm-db-01", phase: str = "READY", **fields: Any) -> dict[str, Any]:
    """A server of a wave; complete when it is READY."""
    ready = {
        "instanceId": "i-0123456789abcdef0",
        "privateIp": "10.0.0.7",
        "hostname": "ip-10-0-0-7",
        "instanceType": "m5.large",
        "launchedTime": START + 15,
    }
    return {"serverName": name, "phase": phase} | (ready if phase == "READY" else {}) | fields


def wave(
    number: int = 1, status: str = "COMPLETED", *servers: dict[str, Any], **fields: Any
) -> dict[str, Any]:
    """A wave that began at START and, when it is completed, took 20 s."""
    times = {"NOT_STARTED": {}, "COMPLETED": {"startTime": START, "endTime": START + 20}}
    return {
        "waveNumber": number,
        "waveName": ("Database", "Application", "Web")[number - 1],
        "status": status,
        "serverStatuses": list(servers),
        **times.get(status, {"startTime": START}),
        **fields,
    }


def document(status: str = "COMPLETED", *waves: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An execution of three waves that was submitted at START."""
    return {
        "executionId": "0c6a",
        "executionType": "DRILL",
        "planName": "Three-tier CRM",
        "ticket": "DEMO-1",
        "status": status,
        "totalWaves": 3,
        "submittedTime": START,
        "waves": list(waves),
        **fields,
    }
