"""A wave: how far it is, its questions, its DRS jobs and its servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drs_recovery.statuses import ServerPhase, SkipCause, WaveStatus
from drs_recovery.store import attempt_of, ended_as_planned, is_refused
from drs_recovery.web.allowed_actions import open_failure_gate, open_gate
from drs_recovery.web.executions.gates import (
    GateAnswer,
    GateView,
    answers_to,
    approvers_of,
    failure_gate_of,
    gate_of,
)
from drs_recovery.web.executions.steps import StepView, step_views, steps_sentence
from drs_recovery.web.shared import (
    Clock,
    JobRow,
    Mark,
    Sentence,
    Timestamp,
    clock,
    compose,
    counted,
    cut,
    job_rows,
    listed,
    mark_of_wave,
    opening,
    timestamp_if,
    wave_title,
    waves_before,
)

if TYPE_CHECKING:
    from drs_recovery.store import Event, ExecutionDocument, PollError, Wave
    from drs_recovery.web.executions.servers import ServerTable

_LONGEST_REASON = 2_500


@dataclass(frozen=True)
class WaveView:
    """
    A wave.

    :param sentence: what happens in it now, or how it ended, such as ``2 of 6 servers are ready``.
    :param clock: how long it took or has taken; None before its start.
    :param answers: everything that happened to its questions, oldest first.
    """

    number: int
    name: str
    mark: Mark
    sentence: str
    reason: str | None
    after: str | None
    attempt: int
    started: Timestamp | None
    ended: Timestamp | None
    clock: Clock | None
    gate: GateView | None
    failure_gate: GateView | None
    answers: tuple[GateAnswer, ...]
    jobs: tuple[JobRow, ...]
    trouble: Sentence | None
    steps: tuple[StepView, ...]
    servers: ServerTable


def wave_view(
    document: ExecutionDocument, wave: Wave, events: Iterable[Event], servers: ServerTable, as_of: float
) -> WaveView:
    """A wave."""
    return WaveView(
        number=wave["waveNumber"],
        name=wave["waveName"],
        mark=mark_of_wave(wave),
        sentence=wave_sentence(document, wave),
        reason=cut(wave["statusReason"], _LONGEST_REASON) if wave.get("statusReason") else None,
        after=listed([wave_title(other) for other in waves_before(document, wave)]) or None,
        attempt=attempt_of(wave),
        started=timestamp_if(wave.get("startTime")),
        ended=timestamp_if(wave.get("endTime")),
        clock=clock(wave["startTime"], wave.get("endTime"), as_of) if "startTime" in wave else None,
        gate=gate_of(document, wave),
        failure_gate=failure_gate_of(document, wave),
        answers=answers_to(events, wave["waveNumber"]),
        jobs=job_rows(wave["jobs"]),
        trouble=_trouble(wave.get("lastPollError")),
        steps=step_views(document, wave, as_of),
        servers=servers,
    )


def _trouble(error: PollError | None) -> Sentence | None:
    if not error:
        return None
    return compose(
        "The poll of DRS at ", error["time"], f" failed, it is tried again: {cut(error['message'], 500)}"
    )


# What DRS and the engine do with servers of a phase; the words go before a count.
_STAGES: Mapping[ServerPhase, str] = {
    ServerPhase.PENDING: "DRS has not begun yet",
    ServerPhase.SNAPSHOT: "DRS is taking snapshots",
    ServerPhase.CONVERSION: "DRS is converting snapshots",
    ServerPhase.LAUNCH: "DRS is launching instances",
    ServerPhase.LAUNCHED: "the details of launched instances are being read from EC2",
    ServerPhase.POST_LAUNCH: "post-launch actions run",
}
_PHASE_WORDS: Mapping[ServerPhase, str] = {
    ServerPhase.PENDING: "not begun",
    ServerPhase.SNAPSHOT: "in snapshot",
    ServerPhase.CONVERSION: "converting",
    ServerPhase.LAUNCH: "launching",
    ServerPhase.LAUNCHED: "launched",
    ServerPhase.POST_LAUNCH: "in post-launch actions",
    ServerPhase.READY: "ready",
    ServerPhase.FAILED: "failed",
    ServerPhase.TERMINATED: "terminated",
}

# What became of a wave that others depend on.
_ENDS: Mapping[str, str] = {
    WaveStatus.FAILED: "failed",
    WaveStatus.CANCELLED: "was cancelled",
    WaveStatus.SKIPPED: "was not started either",
}

# By whether it is over, and whether it is about one server.
_VERBS = {(False, False): "are", (False, True): "is", (True, False): "were", (True, True): "was"}


def wave_sentence(document: ExecutionDocument, wave: Wave) -> str:
    """Say what happens in a wave."""
    if at_steps := steps_sentence(wave):
        return f"{opening(at_steps)}."
    match wave["status"]:
        case WaveStatus.NOT_STARTED:
            return _before_start(document, wave)
        case WaveStatus.PENDING:
            return _starting(wave)
        case WaveStatus.POLLING:
            return opening(launching(wave))
        case WaveStatus.SKIPPED:
            return _skipped(wave)
        case WaveStatus.CANCELLED if "startTime" not in wave:
            return "It was not started."
        case WaveStatus.FAILED if gate := open_failure_gate(document, wave):
            return f"{servers_ready(document, [wave])}. Waits for {approvers_of(gate)} to decide."
    return f"{servers_ready(document, [wave])}."


def launching(wave: Wave) -> str:
    """What DRS does for a running wave, such as ``DRS is converting snapshots: 2 of 6 servers; 1 ready``."""
    phases = Counter(server["phase"] for server in wave["serverStatuses"])
    under_way = {phase: phases[phase] for phase in _STAGES if phases[phase]}
    if not under_way:
        return "every server has come to its end: the wave is being judged"
    # What most servers go through, of those that DRS has begun with; of equally many, the earlier one.
    begun = [phase for phase in under_way if phase is not ServerPhase.PENDING]
    stage = max(begun or under_way, key=lambda phase: (under_way[phase], -phase.rank))
    others = [
        f"{phases[phase]} {_PHASE_WORDS[phase]}"
        for phase in ServerPhase
        if phase is not stage and phases[phase]
    ]
    head = f"{_STAGES[stage]}: {_of(phases[stage], phases.total())}"
    return f"{head}; {', '.join(others)}" if others else head


def queued(wave: Wave) -> str:
    """Where a wave stands in the queue, such as ``queued: position 3, 2 jobs are ahead; …``."""
    queue = wave["queue"]
    return f"queued: position {queue['position']}, {queue['reason']}"


def servers_ready(document: ExecutionDocument, waves: list[Wave]) -> str:
    """How many servers are ready, or were before their instances were terminated."""
    phases = Counter(server["phase"] for wave in waves for server in wave["serverStatuses"])
    ready = phases[ServerPhase.READY] + phases[ServerPhase.TERMINATED]
    past = bool(document.get("instancesTerminated") or phases[ServerPhase.TERMINATED])
    text = f"{_of(ready, phases.total())} {_VERBS[past, phases.total() == 1]} ready"
    return f"{text}, {phases[ServerPhase.FAILED]} failed" if phases[ServerPhase.FAILED] else text


def _of(count: int, total: int) -> str:
    return f"{count} of {counted(total, 'server')}"


def _before_start(document: ExecutionDocument, wave: Wave) -> str:
    if gate := open_gate(document, wave):
        return f"Waits for {approvers_of(gate)} to approve it."
    if is_refused(wave):
        return "Is not started: it was not approved."
    before = [other for other in waves_before(document, wave) if not ended_as_planned(other)]
    if not before:
        return "Is about to start."
    for other in before:
        if other["status"] in _ENDS:
            return f"It depends on {wave_title(other)}, which {_ENDS[other['status']]}."
    names = listed([wave_title(other) for other in before])
    return f"Starts when {names} {'has' if len(before) == 1 else 'have'} ended well."


def _starting(wave: Wave) -> str:
    attempt = f"Attempt {attempt_of(wave)}: " if attempt_of(wave) > 1 else ""
    if wave.get("restartPending"):
        return f"{attempt}it is being decided which servers start again."
    if "queue" in wave:
        return opening(f"{attempt}{queued(wave)}.")
    return opening(f"{attempt}DRS has not taken every job yet.")


def _skipped(wave: Wave) -> str:
    if wave.get("skipCause") == SkipCause.EXECUTION_SKIPPED:
        return "Not started: the execution was not run."
    if wave.get("skipCause", SkipCause.NOT_CHOSEN).is_choice:
        return "Left out on purpose."
    return "Not started, because of a wave before it."
