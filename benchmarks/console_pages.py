"""How long the recovery console takes to answer: lists of a long history, a large execution."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import httpx

from benchmarks.made_executions import fleet, history, write
from benchmarks.report import Report
from devstack.browser import token_of
from devstack.environment import EXECUTIONS_TABLE
from devstack.layout import StackSettings
from devstack.stack import Stack
from drs_recovery.store import ExecutionsTable
from sandbox.testing import Sandbox

EXECUTIONS = 10_000
SERVERS = 500
# An operator's own waits are what counts: the median of several, and the worst of them.
REPEATS = 15

# The large execution has the id of the oldest one, and takes its place.
_LARGE = f"executions/{UUID(int=1)}"
PAGES = {
    "list, page": "executions",
    "list, API": "api/v1/executions",
    "list of real recoveries, page": "executions?type=RECOVERY",
    "failed executions, page": "executions?status=FAILED",
    "execution of 500 servers, page": _LARGE,
    "execution of 500 servers, API": f"api/v1/{_LARGE}",
}


def run() -> Report:
    """Ask a real API server, which reads the sandbox's table, as a logged-in browser does."""
    with TemporaryDirectory() as home:
        stack = Stack(StackSettings(home=Path(home) / "stack"), say=lambda _: None)
        try:
            rows = _measure(stack)
        finally:
            stack.down()
    title = f"Answers of the console with {EXECUTIONS:,} executions and one of {SERVERS} servers"
    return Report("console_pages", title, rows)


def _measure(stack: Stack) -> list[dict[str, float | str]]:
    state = stack.up()
    table = ExecutionsTable(Sandbox(state.sandbox_url).client("dynamodb"), EXECUTIONS_TABLE)
    write(table, history(EXECUTIONS))
    write(table, fleet(SERVERS, waves=10))
    headers = {"Authorization": f"Bearer {token_of(stack, 'admin')}"}
    with httpx.Client(base_url=f"{state.airflow_url}/recovery/", headers=headers, trust_env=False) as client:
        return [_answers(client, what, path) for what, path in PAGES.items()]


def _answers(client: httpx.Client, what: str, path: str) -> dict[str, float | str]:
    size = len(_get(client, path))
    times = [_milliseconds(client, path) for _ in range(REPEATS)]
    return {
        "answer": what,
        "fastest ms": min(times),
        "median ms": statistics.median(times),
        "slowest ms": max(times),
        "kB": size / 1000,
    }


def _milliseconds(client: httpx.Client, path: str) -> float:
    start = time.perf_counter()
    _get(client, path)
    return 1000 * (time.perf_counter() - start)


def _get(client: httpx.Client, path: str) -> bytes:
    accept = "application/json" if path.startswith("api/") else "text/html"
    return client.get(path, headers={"Accept": accept}, timeout=60).raise_for_status().content
