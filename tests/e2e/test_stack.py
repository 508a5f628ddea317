"""The stack itself: real processes, and nothing else of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest

from devstack import postgres
from devstack.airflow_api import AirflowApi
from devstack.components import AIRFLOW_COMPONENTS, DATABASE_SERVER, HEALTHY, SANDBOX, stack_health
from devstack.errors import AirflowApiError
from devstack.layout import AUTO, PROJECT, StackSettings
from devstack.processes import members
from devstack.stack import Stack
from tests.e2e.connections import connections_of

# By signal: the thread would end the whole process, and leave that of the stack behind.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, method="signal")]


@pytest.fixture
def second_stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack of another clone: own home, no DAGs, not started."""
    (tmp_path / "dags").mkdir()
    stack = Stack(StackSettings(home=tmp_path / "home", dags_folder=tmp_path / "dags"))
    yield stack
    stack.down()


def _all_healthy(stack: Stack) -> dict[str, str]:
    database = (DATABASE_SERVER,) if stack.settings.database == AUTO and postgres.is_installed() else ()
    return dict.fromkeys((SANDBOX, *AIRFLOW_COMPONENTS, *database), HEALTHY)


def _working_in(home: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(home)]


def _listening(stack: Stack) -> set[str]:
    """Addresses on which any process of a stack listens."""
    return {
        connection.laddr.ip
        for record in stack.state.processes
        for process in members(record, stack.settings.home)
        for connection in connections_of(process)
        if connection.status == psutil.CONN_LISTEN
    }


def _user(stack: Stack, name: str) -> AirflowApi:
    return AirflowApi(stack.state.airflow_url, name, stack.passwords[name])


def test_every_process_of_a_stack_is_healthy(stack: Stack) -> None:
    assert stack_health(stack.state) == _all_healthy(stack)


def test_it_listens_on_the_loopback_only(stack: Stack) -> None:
    addresses = _listening(stack)
    assert "127.0.0.1" in addresses
    assert {one for one in addresses if not ip_address(one).is_loopback} == set()


def test_users_may_do_what_their_role_allows(stack: Stack) -> None:
    for name in stack.passwords:
        with closing(_user(stack, name)) as api:
            assert isinstance(api.import_errors(), dict)
    with closing(_user(stack, "viewer")) as viewer, pytest.raises(AirflowApiError) as caught:
        viewer.trigger("recover_three-tier-crm", {})
    assert caught.value.status in (403, 404)


def test_two_stacks_run_side_by_side_and_ending_one_leaves_nothing_of_it(
    stack: Stack, second_stack: Stack
) -> None:
    second_stack.up()
    assert stack_health(second_stack.state) == _all_healthy(second_stack)
    scheduler = next(record for record in second_stack.state.processes if record.name == "scheduler")
    psutil.Process(scheduler.pid).kill()  # its workers live on, without a parent

    assert second_stack.down() is True

    assert _working_in(second_stack.settings.home) == []
    assert stack_health(stack.state) == _all_healthy(stack)


def test_the_demo_on_a_running_stack_runs_a_drill_and_shows_its_record(stack: Stack) -> None:
    settings = stack.settings
    targets = ("--home", settings.home, "--plans", settings.plans_dir)
    speeds = ("--speed", settings.speed, "--poll-interval", settings.poll_interval)
    parses = ("--parse-interval", settings.parse_interval)
    options = (*targets, *speeds, *parses, "--database", settings.database)
    command = (sys.executable, "-m", "devstack", *options, "demo", "--plan", "billing-database")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(PROJECT / "plugins"), str(PROJECT)))}

    demo = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True)

    assert demo.returncode == 0, demo.stdout + demo.stderr
    lines = demo.stdout.splitlines()
    assert lines[0] == f"the stack is up already: {stack.state.airflow_url}"
    assert any(line.endswith("execution: COMPLETED") for line in lines)
    assert any("billing-db-02" in line and "READY" in line for line in lines)
    assert lines[-1] == "to stop everything: make down"
