"""Whether a live execution will meet its recovery time, by its own estimate: in time, at risk, missed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drs_recovery.durations import words
from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.store.facts import is_refused
from drs_recovery.store.rules import ended_as_planned
from drs_recovery.web.allowed_actions import is_live
from drs_recovery.web.executions.forecast import expected_end
from drs_recovery.web.shared.formatting import Sentence, counted, said, wave_title
from drs_recovery.web.shared.marks import Mark, Tone

Record = Mapping[str, Any]

_IN_TIME = Mark("IN_TIME", Tone.BUSY, "▶", "In time", "By its own estimate it ends before the objective.")
_AT_RISK = Mark("AT_RISK", Tone.WARNING, "!", "At risk", "By its own estimate it misses the objective.")
_MISSED = Mark("MISSED", Tone.BAD, "✗", "Missed", "The time is over, and it has not ended.")
_RUNS = Mark("RUNS", Tone.BUSY, "▶", "Time runs", "When it will end cannot be estimated.")


@dataclass(frozen=True)
class Outlook:
    """
    How the recovery time stands.

    :param mark: in time, at risk, missed.
    :param sentence: the same with the reason.
    :param due: when the time is over; None before its clock has started.
    """

    mark: Mark
    sentence: Sentence
    due: float | None


def rto_outlook(document: Record, as_of: float) -> Outlook | None:
    """
    How the recovery time of a live execution stands; None if nothing can be said of it.

    Its clock starts with the first wave. What waits for an answer is expected to go on now.

    :param document: the execution document.
    :param as_of: the moment of the page.
    """
    target = document["objectives"].get("rto")
    ending = document["status"] == ExecutionStatus.CANCELLING
    if target is None or document.get("dryRun") or not is_live(document) or ending:
        return None
    due = float(document["startTime"]) + target if "startTime" in document else None
    name, end = f"RTO {words(target)}: ", expected_end(document, as_of)
    if due is not None and as_of > due:
        return Outlook(_MISSED, said(name, "the time was over at ", due, "."), due)
    until = said() if due is None else said("; the time is over at ", due)
    if trouble := _trouble(document):
        text = f"{trouble}, and only an execution that completes has a recovery time"
        return Outlook(_AT_RISK, said(name, text, until, "."), due)
    if end is None:
        return None if due is None else Outlook(_RUNS, said(name, "the time is over at ", due, "."), due)
    late = end - (as_of + target if due is None else due)
    if late > 0:
        return Outlook(_AT_RISK, said(name, f"expected {_rough(late)} after the objective", until, "."), due)
    if due is None:
        taken = words(end - as_of)
        return Outlook(_IN_TIME, said(name, f"expected in {taken} from the start of the first wave."), None)
    return Outlook(_IN_TIME, said(name, "expected at about ", end, until, "."), due)


def _trouble(document: Record) -> str | None:
    """What keeps an execution from completing as things stand; a retry can mend it."""
    for wave in document["waves"]:
        status = WaveStatus(wave["status"])
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
