"""The same waves waited for as two other designs do it: what they ask of AWS, and how soon they know."""

from __future__ import annotations

import statistics

from benchmarks.plots import Plot
from benchmarks.report import Report
from benchmarks.waiting_waves import PER_SERVER, PER_WAVE, PRODUCT
from benchmarks.watching import Watch, watch

# As many jobs as DRS lets run in a Region, and servers enough for a difference between server and wave.
WAVES, SERVERS = 20, 10
SPEED = 8.0

WAYS = {
    "this project": PRODUCT,
    "a call per server, every 30 s": PER_SERVER,
    "a call per wave, every 60 s": PER_WAVE,
}


def run() -> Report:
    """Wait for twenty waves of ten servers in each way."""
    watches = {name: watch(way, WAVES, SERVERS, SPEED) for name, way in WAYS.items()}
    calls = {
        f"{service} calls per minute": [one.a_minute(service) for one in watches.values()]
        for service in ("drs", "dynamodb")
    }
    plot = Plot(list(watches), calls, "calls per minute", is_logarithmic=True)
    rows = [_row(name, one) for name, one in watches.items()]
    return Report("peers", f"Three ways to wait for {WAVES} waves of {SERVERS} servers", rows, plot)


def _row(name: str, one: Watch) -> dict[str, float | str]:
    return {
        "way": name,
        "DescribeJobs per minute": one.a_minute("drs", "DescribeJobs"),
        "all DRS calls per minute": one.a_minute("drs"),
        "write units per wave": one.units / one.waves,
        "a launch is known after, median s": statistics.median(one.launch_lags),
        "worst s": max(one.launch_lags),
    }
