from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from devstack.environment import (
    LOOPBACK,
    USERS,
    airflow_environment,
    free_port,
    inherited,
    process_environment,
)
from devstack.layout import PROJECT, StackSettings
from devstack.state import StackState


@pytest.fixture
def state(tmp_path):
    settings = StackSettings(home=tmp_path, plans_dir=tmp_path / "plans", poll_interval=0.5)
    return StackState(settings, 4711, sandbox_url="http://127.0.0.1:815")


@pytest.mark.parametrize(
    "name",
    [
        "AIRFLOW_HOME",
        "AIRFLOW__CORE__EXECUTOR",
        "AIRFLOW_CONN_AWS_DEFAULT",
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL_DRS",
        "AWS_SESSION_TOKEN",
        "BOTO_CONFIG",
        "PYTHONPATH",
        "PYTHONWARNINGS",
        "HTTPS_PROXY",
        "http_proxy",
    ],
)
def test_what_configures_the_users_own_programs_is_not_inherited(name, state):
    assert name not in inherited({name: "theirs"})
    assert airflow_environment({name: "theirs"}, state).get(name) != "theirs"


def test_the_rest_is_inherited():
    assert inherited({"HOME": "/root", "LANG": "C"}) == {"HOME": "/root", "LANG": "C"}


def test_processes_find_the_packages_and_the_programs_of_this_project():
    environment = process_environment({"PATH": "/usr/bin"})
    assert environment["PYTHONPATH"].split(os.pathsep) == [str(PROJECT / "plugins"), str(PROJECT)]
    assert environment["PATH"].endswith(f"{os.pathsep}/usr/bin")


def test_every_address_is_on_the_loopback(state):
    environment = airflow_environment({}, state)
    addresses = re.findall(r"https?://([^:/]+)", "\n".join(environment.values()))
    assert set(addresses) == {"127.0.0.1"}
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"


def test_the_product_is_configured_by_its_own_section(state, tmp_path):
    environment = airflow_environment({}, state)
    assert environment["AIRFLOW__DRS_RECOVERY__PLANS_DIR"] == str(tmp_path / "plans")
    assert environment["AIRFLOW__DRS_RECOVERY__POLL_INTERVAL"] == "0.5"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:815"


def test_all_runtime_files_are_in_the_home_directory(state, tmp_path):
    environment = airflow_environment({}, state)
    assert environment["AIRFLOW_HOME"] == str(tmp_path)
    assert Path(environment["AIRFLOW__LOGGING__BASE_LOG_FOLDER"]).is_relative_to(tmp_path)
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{tmp_path}/airflow.db"


def test_airflows_database_can_be_elsewhere(tmp_path):
    url = "postgresql+psycopg2://airflow@127.0.0.1:5432/airflow"
    state = StackState(StackSettings(home=tmp_path, database=url), 4711, database_url=url)

    assert airflow_environment({}, state)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == url


def test_no_more_tasks_are_queued_than_there_are_workers(state):
    # Beyond that the LocalExecutor keeps to the order in which they came, not to their priority.
    environment = airflow_environment({}, state)
    workers = environment["AIRFLOW__CORE__PARALLELISM"]
    assert environment["AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT"] == workers


def test_the_users_of_the_sample_plans_exist(state):
    users = airflow_environment({}, state)["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"]
    assert users == "admin:admin,dba-lead:op,dr-lead:op,viewer:viewer"
    assert set(USERS) == {"admin", "dba-lead", "dr-lead", "viewer"}


def test_nobody_listens_on_a_free_port():
    with socket.socket() as server:
        server.bind((LOOPBACK, free_port()))
