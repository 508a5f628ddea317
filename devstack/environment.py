"""The environment of the stack's processes: their whole configuration, and nothing of the user's own."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from devstack import cluster
from devstack.layout import PROJECT, Layout
from devstack.state import StackState

LOOPBACK = "127.0.0.1"
EXECUTIONS_TABLE = "dr-executions"
REGION = "us-east-1"
# The sandbox accepts any; AWS accepts none like it.
SANDBOX_KEY = "sandbox"

# User to role. Approvers of the sample plans are among them, so that a gate can be answered as in real life.
USERS: Mapping[str, str] = {"admin": "admin", "dba-lead": "op", "dr-lead": "op", "viewer": "viewer"}

# A worker process of the LocalExecutor takes about 100 MB; waiting tasks are deferred and need none.
_WORKERS = "8"

_AUTH_MANAGER = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"

# The user's own Airflow, AWS and Python settings would change the stack or, worse, send it to a real account.
# Everything it talks to is on this machine, where a proxy only stands in the way.
_NOT_INHERITED_PREFIXES = ("AIRFLOW", "AWS_", "BOTO", "PYTHON")
_NOT_INHERITED = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the part of an environment that the stack's processes may see."""
    return {
        name: value
        for name, value in environ.items()
        if not name.upper().startswith(_NOT_INHERITED_PREFIXES) and name.upper() not in _NOT_INHERITED
    }


def process_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that needs the project's packages but no Airflow: the sandbox."""
    own = inherited(environ)
    # Airflow's processes start others by name, so the interpreter's own directory comes first.
    directory = str(Path(sys.executable).parent)
    path = os.pathsep.join(part for part in (directory, own.get("PATH", "")) if part)
    return own | {"PATH": path, "PYTHONPATH": os.pathsep.join((str(PROJECT / "plugins"), str(PROJECT)))}


def airflow_environment(environ: Mapping[str, str], state: StackState) -> dict[str, str]:
    """
    Return the environment of every Airflow process, and of commands that read the stack's record.

    :param state: the stack; its sandbox is ready.
    """
    return process_environment(environ) | _aws(state) | _airflow(state) | _drs_recovery(state)


def _aws(state: StackState) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": state.sandbox_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": SANDBOX_KEY,
        "AWS_SECRET_ACCESS_KEY": SANDBOX_KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
        # A shared profile of the user must not override what is set here.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
    }


def _airflow(state: StackState) -> dict[str, str]:
    layout = Layout(state.settings.home)
    options = {
        "CORE__DAGS_FOLDER": str(state.settings.dags_folder),
        "CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": _WORKERS,
        # As many as there are worker processes: the LocalExecutor takes any number of tasks at any time and
        # runs them first come, first served (apache/airflow#71914), so that no priority would count.
        "CORE__DEFAULT_POOL_TASK_SLOT_COUNT": _WORKERS,
        "CORE__FERNET_KEY": state.secrets.fernet,
        "CORE__EXECUTION_API_SERVER_URL": f"{state.airflow_url}/execution/",
        "CORE__AUTH_MANAGER": _AUTH_MANAGER,
        "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in USERS.items()),
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(layout.passwords),
        "DATABASE__SQL_ALCHEMY_CONN": state.database_url or f"sqlite:///{layout.database}",
        "LOGGING__BASE_LOG_FOLDER": str(layout.task_logs),
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(layout.task_logs / "dag_processor"),
        "API__HOST": LOOPBACK,
        "API__PORT": str(state.server_ports[0]),
        "API__BASE_URL": state.airflow_url,
        "API__WORKERS": "1",
        "API__SECRET_KEY": state.secrets.session,
        "API_AUTH__JWT_SECRET": state.secrets.jwt,
        # With the default of 1 s a chain of ten tasks takes 10 s instead of 4. More looks would keep the
        # processor busy: each costs some milliseconds for every run under way.
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
        # How soon the work of a killed process is taken over; Airflow's own values are minutes.
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
        "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
        "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "20",
        # Off: it would be one more server, and GET /api/v2/monitor/health says the same.
        "SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        # How soon a new plan file, and a changed one, shows up.
        "DAG_PROCESSOR__REFRESH_INTERVAL": str(state.settings.parse_interval),
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": str(state.settings.parse_interval),
        "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        # How soon the DAG of a plan that is gone goes; Airflow's own values are 50 s and 60 s.
        "DAG_PROCESSOR__STALE_DAG_THRESHOLD": str(state.settings.parse_interval + 15),
        "SCHEDULER__PARSING_CLEANUP_INTERVAL": "5",
    }
    if state.settings.cluster:
        options |= cluster.options(state)
    return {"AIRFLOW_HOME": str(layout.home)} | {f"AIRFLOW__{key}": value for key, value in options.items()}


def _drs_recovery(state: StackState) -> dict[str, str]:
    options = {
        "EXECUTIONS_TABLE": EXECUTIONS_TABLE,
        "PLANS_DIR": str(state.settings.plans_dir),
        "POLL_INTERVAL": str(state.settings.poll_interval),
        "REGION": REGION,
        "CONSOLE_BASE_URL": state.airflow_url,
        "SCHEDULES": "off" if state.settings.shared_sandbox else "on",
    }
    return {f"AIRFLOW__DRS_RECOVERY__{key}": value for key, value in options.items()}


def free_port() -> int:
    """Return a port of the loopback interface on which nobody listens now."""
    (port,) = free_ports(1)
    return port


def free_ports(count: int) -> tuple[int, ...]:
    """
    Return different ports of the loopback interface on which nobody listens now.

    Airflow must know its own address before it starts, so the kernel's choice cannot be left to the server.
    """
    with ExitStack() as stack:
        probes = [
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) for _ in range(count)
        ]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return tuple(int(probe.getsockname()[1]) for probe in probes)
