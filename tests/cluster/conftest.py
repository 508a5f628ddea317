"""A cluster of real processes, with plans of which each has a Region of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devstack import postgres
from devstack.cluster import demand_programs
from devstack.errors import NoClusterError
from devstack.layout import StackSettings
from devstack.stack import Stack
from sandbox.testing import Sandbox
from tests.cluster import cluster_plans
from tests.e2e.conftest import drills, pytest_runtest_makereport
from tests.e2e.made_plans import add_servers, write_plans

__all__ = ["drills", "pytest_runtest_makereport"]

_SPEED = 60.0
# Seconds; fourteen processes that each load Airflow share what this machine has.
_START_TIMEOUT = 600.0


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running cluster."""
    if not postgres.is_installed():
        pytest.skip("a cluster needs PostgreSQL: apt-get install postgresql")
    try:
        demand_programs()
    except NoClusterError as error:
        pytest.skip(str(error))
    plans = write_plans(tmp_path_factory.mktemp("include") / "plans", cluster_plans.ALL)
    settings = StackSettings(
        home=tmp_path_factory.mktemp("cluster"),
        plans_dir=plans,
        speed=_SPEED,
        poll_interval=0.5,
        parse_interval=20,
        cluster=True,
    )
    stack = Stack(settings, start_timeout=_START_TIMEOUT)
    try:
        add_servers(Sandbox(stack.up().sandbox_url), cluster_plans.ALL)
        yield stack
    finally:
        stack.down()
