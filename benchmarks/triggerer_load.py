"""What a real triggerer needs of a machine while it holds many waiting waves."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import sqlalchemy
import yaml

from benchmarks.plots import Plot
from benchmarks.report import Report
from benchmarks.waiting_waves import STANDSTILL, Task, WaitingWave, sandbox_without_limits, start_waves
from benchmarks.watching import product_environment
from devstack.postgres import temporary_postgres
from sandbox.testing import Sandbox

# One after the other in the same triggerer; without a wave it shows what Airflow itself needs.
WAVES = (0, 200, 1_000)
SERVERS = 2
POLL_INTERVAL = 30.0
# Two rounds of looks pass before anything is measured, and two while it is.
SETTLING_SECONDS, MEASURED_SECONDS = 60.0, 60.0

_PLAN = {
    "schema_version": 1,
    "region": "us-east-1",
    "protection_groups": {"everything": {"servers": ["s-00000000000000000"]}},
    "waves": [{"name": "Everything", "groups": ["everything"]}],
}
_PLAN_ID = "benchmark"
_LONGEST_SECONDS = 3600.0
_MEGABYTE = 1e6


def run() -> Report:
    """Let a triggerer hold more and more waves, at production's poll interval and DRS's own speed."""
    with temporary_postgres() as url, sandbox_without_limits() as sandbox, TemporaryDirectory() as home:
        waves = start_waves(sandbox, max(WAVES), SERVERS)
        environment = _environment(Path(home), sandbox, url)
        _prepare(environment)
        with _triggerer(environment) as triggerer:
            rows = [_measure(triggerer, sandbox, WAVES[0])]
            for already, count in itertools.pairwise(WAVES):
                _defer(environment, waves[already:count])
                _await_triggers(url, count)
                rows.append(_measure(triggerer, sandbox, count))
    plot = Plot(
        [f"{row['waiting waves']} waves" for row in rows],
        {"% of a core": [float(row["% of one core"]) for row in rows]},
        "% of one core",
    )
    return Report("triggerer_load", "A triggerer with 0 to 1,000 waiting waves", rows, plot)


def _environment(home: Path, sandbox: Sandbox, url: str) -> dict[str, str]:
    plans = home / "plans"
    plans.mkdir()
    (plans / f"{_PLAN_ID}.yaml").write_text(yaml.safe_dump(_PLAN, sort_keys=False), encoding="utf-8")
    return product_environment(home, sandbox, POLL_INTERVAL) | {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
        "AIRFLOW__DRS_RECOVERY__PLANS_DIR": str(plans),
    }


def _prepare(environment: Mapping[str, str]) -> None:
    for command in (("db", "migrate"), ("dags", "reserialize")):
        _run(["airflow", *command], environment)


def _defer(environment: Mapping[str, str], waves: Sequence[WaitingWave]) -> None:
    task = Task(tuple(waves), POLL_INTERVAL, _LONGEST_SECONDS)
    _run(["benchmarks.deferred_tasks", f"recover_{_PLAN_ID}"], environment, task.to_json())


def _run(module: Sequence[str], environment: Mapping[str, str], text: str = "") -> None:
    subprocess.run(
        [sys.executable, "-m", *module],
        env=environment,
        input=text,
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )


@contextmanager
def _triggerer(environment: Mapping[str, str]) -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "airflow", "triggerer", "--skip-serve-logs"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def _await_triggers(url: str, count: int) -> None:
    """Wait until the triggerer has taken every trigger."""
    taken = sqlalchemy.text("SELECT count(*) FROM trigger WHERE triggerer_id IS NOT NULL")
    until = time.monotonic() + _LONGEST_SECONDS
    engine = sqlalchemy.create_engine(url)
    while True:
        with engine.connect() as connection:
            if connection.execute(taken).scalar_one() >= count:
                return engine.dispose()
        if time.monotonic() > until:
            raise RuntimeError(f"the triggerer has not taken {count} triggers")
        time.sleep(1)


def _measure(triggerer: psutil.Process, sandbox: Sandbox, waves: int) -> dict[str, float | str]:
    # Between two measurements DRS stands still: otherwise the first waves would have ended before the last.
    sandbox.set_speed(1)
    time.sleep(SETTLING_SECONDS)
    sandbox.control("DELETE", "/calls")
    before, begin = _cpu_seconds(triggerer), time.monotonic()
    time.sleep(MEASURED_SECONDS)
    seconds = time.monotonic() - begin
    used, calls = _cpu_seconds(triggerer) - before, sandbox.calls()
    sandbox.set_speed(STANDSTILL)
    memory = [process.memory_full_info() for process in _family(triggerer)]
    return {
        "waiting waves": waves,
        "% of one core": 100 * used / seconds,
        "memory MB": sum(one.pss for one in memory) / _MEGABYTE,
        "memory MB, shared pages counted per process": sum(one.rss for one in memory) / _MEGABYTE,
        "DRS calls per minute": 60 * sum(call["service"] == "drs" for call in calls) / seconds,
        "DynamoDB calls per minute": 60 * sum(call["service"] == "dynamodb" for call in calls) / seconds,
    }


def _cpu_seconds(triggerer: psutil.Process) -> float:
    times = [process.cpu_times() for process in _family(triggerer)]
    return sum(one.user + one.system for one in times)


def _family(triggerer: psutil.Process) -> list[psutil.Process]:
    return [triggerer, *triggerer.children(recursive=True)]
