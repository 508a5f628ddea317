"""
Answer the questions of a run: approve or reject a gate, decide about a failed wave, answer a step.

Airflow takes an answer also when the task that asks has not parked, or has ended, and then forgets it. So an
answer is given only to a task that waits for it, and afterwards Airflow is asked whose answer it has.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from drs_recovery.airflow_versions import ASKING_STATE
from drs_recovery.statuses import (
    FAILURE_ANSWERS,
    MANUAL_ANSWERS,
    STEP_FAILURE_ANSWERS,
    ExecutionStatus,
    FailureDecision,
    GateDecision,
    StepDecision,
)
from drs_recovery.store import step_subject
from drs_recovery.web.actions.context import Acting, turn
from drs_recovery.web.actions.refusals import (
    ActionTaken,
    demand_allowed,
    gate_of,
    run_is_gone,
    seconds,
    taken,
    warning,
    was_first,
)
from drs_recovery.web.allowed_actions import ActionKind, StepPlace, step_of, wave_of
from drs_recovery.web.problems import Problem, conflict, invalid

if TYPE_CHECKING:
    from drs_recovery.store import AnyGate, StepGate

# The options of Airflow's ``ApprovalOperator``.
APPROVE, REJECT = "Approve", "Reject"

# A task that is resumed within the first seconds of its parking can be failed by the late report of the
# process that parked it (apache/airflow 72716, 71580, 71172).
_PARKING = 2.0

# A task that asks again, such as after an answer that did not count, keeps ``created_at``; from its place in
# the queue it takes about so many seconds to ask.
_ASKING_AGAIN = 3.0

# Seconds for which a request waits until a question can be answered, and between two looks.
PATIENCE = 8.0
_LOOK_INTERVAL = 0.4

Question = Mapping[str, Any]

_OUTCOMES: Mapping[str, str] = {
    StepDecision.DONE: "the wave goes on within seconds",
    StepDecision.COULD_NOT: "the step has failed, and what the plan says about that follows",
    StepDecision.GO_ON: "the wave goes on without it, and the execution is PARTIAL_SUCCESS at best",
    GateDecision.APPROVED: "the wave starts within seconds",
    GateDecision.REJECTED: "the wave does not start, and the execution ends when what runs has ended",
    FailureDecision.RETRY: "the failed servers get a new job within seconds, launched ones stay as they are",
    FailureDecision.CONTINUE: "the waves behind it start as if it had not failed",
    FailureDecision.STOP: "the waves that depend on it are passed over",
}
# The same words mean something else where a step asks.
_OUTCOMES_OF_STEPS: Mapping[str, str] = {
    **_OUTCOMES,
    StepDecision.RETRY: "it is tried again within seconds",
    StepDecision.STOP: "the wave fails",
}


@dataclass(frozen=True)
class Answer:
    """
    What somebody says to a question.

    :param task: the task that asks, without the group of its wave; of a step's question, its record knows.
    """

    kind: ActionKind
    wave: int
    task: str
    option: str
    decision: str
    said: str
    comment: str | None
    place: StepPlace | None = None

    @property
    def whose(self) -> str:
        """Whose question it is, as refusals name it."""
        of_step = f"step {self.place.side} {self.place.number} of " if self.place else ""
        return f"{of_step}wave {self.wave}"


async def approve(acting: Acting, wave: int, comment: str | None) -> ActionTaken:
    """Approve the start of a wave."""
    decision = GateDecision.APPROVED
    answer = Answer(ActionKind.APPROVE, wave, "approve", APPROVE, decision, "approval of", comment)
    return await _give(acting, answer)


async def reject(acting: Acting, wave: int, comment: str | None) -> ActionTaken:
    """Reject the start of a wave, which ends the execution."""
    decision = GateDecision.REJECTED
    answer = Answer(ActionKind.REJECT, wave, "approve", REJECT, decision, "rejection of", comment)
    return await _give(acting, answer)


async def decide(acting: Acting, wave: int, decision: FailureDecision, comment: str | None) -> ActionTaken:
    """Say what is to be done about a failed wave."""
    (option,) = [option for option, known in FAILURE_ANSWERS.items() if known is decision]
    said = f"answer {decision} about"
    return await _give(acting, Answer(ActionKind.DECIDE, wave, "decide", option, decision, said, comment))


async def answer_step(
    acting: Acting, wave: int, place: StepPlace, decision: StepDecision, comment: str | None
) -> ActionTaken:
    """Say that a manual step is done or could not be done, or what is to be done about a failed one."""
    known = {**MANUAL_ANSWERS, **STEP_FAILURE_ANSWERS}
    (option,) = [option for option, value in known.items() if value is decision]
    said = f"answer {decision} to"
    answer = Answer(ActionKind.ANSWER, wave, "", option, decision, said, comment, place)
    if _recorded(acting, answer) is None:
        demand_allowed(acting, ActionKind.ANSWER, wave, place)
        _demand_choice(acting, answer)
    return await _give(acting, answer)


def _demand_choice(acting: Acting, answer: Answer) -> None:
    """Refuse an answer that is none to the question that is asked, or that takes a reason and has none."""
    if answer.decision == StepDecision.GO_ON and not answer.comment:
        detail = "To go on without a step takes a reason: write it as the comment."
        raise invalid(detail, [{"pointer": "/body/comment", "detail": detail}])
    gate = _gate(acting, answer)
    choices = STEP_FAILURE_ANSWERS if gate and gate.get("isFailure") else MANUAL_ANSWERS
    if answer.option not in choices:
        raise conflict(f"{answer.whose.capitalize()} asks for {' or '.join(choices.values())}.")


def _gate(acting: Acting, answer: Answer) -> AnyGate | None:
    wave = wave_of(acting.document, answer.wave)
    step = step_of(wave, answer.place) if wave else None
    return gate_of(answer.kind, wave, step) if wave else None


def _about(acting: Acting, answer: Answer) -> str:
    wave = wave_of(acting.document, answer.wave)
    step = step_of(wave, answer.place) if wave else None
    return f"{answer.said} {step_subject(step) if step else acting.label(answer.wave)}"


async def _give(acting: Acting, answer: Answer) -> ActionTaken:
    about = _about(acting, answer)
    moment = _recorded(acting, answer)
    if moment is not None:
        sentence = f"Your {about} is on record already: nothing more was done."
    else:
        moment = await _given(acting, answer)
        outcomes = _OUTCOMES_OF_STEPS if answer.place else _OUTCOMES
        sentence = f"Airflow has taken your {about}: {outcomes[answer.decision]}.{await warning(acting)}"
    at = {"side": answer.place.side, "step": answer.place.number} if answer.place else {}
    return taken(acting, answer.kind, sentence, wave=answer.wave, time=moment, **at)


def _recorded(acting: Acting, answer: Answer) -> float | None:
    """When this person gave this very answer, such as by the first of two clicks; None if they did not."""
    gate = _gate(acting, answer)
    if not gate or gate["decision"] != answer.decision or not acting.is_me(gate.get("actor")):
        return None
    return round(float(gate["decidedTime"]), 3)


async def _given(acting: Acting, answer: Answer) -> float:
    """Give the answer as soon as it can be given; when Airflow took it."""
    demand_allowed(acting, answer.kind, answer.wave, answer.place)
    path = acting.path_of_run("taskInstances", _task(acting, answer), "-1", "hitlDetails")
    async with turn(acting) as now:
        question = await _ready(now, answer, path)
        if not _is_given(now, answer, question):
            question = await _send(now, answer, path)
    return seconds(question["responded_at"])


def _task(acting: Acting, answer: Answer) -> str:
    """The task that asks: a failed wave's retry asks for its steps, too."""
    if answer.place is None:
        return f"{acting.plan.group_task_id(answer.wave)}.{answer.task}"
    return str(cast("StepGate", _gate(acting, answer))["taskId"])


