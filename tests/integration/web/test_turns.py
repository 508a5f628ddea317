"""Whose turn it is: others wait for it, and are told if it takes too long."""

from __future__ import annotations

import pytest
from botocore.exceptions import EndpointConnectionError

from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.locks import ActionLock
from drs_recovery.web.actions import context
from tests.integration.web.conftest import Console
from tests.integration.web.test_roles import failed


def retried(console: Console, execution: str) -> tuple[int, str]:
    answer = console.post(f"/api/v1/executions/{execution}/actions/retry", {"wave": 1})
    return answer.status_code, answer.json()["detail"]


def test_who_waits_too_long_for_their_turn_is_told_and_can_ask_again(
    console: Console, store: ExecutionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "PATIENCE", 0.0)
    execution = failed(store)
    store.action_lock.acquire(execution, "somebody", 60)

    status, refused = retried(console, execution)
    store.action_lock.release(execution, "somebody")
    again = retried(console, execution)

    assert (status, refused[:36]) == (409, "Another action on this execution is ")
    # Their turn: the first thing that is found is that Airflow has no run of this execution.
    assert again[0] == 409
    assert "was deleted in Airflow" in again[1]


def test_what_was_done_is_answered_also_if_the_turn_cannot_be_given_back(
    console: Console, store: ExecutionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb.example")

    monkeypatch.setattr(ActionLock, "release", fails)

    status, detail = retried(console, failed(store))

    assert status == 409
    assert "was deleted in Airflow" in detail
