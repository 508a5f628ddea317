"""Word the messages to people. Names in a plan can hold anything."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from drs_recovery.durations import moment, words
from drs_recovery.notifications.events import (
    EXECUTION_STARTED,
    FAILURE_GATE_OPENED,
    GATE_OPENED,
    INSTANCES_TERMINATED,
    STEP_ASKED,
    STEP_FAILED,
    STEP_FAILURE_ASKED,
    TERMINATION_FAILED,
    WAVE_RETRIED,
    Asked,
    Happening,
)
from drs_recovery.statuses import WaveStatus
from drs_recovery.store import step_subject, was_cancelled
from drs_recovery.waves import failures_of

if TYPE_CHECKING:
    from drs_recovery.store import AnyGate, ExecutionDocument, StepRecord, Wave

# Source: Publish in botocore's sns model: "less than 100 characters", which Java counts in UTF-16.
LONGEST_SUBJECT = 99
# So that a long plan name leaves room for what the subject is about.
_LONGEST_NAME = 45
# A message of SNS holds 256 KiB, a mail that people read far less.
_LONGEST_DETAIL = 4000

# Line breaks of every kind, and what is no character at all: SNS refuses a subject with any of them.
_BREAKS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Notice:
    """
    A message.

    :param event: what happened, such as ``WAVE_FAILED``.
    :param subject: one line of at most 99 characters.
    :param attributes: for filters: ``event``, ``planId``, ``executionType``, ``status``, ``executionId``.
    :param run_link: address of the DAG run, if known.
    :param answer_link: where a question is answered, if this is one and the address is known.
    """

    event: str
    key: str
    subject: str
    message: str
    attributes: Mapping[str, str]
    run_link: str | None = None
    answer_link: str | None = None


def notice_of(
    happening: Happening,
    document: ExecutionDocument,
    run_link: str | None = None,
    answer_link: str | None = None,
) -> Notice:
    """Compose the message for one thing that happened."""
    answer_link = answer_link if happening.question else None
    blocks = [
        [_headline(happening, document)],
        list(_facts(document)),
        list(_details(happening, document)),
        list(_links(document, run_link, answer_link)),
    ]
    return Notice(
        event=happening.event,
        key=happening.key,
        subject=_one_line(_headline(happening, document, _LONGEST_NAME), LONGEST_SUBJECT),
        message=_CONTROL.sub(" ", "\n\n".join("\n".join(block) for block in blocks if block)) + "\n",
        attributes={
            "event": happening.event,
            "planId": document["planId"],
            "executionType": document["executionType"],
            "status": document["status"],
            "executionId": document["executionId"],
        },
        run_link=run_link,
        answer_link=answer_link,
    )


def plain_notice(key: str, headline: str, lines: Sequence[str], attributes: Mapping[str, str]) -> Notice:
    """
    Compose a message about something that no execution document tells.

    :param attributes: as those of :class:`Notice`, ``event`` among them.
    """
    return Notice(
        event=attributes["event"],
        key=key,
        subject=_one_line(headline, LONGEST_SUBJECT),
        message=_CONTROL.sub(" ", "\n".join([_one_line(headline, LONGEST_SUBJECT), "", *lines])) + "\n",
        attributes=attributes,
    )


def wave_summary(document: ExecutionDocument) -> str:
    """How many waves have which status, such as ``2 completed, 1 failed``, in the order of the statuses."""
    counts = Counter(wave["status"] for wave in document["waves"])
    return ", ".join(
        f"{counts[status]} {status.lower().replace('_', ' ')}" for status in _SUMMARY_ORDER if counts[status]
    )


_SUMMARY_ORDER = (
    WaveStatus.COMPLETED,
    WaveStatus.FAILED,
    WaveStatus.CANCELLED,
    WaveStatus.SKIPPED,
    WaveStatus.POLLING,
    WaveStatus.PENDING,
    WaveStatus.NOT_STARTED,
)


def _headline(happening: Happening, document: ExecutionDocument, longest_name: int = 100) -> str:
    kind = "dry run" if document.get("dryRun") else document["executionType"]
    execution = f"{kind} of {_one_line(document['planName'], longest_name)}"
    wave = happening.wave
    name = _one_line(wave["waveName"], longest_name) if wave else ""
    wave_name = f"wave {wave['waveNumber'] if wave else 0} ({name})"
    if happening.step is not None:
        return _step_headline(happening.event, happening.step, execution, wave_name, longest_name)
    headlines = {
        EXECUTION_STARTED: f"STARTED: {execution}",
        WAVE_RETRIED: f"RETRIED: {execution}, {wave_name}",
        GATE_OPENED: f"ANSWER NEEDED: {execution}, before {wave_name}",
        FAILURE_GATE_OPENED: f"ANSWER NEEDED: {execution}, after the failure of {wave_name}",
        INSTANCES_TERMINATED: f"TERMINATED: instances of {execution}",
        TERMINATION_FAILED: f"TERMINATION FAILED: instances of {execution}",
    }
    of_wave = f"{wave['status'] if wave else ''}: {execution}, {wave_name}"
    of_execution = f"{document['status']}: {execution}"
    return headlines.get(happening.event, of_wave if happening.wave else of_execution)


def _step_headline(event: str, step: StepRecord, execution: str, wave_name: str, longest_name: int) -> str:
    where = f'step "{_one_line(step["name"], longest_name)}" of {wave_name}'
    headlines = {
        STEP_ASKED: f"ANSWER NEEDED: {execution}, {where}",
        STEP_FAILURE_ASKED: f"ANSWER NEEDED: {execution}, after the failure of {where}",
        STEP_FAILED: f"{step['status']}: {execution}, {where}",
    }
    return headlines[event]


def _facts(document: ExecutionDocument) -> Iterator[str]:
    progress = document["progress"]
    yield f"Waves:      {wave_summary(document)}"
    failed = f", {progress['failed']} failed" if progress["failed"] else ""
    yield f"Servers:    {progress['ready']} of {progress['totalServers']} ready{failed}"
    if document.get("duration") is not None:
        yield f"Duration:   {words(document['duration'])}"
    yield f"Started by: {document['initiatedBy']}"
    for label, text in (("Ticket:     ", document.get("ticket")), ("Reason:     ", document.get("reason"))):
        if text:
            yield f"{label}{_one_line(text, _LONGEST_DETAIL)}"


def _details(happening: Happening, document: ExecutionDocument) -> Iterator[str]:
    if happening.question:
        yield from _question(happening.question)
    elif happening.step:
        yield from _failed_step(happening.step)
    elif happening.event == WAVE_RETRIED and happening.wave:
        yield f"Attempt {happening.wave['attempt']}: the servers that failed are launched again."
    elif happening.wave:
        yield from _wave_end(happening.wave)
    elif happening.event == TERMINATION_FAILED:
        yield _cut(document["terminationError"], _LONGEST_DETAIL)
        yield "Instances of it may still run."
    elif document["status"].is_final:
        yield from _end(document)


def _question(gate: AnyGate) -> Iterator[str]:
    yield _cut(gate["message"], _LONGEST_DETAIL)
    yield f"Who may answer: {', '.join(gate.get('approvers') or ()) or 'everyone who may run the plan'}"
    if gate.get("deadline"):
        yield f"Until:          {moment(gate['deadline'])}"


def _failed_step(step: StepRecord) -> Iterator[str]:
    why = step.get("error") or "no reason is known"
    yield _cut(f"S{step_subject(step)[1:]} is {step['status']}: {why}", _LONGEST_DETAIL)
    for server in step["servers"]["failures"] if "servers" in step else ():
        yield _cut(
            f"- {server['serverName']} ({server['sourceServerId']}): {server['detail']}", _LONGEST_DETAIL
        )
    if step["onFailure"] == "continue":
        yield "The wave goes on: the plan calls this a warning."


def _wave_end(wave: Wave) -> Iterator[str]:
    took = f" after {words(wave['duration'])}" if wave.get("duration") is not None else ""
    yield f"Wave {wave['waveNumber']} ({wave['waveName']}) is {wave['status']}{took}."
    if wave.get("statusReason"):
        yield _cut(wave["statusReason"], _LONGEST_DETAIL)
    else:
        yield from (_cut(f"- {failure}", _LONGEST_DETAIL) for failure in failures_of(wave["serverStatuses"]))


def _end(document: ExecutionDocument) -> Iterator[str]:
    if error := document.get("error"):
        begun = (
            f"{error[:1].upper()}{error[1:]}" if "cancel" in document and was_cancelled(document) else error
        )
        yield _cut(begun, _LONGEST_DETAIL)
    if document.get("instancesTerminated"):
        yield "Its instances are terminated."
    elif document.get("terminateAfter"):
        yield f"Its instances are terminated after {moment(document['terminateAfter'])}."


def _links(document: ExecutionDocument, run_link: str | None, answer: str | None) -> Iterator[str]:
    if answer:
        yield f"Answer:    {answer}"
    if run_link:
        yield f"DAG run:   {run_link}"
    yield f"Execution: {document['executionId']}"


def _one_line(text: str, longest: int) -> str:
    return _cut(_CONTROL.sub("", _BREAKS.sub(" ", str(text))).strip(), longest)


def _cut(text: str, longest: int) -> str:
    """Shorten a text to a length that is counted in UTF-16, as Java and so SNS counts."""
    units = text.encode("utf-16-le", "replace")
    if len(units) // 2 <= longest:
        return text
    return units[: 2 * (longest - 1)].decode("utf-16-le", "ignore").rstrip() + "…"


def run_link(base_url: str | None, document: ExecutionDocument) -> str | None:
    """
    Address of the DAG run that an execution stands for; None where nobody knows Airflow's address.

    :param base_url: where people reach Airflow; may have a path.
    """
    if not base_url:
        return None
    dag_id, run_id = quote(document["dagId"], safe=""), quote(document["dagRunId"], safe="")
    return f"{base_url.rstrip('/')}/dags/{dag_id}/runs/{run_id}"


def answer_link(run: str | None, asked: Asked | None) -> str | None:
    """
    Address of the page on which a question is answered.

    Airflow's ``generate_link_to_ui_from_context`` makes it too, but drops the path of a base address and does
    not quote a run id, which a ticketing tool may choose freely.
    """
    if run is None or asked is None:
        return None
    return f"{run}/tasks/{quote(asked.task_id, safe='')}/required_actions?map_index=-1"