async def _send(acting: Acting, answer: Answer, path: str) -> Question:
    """Give the answer; what Airflow has then."""
    body = {"chosen_options": [answer.option], "params_input": {"comment": answer.comment or ""}}
    try:
        sent: Question = await acting.airflow.call("PATCH", path, json=body)
    except Problem as problem:
        if problem.status_code != HTTPStatus.CONFLICT:
            raise
        sent = {}
    question = await _question(acting, path)
    if not _is_given(acting, answer, question) and (question["response_received"] or not sent):
        raise _not_open(answer, question)
    await _demand_it_counts(acting)
    # A task that was resumed, and asks again, has no answer any more.
    return question if question["response_received"] else sent


async def _demand_it_counts(acting: Acting) -> None:
    """Refuse what was answered in the moment in which somebody cancelled."""
    now = await acting.reread()
    cancel = now.document.get("cancel")
    if now.document["status"] == ExecutionStatus.CANCELLING and cancel:
        said = "The answer came too late and changes nothing: the execution was cancelled"
        raise was_first(said, cancel["actor"], cancel["time"])


async def _ready(acting: Acting, answer: Answer, path: str) -> Question:
    """The question as soon as it can be answered, or has the same answer of the same person."""
    until = time.monotonic() + PATIENCE
    while True:
        question = await _question(acting, path)
        if _is_given(acting, answer, question):
            return question
        is_open = question["task_instance"]["state"] == ASKING_STATE and not question["response_received"]
        pause = _parking_left(question) if is_open else _LOOK_INTERVAL
        if is_open and pause <= 0:
            return question
        if time.monotonic() > until:
            raise _not_open(answer, question)
        await asyncio.sleep(pause)
        # Meanwhile the record may have got the answer of somebody else, or the end.
        acting = await acting.reread()
        if _recorded(acting, answer) is None:
            demand_allowed(acting, answer.kind, answer.wave, answer.place)


