"""What is measured when a wave or an execution ends, for CloudWatch and for Airflow's own metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from drs_recovery.airflow_versions import metrics
from drs_recovery.notifications.events import TERMINATION_FAILED, Happening
from drs_recovery.statuses import ServerPhase, WaveStatus
from drs_recovery.waves import has_launched

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, ServerStatus, Wave

NAMESPACE = "DRSRecovery"

# Airflow's name of each metric; its timers are in milliseconds, unlike everything else here.
_AIRFLOW_TIMERS: Mapping[str, str] = {
    "ExecutionDuration": "drs_recovery.execution.duration",
    "ExecutionPausedDuration": "drs_recovery.execution.paused_duration",
    "WaveDuration": "drs_recovery.wave.duration",
}
_AIRFLOW_COUNTERS: Mapping[str, str] = {
    "ExecutionEnded": "drs_recovery.execution.ended",
    "TerminationFailure": "drs_recovery.execution.termination_failure",
    "UnrecordedInstances": "drs_recovery.execution.unrecorded_instances",
    "ServerLaunchSuccess": "drs_recovery.server.launch_success",
    "ServerLaunchFailure": "drs_recovery.server.launch_failure",
}

_AIRFLOW_TAGS: Mapping[str, str] = {
    "PlanId": "plan_id",
    "ExecutionType": "execution_type",
    "Status": "status",
}


@dataclass(frozen=True)
class Measurement:
    """
    One value of one metric.

    :param value: seconds, or a number of servers.
    :param time: epoch seconds at which it was true.
    """

    name: str
    value: float
    unit: str
    time: float
    plan_id: str
    execution_type: str
    status: str | None = None

    @property
    def dimensions(self) -> dict[str, str]:
        """What tells values of the same metric apart: an alarm on durations is about good ends only."""
        told = {"PlanId": self.plan_id, "ExecutionType": self.execution_type}
        return told if self.status is None else {**told, "Status": self.status}

    @property
    def datum(self) -> dict[str, Any]:
        """A ``MetricDatum`` of CloudWatch."""
        return {
            "MetricName": self.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions.items()],
            "Timestamp": datetime.fromtimestamp(self.time, UTC),
            "Value": self.value,
            "Unit": self.unit,
        }


def measurements(happening: Happening, document: ExecutionDocument) -> list[Measurement]:
    """What is measured when something happens; of what never started only that it ended."""
    wave = happening.wave
    if wave is not None and happening.event == f"WAVE_{wave['status']}":
        values, moment = _of_wave(wave), wave.get("endTime")
    elif happening.event == f"EXECUTION_{document['status']}":
        values, moment = _of_execution(document), document.get("endTime")
    elif happening.event == TERMINATION_FAILED:
        values, moment = iter([Value("TerminationFailure", 1.0, "Count")]), document["lastUpdatedTime"]
    else:
        return []
    of_plan = document["planId"], document["executionType"]
    return [
        Measurement(one.name, one.value, one.unit, float(moment or 0), *of_plan, one.status) for one in values
    ]


class Value(NamedTuple):
    """What was measured of a wave or an execution, as in :class:`Measurement`."""

    name: str
    value: float
    unit: str
    status: str | None = None


def _of_execution(document: ExecutionDocument) -> Iterator[Value]:
    status = document["status"]
    if not status.is_final or document.get("dryRun"):
        return
    yield Value("ExecutionEnded", 1.0, "Count", status)
    if "startTime" in document:
        yield Value("ExecutionDuration", float(document["duration"]), "Seconds", status)
        yield Value("ExecutionPausedDuration", _paused_seconds(document), "Seconds", status)


def _paused_seconds(document: ExecutionDocument) -> float:
    """How much of the duration at least one question waited for its answer; other waves may have run then."""
    start, end = float(document["startTime"]), float(document["endTime"])
    pairs = [(wave.get("gate"), wave.get("failureGate")) for wave in document["waves"]]
    gates = [gate for pair in pairs for gate in pair if gate]
    waits = [(float(gate["since"]), float(gate.get("decidedTime", end))) for gate in gates]
    seconds, counted_until = 0.0, start
    for since, until in sorted(waits):
        seconds += max(0.0, min(until, end) - max(since, counted_until))
        counted_until = max(counted_until, until)
    return round(seconds, 3)


def _of_wave(wave: Wave) -> Iterator[Value]:
    """Of a wave that was tried again only its last attempt: the others were measured when they ended."""
    if "startTime" not in wave:
        return
    status = wave["status"]
    begun = float(wave.get("attemptTime", wave["startTime"]))
    yield Value("WaveDuration", max(0.0, round(float(wave["endTime"]) - begun, 3)), "Seconds", status)
    attempt = wave.get("attempt", 1)
    servers = [server for server in wave["serverStatuses"] if server.get("attempt", 1) == attempt]
    launched = len([server for server in servers if _came_up(server)])
    yield Value("ServerLaunchSuccess", float(launched), "Count")
    yield Value("ServerLaunchFailure", float(_failed(status, servers, launched)), "Count")


def _failed(status: WaveStatus, servers: Sequence[ServerStatus], launched: int) -> int:
    if status is WaveStatus.FAILED:
        # What was not up when the time was over counts too.
        return len(servers) - launched
    failed = [server for server in servers if server["phase"] == ServerPhase.FAILED]
    if status is WaveStatus.CANCELLED:
        # What a cancel cut short did not fail to launch: DRS has to say so.
        failed = [server for server in failed if server.get("launchStatus") == "FAILED"]
    return len(failed)


def _came_up(server: ServerStatus) -> bool:
    return has_launched(server) or server["phase"] in (ServerPhase.READY, ServerPhase.TERMINATED)


def publish(client: Any, measured: Sequence[Measurement]) -> None:
    """
    Send to CloudWatch; a thousand values fit into one call, and no execution ends more waves at once.

    :param client: boto3 CloudWatch client.
    :param measured: at least one.
    """
    client.put_metric_data(Namespace=NAMESPACE, MetricData=[entry.datum for entry in measured])


def count(measured: Sequence[Measurement]) -> None:
    """Hand to Airflow's own metrics (StatsD or OpenTelemetry, as Airflow is configured)."""
    sink = metrics()
    for entry in measured:
        tags = {_AIRFLOW_TAGS[name]: value for name, value in entry.dimensions.items()}
        if entry.name in _AIRFLOW_TIMERS:
            sink.timing(_AIRFLOW_TIMERS[entry.name], entry.value * 1000, tags=tags)
        else:
            sink.incr(_AIRFLOW_COUNTERS[entry.name], int(entry.value), tags=tags)
