"""A wave: how far it is, its questions, its DRS jobs and its servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from drs_recovery.store.facts import attempt_of
from drs_recovery.web.executions.gates import GateAnswer, GateView, answers_to, failure_gate_of, gate_of
from drs_recovery.web.executions.servers import ServerTable
from drs_recovery.web.executions.wave_sentences import wave_sentence
from drs_recovery.web.shared.formatting import (
    Clock,
    Link,
    Moment,
    Sentence,
    clock,
    cut,
    listed,
    moment_if,
    said,
    wave_title,
    waves_before,
)
from drs_recovery.web.shared.instances import job_link
from drs_recovery.web.shared.marks import Mark, job_mark, wave_mark

Record = Mapping[str, Any]

_LONGEST_REASON = 2_500


@dataclass(frozen=True)
class JobRow:
    """
    A DRS job.

    :param job: its id with a link to the DRS console.
    :param region: its AWS Region.
    :param mark: its status as DRS last told.
    :param attempt: the attempt that it belongs to, from 1.
    :param started: when it was recorded.
    :param ended: when it ended.
    """

    job: Link
    region: str
    mark: Mark
    attempt: int
    started: Moment | None
    ended: Moment | None


@dataclass(frozen=True)
class WaveView:
    """
    A wave.

    :param number: from 1.
    :param name: its name in the plan.
    :param mark: its status.
    :param sentence: what happens in it now, or how it ended, such as ``2 of 6 servers are ready``.
    :param reason: why it failed, was cancelled or left out; may have several lines.
    :param after: the waves that must end well before it, in words; None if it starts at once.
    :param attempt: number of the attempt, from 1.
    :param started: when it was asked for first.
    :param ended: when it ended.
    :param clock: how long it took or has taken; None before its start.
    :param gate: the question before it.
    :param failure_gate: the question about its failure.
    :param answers: everything that happened to its questions, oldest first.
    :param jobs: its DRS jobs.
    :param trouble: what went wrong at the last look at DRS, which is tried again.
    :param servers: its servers.
    """

    number: int
    name: str
    mark: Mark
    sentence: str
    reason: str | None
    after: str | None
    attempt: int
    started: Moment | None
    ended: Moment | None
    clock: Clock | None
    gate: GateView | None
    failure_gate: GateView | None
    answers: tuple[GateAnswer, ...]
    jobs: tuple[JobRow, ...]
    trouble: Sentence | None
    servers: ServerTable


def wave_view(
    document: Record, wave: Record, events: Iterable[Record], servers: ServerTable, as_of: float
) -> WaveView:
    """
    A wave.

    :param document: the execution document.
    :param wave: of the document.
    :param events: of the execution, oldest first.
    :param servers: its servers.
    :param as_of: the moment of the page.
    """
    return WaveView(
        number=wave["waveNumber"],
        name=wave["waveName"],
        mark=wave_mark(wave["status"]),
        sentence=wave_sentence(document, wave),
        reason=cut(wave["statusReason"], _LONGEST_REASON) if wave.get("statusReason") else None,
        after=_after(document, wave),
        attempt=attempt_of(wave),
        started=moment_if(wave.get("startTime")),
        ended=moment_if(wave.get("endTime")),
        clock=clock(wave["startTime"], wave.get("endTime"), as_of) if "startTime" in wave else None,
        gate=gate_of(document, wave),
        failure_gate=failure_gate_of(document, wave),
        answers=answers_to(events, wave["waveNumber"]),
        jobs=job_rows(wave["jobs"]),
        trouble=_trouble(wave.get("lastPollError")),
        servers=servers,
    )


def job_rows(jobs: Iterable[Record]) -> tuple[JobRow, ...]:
    """
    DRS jobs as rows.

    :param jobs: entries of a WAVE record, or of ``terminateJobs``.
    """
    return tuple(
        JobRow(
            job=job_link(job["region"], job["jobId"]),
            region=job["region"],
            mark=job_mark(job["status"]),
            attempt=attempt_of(job),
            started=moment_if(job.get("startTime")),
            ended=moment_if(job.get("endTime")),
        )
        for job in jobs
    )


def _after(document: Record, wave: Record) -> str | None:
    return listed([wave_title(other) for other in waves_before(document, wave)]) or None


def _trouble(error: Record | None) -> Sentence | None:
    if not error:
        return None
    return said(
        "The poll of DRS at ", error["time"], f" failed, it is tried again: {cut(error['message'], 500)}"
    )
