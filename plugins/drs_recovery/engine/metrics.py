"""What is measured when a wave or an execution ends, for CloudWatch and for Airflow's own metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airflow.sdk.observability import stats

from drs_recovery.engine.announcements import Happening
from drs_recovery.engine.judgement import has_launched
from drs_recovery.statuses import ExecutionStatus, ServerPhase, WaveStatus

NAMESPACE = "DRSRecovery"

# Airflow's name of each metric; its timers are in milliseconds, unlike everything else here.
_AIRFLOW_TIMERS: Mapping[str, str] = {
    "ExecutionDuration": "drs_recovery.execution.duration",
    "WaveDuration": "drs_recovery.wave.duration",
}
_AIRFLOW_COUNTERS: Mapping[str, str] = {
    "ServerLaunchSuccess": "drs_recovery.server.launch_success",
    "ServerLaunchFailure": "drs_recovery.server.launch_failure",
}


@dataclass(frozen=True)
class Measurement:
    """
    One value of one metric.

    :param name: in CloudWatch.
    :param value: seconds, or a number of servers.
    :param unit: as CloudWatch names it.
    :param time: epoch seconds at which it was true.
    :param plan_id: the plan.
    :param execution_type: drill or recovery.
    """

    name: str
    value: float
    unit: str
    time: float
    plan_id: str
    execution_type: str

    @property
    def datum(self) -> dict[str, Any]:
        """A ``MetricDatum`` of CloudWatch."""
        return {
            "MetricName": self.name,
            "Dimensions": [
                {"Name": "PlanId", "Value": self.plan_id},
                {"Name": "ExecutionType", "Value": self.execution_type},
            ],
            "Timestamp": datetime.fromtimestamp(self.time, UTC),
            "Value": self.value,
            "Unit": self.unit,
        }


def measurements(happening: Happening, document: Mapping[str, Any]) -> list[Measurement]:
    """
    What is measured when something happens; nothing of what never started.

    :param happening: the thing.
    :param document: the execution document.
    """
    wave = happening.wave
    if wave is not None and happening.event == f"WAVE_{wave['status']}":
        values, ended = list(_of_wave(wave)), wave.get("endTime")
    elif happening.event == f"EXECUTION_{document['status']}":
        values, ended = list(_of_execution(document)), document.get("endTime")
    else:
        return []
    return [
        Measurement(name, value, unit, float(ended or 0), document["planId"], document["executionType"])
        for name, value, unit in values
    ]


def _of_execution(document: Mapping[str, Any]) -> Iterator[tuple[str, float, str]]:
    if ExecutionStatus(document["status"]).is_final and "startTime" in document:
        yield "ExecutionDuration", float(document["duration"]), "Seconds"


def _of_wave(wave: Mapping[str, Any]) -> Iterator[tuple[str, float, str]]:
    """Of a wave that was tried again only its last attempt: the others were measured when they ended."""
    if "startTime" not in wave:
        return
    begun = float(wave.get("attemptTime", wave["startTime"]))
    yield "WaveDuration", max(0.0, round(float(wave["endTime"]) - begun, 3)), "Seconds"
    attempt = wave.get("attempt", 1)
    servers = [server for server in wave["serverStatuses"] if server.get("attempt", 1) == attempt]
    launched = len([server for server in servers if _came_up(server)])
    failed = len([server for server in servers if server["phase"] == ServerPhase.FAILED])
    if wave["status"] == WaveStatus.FAILED:
        # What was not up when the time was over counts too.
        failed = len(servers) - launched
    yield "ServerLaunchSuccess", float(launched), "Count"
    yield "ServerLaunchFailure", float(failed), "Count"


def _came_up(server: Mapping[str, Any]) -> bool:
    return has_launched(server) or server["phase"] in (ServerPhase.READY, ServerPhase.TERMINATED)


def publish(client: Any, measured: Sequence[Measurement]) -> None:
    """
    Send to CloudWatch; a thousand values fit into one call, and no execution ends more waves at once.

    :param client: boto3 CloudWatch client.
    :param measured: at least one.
    """
    client.put_metric_data(Namespace=NAMESPACE, MetricData=[entry.datum for entry in measured])


def count(measured: Sequence[Measurement]) -> None:
    """
    Hand to Airflow's own metrics (StatsD or OpenTelemetry, as Airflow is configured).

    :param measured: what was measured.
    """
    for entry in measured:
        tags = {"plan_id": entry.plan_id, "execution_type": entry.execution_type}
        if entry.name in _AIRFLOW_TIMERS:
            stats.timing(_AIRFLOW_TIMERS[entry.name], entry.value * 1000, tags=tags)
        else:
            stats.incr(_AIRFLOW_COUNTERS[entry.name], int(entry.value), tags=tags)
