"""``list``: executions, newest first."""
# ruff: noqa: T201  # what is printed is the command's result

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store.records import ExecutionFilter

if TYPE_CHECKING:
    from drs_recovery.store.executions import ExecutionStore


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
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
    parser.set_defaults(func=run)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def run(options: argparse.Namespace) -> int:
    """
    List executions of the configured store.

    :param options: ``plan``, ``status``, ``cancelled``, ``limit``, ``cursor``, ``json``.
    :return: 0, or 1 when the store cannot be read.
    """
    from drs_recovery.cli.store_access import with_store

    return with_store(lambda store: show_list(store, options))


def show_list(store: ExecutionStore, options: argparse.Namespace) -> int:
    """
    Print a list.

    :param store: where the executions are.
    :param options: as for :func:`run`.
    :return: 0.
    :raises StoreError: the cursor is none of a list.
    """
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
