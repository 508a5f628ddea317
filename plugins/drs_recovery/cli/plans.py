"""``lint``: check plan files without Airflow and without AWS."""
# ruff: noqa: T201  # what is printed is the command's result

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from drs_recovery.exceptions import PlanError, PlanProblem
from drs_recovery.plan.loader import LoadedPlans, load_files, plan_files
from drs_recovery.plan.problems import did_you_mean, place, quoted

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
    Print every problem and every warning, one a line, and a summary.

    :param options: ``paths``; all files together are one set of plans, so that no two may have the same id.
    :return: 0 without problems, 1 with some, 2 when a path cannot be read.
    """
    try:
        files = list(dict.fromkeys(_files(options.paths)))
    except PlanError as error:
        print(error, file=sys.stderr)
        return 2
    loaded = load_files(files)
    problems = [problem for error in loaded.broken.values() for problem in error.problems]
    warnings = list(_unknown_regions(loaded))
    for problem in problems:
        print(problem)
    for warning in warnings:
        print(f"warning: {warning}")
    print(_summary(problems, len(files), len(warnings)))
    return 1 if problems else 0


def _unknown_regions(loaded: LoadedPlans) -> Iterator[PlanProblem]:
    """Regions that look like one but are none, as far as botocore knows."""
    # Heavy, of no use to other commands, and plans are checked where there is no botocore, too.
    try:
        from drs_recovery.hooks.service_models import known_regions
    except ImportError:
        return

    for plan_id, plan in loaded.plans.items():
        for name, group in plan.protection_groups.items():
            if group.region not in known_regions():
                message = f"{quoted(group.region)} is no Region that botocore knows"
                message += did_you_mean(group.region, sorted(known_regions()))
                location = ("protection_groups", name, "region")
                yield PlanProblem(loaded.sources[plan_id].name, place(location), message)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_file():
            yield path
        else:
            yield from plan_files(path)


def _summary(problems: list[PlanProblem], plans: int, warnings: int) -> str:
    told = f", {_count(warnings, 'warning')}" if warnings else ""
    if not problems:
        return f"{_count(plans, 'plan')}, no problems{told}"
    files = len({problem.file for problem in problems})
    return f"{_count(plans, 'plan')}, {_count(len(problems), 'problem')} in {files} of them{told}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
