"""List what failed and why: findings of the preflight, execution, waves, servers, clean-up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from drs_recovery.event_labels import in_words, short
from drs_recovery.statuses import ExecutionStatus, FindingSeverity, ServerPhase, WaveStatus
from drs_recovery.store import cancel_words, has_failed, step_label, was_cancelled
from drs_recovery.web.shared import Mark, Timestamp, counted, cut, opening, severity_mark, wave_title

if TYPE_CHECKING:
    from drs_recovery.store import Event, ExecutionDocument, PreflightFinding, ServerStatus, StepRecord, Wave

# What a page shows of them: the table of servers has them all. Few are shown whole, many only as they begin.
_MOST_FAILURES, _FEW_FAILURES = 10, 3
_LONGEST_TEXT, _LONGEST_OF_MANY = 2_500, 400


@dataclass(frozen=True)
class Failure:
    """
    One thing that went wrong.

    :param wave: number of the wave that it is about; None if it is about the whole execution.
    :param where: such as ``Wave 2 "Application"``, ``The execution`` or ``The clean-up``.
    :param server: name and id of the server, if it is about one.
    """

    wave: int | None
    where: str
    server: str | None
    text: str


@dataclass(frozen=True)
class Failures:
    """Everything that went wrong."""

    shown: tuple[Failure, ...]
    total: int


def failures_in(document: ExecutionDocument) -> Failures:
    """Everything that went wrong, as far as the record knows."""
    found = [
        *_of_execution(document),
        *(failure for wave in document["waves"] for failure in _of_wave(wave)),
        *_of_cleanup(document),
    ]
    longest = _LONGEST_TEXT if len(found) <= _FEW_FAILURES else _LONGEST_OF_MANY
    shown = (replace(failure, text=cut(failure.text, longest)) for failure in found[:_MOST_FAILURES])
    return Failures(tuple(shown), len(found))


def _of_execution(document: ExecutionDocument) -> Iterator[Failure]:
    """The error of the execution without what its failed waves say themselves."""
    failed = [wave for wave in document["waves"] if wave["status"] == WaveStatus.FAILED]
    told = {line for wave in failed for line in (wave.get("statusReason") or "").splitlines()}
    lines = _error_of(document).splitlines()
    rest = [line for line in lines if line not in told and not _is_about_servers(document, line)]
    if rest:
        yield Failure(None, "The execution", None, "\n".join(rest))


def _error_of(document: ExecutionDocument) -> str:
    """The error without why the execution was ended or not run, which is no failure."""
    error = str(document.get("error") or "")
    if document["status"] == ExecutionStatus.SKIPPED:
        return ""
    if not was_cancelled(document):
        return error
    if cancel := document.get("cancel"):
        in_full = f"cancelled by {cancel['actor']}: {cancel['reason']}"
        return error.removesuffix(in_full).removesuffix(str(cancel_words(document)))
    return ""


def _is_about_servers(document: ExecutionDocument, line: str) -> bool:
    """A completed wave with failed servers is told of by those."""
    return any(
        line.startswith(f"{wave_title(wave)} is completed without")
        for wave in document["waves"]
        if _failed_servers(wave)
    )


def _of_wave(wave: Wave) -> Iterator[Failure]:
    number, where, failed = wave["waveNumber"], opening(wave_title(wave)), _failed_servers(wave)
    if wave["status"] == WaveStatus.FAILED and (reason := _reason(wave, failed)):
        yield Failure(number, where, None, reason)
    else:
        # The reason of a failed wave names the step because of which it failed.
        failed_steps = filter(has_failed, wave.get("steps", ()))
        yield from (Failure(number, where, None, _step(step)) for step in failed_steps)
    for server in failed:
        name = f"{server['serverName']} ({server['sourceServerId']})"
        yield Failure(number, where, name, server.get("error") or "no reason is known")


def _step(step: StepRecord) -> str:
    return f"{step_label(step)}: {step.get('error') or 'no reason is known'}"


def _reason(wave: Wave, failed: Sequence[ServerStatus]) -> str:
    """Why a wave failed, without its name and without the lines about its failed servers."""
    reason = str(wave.get("statusReason") or "it failed, and no reason is known")
    starts = tuple(f"- {server['serverName']} ({server['sourceServerId']}" for server in failed)
    lines = [line for line in reason.splitlines() if not line.startswith(starts)] if starts else [reason]
    return "\n".join(lines).removeprefix(f"{wave_title(wave)} failed: ")


def _failed_servers(wave: Wave) -> list[ServerStatus]:
    """Critical ones first: they decide."""
    failed = [server for server in wave["serverStatuses"] if server["phase"] == ServerPhase.FAILED]
    return sorted(failed, key=lambda server: not server["critical"])


def _of_cleanup(document: ExecutionDocument) -> Iterator[Failure]:
    if document.get("terminationError") and not document.get("instancesTerminated"):
        yield Failure(None, "The cleanup", None, document["terminationError"])


@dataclass(frozen=True)
class Finding:
    """One finding of the preflight, about a wave or, with None, about the whole execution."""

    mark: Mark
    wave: int | None
    server: str | None
    what: str
    remedy: str


@dataclass(frozen=True)
class Preflight:
    """
    The findings.

    :param summary: such as ``1 error, 2 warnings``, or that everything was fine.
    :param findings: errors first.
    """

    summary: str
    findings: tuple[Finding, ...]
    has_errors: bool


def preflight_of(document: ExecutionDocument) -> Preflight | None:
    """The findings of an execution; None before its servers were checked."""
    findings = document.get("findings")
    if findings is None:
        return None
    counts = Counter(finding["severity"] for finding in findings)
    summary = ", ".join(counted(counts[one], one.lower()) for one in FindingSeverity if counts[one])
    return Preflight(
        summary=summary or "everything was found to be fine",
        findings=tuple(map(_finding, findings)),
        has_errors=bool(counts[FindingSeverity.ERROR]),
    )


def _finding(finding: PreflightFinding) -> Finding:
    server = finding.get("sourceServerId")
    return Finding(
        mark=severity_mark(finding["severity"]),
        wave=finding.get("waveNumber"),
        server=f"{finding.get('serverName') or server} ({server})" if server else None,
        what=finding["what"],
        remedy=finding["remedy"],
    )


# What a page shows of them, and of each. Beside many servers there is less room: a row of a server takes as
# much as some events.
MOST_EVENTS, FEWEST_EVENTS = 200, 60
_EVENTS_OF_A_ROW = 4
_LONGEST_DETAIL = 300

_TROUBLE = (
    *("EXECUTION_ERROR", "EXECUTION_FAILED", "EXECUTION_RECONCILED", "WAVE_FAILED", "TERMINATION_FAILED"),
    *("NOTIFICATION_FAILED", "METRIC_FAILED", "GATE_ANSWER_REFUSED", "INSTANCE_FOUND_LATE"),
    *("GATE_REJECTED", "GATE_TIMED_OUT", "FAILURE_GATE_TIMED_OUT", "FAILURE_GATE_OPENED"),
    *("STEP_FAILED", "STEP_TIMED_OUT", "STEP_UNKNOWN", "STEP_ANSWER_REFUSED", "STEP_ANSWER_COULD_NOT"),
    *("STEP_ANSWER_STOP", "STEP_ANSWER_TIMED_OUT"),
)


@dataclass(frozen=True)
class EventRow:
    """An event; its name as in the record, such as ``WAVE_COMPLETED``."""

    time: Timestamp
    name: str
    sentence: str
    actor: str
    is_trouble: bool
    details: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EventLog:
    """
    The events of an execution.

    :param rows: the newest ones, the newest first.
    :param note: what is left out, such as ``the newest 200 of 1,203 events``; None if nothing is.
    """

    rows: tuple[EventRow, ...]
    total: int
    note: str | None


def event_log(events: Sequence[Event], rows_beside: int = 0) -> EventLog:
    """The newest events."""
    most = max(FEWEST_EVENTS, MOST_EVENTS - _EVENTS_OF_A_ROW * rows_beside)
    newest = events[: -most - 1 : -1]
    left_out = len(events) > len(newest)
    return EventLog(
        rows=tuple(map(_row, newest)),
        total=len(events),
        note=f"the newest {len(newest)} of {len(events):,} events" if left_out else None,
    )


def _row(event: Event) -> EventRow:
    sentence, rest = in_words(event)
    return EventRow(
        time=Timestamp.at(event["time"]),
        name=event["event"],
        sentence=cut(sentence, _LONGEST_DETAIL),
        actor=event["actor"],
        is_trouble=event["event"] in _TROUBLE,
        details=tuple((name, cut(short(value), _LONGEST_DETAIL)) for name, value in rest.items() if value),
    )
