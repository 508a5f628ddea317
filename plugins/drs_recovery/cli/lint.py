"""``lint``: check plan files without Airflow and without AWS."""
# ruff: noqa: T201  # what is printed is the command's result

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from drs_recovery.exceptions import PlanError, PlanProblem
from drs_recovery.plan_loader import load_files, plan_files

DEFAULT_PATH = Path("include/plans")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("lint", help="check plan files and print every problem")
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        default=[DEFAULT_PATH],
        metavar="PATH",
        help=f"plan files and directories of them (default: {DEFAULT_PATH})",
    )
    parser.set_defaults(func=lint)


def lint(options: argparse.Namespace) -> int:
    """
    Print every problem, one a line, and a summary.

    :param options: ``paths``; all files together are one set of plans, so that no two may have the same id.
    :return: 0 without problems, 1 with some, 2 when a path cannot be read.
    """
    try:
        files = list(dict.fromkeys(_files(options.paths)))
    except PlanError as error:
        print(error, file=sys.stderr)
        return 2
    problems = [problem for error in load_files(files).broken.values() for problem in error.problems]
    for problem in problems:
        print(problem)
    print(_summary(problems, len(files)))
    return 1 if problems else 0


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_file():
            yield path
        else:
            yield from plan_files(path)


def _summary(problems: list[PlanProblem], plans: int) -> str:
    total = "1 plan" if plans == 1 else f"{plans} plans"
    if not problems:
        return f"{total}, no problems"
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return f"{total}, {count} in {len({problem.file for problem in problems})} of them"
