"""How long after a change in DRS the record shows it: people decide by what they see."""

from __future__ import annotations

import statistics

from benchmarks.aws_calls import SERVERS, SPEED, WAVES
from benchmarks.report import Report
from benchmarks.waiting_waves import PRODUCT
from benchmarks.watching import PRODUCTION_INTERVAL, Watch, watch


def run() -> Report:
    """Read the records while waves are waited for, and compare them with the logs of the jobs."""
    rows = [_row(watch(PRODUCT, count, SERVERS, SPEED)) for count in WAVES]
    return Report("freshness", "From a change in DRS to the record that shows it", rows)


def _row(one: Watch) -> dict[str, float | str]:
    median = statistics.median(one.lags)
    return {
        "waiting waves": one.waves,
        "changes seen": len(one.lags),
        "median s": median,
        "worst s": max(one.lags),
        "median, in poll intervals": median / PRODUCTION_INTERVAL,
        "of a launch, median s": statistics.median(one.launch_lags),
    }
