"""Compare the time of an execution with its objectives: in time, at risk, missed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drs_recovery.durations import words
from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.store import (
    ended_as_planned,
    is_live,
    is_refused,
)
from drs_recovery.web.allowed_actions import is_at_work
from drs_recovery.web.executions.forecast import estimated_end, expected_end, is_late
from drs_recovery.web.shared import (
    Clock,
    Mark,
    ObjectiveResult,
    ObjectiveState,
    Sentence,
    Timestamp,
    Tone,
    clock,
    compose,
    counted,
    objective_results,
    timestamp_if,
    wave_title,
)

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument


_IN_TIME = Mark("IN_TIME", Tone.BUSY, "▶", "In time", "By its own estimate it ends before the objective.")
_AT_RISK = Mark("AT_RISK", Tone.WARNING, "!", "At risk", "By its own estimate it misses the objective.")
_MISSED = Mark("MISSED", Tone.BAD, "✗", "Missed", "The time is over, and it has not ended.")
_RUNS = Mark("RUNS", Tone.BUSY, "▶", "Time runs", "When it will end cannot be estimated.")


@dataclass(frozen=True)
class Outlook:
    """How the recovery time stands, and when it is over; None before its clock has started."""

    mark: Mark
    sentence: Sentence
    due: float | None


def rto_outlook(document: ExecutionDocument, as_of: float) -> Outlook | None:
    """
    How the recovery time of a live execution stands; None if nothing can be said of it.

    Its clock starts with the first wave. What waits for an answer is expected to go on now.
    """
    target = document["objectives"].get("rto")
    ending = document["status"] == ExecutionStatus.CANCELLING
    if target is None or document.get("dryRun") or not is_live(document) or ending:
        return None
    due = float(document["startTime"]) + target if "startTime" in document else None
    name, end = f"RTO {words(target)}: ", expected_end(document, as_of)
    if due is not None and as_of > due:
        return Outlook(_MISSED, compose(name, "the time was over at ", due, "."), due)
    until = compose() if due is None else compose("; the time is over at ", due)
    if trouble := _trouble(document):
        text = f"{trouble}, and only an execution that completes has a recovery time"
        return Outlook(_AT_RISK, compose(name, text, until, "."), due)
    if end is None:
        return None if due is None else Outlook(_RUNS, compose(name, "the time is over at ", due, "."), due)
    late = end - (as_of + target if due is None else due)
    if late > 0:
        return Outlook(
            _AT_RISK, compose(name, f"expected {_rough(late)} after the objective", until, "."), due
        )
    if due is None:
        taken = words(end - as_of)
        return Outlook(
            _IN_TIME, compose(name, f"expected in {taken} from the start of the first wave."), None
        )
    return Outlook(_IN_TIME, compose(name, "expected at about ", end, until, "."), due)


def _trouble(document: ExecutionDocument) -> str | None:
    """What keeps an execution from completing as things stand; a retry can mend it."""
    for wave in document["waves"]:
        status = wave["status"]
        if is_refused(wave):
            return f"{wave_title(wave)} was not approved"
        if status.is_final and not ended_as_planned(wave):
            return f"{wave_title(wave)} {_ENDS[status]}"
        if status is WaveStatus.COMPLETED and (failed := wave["progress"]["failed"]):
            return f"{wave_title(wave)} is without {counted(failed, 'server')}"
    return None


_ENDS: Mapping[WaveStatus, str] = {
    WaveStatus.FAILED: "failed",
    WaveStatus.CANCELLED: "was cancelled",
    WaveStatus.SKIPPED: "was passed over",
}


def _rough(seconds: float) -> str:
    return words(round(seconds / 60) * 60 if seconds >= 60 else seconds)


_TITLES = {"RTO": "Recovery time objective", "RPO": "Recovery point objective"}

_MARKS: Mapping[str, Mark] = {
    ObjectiveState.MET: Mark(ObjectiveState.MET, Tone.GOOD, "✓", "Met"),
    ObjectiveState.MISSED: Mark(ObjectiveState.MISSED, Tone.BAD, "✗", "Missed"),
    ObjectiveState.NOT_MEASURED: Mark(ObjectiveState.NOT_MEASURED, Tone.NEUTRAL, "○", "Not measured"),
    ObjectiveState.NO_OBJECTIVE: Mark(ObjectiveState.NO_OBJECTIVE, Tone.NEUTRAL, "○", "No objective"),
}


@dataclass(frozen=True)
class Objective:
    """
    A promise of the plan.

    :param title: what it means, such as ``Recovery time objective``.
    :param due: of a clock that runs: when the time is over; the browser counts down to it.
    """

    name: str
    title: str
    target: str
    measured: str
    mark: Mark
    due: Timestamp | None
    sentence: Sentence


@dataclass(frozen=True)
class Times:
    """
    The times of an execution.

    :param elapsed: how long it took or has taken, from the start of its first wave, or else its opening.
    :param expected_label: what that time is called: only a plan with a history has one that is usual.
    :param estimated_end: when it should end; None if that is over or unknown.
    :param sentence: what can be said about the end, such as ``about 12 min to go`` as a moment; may be empty.
    """

    ended: Timestamp | None
    elapsed: Clock
    expected: str
    expected_label: str
    estimated_end: Timestamp | None
    is_late: bool
    declared: Clock | None
    sentence: Sentence
    objectives: tuple[Objective, ...]


def times_of(document: ExecutionDocument, as_of: float) -> Times:
    """The times of an execution."""
    begun = document.get("startTime", document["submittedTime"])
    ended = None if is_live(document) else document.get("endTime")
    launches = not (document.get("dryRun") or document["status"] == ExecutionStatus.SKIPPED)
    expected = document.get("expectedDuration") if launches else None
    late = is_at_work(document) and is_late(document, as_of)
    estimate = estimated_end(document, as_of)
    return Times(
        ended=timestamp_if(ended),
        elapsed=clock(begun, ended, as_of),
        expected=words(expected) if expected else "",
        expected_label="Usually takes" if document.get("expectedSamples") else "Should take",
        estimated_end=timestamp_if(estimate),
        is_late=late,
        declared=_declared(document, as_of),
        sentence=_sentence(document, expected, estimate, late),
        objectives=objectives_of(document, as_of),
    )


def objectives_of(document: ExecutionDocument, as_of: float) -> tuple[Objective, ...]:
    """RTO and RPO as they stand."""
    results = objective_results(document.get("measured", {}), document["objectives"])
    return tuple(_objective(document, result, as_of) for result in results)


def _declared(document: ExecutionDocument, as_of: float) -> Clock | None:
    if document["isDrill"] or document.get("dryRun") or not is_live(document):
        return None
    return clock(document["submittedTime"], None, as_of)


def _sentence(
    document: ExecutionDocument, expected: float | None, estimate: float | None, late: bool
) -> Sentence:
    if not expected:
        return compose()
    basis = f"{words(expected)}, {_basis(document)}"
    if late:
        return compose(f"It takes longer than expected ({basis}).")
    if estimate is not None:
        return compose("It should end at about ", estimate, f" ({basis}).")
    wait = ", not counting the wait for an answer" if document["status"] == ExecutionStatus.PAUSED else ""
    return compose(f"Expected: {basis}{wait}.")


def _basis(document: ExecutionDocument) -> str:
    samples = document.get("expectedSamples")
    kind = "drill" if document["isDrill"] else "recovery"
    if samples:
        plural = "drills" if kind == "drill" else "recoveries"
        return (
            f"as its waves took in the last {kind}"
            if samples == 1
            else f"the medians of its waves in at least {samples} {plural}"
        )
    if any(wave.get("expectedDuration") for wave in document["waves"]):
        return "as its waves took earlier, with the usual time of DRS for those without a history"
    return f"the usual time of DRS, since no earlier {kind} of these waves completed"


def _objective(document: ExecutionDocument, result: ObjectiveResult, as_of: float) -> Objective:
    target, measured = result.target, result.measured
    mark, sentence, due = (
        _MARKS[result.state],
        compose(f"{result.sentence}.{_beside(document, result)}"),
        None,
    )
    if result.state is ObjectiveState.NOT_MEASURED:
        sentence = compose(f"{result.name} {words(target)}: {_missing_measure(document, result.name)}.")
        if result.name == "RTO" and (outlook := rto_outlook(document, as_of)):
            mark, sentence, due = outlook.mark, outlook.sentence, outlook.due
    return Objective(
        name=result.name,
        title=_TITLES[result.name],
        target=words(target),
        measured=words(measured),
        mark=mark,
        due=timestamp_if(due),
        sentence=sentence,
    )


def _beside(document: ExecutionDocument, result: ObjectiveResult) -> str:
    """What else was measured: from the decision on, and in the data themselves."""
    times = document.get("measured", {})
    if result.name == "RTO" and (declared := times.get("rtoDeclared")) and not document["isDrill"]:
        return f" Since it was declared: {words(declared)}."
    if result.name == "RPO" and (data := times.get("rpoData")) is not None:
        return f" The newest heartbeat in the data was {words(data)} old."
    return ""


def _missing_measure(document: ExecutionDocument, name: str) -> str:
    if document.get("dryRun"):
        return "not measured, a dry run launches nothing"
    if document["status"] == ExecutionStatus.CANCELLING and name == "RTO":
        return "not measured, the execution is being ended"
    if is_live(document):
        return "its clock starts with the first wave" if name == "RTO" else "measured at the end"
    if name == "RTO":
        return "not measured, only an execution that completed has a recovery time"
    return "not measured, the age of the data is not known of every server"
