"""Messages of whole runs, and runs that nobody can be told of."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from sandbox.testing import Sandbox
from tests.integration.people import approve
from tests.integration.runs import Runner
from tests.mailbox import Mailbox
from tests.plan_documents import application, database, plan

pytestmark = pytest.mark.integration

TOPIC = "arn:aws:sns:us-east-1:123456789012:dr"


def test_people_hear_of_each_step_of_a_run_and_where_to_answer(
    runner: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__CONSOLE_BASE_URL", "https://airflow.example.com")
    mailbox = Mailbox(sandbox)
    waves = database(), application(pause_before={"message": "Is the database consistent?"})

    ended = runner.run(
        plan(*waves, notify={"sns_topic_arn": mailbox.topic}), people={"wave_02_application": approve()}
    )

    messages = mailbox.messages()
    assert ended.state == "success"
    assert [message["Subject"] for message in messages] == [
        "STARTED: DRILL of crm",
        "COMPLETED: DRILL of crm, wave 1 (Database)",
        "ANSWER NEEDED: DRILL of crm, before wave 2 (Application)",
        "COMPLETED: DRILL of crm, wave 2 (Application)",
        "COMPLETED: DRILL of crm",
    ]
    asked = messages[2]
    assert "Is the database consistent?" in asked["Message"]
    assert "https://airflow.example.com/dags/recover_crm/runs/" in asked["Message"]
    assert "/tasks/wave_02_application.approve/required_actions" in asked["Message"]
    assert asked["MessageAttributes"]["status"]["Value"] == "PAUSED"
    assert len(ended.document["notifications"]) == 5
    assert not [name for name in ended.event_names() if name in ("NOTIFICATION_FAILED", "METRIC_FAILED")]


@pytest.fixture
def black_hole() -> Iterator[str]:
    """An address that takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_run_goes_on_when_neither_messages_nor_metrics_are_ever_answered(
    runner: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, black_hole: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", black_hole)
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", black_hole)
    monkeypatch.setattr("drs_recovery.notifications.channels.PATIENCE", 1.0)

    ended = runner.run(plan(database(), notify={"sns_topic_arn": TOPIC}))

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    failed = [event for event in ended.events if event["event"] in ("NOTIFICATION_FAILED", "METRIC_FAILED")]
    assert [(event["event"], event["detail"]["error"]) for event in failed] == [
        ("NOTIFICATION_FAILED", "no answer within 1 s"),
        ("NOTIFICATION_FAILED", "no answer within 1 s"),
        ("METRIC_FAILED", "no answer within 1 s"),
        ("NOTIFICATION_FAILED", "no answer within 1 s"),
        ("METRIC_FAILED", "no answer within 1 s"),
    ]
