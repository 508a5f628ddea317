"""Puts source servers that a caller describes into the simulated account."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID

from sandbox.drs.models import drs_backends
from sandbox.drs.servers import Replication, SourceServer, is_duration
from sandbox.fault_kinds import REPLICATION_STATES
from sandbox.fields import Field, filled, one_of, text
from sandbox.world import WORLD

_ID = re.compile(r"s-[0-9a-zA-Z]{17}")
_ACCOUNT = re.compile(r"\d{12}")


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _are_tags(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(part, str) for pair in value.items() for part in pair)


def _are_actions(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) and row.get("name") for row in value)


def _is_lag(value: Any) -> bool:
    return value is None or is_duration(value)


def _is_region(value: Any) -> bool:
    return isinstance(value, str) and value in drs_backends[DEFAULT_ACCOUNT_ID]


_FIELDS: Mapping[str, Field] = {
    "id": Field(_matches(_ID), "s- and 17 letters or digits", required=True),
    "name": text(required=True),
    "region": Field(_is_region, "a Region that has DRS", required=True),
    "account": Field(_matches(_ACCOUNT), "12 digits, in quotes", DEFAULT_ACCOUNT_ID),
    "tags": Field(_are_tags, "an object of texts", {}),
    "os": one_of("linux", "windows", default="linux"),
    "instance_type": text("t3.medium"),
    "replication_state": one_of(*REPLICATION_STATES, default="CONTINUOUS"),
    "lag": Field(
        lambda value: value is None or is_duration(value), "a duration such as PT42M, or null", "P0D"
    ),
    "actions": Field(_are_actions, "a list of objects, each with a name", []),
    "replication_direction": one_of("FAILOVER", "FAILBACK", default="FAILOVER"),
    "staging_account": Field(_matches(_ACCOUNT), "12 digits, in quotes"),
}


class ServerRefusedError(ValueError):
    """A described server has an unknown key or a value that does not fit."""


def add_server(description: Any) -> SourceServer:
    """
    Add a source server; DRS is initialised where it lands. One with the same id is replaced.

    :param description: ``id``, ``name`` and ``region``, and any other of the keys with a default.
    :raises ServerRefusedError: naming what is wrong.
    """
    values = checked_server(description)
    with WORLD.lock:
        backend = drs_backends[values["account"]][values["region"]]
        backend.initialize()
        server = SourceServer(
            server_id=values["id"],
            name=values["name"],
            region=values["region"],
            account=values["account"],
            tags={"Name": values["name"], **values["tags"]},
            own_replication=Replication(values["replication_state"], values["lag"]),
            os=values["os"],
            instance_type=values["instance_type"],
            actions=tuple(values["actions"]),
            staging_account=values["staging_account"],
            direction=values["replication_direction"],
            added=WORLD.clock.elapsed(),
        )
        backend.servers[server.server_id] = server
    return server


def checked_server(description: Any) -> dict[str, Any]:
    """
    Check a described server, and fill the defaults in.

    :param description: as for :func:`add_server`.
    :raises ServerRefusedError: naming what is wrong.
    """
    if not isinstance(description, Mapping):
        raise ServerRefusedError(f"a source server is an object, not {description!r}")
    values, problems = filled(_FIELDS, description)
    if problems:
        raise ServerRefusedError(f"source server {description.get('id')}: " + "; ".join(problems))
    return values
