"""``lint`` and ``schema``: plan files, without Airflow and AWS."""
# ruff: noqa: T201  # what is printed is the command's result

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from drs_recovery.exceptions import PlanError, PlanProblem
from drs_recovery.plan import LoadedPlans, did_you_mean, load_files, place, plan_files, plan_schema, quoted

DEFAULT_PATH = Path("include/plans")


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands."""
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
    parser = subparsers.add_parser("schema", help="print the JSON Schema of plan files")
    parser.add_argument(
        "--check", type=Path, metavar="FILE", help="print nothing; fail when FILE is not the current schema"
    )
    parser.set_defaults(func=schema)


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
        from drs_recovery.service_models import known_regions
    except ImportError:
        return

    for plan_id, plan in loaded.plans.items():
        for name, group in plan.protection_groups.items():
            if group.region not in known_regions():
                message = f"{quoted(group.region)} is not a Region that botocore knows"
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


def schema(options: argparse.Namespace) -> int:
    """
    Print the schema, or compare it with a file.

    :param options: ``check``, a file or None.
    :return: 0, or 1 when the file is not current, or 2 when it cannot be read.
    """
    if options.check is None:
        print(plan_schema(), end="")
        return 0
    try:
        written = options.check.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        print(f"{options.check}: cannot be read: {error}", file=sys.stderr)
        return 2
    if written == plan_schema():
        return 0
    print(
        f"{options.check} is not current; regenerate it with: python -m drs_recovery schema", file=sys.stderr
    )
    return 1
