"""No password of a plan or of a connection is on any page, in any answer, error or line of the log."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from airflow.models.connection import Connection
from botocore.exceptions import ClientError

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.listings import Listings
from tests.integration.web.conftest import Console
from tests.integration.web.on_record import crm, drill, opened, put_plan

PASSWORD = "correct-horse-battery-staple"
CONNECTION_KEY = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
SECRETS = (PASSWORD, CONNECTION_KEY)


class Lines(logging.Handler):
    """Keeps what is logged, with the traces of errors."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.text += self.format(record)


@pytest.fixture
def log() -> Any:
    lines, root = Lines(), logging.getLogger()
    root.addHandler(lines)
    yield lines
    root.removeHandler(lines)


def secretive(**fields: Any) -> dict[str, Any]:
    """A plan whose notifier and whose automation get a password."""
    automation = {"ssm_automation": {"document": "Warm-Up", "parameters": {"Mode": [PASSWORD]}}}
    notifiers = [{"class": "mail.Notifier", "arguments": {"password": PASSWORD, "to": "dr@example.com"}}]
    document = crm(connection="with_key", notify={"notifiers": notifiers}, **fields)
    document["waves"][0]["before"] = [automation]
    return document


@pytest.fixture
def execution(store: ExecutionStore, plans: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An execution of such a plan, which has changed since its last good drill."""
    connection = Connection(
        conn_id="with_key",
        conn_type="aws",
        login="AKIAEXAMPLE",
        password=CONNECTION_KEY,
        extra={"key": PASSWORD},
    )
    monkeypatch.setenv("AIRFLOW_CONN_WITH_KEY", connection.get_uri())
    put_plan(plans / "crm.yaml", secretive())
    earlier = secretive(objectives={"rto": "PT1H"})
    earlier["notify"]["notifiers"][0]["arguments"]["password"] = f"old-{PASSWORD}"
    drill(store, earlier)
    plan = RecoveryPlan.model_validate(secretive())
    return opened(store, plan_snapshot=plan.model_dump(mode="json"))


@pytest.mark.parametrize(
    "path",
    [
        "/plans",
        "/plans/crm",
        "/executions",
        "/executions/{}",
        "/api/v1/plans",
        "/api/v1/plans/crm",
        "/api/v1/executions",
        "/api/v1/executions/{}",
        "/api/v1/executions/{}/events",
    ],
)
def test_no_answer_holds_a_secret(console: Console, execution: str, log: Lines, path: str) -> None:
    answer = console.get(path.format(execution), html=not path.startswith("/api"))

    assert answer.status_code == 200
    for secret in SECRETS:
        assert secret not in answer.text
        assert secret not in log.text


def test_the_plan_of_an_execution_names_what_it_hides(console: Console, execution: str) -> None:
    plan = console.get(f"/api/v1/executions/{execution}").json()["planSnapshot"]

    [notifier] = plan["notify"]["notifiers"]
    assert notifier["arguments"] == {"password": "(not shown)", "to": "(not shown)"}
    assert plan["waves"][0]["before"][0]["ssm_automation"]["parameters"] == {"Mode": "(not shown)"}
    assert plan["protection_groups"]


def test_a_refused_value_is_not_repeated(console: Console, execution: str, log: Lines) -> None:
    path = f"/api/v1/executions/{execution}/actions/approve"
    answers = [
        console.post(path, {"wave": PASSWORD}),
        console.post(path, {"wave": 1, PASSWORD[:3]: PASSWORD}),
    ]

    assert {answer.status_code for answer in answers} == {422}
    for text in (*(answer.text for answer in answers), log.text):
        assert PASSWORD not in text


@pytest.mark.parametrize("path", ["/executions", "/api/v1/executions"])
def test_an_error_that_nobody_expected_tells_nothing(
    console: Console, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def fail(self: Any, *arguments: Any) -> None:
        raise RuntimeError(f"cannot log in with {PASSWORD}")

    monkeypatch.setattr(Listings, "page", fail)
    answer = console.get(path, html=not path.startswith("/api"))

    assert answer.status_code == 500
    assert PASSWORD not in answer.text


@pytest.mark.parametrize("path", ["/executions", "/api/v1/executions"])
def test_what_aws_quotes_of_a_signed_request_is_not_passed_on(
    console: Console, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    message = f"The Canonical String should have been 'x-amz-security-token:{CONNECTION_KEY}'"
    refusal = {"Error": {"Code": "SignatureDoesNotMatch", "Message": message}}

    def refuse(self: Any, *arguments: Any) -> None:
        raise ClientError(refusal, "Query")

    monkeypatch.setattr(Listings, "page", refuse)
    answer = console.get(path, html=not path.startswith("/api"))

    assert answer.status_code == 503
    assert "SignatureDoesNotMatch" in answer.text
    assert CONNECTION_KEY not in answer.text
