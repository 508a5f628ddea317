"""The people around a run: they answer its gates, mark tasks by hand, or let time pass."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select

from tests.integration.at_work import AtWork
from tests.integration.core_api import CoreApi

Question = dict[str, Any]
Deed = Callable[[CoreApi, Question], None]
# One deed, or one for each time that the same question is asked.
Deeds = Deed | Sequence[Deed]

_LOOK_INTERVAL = 0.3


def approve(user: str = "admin", comment: str | None = None) -> Deed:
    """Approve a gate."""
    return lambda api, question: api.answer(question, user, "Approve", comment)


def reject(user: str = "admin", comment: str | None = None) -> Deed:
    """Reject a gate."""
    return lambda api, question: api.answer(question, user, "Reject", comment)


def choose(option: str, user: str = "admin", comment: str | None = None) -> Deed:
    """Choose an option of a question."""
    return lambda api, question: api.answer(question, user, option, comment)


def mark_task(state: str) -> Deed:
    """Mark the gate's task by hand, in place of an answer."""
    return lambda api, question: api.set_task_state(question, state)


def mark_run(state: str) -> Deed:
    """Mark the whole run by hand, in place of an answer."""
    return lambda api, question: api.set_run_state(question, state)


def once_done(task_id: str, deed: Deed) -> Deed:
    """A deed that waits until a task of the same run is through: tasks side by side come in any order."""

    def wait_and_do(api: CoreApi, question: Question) -> None:
        if not _is_done(question, task_id):
            raise AssertionError(f"{task_id} is not through yet")
        deed(api, question)

    return wait_and_do


def wait_for_the_time_out(_api: CoreApi, _question: Question) -> None:
    """Do nothing: the scheduler ends the question when its time is over."""


def _is_done(question: Question, task_id: str) -> bool:
    run = question["task_instance"]
    state = select(TaskInstance.state).where(
        TaskInstance.dag_id == run["dag_id"],
        TaskInstance.run_id == run["dag_run_id"],
        TaskInstance.task_id == task_id,
    )
    with create_session() as session:
        return session.scalar(state) == TaskInstanceState.SUCCESS


class People(threading.Thread):
    """
    Do one deed for each question of a run, and what Airflow's scheduler does about time-outs.

    :param api: the REST API.
    :param at_work: a task that is at work is left alone, even if its question is open already.
    :param deeds: by the group of the gate's task, such as ``wave_02_application``.
    """

    def __init__(
        self, api: CoreApi, at_work: AtWork, dag_id: str, run_id: str, deeds: Mapping[str, Deeds]
    ) -> None:
        super().__init__(name="people", daemon=True)
        self._api, self._at_work, self._dag_id, self._run_id = api, at_work, dag_id, run_id
        self._deeds = {group: [todo] if callable(todo) else list(todo) for group, todo in deeds.items()}
        self._gone = threading.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        """Look for questions until the run has ended; who finds Airflow busy tries again, as people do."""
        while not self._gone.wait(_LOOK_INTERVAL):
            try:
                if self._somebody_is_asked():
                    self._act()
            except Exception as error:
                self.error = error
            else:
                self.error = None

    def _somebody_is_asked(self) -> bool:
        asked = select(TaskInstance.task_id).where(
            TaskInstance.dag_id == self._dag_id,
            TaskInstance.run_id == self._run_id,
            TaskInstance.state == TaskInstanceState.AWAITING_INPUT,
        )
        with create_session() as session:
            waiting = set(session.scalars(asked))
        return bool(waiting) and self._at_work.task_id not in waiting

    def _act(self) -> None:
        with create_session() as session:
            SchedulerJobRunner(Job()).check_awaiting_input_timeouts(session=session)
        for question in self._api.open_questions(self._dag_id, self._run_id):
            group = question["task_instance"]["task_id"].partition(".")[0]
            todo = self._deeds.get(group) or [wait_for_the_time_out]
            todo[0](self._api, question)
            todo.pop(0)

    def leave(self) -> None:
        """The run has ended."""
        self._gone.set()
        self.join()
        if self.error is not None:
            raise AssertionError("the people around the run could not act") from self.error
