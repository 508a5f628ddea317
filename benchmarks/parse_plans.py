"""How long plan files take to become DAGs: Airflow's DAG processor and every task do it, again and again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import Report
from devstack.layout import PROJECT

PLAN_COUNTS = (1, 50, 500)
WAVES = 5
SERVERS_PER_WAVE = 10
# The fastest of several is the least disturbed by other processes.
REPEATS = 3


def run() -> Report:
    """Parse 1, 50 and 500 plans, each of five waves with ten servers, in processes of their own."""
    rows = [_measure(count) for count in PLAN_COUNTS]
    return Report("parse_plans", "From plan files to DAGs, in seconds", rows)


def _measure(count: int) -> dict[str, float]:
    with TemporaryDirectory() as name:
        home = Path(name)
        plans = home / "plans"
        plans.mkdir()
        for number in range(count):
            (plans / f"plan-{number:03}.yaml").write_text(_plan(), encoding="utf-8")
        everything = _fastest(home, count)
        one = _fastest(home, 1, f"recover_plan-{count // 2:03}")
    return {
        "plans": count,
        "servers": count * WAVES * SERVERS_PER_WAVE,
        "import of Airflow": everything["import of Airflow"],
        "parse": everything["parse"],
        "serialize": everything["serialize"],
        "ms per plan": 1000 * (everything["parse"] + everything["serialize"]) / count,
        "parse in a task": one["parse"],
    }


def _fastest(home: Path, expected: int, *arguments: str) -> dict[str, float]:
    """Seconds of each step, the least of several processes."""
    runs = [_seconds(home, expected, *arguments) for _ in range(REPEATS)]
    return {step: min(run[step] for run in runs) for step in runs[0]}


def _seconds(home: Path, expected: int, *arguments: str) -> dict[str, float]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(PROJECT / "plugins"), str(PROJECT)]),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DRS_RECOVERY__PLANS_DIR": str(home / "plans"),
    }
    command = [sys.executable, "-m", "benchmarks.parsing_process", *arguments]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(finished.stdout.splitlines()[-1])
    if found["errors"] or found["dags"] != expected:
        raise RuntimeError(f"{found['dags']} DAGs instead of {expected}: {found['errors']}")
    return dict(found["seconds"])


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
