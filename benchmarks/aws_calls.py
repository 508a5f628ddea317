"""How many calls of AWS it takes to wait for 1 to 200 waves at once: DRS throttles, and calls cost."""

from __future__ import annotations

from benchmarks.plots import Plot
from benchmarks.report import Report
from benchmarks.waiting_waves import PRODUCT
from benchmarks.watching import Watch, watch

WAVES = (1, 10, 60, 200)
SERVERS = 2
# Faster than that the sandbox is what 200 waves wait for.
SPEED = 4.0

_OPERATIONS = ("DescribeJobs", "DescribeJobLogItems")


def run() -> Report:
    """Wait for waves of two servers, all in one Region, from their start to their end."""
    watches = [watch(PRODUCT, count, SERVERS, SPEED) for count in WAVES]
    rows = [_row(one, watches[0]) for one in watches]
    calls = {f"{name} per minute": [one.a_minute("drs", name) for one in watches] for name in _OPERATIONS}
    plot = Plot([f"{count} waves" for count in WAVES], calls, "calls per minute", is_logarithmic=True)
    return Report("aws_calls", "AWS calls while 1 to 200 waves wait in one Region", rows, plot)


def _row(one: Watch, alone: Watch) -> dict[str, float | str]:
    describe_jobs = one.a_minute("drs", "DescribeJobs")
    waited = one.minutes * one.waves
    return {
        "waiting waves": one.waves,
        "DescribeJobs per minute": describe_jobs,
        "relative to one wave": describe_jobs / alone.a_minute("drs", "DescribeJobs"),
        "DescribeJobLogItems per minute": one.a_minute("drs", "DescribeJobLogItems"),
        "DynamoDB calls per minute": one.a_minute("dynamodb"),
        "calls per wave and minute": sum(one.calls.values()) / waited,
        "write units per wave": one.units / one.waves,
    }
