"""Render executions and their events as tables for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from drs_recovery.cli.text import add_row, plain, table
from drs_recovery.cli.wave_rendering import duration, render_wave
from drs_recovery.durations import moment, words
from drs_recovery.event_labels import in_words, short
from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.store import cancel_reason, cancel_words, was_cancelled, why_read_only

if TYPE_CHECKING:
    from drs_recovery.store import (
        Cancel,
        Event,
        Execution,
        ExecutionDocument,
        Job,
        PreflightFinding,
        ServerCounts,
        TerminationJob,
        Times,
        WaitingFor,
    )


def timeline(events: Iterable[Event]) -> Table:
    """A table of events."""
    rows = table("Time", "What happened", "By", "Detail")
    for event in events:
        sentence, rest = in_words(event)
        detail = ", ".join(f"{name} {short(value)}" for name, value in rest.items() if value)
        add_row(rows, moment(event["time"]), sentence, event["actor"], detail)
    return rows


def render_execution(
    document: ExecutionDocument, events: Iterable[Event], now: float
) -> Iterator[RenderableType]:
    """
    An execution: its header, what the preflight found, its waves, what happened.

    :param events: its events, oldest first.
    :param now: epoch seconds, for what is still under way.
    """
    yield _header(document, now)
    if document.get("findings"):
        yield Text()
        yield _findings(document["findings"])
    for wave in document["waves"]:
        yield Text()
        yield from render_wave(wave, now)
    yield Text()
    yield timeline(events)


def render_list(executions: Iterable[Execution]) -> Table:
    """A list of executions."""
    listed = list(executions)
    notes = [_note(execution) for execution in listed]
    columns = ("Execution", "Plan", "Type", "Status", "Submitted", "Duration", "Waves", "Ready", "Ticket")
    rows = table(*columns, *(["Note"] if any(notes) else []))
    for execution, note in zip(listed, notes, strict=True):
        progress = execution["progress"]
        add_row(
            rows,
            execution["executionId"],
            execution["planId"],
            execution["executionType"] + (" (dry run)" if execution.get("dryRun") else ""),
            execution["status"],
            moment(execution["submittedTime"]),
            words(execution.get("duration")),
            f"{execution['completedWaves']}/{execution['totalWaves']}",
            f"{progress['ready']}/{progress['totalServers']}",
            execution.get("ticket"),
            *([note] if any(notes) else []),
        )
    return rows


def _note(execution: Execution) -> str | None:
    """That somebody cancelled it, whatever it ended with."""
    words = cancel_words(execution) if was_cancelled(execution) else None
    return None if words is None else words[:1].upper() + words[1:].partition("\n")[0]


def _header(document: ExecutionDocument, now: float) -> Table:
    grid = Table.grid(padding=(0, 2))
    for label, value in _header_lines(document, now):
        if value:
            grid.add_row(Text(label, style="dim"), plain(value))
    return grid


def _header_lines(document: ExecutionDocument, now: float) -> Iterator[tuple[str, str | None]]:
    yield "Execution", document["executionId"]
    yield "Plan", f"{document['planName']} ({document['planId']})"
    yield "Type", document["executionType"]
    yield "Dry run", "yes" if document.get("dryRun") else None
    yield "Status", document["status"]
    yield ("Not run" if document["status"] == ExecutionStatus.SKIPPED else "Error"), document.get("error")
    yield "Rebuilt", "its record was lost, this is what DRS knew of it" if "rebuilt" in document else None
    yield "Cancelled", _cancel(document.get("cancel"))
    yield "Waiting for", _pause(document)
    yield "Opening waits", _waiting(document.get("waitingFor"))
    yield "Preflight", _preflight(document.get("findings"))
    yield "Replaces", document.get("replaceExecution")
    yield "Waves", f"{document['completedWaves']} of {document['totalWaves']} completed"
    yield "Servers", _counts(document["progress"])
    yield "Ticket", document.get("ticket")
    yield "Reason", document.get("reason")
    yield "Started by", document["initiatedBy"]
    yield "Airflow run", f"{document['dagId']} {document['dagRunId']}"
    yield "Bundle", " ".join(document[n] for n in ("bundleName", "bundleVersion") if n in document) or None
    yield "Airflow", document.get("controller")
    yield "Read-only", why_read_only(document)
    yield "Being deleted", moment(document.get("purgingTime"))
    yield "Submitted", moment(document["submittedTime"])
    yield "Started", moment(document.get("startTime"))
    yield "Ended", moment(document.get("endTime"))
    yield "Duration", duration(document, now)
    yield (
        "Measured",
        _measured(document.get("measured", {})),
    )
    yield "Instances", _instances(document)
    yield "Instances last checked", moment(document.get("instancesCheckedTime")) or None
    yield "Terminated by", ", ".join(map(_job, document.get("terminateJobs", [])))
    yield "Not terminated", document.get("terminationError")


def _measured(times: Times) -> str:
    pairs = (
        ("rto", times.get("rto")),
        ("launched after", times.get("rtoLaunched")),
        ("since the trigger", times.get("rtoDeclared")),
        ("rpo", times.get("rpo")),
        ("rpo in data", times.get("rpoData")),
    )
    return ", ".join(f"{name} {words(seconds)}" for name, seconds in pairs if seconds is not None)


def _cancel(cancel: Cancel | None) -> str | None:
    return f"by {cancel['actor']}, {moment(cancel['time'])}: {cancel_reason(cancel)}" if cancel else None


def _waiting(waiting: WaitingFor | None) -> str | None:
    return f"since {moment(waiting['since'])}: {waiting['message']}" if waiting else None


def _pause(document: ExecutionDocument) -> str | None:
    if (paused := document.get("paused")) is None:
        return None
    failed = any(
        wave["waveNumber"] == paused["wave"] and wave["status"] == WaveStatus.FAILED
        for wave in document["waves"]
    )
    approvers = ", ".join(paused["approvers"]) or "anyone who may trigger the plan"
    question = f"{'a decision about the failure' if failed else 'approval'} of wave {paused['wave']}"
    return f"{question} by {approvers} since {moment(paused['since'])}: {paused['message']}"


def _preflight(findings: Sequence[PreflightFinding] | None) -> str | None:
    """How many findings there are; None before the preflight."""
    if findings is None:
        return None
    counts = Counter(finding["severity"] for finding in findings)
    return ", ".join(f"{count} {severity}" for severity, count in counts.items()) or "no findings"


def _findings(findings: Sequence[PreflightFinding]) -> Table:
    rows = table("Severity", "Wave", "Server", "What was found", "What to do")
    for finding in findings:
        server = f"{finding['serverName']} ({finding['sourceServerId']})" if "serverName" in finding else None
        add_row(
            rows, finding["severity"], finding.get("waveNumber"), server, finding["what"], finding["remedy"]
        )
    return rows


def _counts(progress: ServerCounts) -> str:
    parts = [f"{count} {name}" for name, count in progress.items() if count and name != "totalServers"]
    return f"{progress['totalServers']} ({', '.join(parts)})" if parts else str(progress["totalServers"])


def _instances(document: ExecutionDocument) -> str | None:
    """What has become of the instances, or will."""
    if document.get("instancesTerminated"):
        return f"terminated {moment(document.get('terminatedTime'))}"
    if document.get("instancesLeft") is False:
        return "none is running, according to the record"
    if "terminateAfter" in document:
        return f"terminated from {moment(document['terminateAfter'])} on"
    return "kept, as requested" if document.get("keepInstances") else None


def _job(job: Job | TerminationJob) -> str:
    return f"{job['jobId']} ({job['region']}, {job['status']})"
