"""How long lists of executions take when the table has the history of years; people wait for their page."""

from __future__ import annotations

import time

from benchmarks.made_executions import history, write
from benchmarks.report import Report
from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store import ExecutionFilter, ExecutionsTable, ExecutionStore, create_table
from sandbox.testing import Sandbox, separate_sandbox

COUNTS = (100, 1_000, 10_000)
WANTED = {
    "all": ExecutionFilter(),
    "by plan": ExecutionFilter(plan_id="plan-03"),
    "failed": ExecutionFilter(status=ExecutionStatus.FAILED),
    "recoveries": ExecutionFilter(execution_type=ExecutionType.RECOVERY),
    "by ticket": ExecutionFilter(ticket="CHG0000040"),
}
# The fastest of several is the least disturbed by other processes.
REPEATS = 7


def run() -> Report:
    """Read the first page of each list from the sandbox, warm, among 100, 1,000 and 10,000 executions."""
    with separate_sandbox("--no-seed") as sandbox:
        rows = [_measure(sandbox, count) for count in COUNTS]
    return Report("list_executions", "First pages of lists: ms and DynamoDB calls", rows)


def _measure(sandbox: Sandbox, count: int) -> dict[str, float]:
    client = sandbox.client("dynamodb")
    table = ExecutionsTable(client, f"executions-{count}")
    create_table(client, table.table_name)
    write(table, history(count))
    store = ExecutionStore(table)
    row: dict[str, float] = {"executions": count}
    for name, wanted in WANTED.items():
        before = len(sandbox.calls("dynamodb"))
        store.listings.page(wanted)
        row[f"{name}: calls"] = len(sandbox.calls("dynamodb")) - before
        row[f"{name}: ms"] = 1000 * min(_seconds(store, wanted) for _ in range(REPEATS))
    return row


def _seconds(store: ExecutionStore, wanted: ExecutionFilter) -> float:
    start = time.perf_counter()
    store.listings.page(wanted)
    return time.perf_counter() - start
