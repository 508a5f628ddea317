"""How an execution ended that people ended: who, why, and what is left of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.statuses import GateDecision, ServerPhase, WaveStatus
from drs_recovery.store.facts import cancel_words
from drs_recovery.web.allowed_actions import is_live
from drs_recovery.web.shared.formatting import Sentence, counted, cut, listed, opening, said, wave_title
from drs_recovery.web.shared.instances import count_left, standing_request

Record = Mapping[str, Any]

_LONGEST_REASON = 300


def cancelled_sentence(document: Record) -> Sentence:
    """
    Say how an execution that was cancelled ended, such as ``Cancelled by admin: wrong plan. …``.

    :param document: the execution document.
    """
    begin = opening(who_ended(document) or first_line(document.get("error") or "cancelled, reason unknown"))
    return said(f"{begin}.", *_reached(document), *_left(document))


def who_ended(document: Record) -> str | None:
    """
    Who ended an execution and why, as a part of a sentence; None if the record does not name them.

    :param document: the execution document.
    """
    words = cancel_words(document)
    return refusal(document) if words is None else first_line(words)


def refusal(document: Record) -> str | None:
    """
    The gate that nobody approved, as a part of a sentence; None if there is none.

    :param document: the execution document.
    """
    for wave in document["waves"]:
        gate = wave.get("gate") or {}
        if gate.get("decision") == GateDecision.REJECTED:
            comment = f": {first_line(gate['comment'])}" if gate.get("comment") else ""
            return f"{wave_title(wave)} was rejected by {gate.get('actor')}{comment}"
        if gate.get("decision") == GateDecision.TIMED_OUT:
            return f"the gate of {wave_title(wave)} was not answered in time"
    return None


def first_line(text: str) -> str:
    """
    The first line of a text, without its full stop.

    :param text: of a person, or of a record.
    """
    return cut(text.partition("\n")[0].strip().rstrip(".:"), _LONGEST_REASON)


def _reached(document: Record) -> tuple[str, ...]:
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


def _left(document: Record) -> tuple[str | float, ...]:
    """What becomes of the instances."""
    count = count_left(document)
    if not count or is_live(document):
        return (_nothing_left(document),)
    remain = f" {counted(count, 'instance')} {'remains' if count == 1 else 'remain'}"
    if standing_request(document):
        return (f"{remain}, being terminated.",)
    if "terminateAfter" in document:
        return (f"{remain}, terminated at ", document["terminateAfter"], ".")
    return (f"{remain} until {'it is' if count == 1 else 'they are'} terminated.",)


def _nothing_left(document: Record) -> str:
    servers = [server for wave in document["waves"] for server in wave["serverStatuses"]]
    if document.get("instancesTerminated") or any(s["phase"] == ServerPhase.TERMINATED for s in servers):
        return " Its instances are terminated."
    launched = any(wave["jobs"] for wave in document["waves"])
    return " No instance of it is on record." if launched else " Nothing was launched."
