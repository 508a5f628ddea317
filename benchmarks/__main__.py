"""
Runs benchmarks, all or those that are named, and shows what they found.

``python -m benchmarks [NAME …]`` prints each table, writes the figures to ``benchmarks/results/`` and puts
table and plot into ``docs/performance.md``.
"""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from importlib import import_module
from types import FrameType

from benchmarks.report import Report
from devstack.errors import NoPostgresError

# Benchmarks that look at the same runs share them, within one call of this command.
NAMES = (
    "parse_plans",
    "list_executions",
    "store_transitions",
    "console_pages",
    "aws_calls",
    "freshness",
    "peers",
    "triggerer_load",
    "critical_path",
    "wave_gaps",
    "execution_calls",
    "store_cost",
    "many_plans",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """
    Run them one after the other: two at once would measure each other.

    :param arguments: command line without the program's name; by default the process's own.
    """
    parser = ArgumentParser(prog="python -m benchmarks", description="Measure this project.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all by default")
    names = parser.parse_args(arguments).names or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    # Servers that were started for a benchmark end with it, also when somebody ends the benchmark.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    for name in names:
        _run(name)


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _run(name: str) -> None:
    run: Callable[[], Report] = import_module(f"benchmarks.{name}").run
    try:
        report = run()
    except NoPostgresError as error:
        print(f"{name} is skipped: {error}")
        return
    print(report.markdown(), end="\n\n", flush=True)
    report.write()
    report.publish()


if __name__ == "__main__":
    main()
