"""``schema``: the JSON Schema of plan files."""
# ruff: noqa: T201  # what is printed is the command's result

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from drs_recovery.plan.json_schema import plan_schema


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("schema", help="print the JSON Schema of plan files")
    parser.add_argument(
        "--check", type=Path, metavar="FILE", help="print nothing; fail when FILE is not the current schema"
    )
    parser.set_defaults(func=schema)


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
