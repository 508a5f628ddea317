"""How commands reach the execution store, and what they say when they cannot."""
# ruff: noqa: T201  # messages of the command line

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout

from drs_recovery.exceptions import SettingError, StoreError
from drs_recovery.store.executions import ExecutionStore


def with_store(command: Callable[[ExecutionStore], int]) -> int:
    """
    Run a command on the configured store; errors of settings, store and AWS become a message.

    :param command: what to run.
    :return: its exit status, or 1 after an error.
    """
    from drs_recovery.hooks.errors import AWS_ERRORS, describe

    try:
        return command(open_store())
    except (SettingError, StoreError) as error:
        print(error, file=sys.stderr)
    except AWS_ERRORS as error:
        print(f"the table of executions cannot be read: {describe(error)}", file=sys.stderr)
    return 1


def open_store() -> ExecutionStore:
    """The configured store; what Airflow logs from now on goes to stderr, since stdout is for the result."""
    with redirect_stdout(sys.stderr):
        from drs_recovery.configured_store import execution_store

        return execution_store()
