"""Configuration: Airflow's section ``[drs_recovery]`` (``AIRFLOW__DRS_RECOVERY__*``)."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow.configuration import conf
from pydantic import TypeAdapter

from drs_recovery.exceptions import SettingError
from drs_recovery.plan import NotifierCall
from drs_recovery.setting_rules import (
    SECTION,
    Setting,
    TaskDefaults,
    address,
    host_names,
    number_of,
    seconds,
    task_arguments,
    truth,
    words,
)

_HOUR, _DAY = 3600.0, 86400.0

_NOTIFIERS = TypeAdapter(tuple[NotifierCall, ...])
_PARSED: tuple[NotifierCall, ...] = ()

EXECUTIONS_TABLE = words(
    "executions_table",
    "dr-executions",
    r"[\w.-]{3,255}|arn:[\w-]+:dynamodb:[\w-]+:[0-9]{12}:table/[\w.-]{3,255}",
    "the name of a DynamoDB table: 3 to 255 letters, digits, _ . or -",
)
AWS_CONN_ID = words(
    "aws_conn_id", "aws_default", r"[\w#!()\-.:/\\]{1,250}", "the id of an Airflow connection"
)
REGION = words("region", None, r"[a-z]{2,4}(-[a-z]+)+-[0-9]+", "an AWS Region such as us-east-1")
# Part of a record key, and read by people in sentences.
INSTALLATION: Setting[str | None] = words(
    "installation",
    None,
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
    "up to 64 letters, digits, '.', '_' and '-', a letter or digit first",
)
SCHEDULES = truth("schedules", default=True, also={"on": True, "off": False})
POLL_INTERVAL = seconds("poll_interval", 30.0, 0.01, _HOUR)
SNAPSHOT_READS = number_of("calls a second", "snapshot_reads_per_second", 5.0, 0.1, 100.0)
DETAILS_TIMEOUT = seconds("details_timeout", 600.0, 0.0, _DAY)
TERMINATION_TIMEOUT = seconds("termination_timeout", _HOUR, 1.0, 7 * _DAY)
HOLD_DRILLS = truth("hold_drills_during_recovery", default=False)
CLOUDWATCH_METRICS = truth("cloudwatch_metrics", default=True)
PLANS_DIR = words("plans_dir", None, r"[^\x00-\x1f]+", "the path of a folder, or several with commas between")
CONSOLE_BASE_URL: Setting[str | None] = Setting(
    "console_base_url", None, "an address such as https://airflow.example.com", address
)
NOTIFIERS = Setting(
    "notifiers",
    _PARSED,
    'a JSON list of notifiers, each {"class": …, "arguments": {…}} as in a plan\'s notify.notifiers',
    _NOTIFIERS.validate_json,
    is_secret=True,
)

PROBE_HOSTS: Setting[tuple[str, ...]] = Setting(
    "probe_hosts",
    (),
    "host names or addresses, separated by commas",
    host_names,
)

TASK_DEFAULTS: Setting[TaskDefaults] = Setting(
    "task_defaults",
    {},
    'a JSON object such as {"queue": "dr", "pool": "dr"}; keys: queue, pool, pool_slots (from 1), executor '
    "(of [core] executor), executor_config (an object)",
    task_arguments,
)

SETTINGS: tuple[Setting[Any], ...] = (
    EXECUTIONS_TABLE,
    AWS_CONN_ID,
    REGION,
    INSTALLATION,
    SCHEDULES,
    PLANS_DIR,
    CONSOLE_BASE_URL,
    NOTIFIERS,
    CLOUDWATCH_METRICS,
    POLL_INTERVAL,
    SNAPSHOT_READS,
    HOLD_DRILLS,
    TERMINATION_TIMEOUT,
    DETAILS_TIMEOUT,
    PROBE_HOSTS,
    TASK_DEFAULTS,
)


def setting_problems() -> list[str]:
    """What is wrong in the section, every problem at once; nothing may be launched with one."""
    return [problem for setting in SETTINGS if (problem := _problem_of(setting))]


def unknown_settings() -> Iterator[str]:
    """Keys in the section that nothing reads, which would be passed over in silence."""
    known = {setting.key for setting in SETTINGS}
    prefix = f"AIRFLOW__{SECTION}__".upper()
    given = {name.removeprefix(prefix).lower() for name in os.environ if name.startswith(prefix)}
    given |= set(conf.getsection(SECTION) or ())
    for key in sorted(given):
        # Airflow takes a value from a command or from a secrets backend, too.
        if key.removesuffix("_cmd").removesuffix("_secret") not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f", did you mean {near[0]}?" if near else f". Known: {', '.join(sorted(known))}"
            yield f"[{SECTION}] {key} is not a setting{hint}"


def _problem_of(setting: Setting[Any]) -> str | None:
    try:
        setting.value()
    except SettingError as error:
        return str(error)
    return None


def executions_table_name() -> str:
    """
    ``executions_table``: name of the DynamoDB table of the execution records.

    :raises SettingError: it is none; another table than the one that was meant would be worse than no table.
    """
    return str(EXECUTIONS_TABLE.value())


def poll_interval() -> float:
    """``poll_interval``: seconds between two looks at a running job, 30 unless told otherwise."""
    return POLL_INTERVAL.value_or_default()


def snapshot_reads_per_second() -> float:
    """``snapshot_reads_per_second``: most calls a second that read recovery snapshots, 5 by default."""
    return SNAPSHOT_READS.value_or_default()


def details_timeout() -> float:
    """``details_timeout``: seconds for which a launched server may lack its EC2 details, 600 by default."""
    return DETAILS_TIMEOUT.value_or_default()


def hold_drills_during_recovery() -> bool:
    """``hold_drills_during_recovery``: whether drills start no job beside those of a real recovery."""
    return HOLD_DRILLS.value_or_default()


def termination_timeout() -> float:
    """``termination_timeout``: seconds for which a termination is tried, 3600 by default."""
    return TERMINATION_TIMEOUT.value_or_default()


def installation_setting() -> str | None:
    """
    ``installation``: name of this Airflow among those that share the table; None if one is to be made.

    :raises SettingError: it is none; under another name, its own executions would be somebody else's.
    """
    return INSTALLATION.value()


def checked_installation(name: str, where: str) -> str:
    """
    Demand a name that an installation can have.

    :raises SettingError: it cannot.
    """
    try:
        return str(INSTALLATION.read(name))
    except ValueError as error:
        raise SettingError(f"{where} is {name!r}: expected {INSTALLATION.expects}") from error


def schedules() -> bool:
    """
    ``schedules``: whether plans run by their schedules; ``off`` on an installation that stands by.

    :raises SettingError: it is neither: which of the two is safe, the caller knows.
    """
    return SCHEDULES.value()


def plans_dirs(dag_file: str | None = None) -> tuple[Path, ...]:
    """
    ``plans_dir``: the folders of plan files, by default ``include/plans`` beside the DAGs folder.

    A folder ``plans`` in the DAGs folder counts, too, or alone if there is no other.

    :param dag_file: file whose folder counts as the DAGs folder, and from which a relative path leads: one of
        a DAG bundle is wherever Airflow keeps that bundle. Default: the folder of Airflow's configuration.
    """
    dags_folder = Path(dag_file).parent if dag_file else Path(conf.get_mandatory_value("core", "dags_folder"))
    if named := PLANS_DIR.value_or_default():
        return tuple(dags_folder / one.strip() for one in named.split(",") if one.strip())
    usual, inside = dags_folder.parent / "include" / "plans", dags_folder / "plans"
    if not inside.is_dir():
        return (usual,)
    return (usual, inside) if usual.is_dir() else (inside,)


def console_base_url() -> str | None:
    """``console_base_url``: where people reach Airflow's pages, by default ``[api] base_url``."""
    return CONSOLE_BASE_URL.value_or_default() or conf.get("api", "base_url", fallback=None) or None


def notifiers() -> tuple[NotifierCall, ...]:
    """
    ``notifiers``: who hears of every plan's executions; JSON, a list as in a plan's ``notify.notifiers``.

    :raises SettingError: it is no such list.
    """
    return NOTIFIERS.value()


def probe_hosts() -> tuple[str, ...]:
    """
    ``probe_hosts``: where probes may go beside the recovered instances; nowhere unless told otherwise.

    :raises SettingError: it is no such list.
    """
    return PROBE_HOSTS.value()


def task_defaults() -> TaskDefaults:
    """
    ``task_defaults``: queue, pool and executor of every task of this package.

    Without its DAG a recovery could not go on, so none of them is set if the setting is broken.
    """
    return TASK_DEFAULTS.value_or_default()


def cloudwatch_metrics() -> bool:
    """``cloudwatch_metrics``: whether metrics go to CloudWatch, too; they do unless told otherwise."""
    return CLOUDWATCH_METRICS.value_or_default()
