"""``show``: one execution."""
# ruff: noqa: T201  # what is printed is the command's result

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drs_recovery.store.executions import ExecutionStore


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("show", help="show an execution with its waves, servers and events")
    parser.add_argument("execution_id", metavar="EXECUTION_ID")
    parser.add_argument("--json", action="store_true", help="print the execution document for a program")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """
    Show one execution of the configured store.

    :param options: ``execution_id``, ``json``.
    :return: 0, or 1 when there is no such execution or the store cannot be read.
    """
    from drs_recovery.cli.store_access import with_store

    return with_store(lambda store: show(store, options.execution_id, as_json=options.json))


def show(store: ExecutionStore, execution_id: str, *, as_json: bool) -> int:
    """
    Print one execution.

    :param store: where it is.
    :param execution_id: the execution.
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
