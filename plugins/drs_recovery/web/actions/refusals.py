"""Refuse what a person may not do now: why, who was first, and what can be done instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.durations import moment
from drs_recovery.statuses import RETRYABLE_WAVES, GateDecision
from drs_recovery.store.facts import attempt_of
from drs_recovery.store.rules import can_terminate
from drs_recovery.web.actions.context import Acting
from drs_recovery.web.allowed_actions import (
    ActionKind,
    is_live,
    not_here,
    open_failure_gate,
    open_gate,
    wave_of,
    why_not,
)
from drs_recovery.web.problems import Problem, conflict, forbidden, invalid

Record = Mapping[str, Any]

_QUESTIONS = frozenset({ActionKind.APPROVE, ActionKind.REJECT, ActionKind.DECIDE})


def demand_allowed(acting: Acting, kind: ActionKind, number: int | None = None) -> None:
    """
    Refuse an action by the rules by which pages offer it.

    :param acting: who acts on what.
    :param kind: what they want to do.
    :param number: the wave that it is about.
    :raises Problem: 403 if it is not for this person, 409 if the execution is not in the state for it, 422 if
        it has no such wave. 409 also if another installation of Airflow acts on it, whoever asks.
    """
    wave = wave_of(acting.document, number)
    if number is not None and wave is None:
        raise no_such_wave(acting, number)
    reason = why_not(acting.document, acting.rights, kind, number)
    if reason is None:
        return
    if not_here(acting.document, acting.rights) is not None:
        raise conflict(reason)
    if _is_for_others(acting.document, kind, wave):
        raise forbidden(reason)
    raise _too_late(acting.document, kind, wave) or conflict(reason)


def no_such_wave(acting: Acting, number: int) -> Problem:
    """The execution has no wave of that number."""
    waves = ", ".join(f"{wave['waveNumber']} ({wave['waveName']})" for wave in acting.document["waves"])
    detail = f"The execution has no wave {number}; it has {waves or 'none'}."
    return invalid(detail, [{"pointer": "/body/wave", "detail": detail}])


def was_first(detail: str, actor: str, time: float) -> Problem:
    """
    Somebody was quicker.

    :param detail: what they did, as a sentence without its end.
    :param actor: who.
    :param time: when, in epoch seconds.
    """
    return conflict(f"{detail} by {actor}, {moment(time)}.", first={"actor": actor, "time": time})


def _is_for_others(document: Record, kind: ActionKind, wave: Record | None) -> bool:
    """Whether somebody else could do it now."""
    match kind:
        case ActionKind.APPROVE | ActionKind.REJECT:
            return wave is not None and open_gate(document, wave) is not None
        case ActionKind.DECIDE:
            return wave is not None and open_failure_gate(document, wave) is not None
        case ActionKind.TERMINATE:
            return can_terminate(document)
    return False


def _too_late(document: Record, kind: ActionKind, wave: Record | None) -> Problem | None:
    """Who came first, if somebody did."""
    if wave is not None and (problem := _wave_is_past(kind, wave)):
        return problem
    if kind is ActionKind.TERMINATE:
        return None
    cancel = document.get("cancel")
    if cancel and (kind is ActionKind.CANCEL or is_live(document)):
        return was_first("The execution was cancelled already", cancel["actor"], cancel["time"])
    if kind in _QUESTIONS and not is_live(document):
        return conflict(f"The execution has ended, it is {document['status']}: nothing is asked any more.")
    return None


def _wave_is_past(kind: ActionKind, wave: Record) -> Problem | None:
    """What was decided about a wave, if it is what the action would decide."""
    if kind is ActionKind.RETRY:
        return _tried_again(wave)
    gate = wave.get("failureGate" if kind is ActionKind.DECIDE else "gate")
    if not gate or "decidedTime" not in gate:
        return None
    if gate["decision"] == GateDecision.TIMED_OUT:
        return conflict(
            f"Nobody answered the question of wave {wave['waveNumber']} in time: it is closed since "
            f"{moment(gate['decidedTime'])}."
        )
    said = f"The question of wave {wave['waveNumber']} was answered already, {gate['decision']},"
    return was_first(said, gate["actor"], gate["decidedTime"])


def _tried_again(wave: Record) -> Problem | None:
    request = wave.get("retryRequest")
    if wave["status"] in RETRYABLE_WAVES or not request or request["askedBy"] != wave.get("askedBy"):
        return None
    said = f"Wave {wave['waveNumber']} is {wave['status']}; attempt {attempt_of(wave)} at it was asked for"
    return was_first(said, request["actor"], request["time"])
