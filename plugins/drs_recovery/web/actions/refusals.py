"""
Answer actions: accept and say what happens next, or refuse and say why, who was first, and what to do
instead.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from drs_recovery.durations import moment
from drs_recovery.statuses import RETRYABLE_WAVES, GateDecision
from drs_recovery.store import attempt_of, can_terminate, is_live
from drs_recovery.web.airflow import path_of
from drs_recovery.web.allowed_actions import (
    ActionKind,
    not_here,
    open_failure_gate,
    open_gate,
    wave_of,
    why_not,
)
from drs_recovery.web.problems import Problem, conflict, forbidden, invalid

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, Wave
    from drs_recovery.web.actions.context import Acting

_QUESTIONS = frozenset({ActionKind.APPROVE, ActionKind.REJECT, ActionKind.DECIDE})


def demand_allowed(acting: Acting, kind: ActionKind, number: int | None = None) -> None:
    """
    Refuse an action by the rules by which pages offer it.

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
    :param time: when, in epoch seconds.
    """
    return conflict(f"{detail} by {actor}, {moment(time)}.", first={"actor": actor, "time": time})


def _is_for_others(document: ExecutionDocument, kind: ActionKind, wave: Wave | None) -> bool:
    """Whether somebody else could do it now."""
    match kind:
        case ActionKind.APPROVE | ActionKind.REJECT:
            return wave is not None and open_gate(document, wave) is not None
        case ActionKind.DECIDE:
            return wave is not None and open_failure_gate(document, wave) is not None
        case ActionKind.TERMINATE:
            return can_terminate(document)
    return False


def _too_late(document: ExecutionDocument, kind: ActionKind, wave: Wave | None) -> Problem | None:
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


def _wave_is_past(kind: ActionKind, wave: Wave) -> Problem | None:
    """What was decided about a wave, if it is what the action would decide."""
    if kind is ActionKind.RETRY:
        return _tried_again(wave)
    gate = wave.get("failureGate") if kind is ActionKind.DECIDE else wave.get("gate")
    if not gate or "decidedTime" not in gate:
        return None
    if gate["decision"] == GateDecision.TIMED_OUT:
        return conflict(
            f"The question of wave {wave['waveNumber']} was not answered in time: it has been closed since "
            f"{moment(gate['decidedTime'])}."
        )
    said = f"The question of wave {wave['waveNumber']} was answered already, {gate['decision']},"
    return was_first(said, gate["actor"], gate["decidedTime"])


def _tried_again(wave: Wave) -> Problem | None:
    request = wave.get("retryRequest")
    if wave["status"] in RETRYABLE_WAVES or not request or request["askedBy"] != wave.get("askedBy"):
        return None
    is_retried = f"Wave {wave['waveNumber']} is {wave['status']}"
    said = f"{is_retried}; attempt {attempt_of(wave)} at it was already requested"
    return was_first(said, request["actor"], request["time"])


class ActionTaken(BaseModel):
    """An action that Airflow has accepted; the record shows its result."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    action: ActionKind = Field(description="The requested action")
    outcome: str = Field(
        description="What was done and what happens next, for people",
        examples=['Airflow has taken your approval of wave 2 "Application": the wave starts within seconds.'],
    )
    execution_id: str = Field(examples=["6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10"])
    wave: int | None = Field(None, description="Number of the wave concerned, from 1, if any")
    actor: str = Field(description="Who requested it, as in the record", examples=["dba-lead"])
    time: float = Field(description="When it was accepted, in epoch seconds", examples=[1789552995.1])
    dag_run_id: str | None = Field(None, description="The DAG run that carries it out")


def taken(acting: Acting, kind: ActionKind, outcome: str, **more: Any) -> ActionTaken:
    """Say that an action was taken now."""
    fields = {"dag_run_id": acting.run_id, "time": round(time.time(), 3), **more}
    return ActionTaken(
        action=kind, outcome=outcome, execution_id=acting.execution_id, actor=acting.actor, **fields
    )


def seconds(text: str) -> float:
    """Epoch seconds of an ISO-8601 time of Airflow's API, as the record has them."""
    return round(datetime.fromisoformat(text).timestamp(), 3)


async def is_paused(acting: Acting, dag_id: str) -> bool:
    """Whether nobody works on the runs of a DAG, because it is paused."""
    try:
        dag = await acting.airflow.call("GET", path_of("dags", dag_id))
    except Problem:
        # Its file is gone or it is hidden: what is to be done with its run says so better.
        return False
    return bool(dag["is_paused"])


async def warning(acting: Acting) -> str:
    """A sentence about what keeps Airflow from carrying the action out; empty if nothing does."""
    if not await is_paused(acting, acting.dag_id):
        return ""
    return f" But {acting.dag_id} is paused in Airflow: nothing happens until it is unpaused."


async def demand_unpaused(acting: Acting, dag_id: str) -> None:
    """Refuse, with 409, to start something at an unknown time: whenever somebody unpauses the DAG."""
    if await is_paused(acting, dag_id):
        raise conflict(f"{dag_id} is paused in Airflow: nothing was done. Unpause it there, then try again.")


def run_is_gone(acting: Acting) -> Problem:
    """Airflow does not know the DAG run of the execution."""
    return conflict(
        f"The DAG run {acting.run_id} of {acting.dag_id} was deleted in Airflow. Nothing more starts, and "
        "housekeeping closes the record within about 15 minutes."
    )
