"""Records of executions as the store lists them, with what plan views read."""

from __future__ import annotations

from typing import Any

from tests.record_types import as_read

NOW = 1_800_000_000.0
DAY = 86_400.0
SCRIPT = '<script>alert("x")</script>'


def execution(
    number: int = 1, *, days_ago: float = 1.0, duration: float = 1800.0, **fields: Any
) -> dict[str, Any]:
    """A good drill of two waves that ended ``days_ago``; ``fields`` change what is different."""
    ended = NOW - days_ago * DAY
    status = fields.get("status", "COMPLETED")
    record = {
        "executionId": f"e{number}",
        "planId": "crm",
        "planName": "CRM",
        "planHash": "abc",
        "executionType": "DRILL",
        "status": status,
        "initiatedBy": "ann",
        "submittedTime": ended - duration - 10,
        "admittedTime": ended - duration - 5,
        "startTime": ended - duration,
        "endTime": ended,
        "duration": duration,
        "totalWaves": 2,
        "completedWaves": 2 if status == "COMPLETED" else 1,
        "measured": {"rto": duration, "rpo": 60.0} if status == "COMPLETED" else {},
        "progress": {"totalServers": 4, "launched": 0, "ready": 4, "failed": 0},
        **fields,
    }
    return as_read("EXECUTION", record)


def live(number: int = 9, **fields: Any) -> dict[str, Any]:
    """A drill that runs."""
    record = execution(number, status="POLLING", **fields)
    return {name: value for name, value in record.items() if name not in ("endTime", "duration", "measured")}


def wave(
    drill: dict[str, Any], number: int, name: str, begin: float, end: float, **fields: Any
) -> dict[str, Any]:
    """A WAVE record, from and to so many seconds after the start of its drill."""
    record = {
        "executionId": drill["executionId"],
        "waveNumber": number,
        "waveName": name,
        "status": "COMPLETED",
        "startTime": drill["startTime"] + begin,
        "endTime": drill["startTime"] + end,
        **fields,
    }
    return as_read("WAVE", record)
