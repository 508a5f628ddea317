"""
The command line ``python -m drs_recovery``.

Each module declares its commands in ``add_parsers(subparsers)``, which sets ``func`` to what runs one.
Commands import Airflow and boto3 inside that function only, so that linting a plan needs neither.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from drs_recovery.cli import executions, plans, purge, setup, takeover

__all__ = ["main"]

GROUPS = (plans, setup, executions, takeover, purge)


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command.

    :param arguments: without the program's name; default: those of the process.
    :return: exit status: 0 for success, 1 for a negative answer, 2 for a call that makes no sense.
    """
    parser = argparse.ArgumentParser(prog="drs_recovery", description="Recovery plans for AWS DRS.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in GROUPS:
        group.add_parsers(subparsers)
    options = parser.parse_args(arguments)
    status: int = options.func(options)
    return status
