"""The time of the newest heartbeat is read from an application, or by a command on the instance."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from drs_recovery.steps import heartbeat_probe
from sandbox.testing import Sandbox
from sandbox.world import WORLD
from tests.plan_documents import DB_1, DB_2
from tests.unit.step_kinds.conftest import FAILED, RUNNING, SUCCEEDED, Trial, Try

NEWEST = datetime(2026, 11, 30, 2, 13, 5, tzinfo=UTC)


def asking(attempt: Try, recovered: Sandbox, **more: object) -> Trial:
    """A probe of each server's application."""
    port = recovered.application_port()
    per_server = {
        one["name"]: {"http": {"url": f"http://{one['address']}:{port}/newest"}, **more}
        for one in recovered.applications()
    }
    written = {"http": {"url": "http://{{ server.private_ip }}"}, **more}
    return attempt(heartbeat_probe.KIND, written, per_server)


@pytest.mark.parametrize(
    ("written", "body"),
    [
        ("iso8601", "2026-11-30T02:13:05Z"),
        ("iso8601", " 2026-11-30T03:13:05+01:00\n"),
        ("epoch", "1796004785"),
        ("epoch_ms", "1796004785000"),
    ],
)
def test_an_application_tells_the_time(recovered: Sandbox, attempt: Try, written: str, body: str) -> None:
    recovered.add_fault("application_answer", status=200, body=body)

    look = asking(attempt, recovered, format=written).look()

    assert (look.status, look.output) == (SUCCEEDED, NEWEST.isoformat(timespec="seconds"))


def test_each_server_s_time_counts(recovered: Sandbox, attempt: Try) -> None:
    older = NEWEST - timedelta(minutes=4)
    recovered.add_fault("application_answer", server=DB_1, status=200, body=NEWEST.isoformat())
    recovered.add_fault("application_answer", server=DB_2, status=200, body=older.isoformat())

    assert asking(attempt, recovered).look().output.splitlines() == [NEWEST.isoformat(), older.isoformat()]


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (503, "2026-11-30T02:13:05Z", "HTTP 503"),
        (200, "yesterday", "'yesterday' is no time of format iso8601"),
        (200, "2026-11-30T02:13:05", "is no time of format iso8601"),
        (200, "<b>" * 100, "'<b><b>"),
        (200, "2999-01-01T00:00:00Z", "the newest heartbeat is of the future"),
    ],
)
def test_what_is_no_heartbeat_is_told(
    recovered: Sandbox, attempt: Try, status: int, body: str, told: str
) -> None:
    recovered.add_fault("application_answer", status=status, body=body)

    look = asking(attempt, recovered).look()

    assert look.status is FAILED
    assert told in look.detail
    assert len(look.detail) < 300


def test_a_number_that_is_no_time_is_told(recovered: Sandbox, attempt: Try) -> None:
    recovered.add_fault("application_answer", status=200, body="1e300")

    assert "is no time of format epoch" in asking(attempt, recovered, format="epoch").look().detail


def test_a_command_on_the_instance_tells_it(
    recovered: Sandbox, attempt: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WORLD, "runs_commands", True)
    trial = attempt(heartbeat_probe.KIND, {"ssm_command": "echo 1796004785", "format": "epoch"})

    look, until = trial.look(), time.monotonic() + 20
    while look.status is RUNNING and time.monotonic() < until:
        time.sleep(0.05)
        look = trial.look()

    assert (look.status, look.output) == (SUCCEEDED, NEWEST.isoformat(timespec="seconds"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "give either http or ssm_command"),
        ({"http": {"url": "http://x"}, "ssm_command": "date"}, "give either http or ssm_command"),
        ({"ssm_command": "echo {{ server.name }}"}, "placeholders are values, never part of a command"),
        ({"http": {"url": "http://x", "method": "HEAD", "body": "x"}}, "an answer to HEAD has no body"),
    ],
)
def test_lint_says_what_is_wrong(arguments: dict[str, object], told: str) -> None:
    assert told in " ".join(text for _, text in heartbeat_probe.KIND.problems(arguments))
