"""Ask the parts of a stack how they are."""

from __future__ import annotations

from typing import Any

import httpx

from devstack.components import AIRFLOW_COMPONENTS, DATABASE_SERVER, SANDBOX, WATCHER
from devstack.processes import is_running
from devstack.state import StackState

HEALTHY = "healthy"
# Long enough for a busy machine, short enough that a dead stack is noticed soon.
_TIMEOUT = 5.0


def stack_health(state: StackState) -> dict[str, str]:
    """
    Return how each process of a whole stack is: :data:`HEALTHY` or what is wrong with it.

    :param state: the stack, possibly started only in part.
    """
    running = {record.name for record in state.processes if is_running(record, state.settings.home)}
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
