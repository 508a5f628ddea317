"""``create-table``: the DynamoDB table of the execution records."""
# ruff: noqa: T201  # what is printed is the command's result

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout

from drs_recovery.exceptions import SettingError


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("create-table", help="create the table of executions, if it is missing")
    parser.set_defaults(func=create_table)


def create_table(_options: argparse.Namespace) -> int:
    """
    Create the configured table with its indexes and point-in-time recovery; harmless if it is there.

    :return: 0; 1 if the settings lead to no table.
    """
    # What Airflow logs goes to stderr, since stdout is for the result.
    with redirect_stdout(sys.stderr):
        from drs_recovery import configured_clients, settings
        from drs_recovery.store import table_definition

        try:
            name = settings.executions_table_name()
            client = configured_clients.dynamodb_client()
        except SettingError as error:
            print(error)
            return 1
        table_definition.create_table(client, name)
    print(f"table {name} is ready")
    return 0
