"""The processes of which a stack consists: their commands, and how they are."""

from __future__ import annotations

import os
import sys
from typing import Any

import httpx

from devstack.environment import LOOPBACK, airflow_environment, process_environment
from devstack.processes import Command, is_running
from devstack.state import StackState

SANDBOX, DATABASE_SERVER, WATCHER = "sandbox", "postgres", "watcher"
PREPARATION = ("database", "executions-table")
AIRFLOW_COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
HEALTHY = "healthy"
# Long enough for a busy machine, short enough that a dead stack is noticed soon.
_TIMEOUT = 5.0


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


def stack_health(state: StackState) -> dict[str, str]:
    """
    Return how each process of a whole stack is: :data:`HEALTHY` or what is wrong with it.

    :param state: the stack, possibly started only in part.
    """
    running = {record.name for record in state.processes if is_running(record, state.settings.home)}
    if state.settings.shared_sandbox:
        running.add(SANDBOX)
    answers = _sandbox_health(state) | _airflow_health(state)
    # These serve nobody but the stack: that Airflow reads its database is among its own answers.
    answers |= {name: HEALTHY for name in (DATABASE_SERVER, WATCHER) if state.has(name)}
    return {name: answer if name in running else "not running" for name, answer in answers.items()}


def _sandbox_health(state: StackState) -> dict[str, str]:
    reply = _get(f"{state.sandbox_url}/sandbox-api/health") if state.sandbox_url else None
    return {SANDBOX: "does not answer" if reply is None else HEALTHY}


def _airflow_health(state: StackState) -> dict[str, str]:
    reply = _get(f"{state.airflow_url}/api/v2/monitor/health")
    if reply is None:
        return dict.fromkeys(AIRFLOW_COMPONENTS, "unknown, api-server does not answer")
    parts = {name: reply.get(name.replace("-", "_"), {}).get("status") for name in AIRFLOW_COMPONENTS}
    # The API server does not report on itself: it answers, so what counts is whether it reads the database.
    parts["api-server"] = reply.get("metadatabase", {}).get("status")
    return {name: str(status or "no heartbeat yet") for name, status in parts.items()}


def _get(url: str) -> dict[str, Any] | None:
    """Read a JSON object; None when there is no good answer."""
    try:
        reply = httpx.get(url, timeout=_TIMEOUT, trust_env=False)
        content = reply.raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        return None
    return content if isinstance(content, dict) else None
