"""Airflow's database and API in this process, and a sandbox that starts over for each test."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.api_fastapi.execution_api.app import InProcessExecutionAPI
from airflow.models.variable import Variable
from airflow.sdk.execution_time import supervisor
from airflow.utils.db import initdb
from airflow.utils.session import create_session
from sqlalchemy import delete

from drs_recovery.opening.live_plans import PREFIX
from drs_recovery.store.table_definition import create_table
from drs_recovery.web.fresh_questions import FreshQuestions
from sandbox.testing import Sandbox, separate_sandbox
from tests.iam_policies import judged_as_engine
from tests.integration.core_api import CoreApi
from tests.integration.runs import SPEED, TABLE, Runner
from tests.kept_clients import kept_clients


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """The metadata database, migrated, in the temporary AIRFLOW_HOME."""
    initdb()


@pytest.fixture(scope="session")
def kept_api_server() -> Iterator[None]:
    """``dag.test()`` builds an Execution API for every task; keep one, in a tenth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        make = supervisor.in_process_api_server

        @functools.cache
        def kept() -> InProcessExecutionAPI:
            server = make()
            # As the plugin has it in Airflow's API server.
            server.app.add_middleware(FreshQuestions)
            return server

        patch.setattr(supervisor, "in_process_api_server", kept)
        yield


@pytest.fixture(scope="session")
def core_api(airflow_database: None) -> Iterator[CoreApi]:
    with pytest.MonkeyPatch.context() as patch:
        # PyJWT warns of a key that is shorter than its hash.
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "k" * 64)
        yield CoreApi()


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Sandbox]:
    """A sandbox in a process of its own, beside the one in which Airflow's tasks run."""
    with separate_sandbox("--speed", str(SPEED)) as sandbox, kept_clients(sandbox):
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The sandbox as if just started, with the table of executions; it judges the engine by its policies."""
    sandbox_process.reset()
    sandbox_process.set_speed(SPEED)
    monkeypatch.setenv("AWS_ENDPOINT_URL", sandbox_process.url)
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__POLL_INTERVAL", "0.2")
    # On a busy machine a message takes long, and what was not told in time would be one more event.
    monkeypatch.setattr("drs_recovery.notifications.channels.PATIENCE", 60.0)
    create_table(sandbox_process.client("dynamodb"), TABLE)
    with judged_as_engine(sandbox_process):
        yield sandbox_process


@pytest.fixture
def plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "plans"
    folder.mkdir()
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__PLANS_DIR", str(folder))
    return folder


@pytest.fixture
def runner(sandbox: Sandbox, core_api: CoreApi, kept_api_server: None, plans: Path) -> Runner:
    """Runs plans through their DAGs."""
    _forget_live_plans()
    return Runner(sandbox, core_api, plans)


def _forget_live_plans() -> None:
    """A DAG keeps the tasks of a run that ended a minute ago; here that run is another test's."""
    with create_session() as session:
        session.execute(delete(Variable).where(Variable.key.startswith(PREFIX, autoescape=True)))
