"""The recipes of docs/notifications.md, each tried against a receiver that keeps what it gets."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException

from sandbox.testing import Sandbox
from tests.plan_documents import database, plan
from tests.unit.steps import A_LAUNCH, Steps

StepsOf = Callable[..., Steps]
DOCS = Path(__file__).parents[3] / "docs" / "notifications.md"


class Receiver(ThreadingHTTPServer):
    """Answers every call, and keeps it: method, path, headers, body."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: list[tuple[str, str, dict[str, str], Any]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        assert isinstance(self.server, Receiver)
        self.server.calls.append((self.command, self.path, dict(self.headers), body))
        found = {"result": [{"sys_id": "9d38"}], "FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
        text = json.dumps(found).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815  # names of http.server

    def log_message(self, *arguments: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def recipe(name: str) -> dict[str, Any]:
    """What a plan has to say, from the section of the documentation."""
    section = DOCS.read_text().partition(f"\n### {name}\n")[2]
    block = re.search(r"```yaml\n(.*?)```", section, re.S)
    assert block
    return dict(yaml.safe_load(block[1]))


@pytest.fixture
def failed(aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Steps]:
    """Runs a drill that fails, with a recipe and the connection that it names."""

    def run(name: str, connection: dict[str, Any]) -> Steps:
        told = {"conn_type": "http", **connection}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(told))
        steps = steps_of(plan(database(), **recipe(name)))
        aws.add_fault("launch_failed", server="s-1111111111111111a")
        steps.open(ticket="CHG0030042")
        steps.start()
        aws.advance(A_LAUNCH)
        for task in (steps.wait, steps.enrich, steps.finalize):
            with pytest.raises(AirflowFailException):
                task()
        return steps

    return run


def test_slack(receiver: Receiver, failed: Callable[..., Steps]) -> None:
    failed("Slack", {"host": receiver.url, "extra": {"Authorization": "Bearer xoxb-1"}})

    # The start and the wave of a drill are not for this channel.
    ((method, path, headers, body),) = receiver.calls
    assert (method, path, headers["Authorization"]) == ("POST", "/api/chat.postMessage", "Bearer xoxb-1")
    assert body["channel"] == "#disaster-recovery"
    assert body["text"].startswith("FAILED: DRILL of crm")


def test_pagerduty_is_not_called_by_a_drill(receiver: Receiver, failed: Callable[..., Steps]) -> None:
    failed("PagerDuty", {"host": receiver.url, "password": "R0UT1NG"})

    assert receiver.calls == []


def test_pagerduty(
    receiver: Receiver, aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"conn_type": "http", "host": receiver.url, "password": 'R0UT"1NG'}
    monkeypatch.setenv("AIRFLOW_CONN_PAGERDUTY", json.dumps(told))
    steps = steps_of(plan(database(), approval={"recovery": False}, **recipe("PagerDuty")))
    with pytest.raises(AirflowFailException):
        steps.open(execution_type="RECOVERY", waves=["no such wave"])
    with pytest.raises(AirflowFailException):
        steps.finalize(open_execution="failed")

    ((_, path, _, body),) = receiver.calls
    assert (path, body["routing_key"], body["event_action"]) == ("/v2/enqueue", 'R0UT"1NG', "trigger")
    assert body["dedup_key"] == steps.execution_id
    assert body["payload"]["summary"].startswith("FAILED: RECOVERY of crm")


def test_jira(receiver: Receiver, failed: Callable[..., Steps]) -> None:
    steps = failed("Jira", {"host": receiver.url, "login": "dr@example.com", "password": "token"})

    ((method, path, headers, body),) = receiver.calls
    assert (method, path) == ("POST", "/rest/api/2/issue/CHG0030042/comment")
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"dr@example.com:token").decode()
    assert steps.execution_id in body["body"]


def test_servicenow(receiver: Receiver, failed: Callable[..., Steps]) -> None:
    failed("ServiceNow", {"host": receiver.url, "login": "dr", "password": "secret"})

    look, note = receiver.calls
    assert look[:2] == (
        "GET",
        "/api/now/table/change_request?sysparm_fields=sys_id&sysparm_query=number=CHG0030042",
    )
    assert note[:2] == ("PATCH", "/api/now/table/change_request/9d38")
    assert note[3]["work_notes"].startswith("FAILED: DRILL of crm")


def test_eventbridge(
    receiver: Receiver, failed: Callable[..., Steps], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the clients that tests keep want it; AWS's own ending is EVENTBRIDGE.
    monkeypatch.setenv("AWS_ENDPOINT_URL_EVENTS", receiver.url)
    steps = failed("EventBridge", {})

    entries = [entry for call in receiver.calls for entry in call[3]["Entries"]]
    assert [entry["DetailType"] for entry in entries] == [
        "EXECUTION_STARTED",
        "WAVE_FAILED",
        "EXECUTION_FAILED",
    ]
    assert {(entry["Source"], entry["EventBusName"]) for entry in entries} == {("drs-recovery", "dr-events")}
    detail = json.loads(entries[-1]["Detail"])
    assert (detail["executionId"], detail["status"]) == (steps.execution_id, "FAILED")


def test_what_was_not_taken_is_on_record(receiver: Receiver, failed: Callable[..., Steps]) -> None:
    receiver.status = 401
    steps = failed("Jira", {"host": receiver.url})

    (event,) = (
        one for one in steps.store.get_events(steps.execution_id) if one["event"] == "NOTIFICATION_FAILED"
    )
    assert "401" in event["detail"]["error"]
