"""Who ends a DAG run with a request about many, in which runs of two DAGs can have the same id."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.listener import Intent, _intent_of
from tests.integration.core_api import CoreApi

FAILED = "the DAG run was marked as failed"


@pytest.fixture
def run_id(request: pytest.FixtureRequest) -> str:
    """Id that runs of two DAGs have; no other test's requests name it."""
    return f"CHG-{request.node.name}"


def ask(core_api: CoreApi, user: str, path_dag_id: str, action: str, *entities: Any) -> None:
    """Send a request about many runs; Airflow does not have them, but writes down who asks for what."""
    body = {"actions": [{"action": action, "entities": list(entities)}]}
    path = f"/api/v2/dags/{path_dag_id}/dagRuns"
    answer = core_api.send("PATCH", path, core_api.token(user, "admin"), json=body)
    assert answer.status_code == 200, answer.text


def test_each_run_has_the_note_of_its_own_dag(core_api: CoreApi, run_id: str) -> None:
    ask(
        core_api,
        "ann",
        "~",
        "update",
        {"dag_id": "recover_crm", "dag_run_id": run_id, "state": "failed", "note": "crm is wrong"},
        {"dag_id": "recover_erp", "dag_run_id": run_id, "state": "failed", "note": "erp is wrong"},
        {"dag_id": "recover_web", "dag_run_id": run_id, "note": "keep"},
    )

    assert _intent_of("recover_crm", run_id) == Intent("ann", "crm is wrong")
    assert _intent_of("recover_erp", run_id) == Intent("ann", "erp is wrong")
    assert _intent_of("recover_web", run_id) is None


def test_a_later_request_about_another_dag_is_not_taken_for_this_one(core_api: CoreApi, run_id: str) -> None:
    entity = {"dag_run_id": run_id, "state": "failed"}
    ask(core_api, "ann", "recover_crm", "update", entity)
    ask(core_api, "bob", "recover_erp", "update", entity)
    ask(core_api, "eve", "~", "update", {**entity, "dag_id": "recover_web"})

    assert _intent_of("recover_crm", run_id) == Intent("ann", FAILED)
    assert _intent_of("recover_erp", run_id) == Intent("bob", FAILED)
    assert _intent_of("recover_web", run_id) == Intent("eve", FAILED)


def test_deleting_runs_marks_none(core_api: CoreApi, run_id: str) -> None:
    ask(core_api, "ann", "recover_crm", "delete", {"dag_run_id": run_id, "state": "failed"}, run_id)

    assert _intent_of("recover_crm", run_id) is None


def test_of_a_run_that_is_named_twice_the_last_counts(core_api: CoreApi, run_id: str) -> None:
    entity = {"dag_run_id": run_id, "state": "failed"}
    ask(core_api, "ann", "recover_crm", "update", {**entity, "note": "first"}, {**entity, "note": "second"})

    assert _intent_of("recover_crm", run_id) == Intent("ann", "second")
