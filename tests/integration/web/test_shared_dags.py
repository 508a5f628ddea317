"""Whoever runs what acts on executions of another plan, anew or again, needs the right to that plan, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session

from drs_recovery.store.executions import ExecutionStore
from tests.integration.runs import DAGS
from tests.integration.web.conftest import Console
from tests.integration.web.on_record import crm, opened

TERMINATE = "terminate_recovery_instances"
TRIGGER = f"/api/v2/dags/{TERMINATE}/dagRuns"
RECOVER = "recover_crm"
MISSING = "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10"


# Every way in which Airflow's API lets runs of a DAG start over.
AGAIN = {
    "a run": ("{dag}/dagRuns/{run}/clear", {}),
    "its tasks": ("{dag}/clearTaskInstances", {"dag_run_id": "{run}", "only_failed": False}),
    "tasks by dates": ("{dag}/clearTaskInstances", {"start_date": "2020-01-01T00:00:00Z"}),
    "several runs": ("{dag}/clearDagRuns", {"dag_runs": [{"dag_run_id": "{run}"}]}),
    "of any DAG": ("~/clearDagRuns", {"dag_runs": [{"dag_id": "{dag}", "dag_run_id": "{run}"}]}),
    "by partition": ("{dag}/clearDagRuns", {"partition_key": "2020"}),
    "a partition": ("{dag}/clearPartitions", {"run_id": "{run}", "clear_task_instances": True}),
}


def known_to_airflow(dag_id: str, file: str) -> Iterator[None]:
    """Let Airflow know a DAG, which stays, and have no runs of it."""
    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
    bag = DagBag(str(DAGS / file), bundle_name="dags-folder", load_op_links=False)
    sync_bag_to_db(bag, "dags-folder", None)
    with create_session() as session:
        session.query(DagRun).filter_by(dag_id=dag_id).delete()
        session.get(DagModel, dag_id).is_paused = False
    yield
    with create_session() as session:
        session.query(DagRun).filter_by(dag_id=dag_id).delete()


@pytest.fixture
def shared_dag(airflow_database: None) -> Iterator[None]:
    """Airflow knows the DAG that terminates."""
    yield from known_to_airflow(TERMINATE, f"{TERMINATE}.py")


@pytest.fixture
def plan_dag(airflow_database: None, plans: Path) -> Iterator[None]:
    """Airflow knows the DAG of the plan ``crm``."""
    (plans / "crm.yaml").write_text(yaml.safe_dump(crm()))
    yield from known_to_airflow(RECOVER, "recovery_plans.py")


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


def runs(dag_id: str = TERMINATE) -> list[DagRun]:
    with create_session() as session:
        return list(session.query(DagRun).filter_by(dag_id=dag_id))


def recover(console: Console, named: str, role: str = "op") -> httpx.Response:
    """Start a real recovery that may end instances of others."""
    conf = {"execution_type": "RECOVERY", "replace_execution": named}
    body = {"conf": conf, "logical_date": None}
    return trigger(console, "", role, path=f"/api/v2/dags/{RECOVER}/dagRuns", json=body)


def start_over(console: Console, run: httpx.Response, way: str, role: str) -> httpx.Response:
    """Let a run that was triggered start over."""
    path, body = AGAIN[way]
    names = {"dag": run.json()["dag_id"], "run": run.json()["dag_run_id"]}
    filled = json.dumps({**body, "dry_run": False}).replace("{dag}", names["dag"])
    token = console.core_api.token(role, role)
    return console.core_api.send(
        "POST",
        f"/api/v2/dags/{path.format(**names)}",
        token,
        json=json.loads(filled.replace("{run}", names["run"])),
    )


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


@pytest.mark.parametrize("way", AGAIN)
def test_a_run_starts_over_only_for_whom_it_could_be_triggered(
    console: Console, store: ExecutionStore, rights_on_the_shared_dag: str, shared_dag: None, way: str
) -> None:
    run = trigger(console, opened(store, plan_id=rights_on_the_shared_dag), "admin")

    refused, taken = (start_over(console, run, way, role) for role in ("op", "admin"))

    assert refused.status_code == 403
    assert "acts on an execution of another plan" in refused.json()["detail"]
    assert taken.status_code == 200, taken.text


@pytest.mark.parametrize("way", AGAIN)
def test_a_run_on_their_own_plan_starts_over(
    console: Console, store: ExecutionStore, rights_on_the_shared_dag: str, shared_dag: None, way: str
) -> None:
    run = trigger(console, opened(store))

    answer = start_over(console, run, way, "op")

    assert answer.status_code == 200, answer.text


def test_what_may_be_replaced_takes_the_right_to_its_plan(
    console: Console, store: ExecutionStore, hidden_plan: str, plan_dag: None
) -> None:
    own, hidden = opened(store), opened(store, plan_id=hidden_plan)

    refused, missing = (recover(console, f"{own}, {one}") for one in (hidden, MISSING))

    assert refused.status_code == missing.status_code == 404
    assert refused.text.replace(hidden, "…") == missing.text.replace(MISSING, "…")
    assert refused.json()["detail"] == f"there is no execution {hidden} in the store"
    assert runs(RECOVER) == []
    assert recover(console, own).status_code == 200
    assert recover(console, f"{own} {hidden}", "admin").status_code == 200


def test_what_has_no_record_is_replaced_by_who_may_act_on_every_plan(
    console: Console, hidden_plan: str, plan_dag: None
) -> None:
    assert recover(console, MISSING, "admin").status_code == 200


def test_a_backfill_may_replace_no_more_than_a_run(
    console: Console, store: ExecutionStore, hidden_plan: str, plan_dag: None
) -> None:
    hidden, moment = opened(store, plan_id=hidden_plan), "2026-01-01T00:00:00Z"
    conf = {"execution_type": "RECOVERY", "replace_execution": hidden}
    body = {"dag_id": RECOVER, "from_date": moment, "to_date": moment, "dag_run_conf": conf}

    refused, airflows = (
        trigger(console, "", role, path="/api/v2/backfills", json=body) for role in ("op", "admin")
    )

    assert (refused.status_code, refused.json()["detail"]) == (
        404,
        f"there is no execution {hidden} in the store",
    )
    # The plan has no schedule.
    assert airflows.status_code == 422, airflows.text


@pytest.mark.parametrize("way", AGAIN)
def test_a_recovery_that_replaces_starts_over_only_for_whom_it_could_be_started(
    console: Console, store: ExecutionStore, hidden_plan: str, plan_dag: None, way: str
) -> None:
    run = recover(console, opened(store, plan_id=hidden_plan), "admin")

    refused, taken = (start_over(console, run, way, role) for role in ("op", "admin"))

    assert refused.status_code == 403
    assert "acts on an execution of another plan" in refused.json()["detail"]
    assert taken.status_code == 200, taken.text
