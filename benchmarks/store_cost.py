"""What the record of an execution costs in DynamoDB, and how large it gets."""

from __future__ import annotations

from benchmarks.made_plans import MadePlan
from benchmarks.plots import Plot
from benchmarks.report import Report
from benchmarks.stack_runs import Ended, StackRuns, stack_with

# Servers of each wave; all waves of a plan start at once, which is as many servers as DRS takes.
SIZES = ((2,) * 3, (20,) * 5, (100,) * 5)
SETTINGS = {"speed": 32.0, "poll_interval": 1.0}

_LONGEST_SECONDS = 1200.0
# DynamoDB's limit of an item.
_LARGEST_ITEM = 400 * 1024


def run() -> Report:
    """Run drills of 6, 100 and 500 servers, one after the other, and ask the sandbox what was written."""
    plans = [MadePlan(number, waves, in_parallel=True) for number, waves in enumerate(SIZES)]
    with stack_with(plans, SETTINGS) as runs:
        rows = [_measure(runs, plan) for plan in plans]
    units = [float(row["write units per server"]) for row in rows]
    plot = Plot(
        [f"{row['servers']} servers" for row in rows], {"write units": units}, "write units per server"
    )
    return Report("store_cost", "What an execution writes to DynamoDB", rows, plot)


def _measure(runs: StackRuns, plan: MadePlan) -> dict[str, float | str]:
    runs.sandbox.control("DELETE", "/writes")
    (ended,) = runs.run([plan], _LONGEST_SECONDS)
    writes = runs.sandbox.writes()
    servers, polls = sum(plan.waves), sum(wave["pollAttempts"] for wave in ended.document["waves"])
    units, stored = (sum(found[name] for found in writes.values()) for name in ("units", "stored"))
    return {
        "servers": servers,
        "waves": len(plan.waves),
        "polls": polls,
        "items written": sum(found["writes"] for found in writes.values()),
        "write units": units,
        "write units per server": units / servers,
        "kB stored": stored / 1000,
        "kB per server": stored / servers / 1000,
        "largest item, % of the limit": 100
        * max(found["largest"] for found in writes.values())
        / _LARGEST_ITEM,
        "calls to read it": _calls_to_read(runs, ended),
    }


def _calls_to_read(runs: StackRuns, ended: Ended) -> int:
    before = len(runs.sandbox.calls("dynamodb"))
    runs.store.get_document(ended.document["executionId"])
    return len(runs.sandbox.calls("dynamodb")) - before
