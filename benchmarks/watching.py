"""Lets a number of waves be waited for to their end, and says what that took of AWS."""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory

from benchmarks.observer import Observer, phase_changes
from benchmarks.waiting_waves import PRODUCT, Task, WaitingWave, sandbox_without_limits, start_waves
from devstack.environment import airflow_environment, free_port
from devstack.layout import StackSettings
from devstack.state import StackState
from drs_recovery.statuses import ServerPhase
from sandbox.testing import Sandbox

PRODUCTION_INTERVAL = 30.0

# Calls are counted after that: here all waves begin to wait in the same second, as they never do elsewhere.
_FIRST_MINUTES = 1.0

_LONGEST_SECONDS = 1800.0


@dataclass(frozen=True)
class Watch:
    """
    What waiting for some waves took.

    :param calls: ``service.operation`` to how many.
    :param lags: seconds from each change in DRS to when it was on record, by DRS's clock.
    """

    waves: int
    minutes: float
    calls: Mapping[str, int]
    units: int
    lags: Sequence[float]
    launch_lags: Sequence[float]

    def a_minute(self, service: str, *operations: str) -> float:
        """
        Calls a minute.

        :param service: such as ``drs``.
        :param operations: of it; left out, all of them.
        """
        names = [f"{service}.{operation}" for operation in operations]
        wanted = names or [name for name in self.calls if name.startswith(f"{service}.")]
        return sum(self.calls.get(name, 0) for name in wanted) / self.minutes


@functools.cache
def watch(way: str, waves: int, servers: int, speed: float) -> Watch:
    """
    Start waves and wait for them.

    DRS and the polls are faster than in production by the same factor, and results are by DRS's clock, so
    that they are the same as in production.
    """
    with sandbox_without_limits() as sandbox:
        started = start_waves(sandbox, waves, servers)
        with _waiting_process(sandbox, way, speed) as process:
            sandbox.control("DELETE", "/writes")
            sandbox.set_speed(speed)
            begin = time.time()
            _give(process, Task(tuple(started), PRODUCTION_INTERVAL / speed, _LONGEST_SECONDS))
            time.sleep(60 * _FIRST_MINUTES / speed)
            sandbox.control("DELETE", "/calls")
            counted_from = time.time()
            with Observer(sandbox, started) as observer:
                launches = _end_of(process)
                seconds = time.time() - counted_from
        calls = Counter(f"{call['service']}.{call['operation']}" for call in sandbox.calls())
        # The observer's own.
        calls["dynamodb.Query"] -= observer.reads
        lags = observer.lags(begin)
        launch_lags = [lag for (_, phase), lag in lags.items() if phase is ServerPhase.LAUNCHED]
        if way != PRODUCT:
            launch_lags = _lags_of(sandbox, started, launches)
        return Watch(
            waves=waves,
            minutes=speed * seconds / 60,
            calls=+calls,
            units=sum(found["units"] for found in sandbox.writes().values()),
            lags=[speed * lag for lag in lags.values()],
            launch_lags=[speed * lag for lag in launch_lags],
        )


@contextmanager
def _waiting_process(sandbox: Sandbox, way: str, speed: float) -> Iterator[Popen[str]]:
    """A process that has loaded everything and waits for its task."""
    command = [sys.executable, "-m", "benchmarks.watchers", way]
    with TemporaryDirectory() as home:
        environment = product_environment(Path(home), sandbox, PRODUCTION_INTERVAL / speed)
        with Popen(command, env=environment, stdin=PIPE, stdout=PIPE, text=True) as process:
            try:
                if next(iter(process.stdout or ()), "") != "ready\n":
                    raise RuntimeError(f"this did not start: {' '.join(command)}")
                yield process
            finally:
                process.kill()


def _give(process: Popen[str], task: Task) -> None:
    if process.stdin is None:
        raise RuntimeError("the process takes no task")
    process.stdin.write(task.to_json())
    process.stdin.close()
    process.stdin = None


def _end_of(process: Popen[str]) -> dict[str, float]:
    """Server to when it was seen to be launched, where the way tells."""
    answer, _ = process.communicate(timeout=_LONGEST_SECONDS)
    if process.returncode:
        raise RuntimeError(f"waiting failed with exit code {process.returncode}")
    return dict(json.loads(answer))


def product_environment(home: Path, sandbox: Sandbox, poll_interval: float) -> dict[str, str]:
    """
    Return the environment in which the product's code talks to a sandbox, without a stack.

    :param home: an empty directory.
    :param poll_interval: seconds between two looks at a job.
    """
    settings = StackSettings(home=home, poll_interval=poll_interval)
    environment = airflow_environment(os.environ, StackState(settings, free_port(), sandbox_url=sandbox.url))
    return environment | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING"}


def _lags_of(sandbox: Sandbox, waves: Sequence[WaitingWave], launches: Mapping[str, float]) -> list[float]:
    changes = phase_changes(sandbox, waves)
    return [max(seen - changes[server, ServerPhase.LAUNCHED], 0.0) for server, seen in launches.items()]
