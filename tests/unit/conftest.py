"""A sandbox behind a port, whose time moves when a test says so, and the steps of a recovery against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.testing import Sandbox, running_sandbox
from tests.iam_policies import judged_as_engine
from tests.kept_clients import kept_clients

HERE = "vienna"
"""Name of the Airflow installation in which the steps run."""


@pytest.fixture(scope="module")
def aws_of_module() -> Iterator[Sandbox]:
    with running_sandbox(speed=1) as sandbox, kept_clients(sandbox):
        yield sandbox


@pytest.fixture
def aws(aws_of_module: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The sandbox as if just started, with the table of executions; it judges the engine by its policies."""
    from drs_recovery.settings import executions_table_name
    from drs_recovery.store.table_definition import create_table

    aws_of_module.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_of_module.url)
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__POLL_INTERVAL", "0.1")
    # There is no database of Airflow in which a name could be kept.
    monkeypatch.setenv("AIRFLOW_VAR_DRS_RECOVERY_INSTALLATION", HERE)
    monkeypatch.setenv("AIRFLOW_VAR_DRS_RECOVERY_INSTALLATION_CLAIM", "claim-of-the-tests")
    # On a busy machine a message takes long, and what was not told in time would be one more event.
    monkeypatch.setattr("drs_recovery.notifications.channels.PATIENCE", 60.0)
    create_table(aws_of_module.client("dynamodb"), executions_table_name())
    with judged_as_engine(aws_of_module):
        yield aws_of_module


@pytest.fixture
def steps_of(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Makes the steps of a run, from the fields of a plan."""
    from airflow.sdk.bases.operator import ExecutorSafeguard

    from drs_recovery.plan.model import RecoveryPlan
    from tests.unit.steps import Steps

    monkeypatch.setattr(ExecutorSafeguard, "test_mode", True)
    return lambda plan, **more: Steps(RecoveryPlan.model_validate(plan), **more)