async def _question(acting: Acting, path: str) -> Question:
    try:
        found: Question = await acting.airflow.call("GET", path)
    except Problem as problem:
        if problem.status_code == HTTPStatus.NOT_FOUND:
            raise await _lost(acting) from None
        raise
    return found


async def _lost(acting: Acting) -> Problem:
    """Say why Airflow does not know the question that the record calls open."""
    try:
        await acting.airflow.call("GET", acting.path_of_run())
    except Problem as problem:
        return run_is_gone(acting) if problem.status_code == HTTPStatus.NOT_FOUND else problem
    return conflict(
        "Airflow does not ask this question, although the record calls it open: the step that asks is being "
        "run again, or was deleted. Check the DAG run, and answer when the question is there."
    )


def _is_given(acting: Acting, answer: Answer, question: Question) -> bool:
    """Whether Airflow has this answer of this person, such as from the first of two clicks."""
    user = question.get("responded_by_user") or {}
    mine = bool(user) and acting.rights.user_id == str(user["id"])
    return bool(question["response_received"]) and mine and question["chosen_options"] == [answer.option]


def _not_open(answer: Answer, question: Question) -> Problem:
    if question["response_received"]:
        return _answered(answer, question)
    return conflict(
        f"Airflow is about to ask the question of {answer.whose} again and cannot take an answer now: "
        "answer in a few seconds."
    )


def _answered(answer: Answer, question: Question) -> Problem:
    """Somebody's answer is with Airflow and not in the record yet."""
    user = question.get("responded_by_user") or {}
    chosen = ", ".join(question.get("chosen_options") or ())
    said = f'The question of {answer.whose} was answered already, "{chosen}",'
    return was_first(said, str(user.get("name") or user.get("id")), seconds(question["responded_at"]))


def _parking_left(question: Question) -> float:
    """Seconds for which the task that asks may still be parking."""
    asked, queued = seconds(question["created_at"]), question["task_instance"]["queued_when"]
    if queued and seconds(queued) > asked:
        asked = seconds(queued) + _ASKING_AGAIN
    return asked + _PARKING - time.time()
