"""Which calls of AWS a whole execution makes, from its DAG run's start to the final record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.critical_path import timed_executions
from benchmarks.report import Report


def run() -> Report:
    """Count the calls of executions with 1, 3 and 10 waves by operation."""
    executions = timed_executions()
    counts = [Counter(f"{call['service']}.{call['operation']}" for call in one.calls) for one in executions]
    rows = [_row(name, [one[name] for one in counts]) for name in sorted(set().union(*counts))]
    rows.append(_row("all", [one.total() for one in counts]))
    return Report("execution_calls", "AWS calls of a whole execution", rows)


def _row(name: str, counts: Sequence[int]) -> dict[str, float | str]:
    executions = zip(timed_executions(), counts, strict=True)
    return {"call": name, **{f"{len(one.starts)} waves": count for one, count in executions}}
