"""Runs every benchmark, prints its table and writes its figures to ``benchmarks/results/``."""

from __future__ import annotations

from benchmarks import console_pages, list_executions, parse_plans

BENCHMARKS = (parse_plans, list_executions, console_pages)


def main() -> None:
    """Run them one after the other: two at once would measure each other."""
    for benchmark in BENCHMARKS:
        report = benchmark.run()
        print(report.markdown(), end="\n\n")
        report.write()


if __name__ == "__main__":
    main()
