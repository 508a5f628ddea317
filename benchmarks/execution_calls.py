"""Which calls of AWS a whole execution makes, from its DAG run's start to the final record."""

from __future__ import annotations

from benchmarks.critical_path import timed_executions
from benchmarks.report import Report


def run() -> Report:
    """Count the calls of executions with 1, 3 and 10 waves by operation."""
    executions = timed_executions()
    names = sorted({name for one in executions for name in one.calls})
    rows = [
        {"call": name, **{f"{len(one.starts)} waves": one.calls[name] for one in executions}}
        for name in names
    ]
    rows.append({"call": "all", **{f"{len(one.starts)} waves": one.calls.total() for one in executions}})
    return Report("execution_calls", "Calls of AWS of a whole execution", rows)
