"""The processes of which a stack consists: their commands, and how they are."""

from __future__ import annotations

import os
import sys
from typing import Any

import httpx

from devstack import cluster
from devstack.environment import LOOPBACK, airflow_environment, process_environment
from devstack.layout import Layout, StackSettings
from devstack.processes import Command, is_running
from devstack.state import StackState

SANDBOX, DATABASE_SERVER, WATCHER = "sandbox", "postgres", "watcher"
PREPARATION = ("database", "executions-table")
AIRFLOW_COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
HEALTHY = "healthy"
# Long enough for a busy machine, short enough that a dead stack is noticed soon.
_TIMEOUT = 5.0


def airflow_names(settings: StackSettings) -> tuple[str, ...]:
    """Name the processes of Airflow in a stack."""
    return (*AIRFLOW_COMPONENTS, *(cluster.SECOND_ONES if settings.cluster else ()))


def sandbox(state: StackState) -> Command:
    """The local AWS, on a port of its own choice that it prints when it is ready."""
    arguments = ("--port", "0", "--host", LOOPBACK, "--speed", str(state.settings.speed))
    return Command(SANDBOX, _module("sandbox", *arguments), process_environment(os.environ))


def database_server(_state: StackState) -> Command:
    """A PostgreSQL server, on a port of its own choice; it prints the URL of a database when it is ready."""
    return Command(DATABASE_SERVER, _module("devstack.postgres"), process_environment(os.environ))


def broker(state: StackState) -> Command:
    """Where a cluster's workers get their tasks."""
    return Command(cluster.BROKER, cluster.broker_arguments(state), process_environment(os.environ))


def balancer(state: StackState) -> Command:
    """What stands before a cluster's API servers."""
    ports = ("--port", str(state.airflow_port), *map(str, state.server_ports))
    return Command(cluster.BALANCER, _module("devstack.balancer", *ports), process_environment(os.environ))


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
    late = {"AIRFLOW__DRS_RECOVERY__PLANS_DIR": str(cluster.late_plans_dir(Layout(state.settings.home)))}
    return tuple(
        Command(
            name,
            _module("airflow", *_airflow_arguments(name, state)),
            environment | (late if name == cluster.LATE_WORKER else {}),
        )
        for name in airflow_names(state.settings)
    )


def _airflow_arguments(name: str, state: StackState) -> tuple[str, ...]:
    kind = name.removesuffix("-2")
    match kind:
        case "api-server":
            port = state.server_ports[-1 if name != kind else 0]
            return kind, "--host", LOOPBACK, "--port", str(port), "--workers", "1"
        case "worker":
            return cluster.worker_arguments(name)
        case "dag-processor":
            return (kind,)
        case _:
            return kind, "--skip-serve-logs"


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
    answers |= _cluster_health(state) if state.settings.cluster else {}
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


def _cluster_health(state: StackState) -> dict[str, str]:
    """Of two of a kind, Airflow tells how one is; the other has to run, and an API server to answer."""
    health = dict.fromkeys((*cluster.SECOND_ONES, cluster.BROKER, cluster.BALANCER), HEALTHY)
    for name, port in zip(("api-server", "api-server-2"), state.server_ports, strict=True):
        reply = _get(f"http://{LOOPBACK}:{port}/api/v2/version")
        health[name] = "does not answer" if reply is None else HEALTHY
    return health


def _get(url: str) -> dict[str, Any] | None:
    """Read a JSON object; None when there is no good answer."""
    try:
        reply = httpx.get(url, timeout=_TIMEOUT, trust_env=False)
        content = reply.raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        return None
    return content if isinstance(content, dict) else None
