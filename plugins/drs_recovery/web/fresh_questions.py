"""
Let Airflow show a question as it was put last, and keep an answer that was given to it.

A task that puts a question again, such as after a retry, sends its text anew. Airflow takes over nothing of
it: it keeps the text of the first time, and erases the answer. This stands around Airflow's API server, does
after such a request what Airflow left out, and leaves all other requests alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


log = logging.getLogger(__name__)

# Of Airflow's execution API, with which tasks talk: what a task asks people.
_PUT = re.compile(r"/hitlDetails/([0-9a-fA-F-]{36})/?$")
_CREATED = 201

_DAG_ID_PREFIX = "recover_"

# What people answer, as columns of Airflow's table.
_ANSWER = ("responded_at", "responded_by", "chosen_options", "params_input")

Answer = Mapping[str, Any]


class FreshQuestions:
    """An ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        task = _PUT.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if task is None:
            await self._app(scope, receive, send)
            return
        body = await _body_of(receive)
        question, task_id = _parsed(body), UUID(task[1])
        answer = await asyncio.to_thread(_safely, _answer_to, task_id, question)
        # Held back until Airflow's own change is committed, and ours: then the task parks.
        answers: list[Any] = []

        async def keep(message: Any) -> None:
            answers.append(message)

        await self._app(scope, _replayed(body), keep)
        if answers and answers[0].get("status") == _CREATED:
            await asyncio.to_thread(_safely, _take_over, task_id, question, answer)
        for message in answers:
            await send(message)


async def _body_of(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def _replayed(body: bytes) -> Receive:
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        question = json.loads(body)
    except ValueError:
        return {}
    return question if isinstance(question, dict) else {}


def _safely(work: Any, *arguments: Any) -> Any:
    """A question that is put is worth more than its text."""
    try:
        return work(*arguments)
    except Exception:
        log.exception("Airflow may show a question as it was put first")
        return None


def _answer_to(task_id: UUID, question: Mapping[str, Any]) -> Answer | None:
    """The answer that Airflow has, if it was given to this question rather than to an earlier one."""
    from airflow.models.hitl import HITLDetail
    from airflow.utils.session import create_session

    with create_session() as session:
        detail = session.get(HITLDetail, task_id)
        if detail is None or detail.responded_at is None:
            return None
        if detail.responded_at.timestamp() <= _answers_count_from(question):
            return None
        return {name: getattr(detail, name) for name in _ANSWER}


def _answers_count_from(question: Mapping[str, Any]) -> float:
    """From when on answers count, as the form of the question says it; see ``comment_form``."""
    form = (question.get("params") or {}).get("comment") or {}
    # The store keeps times to the millisecond.
    return float((form.get("schema") or {}).get("askedAfter", 0)) + 0.001


def _take_over(task_id: UUID, question: Mapping[str, Any], answer: Answer | None) -> None:
    from airflow.models.hitl import HITLDetail
    from airflow.utils.session import create_session

    with create_session() as session:
        detail = session.get(HITLDetail, task_id)
        if detail is None or not detail.task_instance.dag_id.startswith(_DAG_ID_PREFIX):
            return
        detail.subject, detail.body = question["subject"], question.get("body")
        detail.options, detail.defaults = question["options"], question.get("defaults")
        detail.params = question.get("params") or {}
        detail.assignees = question.get("assigned_users") or []
        if answer is not None and detail.responded_at is None:
            for name, value in answer.items():
                setattr(detail, name, value)
