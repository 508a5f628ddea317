"""The commands of which a stack consists."""

from __future__ import annotations

import os
import sys

from devstack.environment import airflow_environment, process_environment
from devstack.ports import LOOPBACK
from devstack.processes import Command
from devstack.state import StackState

SANDBOX, DATABASE_SERVER, WATCHER = "sandbox", "postgres", "watcher"
PREPARATION = ("database", "executions-table")
AIRFLOW_COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")


def sandbox(state: StackState) -> Command:
    """The local AWS, on a port of its own choice that it prints when it is ready."""
    arguments = ("--port", "0", "--host", LOOPBACK, "--speed", str(state.settings.speed))
    return Command(SANDBOX, _module("sandbox", *arguments), process_environment(os.environ))


def database_server(_state: StackState) -> Command:
    """A PostgreSQL server, on a port of its own choice; it prints the URL of a database when it is ready."""
    return Command(DATABASE_SERVER, _module("devstack.postgres"), process_environment(os.environ))


def watcher(state: StackState) -> Command:
    """Starts again what ends by itself."""
    arguments = ("--home", str(state.settings.home))
    return Command(WATCHER, _module("devstack.watcher", *arguments), process_environment(os.environ))


def preparation(state: StackState) -> tuple[Command, ...]:
    """What has to be run to its end before Airflow starts."""
    environment = airflow_environment(os.environ, state)
    arguments = {
        "database": ("airflow", "db", "migrate"),
        "executions-table": ("drs_recovery", "create-table"),
    }
    return tuple(Command(name, _module(*arguments[name]), environment) for name in PREPARATION)


def airflow(state: StackState) -> tuple[Command, ...]:
    """
    Airflow's processes, each by itself as in production.

    ``airflow standalone`` would be one command, but it forces settings and never notices that a triggerer
    died. Log servers stay off: they listen on all interfaces, and here everybody reads the same log files.
    """
    environment = airflow_environment(os.environ, state)
    arguments = {
        "api-server": ("--host", LOOPBACK, "--port", str(state.airflow_port), "--workers", "1"),
        "scheduler": ("--skip-serve-logs",),
        "dag-processor": (),
        "triggerer": ("--skip-serve-logs",),
    }
    return tuple(
        Command(name, _module("airflow", name, *arguments[name]), environment) for name in AIRFLOW_COMPONENTS
    )


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *arguments)
