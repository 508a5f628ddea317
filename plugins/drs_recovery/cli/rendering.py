"""
Executions as tables for people.

Names, errors and comments come from plans, people and AWS: they are shown as plain text, never as markup, and
control characters in them as visible escapes, so that no record can write to the terminal by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from drs_recovery.durations import words
from drs_recovery.wording import moment

Record = Mapping[str, Any]

# Output that no person watches is not folded to the 80 columns that rich assumes.
_WIDTH_WITHOUT_TERMINAL = 200

_STYLES = {
    "COMPLETED": "green",
    "READY": "green",
    "APPROVED": "green",
    "POLLING": "cyan",
    "PAUSED": "yellow",
    "CANCELLING": "yellow",
    "CANCELLED": "yellow",
    "PARTIAL_SUCCESS": "yellow",
    "FAILED": "red",
    "REJECTED": "red",
    "RECOVERY": "bold red",
}

_SERVER_COLUMNS = {
    "Server": "serverName",
    "Phase": "phase",
    "Launch status": "launchStatus",
    "Instance": "instanceId",
    "Type": "instanceType",
    "Address": "privateIp",
    "Host name": "hostname",
}


def console() -> Console:
    """A console on the standard output."""
    found = Console()
    return found if found.is_terminal else Console(width=_WIDTH_WITHOUT_TERMINAL)


def plain(value: object) -> Text:
    r"""
    Text as it is; what is not printable becomes an escape such as ``\x1b``.

    :param value: shown as ``str`` shows it; None is empty.
    """
    text = "" if value is None else str(value)
    shown = "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
        for char in text
    )
    return Text(shown, style=_STYLES.get(text, ""), overflow="fold")


def render_execution(document: Record, events: Iterable[Record], now: float) -> Iterator[RenderableType]:
    """
    An execution: its header, a table for each wave, what happened.

    :param document: the execution document.
    :param events: its events, oldest first.
    :param now: epoch seconds, for what is still under way.
    """
    yield _header(document, now)
    for wave in document["waves"]:
        yield Text()
        yield from _wave(wave, now)
    yield Text()
    yield _timeline(events)


def render_list(executions: Iterable[Record]) -> Table:
    """
    A list of executions.

    :param executions: EXECUTION records, in the order in which they are shown.
    """
    table = _table("Execution", "Plan", "Type", "Status", "Submitted", "Duration", "Waves", "Ready", "Ticket")
    for execution in executions:
        progress = execution["progress"]
        _add_row(
            table,
            execution["executionId"],
            execution["planId"],
            execution["executionType"] + (" (dry run)" if execution.get("dryRun") else ""),
            execution["status"],
            moment(execution["submittedTime"]),
            words(execution.get("duration")),
            f"{execution['completedWaves']}/{execution['totalWaves']}",
            f"{progress['ready']}/{progress['totalServers']}",
            execution.get("ticket"),
        )
    return table


def _header(document: Record, now: float) -> Table:
    grid = Table.grid(padding=(0, 2))
    for label, value in _header_lines(document, now):
        if value:
            grid.add_row(Text(label, style="dim"), plain(value))
    return grid


def _header_lines(document: Record, now: float) -> Iterator[tuple[str, str | None]]:
    progress = document["progress"]
    yield "Execution", document["executionId"]
    yield "Plan", f"{document['planName']} ({document['planId']})"
    yield "Type", document["executionType"]
    yield "Dry run", "yes" if document.get("dryRun") else None
    yield "Status", document["status"]
    yield "Error", document.get("error")
    yield "Waiting for", _pause(document.get("paused"))
    yield "Waves", f"{document['completedWaves']} of {document['totalWaves']} completed"
    yield "Servers", _counts(progress)
    yield "Ticket", document.get("ticket")
    yield "Reason", document.get("reason")
    yield "Started by", document["initiatedBy"]
    yield "Airflow run", f"{document['dagId']} {document['dagRunId']}"
    yield "Submitted", moment(document["submittedTime"])
    yield "Started", moment(document.get("startTime"))
    yield "Ended", moment(document.get("endTime"))
    yield "Duration", _duration(document, now)
    yield (
        "Measured",
        ", ".join(f"{name} {words(value)}" for name, value in document.get("measured", {}).items()),
    )


def _pause(paused: Record | None) -> str | None:
    if paused is None:
        return None
    approvers = ", ".join(paused["approvers"]) or "anyone who may trigger the plan"
    question = f"approval of wave {paused['wave']} by {approvers}"
    return f"{question} since {moment(paused['since'])}: {paused['message']}"


def _counts(progress: Record) -> str:
    parts = [f"{count} {name}" for name, count in progress.items() if count and name != "totalServers"]
    return f"{progress['totalServers']} ({', '.join(parts)})" if parts else str(progress["totalServers"])


def _duration(record: Record, now: float) -> str:
    """How long it took, or has taken so far."""
    if "duration" in record:
        return words(record["duration"])
    if "startTime" not in record or "endTime" in record:
        return ""
    expected = record.get("expectedDuration")
    so_far = f"{words(max(0, now - record['startTime']))} so far"
    return f"{so_far}, {words(expected)} expected" if expected else so_far


def _wave(wave: Record, now: float) -> Iterator[RenderableType]:
    name = plain(f"Wave {wave['waveNumber']}: {wave['waveName']}")
    name.stylize("bold")
    yield Text.assemble(name, "  ", plain(wave["status"]), f"  {_duration(wave, now)}")
    if wave["serverStatuses"]:
        yield _servers(wave["serverStatuses"])
    for label, value in _wave_lines(wave):
        yield Text.assemble(plain(f"{label}: "), plain(value))


def _wave_lines(wave: Record) -> Iterator[tuple[str, str]]:
    if wave.get("statusReason"):
        yield "Reason", wave["statusReason"]
    if gate := wave.get("gate"):
        who = f" by {gate['actor']}" if "actor" in gate else ""
        comment = f": {gate['comment']}" if gate.get("comment") else ""
        yield "Gate", f"{gate['decision']}{who}{comment}"
    if wave["jobs"]:
        yield "Jobs", ", ".join(f"{job['jobId']} ({job['region']}, {job['status']})" for job in wave["jobs"])
    if error := wave.get("lastPollError"):
        yield "Last look failed", f"{error['message']} ({moment(error['time'])})"
    for server in wave["serverStatuses"]:
        if server.get("error"):
            yield f"Error of {server['serverName']}", server["error"]


def _servers(servers: Sequence[Record]) -> Table:
    shown = {
        title: field
        for title, field in _SERVER_COLUMNS.items()
        if any(server.get(field) for server in servers)
    }
    table = _table(*shown)
    for server in servers:
        _add_row(table, *(server.get(field) for field in shown.values()))
    return table


def _timeline(events: Iterable[Record]) -> Table:
    table = _table("Time", "Event", "By", "Detail")
    for event in events:
        detail = ", ".join(f"{name} {_short(value)}" for name, value in event["detail"].items() if value)
        _add_row(table, moment(event["time"]), event["event"], event["actor"], detail)
    return table


def _short(value: object) -> str:
    """A list shows as long as it is short: a job can have a hundred servers."""
    if not isinstance(value, list):
        return str(value)
    return ", ".join(map(str, value)) if len(value) <= 3 else f"({len(value)})"


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _add_row(table: Table, *cells: object) -> None:
    table.add_row(*(plain(cell) for cell in cells))
