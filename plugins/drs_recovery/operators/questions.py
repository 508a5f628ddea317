"""
What the questions to people share: how they are put, their time, and how Airflow passes on the answer.

Airflow keeps one question a task, with its answer: also when the task is tried again, or its worker dies. It
erases the answer when the task puts a question, and does not take over a new text; the API server's
:mod:`drs_recovery.web.fresh_questions` sees to that.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from drs_recovery.airflow_versions import asking_again, asking_signal, task_memory
from drs_recovery.durations import moment
from drs_recovery.store import asked_after, limited

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from drs_recovery.operators.wave_steps import WaveMixin as _Base
    from drs_recovery.store import AnyGate
    from drs_recovery.waves import Question
else:
    _Base = object

# Seconds. The store keeps times to the millisecond.
_SAME_MOMENT = 0.001

# Under which name a task keeps what it asked last.
_ASKED = "asked"

TIME_OUT_ACTOR = "time-out"

# Seconds for which a question stands at least, even if its time was over while nothing of Airflow ran.
SHORTEST_TIMEOUT = 1.0


@dataclass(frozen=True)
class Answer:
    """
    An answer for the record.

    :param comment: what they wrote, if anything.
    :param decided_time: epoch seconds; None if nobody answered.
    """

    actor: str
    comment: str | None
    decided_time: float | None


class AskingMixin(_Base):
    """What the steps share that ask people; mixed into a wave's step that is one of Airflow's operators."""

    if TYPE_CHECKING:
        log: Any
        options: list[str]
        subject: str
        body: Any
        defaults: Any
        params: Any
        assigned_users: Any
        response_timeout: Any
        execute: Callable[..., Any]

    def put(self, context: Context, question: Question, gate: AnyGate) -> NoReturn:
        """
        Put the question as it is now, and leave the worker until it is answered.

        An answer that came since it was put first, while this task was not waiting, counts: it is not asked
        for again.
        """
        after = asked_after(gate)
        asked = f"{gate['since']} {after} {hashlib.sha256(question.body.encode()).hexdigest()}"
        as_of = f"As of {moment(time.time())}; the recovery console shows what is true now."
        self.subject, self.body = question.subject, f"{question.body}\n{as_of}\n"
        self.assigned_users = [{"id": name, "name": name} for name in question.approvers]
        self.defaults = [self.options[0]] if question.continue_on_timeout else None
        self.response_timeout = time_left(gate)
        self.params = ParamsDict(comment_form(after))
        memory = task_memory(context)
        if memory.get(_ASKED) == asked:
            raise asking_again("execute_complete", self.response_timeout)
        try:
            HITLOperator.execute(self, context)  # type: ignore[arg-type]  # mixed into one
        except asking_signal():
            memory.set(_ASKED, asked)
            raise
        raise AssertionError("a question was put without waiting for its answer")

    def go_on(self, context: Context, event: Any = None) -> Any:
        """Go on after a pause: what counts is what is true now."""
        return self.execute(context)

    def is_outdated(self, gate: AnyGate | None, event: Mapping[str, Any]) -> bool:
        """
        Whether an answer is one to a question that was put before this one.

        :param gate: as the store has it, if it has one.
        """
        answered = answer_of(event).decided_time
        after = asked_after(gate) if gate else 0.0
        return answered is not None and answered <= after + _SAME_MOMENT


def comment_form(asked_after: float = 0) -> dict[str, Param]:
    """
    The form below a question.

    :param asked_after: only later answers count, in epoch seconds; people do not see it.
    """
    form = Param(
        "", type=["string", "null"], title="Comment", description="Kept in the record", askedAfter=asked_after
    )
    return {"comment": form}


def time_left(gate: AnyGate) -> timedelta:
    """How long a question may still be answered; asked again, it does not get all of its time once more."""
    left = float(gate["deadline"]) - time.time()
    return timedelta(seconds=max(left, SHORTEST_TIMEOUT))


def is_timeout(event: Mapping[str, Any]) -> bool:
    """Whether nobody answered in time."""
    return bool(event.get("error_type") == "timeout")


def answer_of(event: Mapping[str, Any]) -> Answer:
    """Read who answered, when, and with which comment."""
    user = event.get("responded_by_user") or {}
    answered: datetime | None = event.get("responded_at")
    return Answer(
        actor=str(user.get("name") or user.get("id") or TIME_OUT_ACTOR),
        comment=limited((event.get("params_input") or {}).get("comment") or "") or None,
        decided_time=answered.timestamp() if answered else None,
    )
