"""How much the pipeline adds to what DRS itself needs: somebody waits for the recovery all that time."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.made_plans import MadePlan
from benchmarks.plots import Plot
from benchmarks.report import Report
from benchmarks.stack_runs import Ended, epoch, stack_with

WAVES = (1, 3, 10)
SERVERS = 2
# One look a second at jobs that are 32 times as fast as DRS's: a look each half minute of DRS's time.
SPEED = 32.0
SETTINGS = {"speed": SPEED, "poll_interval": 1.0}

_LONGEST_SECONDS = 1200.0


@dataclass(frozen=True)
class Timed:
    """An execution whose waves follow each other, and the calls that it made."""

    ended: Ended
    calls: Sequence[Mapping[str, Any]]

    @property
    def starts(self) -> list[float]:
        """Epoch seconds of each StartRecovery."""
        return [epoch(call["time"]) for call in self.calls if call["operation"] == "StartRecovery"]

    @property
    def job_ends(self) -> list[float]:
        """When DRS showed the last server of each wave to be ready, in epoch seconds."""
        return [epoch(job["endDateTime"]) for job in self.ended.jobs]

    @property
    def drs_seconds(self) -> float:
        """What DRS needs for all waves, one after the other."""
        return sum(end - start for start, end in zip(self.starts, self.job_ends, strict=True))

    @property
    def gaps(self) -> list[float]:
        """Seconds from the end of each wave's job to the StartRecovery of the next."""
        return [start - end for end, start in zip(self.job_ends, self.starts[1:], strict=False)]


@functools.cache
def timed_executions() -> Sequence[Timed]:
    """Run plans of 1, 3 and 10 waves, one after the other, on a stack of real processes."""
    plans = [MadePlan(number, (SERVERS,) * waves) for number, waves in enumerate(WAVES)]
    timed = []
    with stack_with(plans, SETTINGS) as runs:
        for plan in plans:
            runs.sandbox.control("DELETE", "/calls")
            (ended,) = runs.run([plan], _LONGEST_SECONDS)
            timed.append(Timed(ended, runs.sandbox.calls()))
    return timed


def run() -> Report:
    """Compare the time of whole executions with that of their DRS jobs."""
    executions = timed_executions()
    parts = [_parts(one) for one in executions]
    plot = Plot(
        [f"{waves} waves" for waves in WAVES],
        {name: [part[name] for part in parts] for name in parts[0]},
        "seconds",
        is_stacked=True,
    )
    rows = [_row(one, part) for one, part in zip(executions, parts, strict=True)]
    return Report("critical_path", f"An execution at {SPEED:g} times DRS's speed", rows, plot)


def _parts(one: Timed) -> dict[str, float]:
    """Seconds of an execution by what they were spent on."""
    return {
        "DRS": one.drs_seconds,
        "until the first StartRecovery": one.starts[0] - one.ended.triggered,
        "between waves": sum(one.gaps),
        "after the last job": one.ended.triggered + one.ended.seconds - one.job_ends[-1],
    }


def _row(one: Timed, parts: dict[str, float]) -> dict[str, float | str]:
    added = one.ended.seconds - one.drs_seconds
    return {
        "waves": len(one.starts),
        **{f"{name}, s": seconds for name, seconds in parts.items()},
        "median gap, s": statistics.median(one.gaps) if one.gaps else "",
        "total, s": one.ended.seconds,
        "relative to DRS alone": one.ended.seconds / one.drs_seconds,
        "the same at real DRS speed": 1 + added / (SPEED * one.drs_seconds),
    }
