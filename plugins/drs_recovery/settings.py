"""
Configuration: Airflow's section ``[drs_recovery]`` (``AIRFLOW__DRS_RECOVERY__*``) and what is built from it.

Credentials and roles come from Airflow connections only. Endpoints come from ``AWS_ENDPOINT_URL`` and
``AWS_ENDPOINT_URL_<SERVICE>``, which boto3 reads by itself.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from airflow.configuration import conf
from botocore.config import Config
from pydantic import TypeAdapter

from drs_recovery.dynamodb import ExecutionsTable
from drs_recovery.hooks.base import AccountHook
from drs_recovery.plan import NotifierCall
from drs_recovery.store import ExecutionStore

SECTION = "drs_recovery"

# Part of a record key, and read by people in sentences.
_INSTALLATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_SWITCHES = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


def executions_table_name() -> str:
    """``executions_table``: name of the DynamoDB table of the execution records."""
    return str(conf.get(SECTION, "executions_table", fallback="dr-executions"))


def poll_interval() -> float:
    """``poll_interval``: seconds between two looks at a running job, 30 unless told otherwise."""
    return float(conf.getfloat(SECTION, "poll_interval", fallback=30.0))


def details_timeout() -> float:
    """``details_timeout``: seconds for which a launched server may lack its EC2 details, 600 by default."""
    return float(conf.getfloat(SECTION, "details_timeout", fallback=600.0))


def hold_drills_during_recovery() -> bool:
    """``hold_drills_during_recovery``: whether drills start no job beside those of a real recovery."""
    return bool(conf.getboolean(SECTION, "hold_drills_during_recovery", fallback=False))


def termination_timeout() -> float:
    """``termination_timeout``: seconds for which a termination is tried, 3600 by default."""
    return float(conf.getfloat(SECTION, "termination_timeout", fallback=3600.0))


def installation_setting() -> str | None:
    """``installation``: name of this Airflow among those that share the table; None if one is to be made."""
    name = conf.get(SECTION, "installation", fallback=None)
    return checked_installation(name, f"[{SECTION}] installation") if name else None


def checked_installation(name: str, where: str) -> str:
    """
    Demand a name that an installation can have.

    :param name: the name.
    :param where: what it was read from, for people.
    :raises ValueError: it cannot.
    """
    if _INSTALLATION.fullmatch(name) is None:
        raise ValueError(
            f"{where}: {name!r} is no name of an installation, expected up to 64 letters, digits, '.', '_' "
            "and '-', a letter or digit first"
        )
    return name


def schedules() -> bool:
    """``schedules``: whether plans run by their schedules; ``off`` on an installation that stands by."""
    value = str(conf.get(SECTION, "schedules", fallback="on"))
    if value.strip().lower() not in _SWITCHES:
        raise ValueError(f"[{SECTION}] schedules: {value!r}, expected on or off")
    return _SWITCHES[value.strip().lower()]


def plans_dir() -> Path:
    """``plans_dir``: the folder of plan files, by default ``include/plans`` beside the DAGs folder."""
    beside_dags = Path(conf.get_mandatory_value("core", "dags_folder")).parent / "include" / "plans"
    return Path(conf.get(SECTION, "plans_dir", fallback=None) or beside_dags)


def console_base_url() -> str | None:
    """``console_base_url``: where people reach Airflow's pages, by default ``[api] base_url``."""
    own = conf.get(SECTION, "console_base_url", fallback=None)
    return own or conf.get("api", "base_url", fallback=None) or None


def notifiers() -> tuple[NotifierCall, ...]:
    """
    ``notifiers``: who hears of every plan's executions; JSON, a list as in a plan's ``notify.notifiers``.

    :raises ValueError: it is no such list.
    """
    text = conf.get(SECTION, "notifiers", fallback=None)
    return TypeAdapter(tuple[NotifierCall, ...]).validate_json(text) if text else ()


def cloudwatch_metrics() -> bool:
    """``cloudwatch_metrics``: whether metrics go to CloudWatch, too; they do unless told otherwise."""
    return bool(conf.getboolean(SECTION, "cloudwatch_metrics", fallback=True))


def dynamodb_client() -> Any:
    """
    Low-level DynamoDB client of the connection ``aws_conn_id`` in ``region``.

    Writes are conditional, so that a repeated one is harmless: the client may retry often.
    """
    return _client("dynamodb", attempts=8, connect_timeout=5, read_timeout=15)


# Seconds. With the time of one more request it is less than the browser waits for an answer: 15 s, live.js.
_HASTY_PATIENCE = 8.0


def hasty_dynamodb_client() -> Any:
    """The same for somebody who waits for the answer: the table's own retries, some seconds, are enough."""
    return _client("dynamodb", attempts=1, connect_timeout=2, read_timeout=5)


def cloudwatch_client() -> Any:
    """CloudWatch client beside the table; nobody waits long for a metric."""
    return _client("cloudwatch", attempts=2, connect_timeout=2, read_timeout=3)


def _client(service: str, attempts: int, **timeouts: int) -> Any:
    hook = AccountHook(
        aws_conn_id=conf.get(SECTION, "aws_conn_id", fallback="aws_default"),
        region_name=conf.get(SECTION, "region", fallback=None),
        client_type=service,
        config=Config(retries={"mode": "standard", "total_max_attempts": attempts}, **timeouts),
    )
    return hook.get_conn()


def execution_store(*, hasty: bool = False) -> ExecutionStore:
    """
    Open the configured store; nothing is sent to AWS before the first read or write.

    :param hasty: for pages: who cannot be answered soon is told so.
    """
    name = executions_table_name()
    if hasty:
        return ExecutionStore(ExecutionsTable(hasty_dynamodb_client(), name, _HASTY_PATIENCE))
    return ExecutionStore(ExecutionsTable(dynamodb_client(), name))
