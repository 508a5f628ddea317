"""What stands around Airflow's API server leaves everything alone but questions that are put."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from drs_recovery.web import fresh_questions
from drs_recovery.web.fresh_questions import FreshQuestions

TASK = "01a22cad-4739-7dbe-8e29-6e76ed8c0d76"
QUESTION = {"subject": "Go on?", "params": {"comment": {"schema": {"askedAfter": 1000.5}}}}


class Server:
    """Airflow's API server, as far as it matters."""

    def __init__(self, status: int = 201) -> None:
        self.status, self.log = status, []
        self.app = FreshQuestions(self._answer)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        self.log.append(("body", (await receive())["body"]))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"answer"})
        self.log.append(("committed", None))

    def request(self, method: str, path: str, body: bytes) -> None:
        parts = [
            {"type": "http.request", "body": body[:5], "more_body": True},
            {"type": "http.request", "body": body[5:], "more_body": False},
        ]

        async def receive() -> Any:
            return parts.pop(0)

        async def send(message: Any) -> None:
            self.log.append((message["type"], message.get("status", message.get("body"))))

        scope = {"type": "http", "method": method, "path": path}
        asyncio.run(self.app(scope, receive, send))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(
        fresh_questions, "_answer_to", lambda *told: server.log.append(("looked", told)) or "yes"
    )
    monkeypatch.setattr(fresh_questions, "_take_over", lambda *told: server.log.append(("taken over", told)))
    return server


def test_a_question_is_taken_over_when_airflow_has_committed_and_before_the_task_hears(
    server: Server,
) -> None:
    body = json.dumps(QUESTION).encode()

    server.request("POST", f"/execution/hitlDetails/{TASK}", body)

    assert [what for what, _ in server.log] == [
        "looked",
        "body",
        "committed",
        "taken over",
        "http.response.start",
        "http.response.body",
    ]
    assert server.log[1][1] == body
    task, question, answer = server.log[3][1]
    assert (str(task), question, answer) == (TASK, QUESTION, "yes")


def test_a_question_that_airflow_refused_is_not_taken_over(server: Server) -> None:
    server.status = 403

    server.request("POST", f"/execution/hitlDetails/{TASK}", b"{}      ")

    assert "taken over" not in [what for what, _ in server.log]
    assert ("http.response.start", 403) in server.log


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", f"/execution/hitlDetails/{TASK}"),
        ("POST", "/api/v2/dags/recover_crm/dagRuns"),
        ("PATCH", "/api/v2/dags/d/dagRuns/r/taskInstances/t/-1/hitlDetails"),
    ],
)
def test_other_requests_pass_untouched(server: Server, method: str, path: str) -> None:
    server.request(method, path, b"12345678")

    assert [what for what, _ in server.log] == [
        "body",
        "http.response.start",
        "http.response.body",
        "committed",
    ]
    # Not even read.
    assert server.log[0][1] == b"12345"


def test_a_question_is_put_even_if_its_text_cannot_be_taken_over(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("database is locked")

    monkeypatch.setattr(fresh_questions, "_take_over", broken)

    server.request("POST", f"/execution/hitlDetails/{TASK}", b"not json")

    assert ("http.response.start", 201) in server.log


def test_only_answers_behind_the_last_one_that_did_not_count_are_kept() -> None:
    assert fresh_questions._answers_count_from(QUESTION) == pytest.approx(1000.501)
    assert fresh_questions._answers_count_from({}) == pytest.approx(0.001)
