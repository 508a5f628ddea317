"""One Airflow with FAB for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.testing import Sandbox
from tests.integration.web.fab.stack import FabAirflow, fab_airflow


@pytest.fixture(scope="session")
def fab_plans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of plans of the Airflow with FAB."""
    return tmp_path_factory.mktemp("fab-plans")


@pytest.fixture(scope="session")
def fab(
    sandbox_process: Sandbox, fab_plans: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FabAirflow]:
    """The Airflow with FAB, its console on the sandbox."""
    with fab_airflow(tmp_path_factory.mktemp("fab-airflow"), fab_plans, sandbox_process.url) as airflow:
        yield airflow
