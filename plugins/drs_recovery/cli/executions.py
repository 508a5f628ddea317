"""``list`` and ``show``: executions of the configured store."""
# ruff: noqa: T201  # what is printed is the command's result

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from drs_recovery.exceptions import SettingError, StoreError
from drs_recovery.statuses import ExecutionStatus

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionStore


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands."""
    _add_show_parser(subparsers)
    _add_list_parser(subparsers)


def _add_show_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("show", help="show an execution with its waves, servers and events")
    parser.add_argument("execution_id", metavar="EXECUTION_ID")
    parser.add_argument("--json", action="store_true", help="print the execution document for a program")
    parser.set_defaults(func=_show)


def _add_list_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("list", help="list executions, newest first")
    parser.add_argument("--plan", metavar="PLAN_ID", help="only executions of this plan")
    parser.add_argument("--status", choices=[status.value for status in ExecutionStatus], type=str.upper)
    parser.add_argument(
        "--cancelled",
        action="store_true",
        default=None,
        help="only executions that were ended early, whatever their status",
    )
    parser.add_argument("--limit", type=_positive, default=50, help="maximum number (default: 50)")
    parser.add_argument("--cursor", help="continue where an earlier list ended")
    parser.add_argument("--json", action="store_true", help="print items and cursor for a program")
    parser.set_defaults(func=_list)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _show(options: argparse.Namespace) -> int:
    return _with_store(lambda store: show(store, options.execution_id, as_json=options.json))


def _list(options: argparse.Namespace) -> int:
    return _with_store(lambda store: show_list(store, options))


def show(store: ExecutionStore, execution_id: str, *, as_json: bool) -> int:
    """
    Print one execution.

    :param as_json: the document as JSON instead of tables.
    :return: 0.
    :raises ExecutionNotFoundError: there is none with that id.
    """
    document = store.get_document(execution_id)
    if as_json:
        print(json.dumps(document, indent=2))
        return 0
    from drs_recovery.cli import rendering, text

    console = text.console()
    for part in rendering.render_execution(document, store.get_events(execution_id), time.time()):
        console.print(part)
    return 0


def show_list(store: ExecutionStore, options: argparse.Namespace) -> int:
    """
    Print a list.

    :param options: as for :func:`run`.
    :return: 0.
    :raises StoreError: the cursor is none of a list.
    """
    from drs_recovery.store import ExecutionFilter

    status = ExecutionStatus(options.status) if options.status else None
    wanted = ExecutionFilter(plan_id=options.plan, status=status, cancelled=options.cancelled)
    page = store.listings.page(wanted, options.limit, options.cursor)
    if options.json:
        print(json.dumps({"items": page.items, "cursor": page.cursor}, indent=2))
        return 0
    from drs_recovery.cli import rendering, text

    console = text.console()
    if page.items:
        console.print(rendering.render_list(page.items))
    else:
        print("no executions")
    if page.cursor:
        print(f"there are more: --cursor {page.cursor}")
    return 0


def _with_store(command: Callable[[ExecutionStore], int]) -> int:
    """
    Run a command on the configured store; errors of settings, store and AWS become a message.

    :return: its exit status, or 1 after an error.
    """
    from drs_recovery.hooks import AWS_ERRORS, describe

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
