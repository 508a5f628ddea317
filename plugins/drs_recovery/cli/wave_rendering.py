"""Render a wave with its servers as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from drs_recovery.cli.text import add_row, plain, table
from drs_recovery.durations import moment, words
from drs_recovery.statuses import WaveStatus

if TYPE_CHECKING:
    from drs_recovery.store import AnyGate, ExecutionDocument, Job, ServerStatus, StepRecord, Wave, WaveRecord

_SERVER_COLUMNS = {
    "Server": "serverName",
    "Phase": "phase",
    "Launch status": "launchStatus",
    "Instance": "instanceId",
    "Type": "instanceType",
    "Address": "privateIp",
    "Host name": "hostname",
    "Data behind": "replicationLag",
}


def render_wave(wave: Wave, now: float) -> Iterator[RenderableType]:
    """
    A wave: its name and status, its servers, what else is known of it.

    :param now: epoch seconds, for what is still under way.
    """
    name = plain(f"Wave {wave['waveNumber']}: {wave['waveName']}")
    name.stylize("bold")
    attempt = f"  attempt {wave['attempt']}" if wave.get("attempt", 1) > 1 else ""
    # Of a wave it only says that it did not run; of an execution, that it came to nothing.
    status = plain(wave["status"], "dim" if wave["status"] == WaveStatus.CANCELLED else None)
    yield Text.assemble(name, "  ", status, f"  {duration(wave, now)}{attempt}")
    if wave["serverStatuses"]:
        yield _servers(wave["serverStatuses"])
    if steps := wave.get("steps"):
        yield _steps(steps)
    for label, value in _lines(wave):
        yield Text.assemble(plain(f"{label}: "), plain(value))


def duration(record: ExecutionDocument | WaveRecord, now: float) -> str:
    """How long it took, or has taken so far."""
    if "duration" in record:
        return words(record["duration"])
    if "startTime" not in record or "endTime" in record:
        return ""
    expected = record.get("expectedDuration")
    so_far = f"{words(max(0, now - record['startTime']))} so far"
    return f"{so_far}, {words(expected)} expected" if expected else so_far


def _steps(steps: Sequence[StepRecord]) -> Table:
    """What is done before and after the launch, and what was seen last."""
    rows = table("Step", "Kind", "Status", "Attempts", "Took", "Seen")
    for step in steps:
        told = step.get("error") or step.get("detail", "")
        place = f"{step['side']} {step['stepNumber']}: {step['name']}"
        took = words(step["duration"]) if "duration" in step else ""
        add_row(rows, place, step["kind"], step["status"], str(len(step["attempts"])), took, told)
    return rows


def _servers(servers: Sequence[ServerStatus]) -> Table:
    shown = {
        title: field
        for title, field in _SERVER_COLUMNS.items()
        if any(server.get(field) not in (None, "") for server in servers)
    }
    rows = table(*shown)
    for server in servers:
        add_row(rows, *(_cell(server, field) for field in shown.values()))
    return rows


def _cell(server: ServerStatus, field: str) -> object:
    # Its data when the execution opened.
    return words(server.get("replicationLag")) if field == "replicationLag" else server.get(field)


def _lines(wave: Wave) -> Iterator[tuple[str, str]]:
    if wave.get("statusReason"):
        yield "Reason", wave["statusReason"]
    for label, gate in (("Gate", wave.get("gate")), ("After the failure", wave.get("failureGate"))):
        if gate:
            yield label, _gate(gate)
    if queue := wave.get("queue"):
        since = moment(queue["since"])
        yield "Queued", f"position {queue['position']} since {since}: {queue['reason']}"
    if wave["jobs"]:
        yield "Jobs", ", ".join(map(_job, wave["jobs"]))
    yield from _trouble_lines(wave)
    for server in wave["serverStatuses"]:
        yield from _server_lines(server)


def _trouble_lines(wave: WaveRecord) -> Iterator[tuple[str, str]]:
    if waiting := wave.get("waitingFor"):
        yield "Waits", f"since {moment(waiting['since'])}: {waiting['message']}"
    if error := wave.get("lastPollError"):
        since = f", since {moment(error['since'])}" if "since" in error else ""
        yield "Last poll failed", f"{error['message']} ({moment(error['time'])}{since})"


def _gate(gate: AnyGate) -> str:
    """The decision with who and when; of a question that waits, who may answer it and until when."""
    if "actor" in gate:
        when = f", {moment(gate['decidedTime'])}" if "decidedTime" in gate else ""
        comment = f": {gate['comment']}" if gate.get("comment") else ""
        return f"{gate['decision']} by {gate['actor']}{when}{comment}"
    approvers = f" for {', '.join(gate['approvers'])}" if gate.get("approvers") else ""
    deadline = f" until {moment(gate['deadline'])}" if "deadline" in gate else ""
    return f"{gate['decision']}{approvers}{deadline}"


def _job(job: Job) -> str:
    attempt = f", attempt {job['attempt']}" if job.get("attempt", 1) > 1 else ""
    return f"{job['jobId']} ({job['region']}, {job['status']}{attempt})"


def _server_lines(server: ServerStatus) -> Iterator[tuple[str, str]]:
    name = server["serverName"]
    if server.get("error"):
        yield f"Error of {name}", server["error"]
    if server.get("warning"):
        yield f"Warning of {name}", server["warning"]
    if server.get("previousInstances"):
        earlier = ", ".join(
            f"{one.get('instanceId') or one.get('recoveryInstanceId') or 'none'} ({one.get('jobId')})"
            for one in server["previousInstances"]
        )
        yield f"Earlier instances of {name}", earlier
    if "replacedBy" in server:
        yield f"{name} replaced", f"by a later launch, execution {server['replacedBy']}"
    if "terminatedTime" in server:
        yield f"{name} terminated", moment(server["terminatedTime"])
