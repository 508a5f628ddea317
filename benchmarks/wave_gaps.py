"""What happens between the end of a wave's DRS job and the StartRecovery of the next wave, hop by hop."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from benchmarks.critical_path import Timed, timed_executions
from benchmarks.plots import Plot
from benchmarks.report import Report
from benchmarks.stack_runs import epoch

# A task instance's times in Airflow's REST API, and what they say.
_TASK_TIMES = {
    "scheduled_when": "is scheduled",
    "queued_when": "is queued",
    "start_date": "is running",
    "end_date": "has ended",
}
# Of a task that was deferred, the time of running is that of its first process.
_BEGINNINGS = ("is queued", "is running")

Hops = dict[str, float]
"""What a hop ends with, to its seconds; in order."""


def run() -> Report:
    """Divide each gap of the execution with the most waves, and show the median of each hop."""
    gaps = list(_gaps(timed_executions()[-1]))
    names = list(dict.fromkeys(name for gap in gaps for name in gap))
    rows = [_row(name, [gap.get(name, 0.0) for gap in gaps]) for name in names]
    rows.append(_row("all of it", [sum(gap.values()) for gap in gaps]))
    plot = Plot(
        [f"{number} → {number + 1}" for number in range(1, len(gaps) + 1)],
        {name: [gap.get(name, 0.0) for gap in gaps] for name in names},
        "seconds",
        is_stacked=True,
    )
    return Report("wave_gaps", "From the end of a wave's job to the next StartRecovery", rows, plot)


def _row(name: str, seconds: list[float]) -> dict[str, float | str]:
    return {"until": name, "median s": statistics.median(seconds), "worst s": max(seconds)}


def _gaps(timed: Timed) -> Iterator[Hops]:
    for number, (end, start) in enumerate(zip(timed.job_ends, timed.starts[1:], strict=False), start=1):
        moments = dict(_moments(timed, number))
        inside = {name: moment for name, moment in moments.items() if end < moment < start}
        ordered = sorted(inside.items(), key=lambda named: named[1])
        marks = [("", end), *ordered, ("StartRecovery is called", start)]
        yield {name: after - before for (_, before), (name, after) in pairwise(marks)}


def _moments(timed: Timed, number: int) -> Iterator[tuple[str, float]]:
    """All that is known to have happened around the end of a wave, in epoch seconds."""
    for task in timed.ended.tasks:
        group, _, step = task["task_id"].partition(".")
        if _is_of(group, number) or (_is_of(group, number + 1) and step == "start_recovery"):
            moments = dict(_task_moments(task, step))
            yield from moments.items()
            yield from _first_call(timed, step, moments)


def _is_of(group: str, number: int) -> bool:
    return group.startswith(f"wave_{number:02}_")


def _task_moments(task: dict[str, Any], step: str) -> Iterator[tuple[str, float]]:
    for field, word in _TASK_TIMES.items():
        if task[field]:
            yield f"{step} {word}", epoch(task[field])


def _first_call(timed: Timed, step: str, moments: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Until then a task's process starts and loads what it needs; nobody else calls between two waves."""
    begun = max(
        (moments[name] for word in _BEGINNINGS if (name := f"{step} {word}") in moments), default=None
    )
    if begun is not None:
        times = (epoch(call["time"]) for call in timed.calls)
        yield from [(f"{step} makes its first call", time) for time in times if time > begun][:1]
