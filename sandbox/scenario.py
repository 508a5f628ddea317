"""What a sandbox starts with: source servers that a caller describes, the demo account, scenario files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from sandbox.drs import drs_backends
from sandbox.drs.servers import Replication, SourceServer, is_duration
from sandbox.drs.snapshots import is_policy, policy_from
from sandbox.fault_kinds import REPLICATION_STATES
from sandbox.faults import checked
from sandbox.fields import Field, filled, one_of, text
from sandbox.world import WORLD, Quotas

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
    "lag": Field(_is_lag, "a duration such as PT42M, or null", "P0D"),
    "actions": Field(_are_actions, "a list of objects, each with a name", []),
    "replication_direction": one_of("FAILOVER", "FAILBACK", default="FAILOVER"),
    "staging_account": Field(_matches(_ACCOUNT), "12 digits, in quotes"),
    "pit_policy": Field(is_policy, "three rules, each with units, interval and retentionDuration"),
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
            pit_policy=policy_from(values["pit_policy"]),
            added=WORLD.clock.elapsed(),
        )
        backend.servers[server.server_id] = server
    return server


def checked_server(description: Any) -> dict[str, Any]:
    """
    Check a described server, and fill the defaults in.

    :raises ServerRefusedError: naming what is wrong.
    """
    if not isinstance(description, Mapping):
        raise ServerRefusedError(f"a source server is an object, not {description!r}")
    values, problems = filled(_FIELDS, description)
    if problems:
        raise ServerRefusedError(f"source server {description.get('id')}: " + "; ".join(problems))
    return values


TOPIC = "dr-notifications"
TOPIC_REGION = "us-east-1"

# Application, Region, tier, digit of the ids, short name, instance type.
_GROUPS = (
    ("crm", "us-east-1", "database", "1", "db", "r5.large"),
    ("crm", "us-east-1", "application", "2", "app", "m5.large"),
    ("crm", "us-east-1", "web", "3", "web", "t3.medium"),
    ("billing", "us-west-2", "database", "4", "db", "r5.large"),
    ("billing", "us-west-2", "application", "5", "app", "m5.large"),
    ("billing", "us-west-2", "web", "6", "web", "t3.medium"),
)
# Not every server of a real account is in good shape.
_REPLICATION: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("billing", "application"): {"replication_state": "STALLED", "lag": "PT3H12M"},
    ("billing", "web"): {"lag": "PT42M"},
}


def add_demo_servers() -> None:
    """Add the servers of the demo account."""
    for application, region, tier, digit, short, instance_type in _GROUPS:
        for letter, number in (("a", "01"), ("b", "02")):
            add_server(
                {
                    "id": f"s-{digit * 16}{letter}",
                    "name": f"{application}-{short}-{number}",
                    "region": region,
                    "instance_type": instance_type,
                    "tags": {"dr:application": application, "dr:tier": tier},
                    **_REPLICATION.get((application, tier), {}),
                }
            )


def add_demo_topic() -> None:
    """Add a topic whose messages a queue of the same name keeps, because nobody gets mail from a sandbox."""
    topic = sns_backends[DEFAULT_ACCOUNT_ID][TOPIC_REGION].create_topic(TOPIC)
    queue = sqs_backends[DEFAULT_ACCOUNT_ID][TOPIC_REGION].create_queue(TOPIC)
    sns_backends[DEFAULT_ACCOUNT_ID][TOPIC_REGION].subscribe(topic.arn, queue.queue_arn, "sqs")


class ScenarioRefusedError(ValueError):
    """A scenario file cannot be used; the text says why."""


@dataclass(frozen=True)
class Scenario:
    """
    What a sandbox starts with.

    :param speed: simulated seconds a real second; None keeps that of the command line.
    """

    seed: bool = True
    speed: float | None = None
    quotas: Mapping[str, int] = field(default_factory=dict)
    source_servers: tuple[Mapping[str, Any], ...] = ()
    faults: tuple[Mapping[str, Any], ...] = ()


def load_scenario(path: Path) -> Scenario:
    """
    Read a scenario file and check all of it.

    :param path: a YAML file with some of the keys of :class:`Scenario`.
    :raises ScenarioRefusedError: naming the file and what is wrong.
    """
    try:
        return scenario_from(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise ScenarioRefusedError(f"{path}: {error}") from error


def scenario_from(document: Any) -> Scenario:
    """
    Check a scenario.

    :param document: some of the keys of :class:`Scenario`.
    """
    known = [member.name for member in fields(Scenario)]
    if not isinstance(document, Mapping) or not set(document) <= set(known):
        raise ScenarioRefusedError(f"expected an object with some of the keys {', '.join(known)}")
    lists = {key: tuple(document.get(key) or ()) for key in ("source_servers", "faults")}
    scenario = Scenario(**{**document, **lists})
    Quotas().changed(dict(scenario.quotas))
    for fault in scenario.faults:
        checked(fault)
    for server in scenario.source_servers:
        checked_server(server)
    if scenario.speed is not None and (not isinstance(scenario.speed, int | float) or scenario.speed <= 0):
        raise ScenarioRefusedError(f"speed is {scenario.speed!r}: expected a number above 0")
    return scenario
