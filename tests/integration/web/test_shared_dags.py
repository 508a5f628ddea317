"""Whoever triggers a DAG that acts on executions of any plan needs the right to that plan, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session

from drs_recovery.store import ExecutionStore
from tests.integration.runs import DAGS
from tests.integration.web.conftest import Console
from tests.integration.web.on_record import opened

TERMINATE = "terminate_recovery_instances"
TRIGGER = f"/api/v2/dags/{TERMINATE}/dagRuns"
MISSING = "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10"


@pytest.fixture
def shared_dag(airflow_database: None) -> Iterator[None]:
    """Airflow knows the DAG that terminates, which stays, and has no runs of it."""
    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
    bag = DagBag(str(DAGS / f"{TERMINATE}.py"), bundle_name="dags-folder", load_op_links=False)
    sync_bag_to_db(bag, "dags-folder", None)
    with create_session() as session:
        session.query(DagRun).filter_by(dag_id=TERMINATE).delete()
        session.get(DagModel, TERMINATE).is_paused = False
    yield
    with create_session() as session:
        session.query(DagRun).filter_by(dag_id=TERMINATE).delete()


@pytest.fixture
def rights_on_the_shared_dag(hidden_plan: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who has rights on DAGs one by one may also trigger the DAG that terminates; the plan that is hidden."""
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    one_by_one = SimpleAuthManager.is_authorized_dag

    def is_authorized_dag(self: Any, *, user: Any, details: Any = None, **more: Any) -> bool:
        if details is not None and details.id == TERMINATE:
            return True
        return one_by_one(self, user=user, details=details, **more)

    monkeypatch.setattr(SimpleAuthManager, "is_authorized_dag", is_authorized_dag)
    return hidden_plan


def trigger(
    console: Console, execution: str, role: str | None = "op", path: str = TRIGGER, **request: Any
) -> httpx.Response:
    token = None if role is None else console.core_api.token(role, role)
    body = {"conf": {"execution_id": execution, "waves": [1]}, "logical_date": None, "note": "ünder way"}
    return console.core_api.send("POST", path, token, **{"json": body, **request})


def runs() -> list[DagRun]:
    with create_session() as session:
        return list(session.query(DagRun).filter_by(dag_id=TERMINATE))


def test_who_may_trigger_the_plan_may_terminate_and_airflow_gets_the_request_as_it_was(
    console: Console, store: ExecutionStore, rights_on_the_shared_dag: str, shared_dag: None
) -> None:
    execution = opened(store)

    answer = trigger(console, f" {execution} ")

    assert answer.status_code == 200, answer.text
    (run,) = runs()
    assert run.conf == {"execution_id": f" {execution} ", "waves": [1]}
    assert answer.json()["note"] == "ünder way"
    assert run.triggering_user_name == "op"


@pytest.mark.parametrize("path", [TRIGGER, f"{TRIGGER}/", TRIGGER.replace("_", "%5F")])
@pytest.mark.parametrize("named", ["{}", " {}\n"])
def test_an_execution_of_a_plan_that_is_not_theirs_is_answered_like_one_that_is_not_there(
    console: Console,
    store: ExecutionStore,
    rights_on_the_shared_dag: str,
    shared_dag: None,
    path: str,
    named: str,
) -> None:
    hidden = opened(store, plan_id=rights_on_the_shared_dag)

    refused, missing = (trigger(console, named.format(one), path=path) for one in (hidden, MISSING))

    assert refused.status_code == missing.status_code == 404
    assert refused.text.replace(hidden, "…") == missing.text.replace(MISSING, "…")
    assert refused.json()["detail"] == f"there is no execution {hidden} in the store"
    assert runs() == []


def test_who_may_only_look_at_the_plan_is_refused(
    console: Console, store: ExecutionStore, rights_on_the_shared_dag: str, shared_dag: None
) -> None:
    answer = trigger(console, opened(store), "viewer")

    assert answer.status_code == 403
    assert "the right to trigger recover_crm" in answer.json()["detail"]
    assert runs() == []


def test_a_browsers_cookie_gives_no_other_rights_than_a_token(
    console: Console, store: ExecutionStore, rights_on_the_shared_dag: str, shared_dag: None
) -> None:
    hidden = opened(store, plan_id=rights_on_the_shared_dag)
    cookies = [{"Cookie": f"_token={console.core_api.token(role, role)}"} for role in ("op", "admin")]

    found = [trigger(console, hidden, None, headers=cookie).status_code for cookie in cookies]

    assert found == [404, 200]


@pytest.mark.parametrize(
    ("role", "request_", "status"),
    [
        # Airflow's own answers.
        (None, {}, 401),
        ("op", {"json": {"logical_date": None}}, 400),
        ("op", {"json": {"logical_date": None, "conf": {"execution_id": 5}}}, 400),
        ("op", {"json": ["conf"]}, 422),
        ("op", {"content": "{", "json": None}, 422),
    ],
)
def test_what_names_no_execution_is_airflows_to_answer(
    console: Console,
    rights_on_the_shared_dag: str,
    shared_dag: None,
    role: str | None,
    request_: dict[str, Any],
    status: int,
) -> None:
    answer = trigger(console, MISSING, role, **request_)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"


def test_instances_of_another_installation_are_terminated_there(
    console: Console, store: ExecutionStore, shared_dag: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__INSTALLATION", "vienna")
    execution = opened(store, controller="graz")

    refused = trigger(console, execution)

    assert refused.status_code == 409
    told = (
        f"execution {execution} belongs to the Airflow installation graz, and this one is vienna: act there"
    )
    assert refused.json()["detail"] == f"Nothing is terminated: {told}."
    assert runs() == []
    assert trigger(console, opened(store, "own", controller="vienna")).status_code == 200


@pytest.mark.usefixtures("unreachable_table")
def test_what_cannot_be_checked_is_not_allowed(console: Console, shared_dag: None) -> None:
    answer = trigger(console, MISSING, "admin")

    assert answer.status_code == 503
    assert runs() == []
