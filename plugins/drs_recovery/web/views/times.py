"""How long an execution has taken of what is expected, and how its objectives stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drs_recovery.statuses import ExecutionStatus
from drs_recovery.web.rules import is_at_work, is_live
from drs_recovery.web.views.moments import Moment, moment_if
from drs_recovery.web.views.objectives import ObjectiveResult, ObjectiveState, objective_results
from drs_recovery.web.views.parts import Clock, Sentence, Span, clock, said
from drs_recovery.web.views.status_marks import Mark, Tone
from drs_recovery.wording import words

Record = Mapping[str, Any]

_TITLES = {"RTO": "Recovery time objective", "RPO": "Recovery point objective"}

_MARKS: Mapping[str, Mark] = {
    ObjectiveState.MET: Mark(ObjectiveState.MET, Tone.GOOD, "✓", "Met"),
    ObjectiveState.MISSED: Mark(ObjectiveState.MISSED, Tone.BAD, "✗", "Missed"),
    ObjectiveState.NOT_MEASURED: Mark(ObjectiveState.NOT_MEASURED, Tone.NEUTRAL, "○", "Not measured"),
    ObjectiveState.NO_OBJECTIVE: Mark(ObjectiveState.NO_OBJECTIVE, Tone.NEUTRAL, "○", "No objective"),
}
_RUNNING = Mark("RUNNING", Tone.BUSY, "▶", "In time")
_EXCEEDED = Mark("EXCEEDED", Tone.BAD, "!", "Exceeded")


@dataclass(frozen=True)
class Objective:
    """
    A promise of the plan.

    :param name: ``RTO`` or ``RPO``.
    :param title: what it means, such as ``Recovery time objective``.
    :param target: what was promised; None if the plan promises nothing.
    :param measured: what was measured; None if nothing was.
    :param mark: met, missed, running, exceeded, not measured.
    :param due: of a clock that runs: when the time is over; the browser counts down to it.
    :param sentence: all of it in words.
    """

    name: str
    title: str
    target: Span | None
    measured: Span | None
    mark: Mark
    due: Moment | None
    sentence: Sentence


@dataclass(frozen=True)
class Times:
    """
    The times of an execution.

    :param submitted: when it was opened.
    :param started: when its first wave was asked for.
    :param ended: when it ended.
    :param elapsed: how long it took or has taken, from the start of its first wave, or else its opening.
    :param expected: how long it should take.
    :param expected_label: what that time is called: only a plan with a history has one that is usual.
    :param estimated_end: when it should end; None if that is over or unknown.
    :param is_late: whether it has taken longer than expected.
    :param sentence: what can be said about the end, such as ``about 12 min to go`` as a moment; may be empty.
    :param objectives: RTO and RPO.
    """

    submitted: Moment
    started: Moment | None
    ended: Moment | None
    elapsed: Clock
    expected: Span | None
    expected_label: str
    estimated_end: Moment | None
    is_late: bool
    sentence: Sentence
    objectives: tuple[Objective, ...]


def times_of(document: Record, as_of: float) -> Times:
    """
    The times of an execution.

    :param document: the execution document.
    :param as_of: the moment of the page.
    """
    begun = document.get("startTime", document["submittedTime"])
    ended = None if is_live(document) else document.get("endTime")
    launches = not (document.get("dryRun") or document["status"] == ExecutionStatus.SKIPPED)
    expected = document.get("expectedDuration") if launches else None
    estimate = _estimate(document, expected, as_of)
    is_late = bool(expected) and is_at_work(document) and as_of - begun > expected
    return Times(
        submitted=Moment.at(document["submittedTime"]),
        started=moment_if(document.get("startTime")),
        ended=moment_if(ended),
        elapsed=clock(begun, ended, as_of),
        expected=Span(expected) if expected else None,
        expected_label="Usually takes" if document.get("expectedSamples") else "Should take",
        estimated_end=moment_if(estimate),
        is_late=is_late,
        sentence=_sentence(document, expected, estimate, is_late),
        objectives=tuple(
            _objective(document, result, as_of)
            for result in objective_results(document.get("measured", {}), document["objectives"])
        ),
    )


def _estimate(document: Record, expected: float | None, as_of: float) -> float | None:
    """The expected end; none while an answer or the end is waited for, which may take any time."""
    if not (expected and is_at_work(document)):
        return None
    end = float(document["startTime"]) + expected
    return end if end > as_of else None


def _sentence(document: Record, expected: float | None, estimate: float | None, is_late: bool) -> Sentence:
    if not expected:
        return said()
    basis = f"{words(expected)}, {_basis(document)}"
    if is_late:
        return said(f"It takes longer than expected ({basis}).")
    if estimate is not None:
        return said("It should end at about ", estimate, f" ({basis}).")
    return said(f"Expected: {basis}{_wait(document)}.")


def _wait(document: Record) -> str:
    """Earlier executions waited for answers, too; the usual time of DRS knows of none."""
    if document["status"] != ExecutionStatus.PAUSED:
        return ""
    if document.get("expectedSamples"):
        return ", with the waits for answers"
    return ", not counting the wait for an answer"


def _basis(document: Record) -> str:
    samples = document.get("expectedSamples")
    kind = "drill" if document["isDrill"] else "recovery"
    if not samples:
        return f"the usual time of DRS, since no earlier {kind} of this plan completed"
    return f"as the last {kind}" if samples == 1 else f"the median of the last {samples} {_plural(kind)}"


def _plural(kind: str) -> str:
    return "drills" if kind == "drill" else "recoveries"


def _objective(document: Record, result: ObjectiveResult, as_of: float) -> Objective:
    key = result.name.lower()
    target, measured = document["objectives"].get(key), document.get("measured", {}).get(key)
    due = _due(document, result.name, target)
    mark, sentence = _MARKS[result.state], said(f"{result.sentence}.")
    if due is not None:
        mark = _RUNNING if as_of <= due else _EXCEEDED
        until = "the time is over at " if as_of <= due else "the time was over at "
        sentence = said(f"{result.name} {words(target)}: {until}", due, ".")
    elif result.state is ObjectiveState.NOT_MEASURED:
        sentence = said(f"{result.name} {words(target)}: {_why_not_measured(document, result.name)}.")
    return Objective(
        name=result.name,
        title=_TITLES[result.name],
        target=None if target is None else Span(target),
        measured=None if measured is None else Span(measured),
        mark=mark,
        due=moment_if(due),
        sentence=sentence,
    )


def _due(document: Record, name: str, target: float | None) -> float | None:
    """When the recovery time is over, while it runs."""
    if name != "RTO" or target is None or not is_live(document) or "startTime" not in document:
        return None
    return float(document["startTime"]) + target


def _why_not_measured(document: Record, name: str) -> str:
    if document.get("dryRun"):
        return "not measured, a dry run launches nothing"
    if is_live(document):
        return "its clock starts with the first wave" if name == "RTO" else "measured at the end"
    if name == "RTO":
        return "not measured, only an execution that completed has a recovery time"
    return "not measured, the age of the data is not known of every server"
