"""How long plan files take to load: Airflow's DAG processor and every task do it, again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import Report
from drs_recovery.plan_cache import load_plans

PLAN_COUNTS = (1, 50, 500)
WAVES = 5
SERVERS_PER_WAVE = 10
# The fastest of several is the least disturbed by other processes; the largest case alone takes seconds.
REPEATS = 3


def run() -> Report:
    """Load 1, 50 and 500 plans, each of five waves with ten servers, and compare the cost of a plan."""
    seconds = {count: _measure(count) for count in PLAN_COUNTS}
    one_plan = seconds[PLAN_COUNTS[0]] / PLAN_COUNTS[0]
    rows = [
        {
            "plans": count,
            "servers": count * WAVES * SERVERS_PER_WAVE,
            "seconds": took,
            "ms a plan": 1000 * took / count,
            "relative cost of a plan": took / count / one_plan,
        }
        for count, took in seconds.items()
    ]
    return Report("parse_plans", "Loading plan files", rows)


def _measure(count: int) -> float:
    with TemporaryDirectory() as name:
        directory = Path(name)
        for number in range(count):
            (directory / f"plan-{number:03}.yaml").write_text(_plan(), encoding="utf-8")
        return min(_load(directory, count) for _ in range(REPEATS))


def _load(directory: Path, count: int) -> float:
    start = time.perf_counter()
    loaded = load_plans(directory)
    took = time.perf_counter() - start
    if len(loaded.plans) != count:
        raise RuntimeError(f"{len(loaded.plans)} of {count} generated plans are valid: {loaded.broken}")
    return took


def _plan() -> str:
    return "\n".join(["schema_version: 1", "region: us-east-1", *_groups(), *_waves()]) + "\n"


def _groups() -> Iterator[str]:
    yield "protection_groups:"
    for wave in range(WAVES):
        servers = ", ".join(f"s-{wave:02}{server:015}" for server in range(SERVERS_PER_WAVE))
        yield f"  tier-{wave}: {{servers: [{servers}]}}"


def _waves() -> Iterator[str]:
    yield "waves:"
    for wave in range(WAVES):
        yield f"  - {{name: Tier {wave}, groups: [tier-{wave}], timeout: PT90M, success_when: 80%}}"
