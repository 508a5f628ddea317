"""What happens to an execution now, or how it ended, in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from drs_recovery.statuses import (
    ExecutionStatus,
    GateDecision,
    ServerPhase,
    SkipCause,
    WaveStatus,
)
from drs_recovery.store import cancel_words, is_live, jobs_run, was_cancelled
from drs_recovery.web.allowed_actions import open_failure_gate, open_gate, open_step_gate
from drs_recovery.web.executions.failures import preflight_of
from drs_recovery.web.executions.gates import approvers_of
from drs_recovery.web.executions.steps import steps_sentence
from drs_recovery.web.executions.waves import launching, queued, servers_ready
from drs_recovery.web.shared import (
    Sentence,
    compose,
    count_left,
    counted,
    cut,
    listed,
    objective_results,
    opening,
    standing_request,
    wave_title,
)

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, Question, StepGate, StepRecord, Wave

# A plan can have many waves that run side by side; each tells of itself further down the page.
_MOST_WAVES = 3


def now_sentence(document: ExecutionDocument) -> Sentence:
    """Say what happens to an execution now, or how it ended."""
    return _SENTENCES[document["status"]](document)


def _pending(document: ExecutionDocument) -> Sentence:
    if "admittedTime" in document:
        return compose("Everything is checked: the first wave is about to start.")
    return compose("Its servers are being found and checked; nothing is launched yet.")


def _polling(document: ExecutionDocument) -> Sentence:
    active = [wave for wave in document["waves"] if wave["status"].is_active]
    if active:
        told = [compose(f"{opening(wave_title(wave))}: {_activity(wave)}.") for wave in active[:_MOST_WAVES]]
        more = len(active) - len(told)
        rest = [compose(f"{counted(more, 'more wave')} {'runs' if more == 1 else 'run'}.")] if more else []
        return _joined([*told, *rest, *_questions(document), *_ending(document)])
    if ending := _ending(document):
        return _joined(ending)
    if all(wave["status"].is_final for wave in document["waves"]):
        return compose("Every wave has come to its end: the result is being written.")
    return compose("The next wave is about to start.")


def _ending(document: ExecutionDocument) -> list[Sentence]:
    """A gate that nobody approved has decided about the end, seconds before the record is closed."""
    if not (refused := refusal(document)):
        return []
    return [compose(f"{opening(refused)}. Nothing more starts: the execution is about to end.")]


def _activity(wave: Wave) -> str:
    if at_steps := steps_sentence(wave):
        return at_steps
    if wave["status"] == WaveStatus.PENDING and "queue" in wave:
        return queued(wave)
    if wave["status"] == WaveStatus.PENDING:
        return "it is starting, DRS has not taken every job yet"
    return launching(wave)


def _paused(document: ExecutionDocument) -> Sentence:
    return _joined(_questions(document)) or compose("It waits for an answer.")


def _questions(document: ExecutionDocument) -> list[Sentence]:
    asked = (_questions_of(document, wave) for wave in document["waves"])
    return [question for of_wave in asked for question in of_wave]


def _questions_of(document: ExecutionDocument, wave: Wave) -> Iterator[Sentence]:
    """The questions of a wave and its steps that wait."""
    if gate := open_gate(document, wave):
        yield compose(f"Waiting for {approvers_of(gate)} to approve {wave_title(wave)}", *_when(gate))
    if failure := open_failure_gate(document, wave):
        text = f"{opening(wave_title(wave))} failed: waiting for {approvers_of(failure)} to decide what to do"
        yield compose(text, *_when(failure))
    for step in wave.get("steps", ()):
        if asked := open_step_gate(document, step):
            yield _step_question(wave, step, asked)


def _step_question(wave: Wave, step: StepRecord, gate: StepGate) -> Sentence:
    who, name = approvers_of(gate), f'step "{step["name"]}" of {wave_title(wave)}'
    if gate.get("isFailure"):
        return compose(f"{opening(name)} failed: waiting for {who} to decide what to do", *_when(gate))
    return compose(f"Waiting for {who} to do {name}", *_when(gate))


def _when(gate: Question) -> tuple[str | float, ...]:
    until = (" (until ", gate["deadline"], ")") if "deadline" in gate else ()
    return (" since ", gate["since"], *until, ".")


def _cancelling(document: ExecutionDocument) -> Sentence:
    cancel = document.get("cancel")
    who = f"Being cancelled by {cancel['actor']}" if cancel else "Ending"
    return compose(f"{who}: nothing more starts; {_pending_launches(document)}.")


def _pending_launches(document: ExecutionDocument) -> str:
    coming = [
        server
        for wave in document["waves"]
        if jobs_run(wave)
        for server in wave["serverStatuses"]
        if server.get("jobId") and not server["phase"].is_end
    ]
    if not coming:
        return "what was launched is being recorded"
    return f"DRS still launches {counted(len(coming), 'server')}, which {_is_are(len(coming))} recorded"


def _is_are(count: int) -> str:
    return "is" if count == 1 else "are"


def _completed(document: ExecutionDocument) -> Sentence:
    if document.get("dryRun"):
        preflight = preflight_of(document)
        found = f": {preflight.summary}" if preflight else ""
        return compose(f"Dry run finished, nothing was launched{found}.")
    rto = objective_results(document.get("measured", {}), document["objectives"])[0].sentence
    return compose(
        f"Finished: {servers_ready(document, _chosen(document))}{_omitted_waves(document)}. {rto}."
    )


def _chosen(document: ExecutionDocument) -> list[Wave]:
    return [wave for wave in document["waves"] if wave["status"] != WaveStatus.SKIPPED]


def _omitted_waves(document: ExecutionDocument) -> str:
    chosen = [wave for wave in document["waves"] if wave.get("skipCause") == SkipCause.NOT_CHOSEN]
    return f"; {counted(len(chosen), 'wave')} left out on purpose" if chosen else ""


def _partial(document: ExecutionDocument) -> Sentence:
    if was_cancelled(document):
        return cancelled_sentence(document)
    waves = f"{document['completedWaves']} of {counted(document['totalWaves'], 'wave')} completed"
    return compose(
        f"Partly successful: {waves}, {servers_ready(document, _chosen(document))}. {_main_reason(document)}"
    )


def _failed(document: ExecutionDocument) -> Sentence:
    if was_cancelled(document):
        return cancelled_sentence(document)
    launched = any("startTime" in wave for wave in document["waves"])
    return compose(
        f"Failed{'' if launched else ' before anything was launched'}: {_main_reason(document, opened=True)}"
    )


def _skipped(document: ExecutionDocument) -> Sentence:
    return compose(f"Not run, nothing was started: {_error(document)}.")


def _main_reason(document: ExecutionDocument, *, opened: bool = False) -> str:
    """The main reason why an execution did not end well, as a sentence of its own or as the rest of one."""
    reason = _failed_wave(document) or refusal(document) or _error(document)
    return f"{reason if opened else opening(reason)}."


def _failed_wave(document: ExecutionDocument) -> str | None:
    failed = [wave for wave in document["waves"] if wave["status"] == WaveStatus.FAILED]
    if not failed:
        return None
    more = f", and {counted(len(failed) - 1, 'more wave')}" if len(failed) > 1 else ""
    return f"{wave_title(failed[0])} failed ({servers_ready(document, [failed[0]])}){more}"


def _error(document: ExecutionDocument) -> str:
    """The error in a line; of a list that its first line only announces, the first entry and a count."""
    head, *more = (document.get("error") or "the record does not say why").splitlines()
    if not (head.endswith(":") and more):
        return first_line(head)
    rest = f"; and {len(more) - 1} more, see below" if len(more) > 1 else ""
    return f"{first_line(head)}: {first_line(more[0].removeprefix('- '))}{rest}"


def _joined(sentences: list[Sentence]) -> Sentence:
    spaced = [part for sentence in sentences for part in (compose(" "), sentence)]
    return compose(*spaced[1:])


_LONGEST_REASON = 300


def cancelled_sentence(document: ExecutionDocument) -> Sentence:
    """Say how an execution that was cancelled ended, such as ``Cancelled by admin: wrong plan. …``."""
    begin = opening(
        cancellation(document) or first_line(document.get("error") or "cancelled, reason unknown")
    )
    return compose(f"{begin}.", *_progress_before(document), *_remaining_instances(document))


def cancellation(document: ExecutionDocument) -> str | None:
    """Who ended an execution and why, as a part of a sentence; None if the record does not name them."""
    words = cancel_words(document)
    return refusal(document) if words is None else first_line(words)


def refusal(document: ExecutionDocument) -> str | None:
    """The gate that nobody approved, as a part of a sentence; None if there is none."""
    for wave in document["waves"]:
        gate = wave.get("gate")
        if gate and gate["decision"] == GateDecision.REJECTED:
            comment = f": {first_line(gate['comment'])}" if gate.get("comment") else ""
            return f"{wave_title(wave)} was rejected by {gate.get('actor')}{comment}"
        if gate and gate["decision"] == GateDecision.TIMED_OUT:
            return f"the gate of {wave_title(wave)} was not answered in time"
    return None


def first_line(text: str) -> str:
    """The first line of a text, without its full stop."""
    return cut(text.partition("\n")[0].strip().rstrip(".:"), _LONGEST_REASON)


def _progress_before(document: ExecutionDocument) -> tuple[str, ...]:
    """What had come to its end before; nothing of it is news where nothing had."""
    failed = [wave for wave in document["waves"] if wave["status"] == WaveStatus.FAILED]
    told = []
    if document["completedWaves"]:
        verb = "was" if document["completedWaves"] == 1 else "were"
        of_all = f"{document['completedWaves']} of {counted(document['totalWaves'], 'wave')}"
        told.append(f" {of_all} {verb} completed before.")
    if failed:
        names = listed([str(wave["waveNumber"]) for wave in failed])
        told.append(f" Wave{'' if len(failed) == 1 else 's'} {names} had failed before.")
    return tuple(told)


def _remaining_instances(document: ExecutionDocument) -> tuple[str | float, ...]:
    """What becomes of the instances."""
    count = count_left(document)
    if not count or is_live(document):
        return (_no_instances_left(document),)
    remain = f" {counted(count, 'instance')} {'remains' if count == 1 else 'remain'}"
    if standing_request(document):
        return (f"{remain}, being terminated.",)
    if "terminateAfter" in document:
        return (f"{remain}, terminated at ", document["terminateAfter"], ".")
    return (f"{remain} until {'it is' if count == 1 else 'they are'} terminated.",)


def _no_instances_left(document: ExecutionDocument) -> str:
    servers = [server for wave in document["waves"] for server in wave["serverStatuses"]]
    if document.get("instancesTerminated") or any(s["phase"] == ServerPhase.TERMINATED for s in servers):
        return " Its instances are terminated."
    launched = any(wave["jobs"] for wave in document["waves"])
    return " No instance of it is on record." if launched else " Nothing was launched."


_SENTENCES: Mapping[ExecutionStatus, Callable[[ExecutionDocument], Sentence]] = {
    ExecutionStatus.PENDING: _pending,
    ExecutionStatus.POLLING: _polling,
    ExecutionStatus.PAUSED: _paused,
    ExecutionStatus.CANCELLING: _cancelling,
    ExecutionStatus.COMPLETED: _completed,
    ExecutionStatus.PARTIAL_SUCCESS: _partial,
    ExecutionStatus.FAILED: _failed,
    ExecutionStatus.CANCELLED: cancelled_sentence,
    ExecutionStatus.SKIPPED: _skipped,
}
