"""What happens between the end of a wave's DRS job and the StartRecovery of the next wave, hop by hop."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from benchmarks.critical_path import Timed, timed_executions
from benchmarks.plots import Plot
from benchmarks.report import Report
from benchmarks.stack_runs import epoch

# A task instance's times in Airflow's REST API, and what they say.
_TASK_TIMES = {
    "scheduled_when": "scheduled",
    "queued_when": "queued",
    "start_date": "running",
    "end_date": "ended",
}

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
    wave = timed.ended.document["waves"][number - 1]
    yield "a poll saw it", float(wave["lastPolledTime"])
    for task in timed.ended.tasks:
        group, _, step = task["task_id"].partition(".")
        if _is_of(group, number) or (_is_of(group, number + 1) and step == "start_recovery"):
            yield from _task_moments(task, step)


def _is_of(group: str, number: int) -> bool:
    return group.startswith(f"wave_{number:02}_")


def _task_moments(task: dict[str, Any], step: str) -> Iterator[tuple[str, float]]:
    for field, word in _TASK_TIMES.items():
        if task[field]:
            yield f"{step} is {word}" if word != "ended" else f"{step} has ended", epoch(task[field])
