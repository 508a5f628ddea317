"""``takeover``: go on with what another Airflow installation ran."""
# ruff: noqa: T201  # what is printed is the command's result

from __future__ import annotations

import argparse
import getpass
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from drs_recovery.cli.executions import open_store
from drs_recovery.durations import moment
from drs_recovery.exceptions import DrsRecoveryError

if TYPE_CHECKING:
    from drs_recovery.standby import Outcome, Takeover, Wanted
    from drs_recovery.store import Execution, ExecutionStore


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "takeover",
        help="go on here with the executions of a lost Airflow installation",
        description="Make this installation the controller of all live executions of another one, and of "
        "ended ones that left instances, and trigger the DAG runs of the live ones here. To be given where "
        "Airflow's own command line works. AIRFLOW_CLI_TOKEN, or AIRFLOW_CLI_USERNAME and "
        "AIRFLOW_CLI_PASSWORD, say who triggers them.",
    )
    parser.add_argument("--from", dest="installation", required=True, metavar="INSTALLATION")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--include-unnamed",
        action="store_true",
        help="also live executions whose records, of an earlier release, name no installation",
    )
    parser.set_defaults(func=_takeover)


def _takeover(options: argparse.Namespace) -> int:
    from drs_recovery.hooks import AWS_ERRORS, describe

    try:
        return take_over(options, input)
    except DrsRecoveryError as error:
        print(error, file=sys.stderr)
    except AWS_ERRORS as error:
        print(f"the table of executions cannot be read: {describe(error)}", file=sys.stderr)
    return 1


def take_over(options: argparse.Namespace, ask: Callable[[str], str]) -> int:
    """
    Show what there is to take over, ask, and do it.

    :param options: ``installation``, ``yes``, ``include_unnamed``.
    :return: 0; 1 if somebody said no, or something is left to be done.
    """
    store, began = open_store(), time.monotonic()
    with redirect_stdout(sys.stderr):
        from drs_recovery.installation import installation
        from drs_recovery.standby import Takeover, open_airflow, wanted_of

        here = installation(store)
    if why := _senseless(store, options.installation, here):
        print(why, file=sys.stderr)
        return 1
    wanted = wanted_of(store, options.installation, here)
    _show(wanted, options, here)
    live = [*wanted.live, *(wanted.unnamed if options.include_unnamed else ())]
    if not (live or wanted.ended):
        return 0
    airflow = open_airflow()
    if not (options.yes or ask("Take them over? Type yes: ").strip().lower() == "yes"):
        print("nothing is taken over")
        return 1
    done = _carry_out(Takeover(store, airflow, here, _actor()), live, wanted.ended)
    print(f"{sum(one.is_done for one in done)} of {len(done)} taken over in {time.monotonic() - began:.1f} s")
    return 0 if all(one.is_done for one in done) else 1


def _carry_out(takeover: Takeover, live: Sequence[Execution], ended: Sequence[Execution]) -> list[Outcome]:
    outcomes = []
    for take, executions in ((takeover.take_live, live), (takeover.take_ended, ended)):
        for execution in executions:
            with redirect_stdout(sys.stderr):
                outcome = take(execution)
            print(f"{_name(execution)}: {outcome.what}", flush=True)
            outcomes.append(outcome)
    return outcomes


def _senseless(store: ExecutionStore, old: str, here: str) -> str | None:
    if old == here:
        return f"{old} is this installation: give the command on the one that takes over"
    if not store.installations.is_known(old):
        table = store.table.table_name
        return f"no Airflow installation named {old} has used table {table}: its executions show its name"
    return None


def _show(wanted: Wanted, options: argparse.Namespace, here: str) -> None:
    live, ended = len(wanted.live), len(wanted.ended)
    print(
        f"{here} takes over from {options.installation}: {live} live, {ended} ended with instances. If "
        f"{options.installation} still runs, it does nothing more for them."
    )
    for execution in (*wanted.live, *wanted.ended):
        print(f"  {_name(execution)}")
    if wanted.unnamed:
        also = "taken over, too" if options.include_unnamed else "left alone (see --include-unnamed)"
        print(f"{len(wanted.unnamed)} live, of an earlier release, name no installation: {also}")
        for execution in wanted.unnamed:
            print(f"  {_name(execution)}")


def _name(execution: Execution) -> str:
    return (
        f"{execution['planId']} {execution['executionType']} {execution['dagRunId']}, {execution['status']}, "
        f"opened {moment(execution['submittedTime'])}, execution {execution['executionId']}"
    )


def _actor() -> str:
    """Who gives the command, for the record: the user of Airflow, or of this machine."""
    return os.environ.get("AIRFLOW_CLI_USERNAME") or getpass.getuser()
