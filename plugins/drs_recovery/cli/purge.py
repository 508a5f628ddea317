"""``purge``: delete the records of executions that ended long ago."""
# ruff: noqa: T201  # what is printed is the command's result

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from drs_recovery.cli.executions import open_store
from drs_recovery.durations import moment
from drs_recovery.exceptions import DrsRecoveryError, StoreError

if TYPE_CHECKING:
    from drs_recovery.store import Execution, ExecutionStore


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "purge",
        help="delete the records of executions that ended before a day",
        description="Delete every record of the executions that ended before a day (UTC). Kept are those "
        "that have not ended, and those of whose instances one was not seen to be gone. Takes PurgePolicy of "
        "infra/iam.yaml, which the role of Airflow does not have.",
    )
    parser.add_argument(
        "--before", required=True, type=day, metavar="DATE", help="such as 2025-12-31, UTC; not in the future"
    )
    parser.add_argument("--dry-run", action="store_true", help="only show what would be deleted")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(func=_purge)


def day(text: str) -> float:
    """
    The beginning of a day.

    :param text: an ISO-8601 date.
    :return: epoch seconds.
    :raises ValueError: it is none, or in the future.
    """
    begin = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    if begin > datetime.now(UTC):
        raise ValueError(text)
    return begin.timestamp()


def _purge(options: argparse.Namespace) -> int:
    from drs_recovery.hooks import AWS_ERRORS, describe

    try:
        return purge(open_store(), options, input)
    except DrsRecoveryError as error:
        print(error, file=sys.stderr)
    except AWS_ERRORS as error:
        print(f"not everything is deleted, give the command again: {describe(error)}", file=sys.stderr)
    return 1


def purge(store: ExecutionStore, options: argparse.Namespace, ask: Callable[[str], str]) -> int:
    """
    Show what there is to delete, ask, and delete it.

    :param options: ``before``, ``dry_run``, ``yes``.
    :return: 0; 1 if somebody said no, or something could not be deleted.
    """
    going = _going(store, options.before)
    if options.dry_run or not going:
        return 0
    if not (options.yes or ask("Delete these records for good? Type yes: ").strip().lower() == "yes"):
        print("nothing is deleted")
        return 1
    done = sum(_delete(store, execution) for execution in going)
    print(f"{done} of {len(going)} deleted")
    return 0 if done == len(going) else 1


def _going(store: ExecutionStore, before: float) -> list[Execution]:
    """Show what may go, and why the others stay."""
    going, kept = [], 0
    for execution in store.purges.ended_before(before):
        reason = store.purges.why_kept(execution["executionId"])
        print(f"{_name(execution)}{f': kept, it is {reason}' if reason else ''}")
        kept += reason is not None
        going += [] if reason else [execution]
    print(f"{len(going)} to be deleted, {kept} kept, of those that ended before {moment(before)}")
    return going


def _delete(store: ExecutionStore, execution: Execution) -> bool:
    try:
        store.purges.purge(execution["executionId"])
    except StoreError as error:
        print(f"{_name(execution)}: not deleted: {error}", file=sys.stderr)
        return False
    return True


def _name(execution: Execution) -> str:
    return (
        f"{execution['executionId']} {execution['planId']} {execution['executionType']} "
        f"{execution['status']}, opened {moment(execution['submittedTime'])}"
    )
