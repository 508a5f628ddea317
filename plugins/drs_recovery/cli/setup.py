"""``check-config``, ``create-table``, ``record-plans``: what an installation needs before it is used."""
# ruff: noqa: T201  # what is printed is the command's result

from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

from drs_recovery.exceptions import PlanError, SettingError


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands."""
    parser = subparsers.add_parser("check-config", help="check the settings and print every problem")
    parser.add_argument("--json", action="store_true", help="print settings and problems for a program")
    parser.set_defaults(func=check_config)
    parser = subparsers.add_parser(
        "record-plans",
        help="record the plans as their files are now, as housekeeping does",
    )
    parser.set_defaults(func=record_plans)
    parser = subparsers.add_parser("create-table", help="create the table of executions, if it is missing")
    parser.set_defaults(func=create_table)


def check_config(options: argparse.Namespace) -> int:
    """
    Print every problem, one a line, and a summary; nothing is asked of AWS.

    An execution is refused for what is wrong with a value. A key that nothing reads, and a folder of plans
    that is not there, are told only here. Where no DAG file is, such as on an API server, no plan file is
    needed either: the missing folder is a note.

    :param options: ``json``.
    :return: 0 without problems, 1 with some.
    """
    # What Airflow logs goes to stderr, since stdout is for the result.
    with redirect_stdout(sys.stderr):
        from drs_recovery import settings

        problems = [*settings.setting_problems(), *settings.unknown_settings()]
        missing = [
            f"[drs_recovery] plans_dir leads to {folder}: expected a folder that exists"
            for folder in settings.plans_dirs()
            if not folder.is_dir()
        ]
        notes = [] if _has_dag_files() else [f"{one} where DAG files are; here are none" for one in missing]
        problems += [] if notes else missing
        given = [setting.key for setting in settings.SETTINGS if setting.is_set]
    if options.json:
        print(json.dumps({"set": given, "problems": problems, "notes": notes}, indent=2))
        return 1 if problems else 0
    for line in (*problems, *(f"note: {note}" for note in notes)):
        print(line)
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    total = len(settings.SETTINGS)
    print(f"{len(given)} of {total} settings set, {count if problems else 'no problems'}")
    return 1 if problems else 0


def _has_dag_files() -> bool:
    """Whether the DAGs folder has any; those of a bundle, and its plans, only the DAG processor knows."""
    from airflow.configuration import conf

    folder = Path(conf.get_mandatory_value("core", "dags_folder"))
    return next(folder.rglob("*.py"), None) is not None


def record_plans(_options: argparse.Namespace) -> int:
    """
    Record the plans as their files are now: after a deployment, the console shows them at once.

    :return: 0; 1 if files or store cannot be read, or a plan has problems.
    """
    # What Airflow logs goes to stderr, since stdout is for the result.
    with redirect_stdout(sys.stderr):
        from drs_recovery import recorded_plans, settings
        from drs_recovery.configured_store import execution_store
        from drs_recovery.plan import load_plans

        try:
            loaded = load_plans(settings.plans_dirs())
            changed = recorded_plans.record_plans(execution_store(), loaded)
        except (PlanError, SettingError) as error:
            print(error)
            return 1
    for problems in loaded.broken.values():
        print(problems)
    print(f"{len(loaded.sources)} plans, {len(loaded.broken)} of them with problems; {len(changed)} changed")
    return 1 if loaded.broken else 0


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
