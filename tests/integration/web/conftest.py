"""The console as the people of each role reach it: inside Airflow's API server, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.models.dag import DagModel, DagTag
from airflow.models.dagbundle import DagBundleModel
from airflow.utils.session import create_session

from drs_recovery.configured_store import execution_store
from drs_recovery.plan.model import PLAN_TAG
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.web import dependencies
from sandbox.testing import Sandbox
from tests.integration.core_api import CoreApi

HTML = {"Accept": "text/html"}


class Console:
    """Requests to the console by users of Airflow's simple auth manager."""

    def __init__(self, core_api: CoreApi) -> None:
        self.core_api = core_api

    def get(
        self, path: str, role: str | None = "admin", *, html: bool = False, **request: Any
    ) -> httpx.Response:
        """
        Read something.

        :param path: behind ``/recovery``.
        :param role: of the user, who has the same name; None for somebody who is not logged in.
        :param html: as a browser does for a page.
        """
        headers = {**(HTML if html else {}), **request.pop("headers", {})}
        return self.send("GET", path, role, headers=headers, **request)

    def post(self, path: str, body: Any, role: str | None = "admin", **request: Any) -> httpx.Response:
        """Ask for something to be done, as a program with a token."""
        return self.send("POST", path, role, json=body, **request)

    def send(self, method: str, path: str, role: str | None, **request: Any) -> httpx.Response:
        """Send any request."""
        token = None if role is None else self.core_api.token(role, role)
        return self.core_api.send(method, f"/recovery{path}", token, **request)


@pytest.fixture
def store(sandbox: Sandbox) -> ExecutionStore:
    """The store that the console reads, on a fresh table."""
    dependencies.forget_store()
    return execution_store()


@pytest.fixture
def console(store: ExecutionStore, core_api: CoreApi, plans: Any) -> Console:
    """The console over a fresh store; its plan files are in the fixture ``plans``."""
    _forget_plans()
    return Console(core_api)


def _forget_plans() -> None:
    """DAGs that runs of earlier tests left in Airflow are no plans any more: pages list this test's alone."""
    with create_session() as session:
        session.query(DagTag).delete()


@pytest.fixture
def known_dags(airflow_database: None) -> Iterator[None]:
    """Airflow knows the DAGs of the plans ``crm``, ``erp`` and ``secret``."""
    dag_ids = [f"recover_{plan_id}" for plan_id in ("crm", "erp", "secret")]
    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
        session.flush()
        # What a run of an earlier test left has runs and versions that refer to it: it stays afterwards.
        missing = [dag_id for dag_id in dag_ids if session.get(DagModel, dag_id) is None]
        for dag_id in dag_ids:
            session.merge(_dag(dag_id))
    yield
    with create_session() as session:
        session.query(DagModel).filter(DagModel.dag_id.in_(missing)).delete()


def _dag(dag_id: str) -> DagModel:
    tags = [DagTag(name=PLAN_TAG, dag_id=dag_id)]
    where = {"bundle_name": "dags-folder", "fileloc": "dags/recovery_plans.py"}
    return DagModel(dag_id=dag_id, is_stale=False, tags=tags, **where)


@pytest.fixture
def hidden_plan(known_dags: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """A plan that nobody but administrators may see; the others have rights on DAGs one by one."""
    allowed = SimpleAuthManager.is_authorized_dag

    def is_authorized_dag(self: Any, *, method: Any, user: Any, details: Any = None, **more: Any) -> bool:
        single = details is not None and details.id in {"recover_crm", "recover_erp"}
        if user.role != "admin" and not single:
            return False
        return allowed(self, method=method, user=user, details=details, **more)

    monkeypatch.setattr(SimpleAuthManager, "is_authorized_dag", is_authorized_dag)
    return "secret"


@pytest.fixture
def unreachable_table(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens where the table should be."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    dependencies.forget_store()
