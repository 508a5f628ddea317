"""
The command line ``python -m drs_recovery``.

Each command is a module with ``add_parser(subparsers)``, which sets ``func`` to what runs it. Commands import
Airflow and boto3 inside that function only, so that linting a plan needs neither.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from drs_recovery.cli import check_config, create_table, executions, plans, schema, show

COMMANDS = (plans, schema, check_config, create_table, show, executions)


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command.

    :param arguments: without the program's name; default: those of the process.
    :return: exit status: 0 for success, 1 for a negative answer, 2 for a call that makes no sense.
    """
    parser = argparse.ArgumentParser(prog="drs_recovery", description="Recovery plans for AWS DRS.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    options = parser.parse_args(arguments)
    status: int = options.func(options)
    return status
