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
from drs_recovery.store import attempt_of, can_terminate, is_live, step_subject
from drs_recovery.web.airflow import path_of
from drs_recovery.web.allowed_actions import (
    ANSWERS,
    ActionKind,
    StepPlace,
    not_here,
    open_failure_gate,
    open_gate,
    open_step_gate,
    step_of,
    wave_of,
    why_not,
)
from drs_recovery.web.problems import Problem, conflict, forbidden, invalid

if TYPE_CHECKING:
    from drs_recovery.store import AnyGate, ExecutionDocument, StepRecord, Wave
    from drs_recovery.web.actions.context import Acting


def demand_allowed(
    acting: Acting, kind: ActionKind, number: int | None = None, place: StepPlace | None = None
) -> None:
    """
    Refuse an action by the rules by which pages offer it.

    :raises Problem: 403 if it is not for this person, 409 if the execution is not in the state for it, 422 if
        it has no such wave or step. 409 also if another installation of Airflow acts on it, whoever asks.
    """
    wave = wave_of(acting.document, number)
    if number is not None and wave is None:
        raise no_such_wave(acting, number)
    step = step_of(wave, place) if wave else None
    reason = why_not(acting.document, acting.rights, kind, number, place)
    if reason is None:
        return
    if not_here(acting.document, acting.rights) is not None:
        raise conflict(reason)
    if place is not None and step is None:
        raise _no_such_step(acting, wave, place)
    if _is_for_others(acting.document, kind, wave, step):
        raise forbidden(reason)
    raise _too_late(acting.document, kind, wave, step) or conflict(reason)


def no_such_wave(acting: Acting, number: int) -> Problem:
    """The execution has no wave of that number."""
    waves = ", ".join(f"{wave['waveNumber']} ({wave['waveName']})" for wave in acting.document["waves"])
    detail = f"The execution has no wave {number}; it has {waves or 'none'}."
    return invalid(detail, [{"pointer": "/body/wave", "detail": detail}])


def _no_such_step(acting: Acting, wave: Wave | None, place: StepPlace) -> Problem:
    steps = wave.get("steps", ()) if wave else ()
    known = ", ".join(f"{one['side']} {one['stepNumber']} ({one['name']})" for one in steps)
    label = acting.label(wave["waveNumber"] if wave else 0)
    detail = f"There is no step {place.side} {place.number} of {label}; it has {known or 'none'}."
    return invalid(detail, [{"pointer": "/body/step", "detail": detail}])


def was_first(detail: str, actor: str, time: float) -> Problem:
    """
    Somebody was quicker.

    :param detail: what they did, as a sentence without its end.
    :param time: when, in epoch seconds.
    """
    return conflict(f"{detail} by {actor}, {moment(time)}.", first={"actor": actor, "time": time})


def _is_for_others(
    document: ExecutionDocument, kind: ActionKind, wave: Wave | None, step: StepRecord | None
) -> bool:
    """Whether somebody else could do it now."""
    match kind:
        case ActionKind.ANSWER:
            return step is not None and open_step_gate(document, step) is not None
        case ActionKind.APPROVE | ActionKind.REJECT:
            return wave is not None and open_gate(document, wave) is not None
        case ActionKind.DECIDE:
            return wave is not None and open_failure_gate(document, wave) is not None
        case ActionKind.TERMINATE:
            return can_terminate(document)
    return False


def _too_late(
    document: ExecutionDocument, kind: ActionKind, wave: Wave | None, step: StepRecord | None
) -> Problem | None:
    """Who came first, if somebody did."""
    if wave is not None and (problem := _wave_is_past(kind, wave, step)):
        return problem
    if kind is ActionKind.TERMINATE:
        return None
    cancel = document.get("cancel")
    if cancel and (kind is ActionKind.CANCEL or is_live(document)):
        return was_first("The execution was cancelled already", cancel["actor"], cancel["time"])
    if kind in ANSWERS and not is_live(document):
        return conflict(f"The execution has ended, it is {document['status']}: nothing is asked any more.")
    return None


def _wave_is_past(kind: ActionKind, wave: Wave, step: StepRecord | None) -> Problem | None:
    """What was decided about a wave or a step of it, if it is what the action would decide."""
    if kind is ActionKind.RETRY:
        return _tried_again(wave)
    gate = gate_of(kind, wave, step)
    if not gate or "decidedTime" not in gate:
        return None
    whose = step_subject(step) if step else f"wave {wave['waveNumber']}"
    if gate["decision"] == GateDecision.TIMED_OUT:
        return conflict(
            f"The question of {whose} was not answered in time: it has been closed since "
            f"{moment(gate['decidedTime'])}."
        )
    said = f"The question of {whose} was answered already, {gate['decision']},"
    return was_first(said, gate["actor"], gate["decidedTime"])


def gate_of(kind: ActionKind, wave: Wave, step: StepRecord | None) -> AnyGate | None:
    """The question that an answer of a kind is about."""
    if kind is ActionKind.ANSWER:
        return step.get("gate") if step else None
    return wave.get("failureGate") if kind is ActionKind.DECIDE else wave.get("gate")


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
    side: str | None = Field(None, description="`before` or `after`, if it is about a step")
    step: int | None = Field(None, description="Number of the step on its side, if it is about one")
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
