"""Turn the protection groups of a plan into source servers, by asking DRS when an execution opens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drs_recovery.engine.clients import Clients, Place, connection_exists
from drs_recovery.hooks.errors import AWS_ERRORS, describe, is_transient
from drs_recovery.plan import ProtectionGroup, RecoveryPlan
from drs_recovery.records import NewServer


@dataclass
class Resolution:
    """
    The servers of each wave, or why they cannot be told.

    :param servers: by wave number.
    :param findings: what is wrong, each a sentence with what to do.
    """

    servers: dict[int, list[NewServer]] = field(default_factory=lambda: defaultdict(list))
    findings: list[str] = field(default_factory=list)


class GroupResolver:
    """
    Resolve groups with one listing of source servers for each connection and Region.

    :param clients: hooks by place.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._listed: dict[Place, dict[str, Mapping[str, Any]]] = {}

    def resolve(self, plan: RecoveryPlan, wave_numbers: Iterable[int]) -> Resolution:
        """
        Find the servers of some waves.

        :param plan: the plan.
        :param wave_numbers: from 1.
        :return: servers and findings, every problem at once.
        :raises botocore errors: transient ones, so that the caller tries again.
        """
        result = Resolution()
        for number in wave_numbers:
            for name, group in plan.groups_of(number):
                self._resolve_group(result, number, name, group)
        _find_repeated(result)
        return result

    def _resolve_group(self, result: Resolution, number: int, name: str, group: ProtectionGroup) -> None:
        place = Place(group.connection, group.region)
        if not connection_exists(group.connection):
            result.findings.append(f"group {name}: there is no Airflow connection {group.connection!r}")
            return
        try:
            listed = self._servers_at(place)
        except AWS_ERRORS as error:
            if is_transient(error):
                raise
            result.findings.append(
                f"group {name}: the source servers of {place.region} cannot be read with connection "
                f"{place.connection}: {describe(error)}"
            )
            return
        if group.servers is not None:
            critical = {server.id: server.critical for server in group.servers}
        else:
            critical = dict.fromkeys(_with_tags(listed.values(), group.tags or {}), True)
        result.findings += _findings_of(name, group, place, critical, listed)
        result.servers[number] += [
            _new_server(listed[server_id], place, is_critical)
            for server_id, is_critical in critical.items()
            if server_id in listed
        ]

    def _servers_at(self, place: Place) -> dict[str, Mapping[str, Any]]:
        if place not in self._listed:
            servers = self._clients.at(*place).drs.source_servers()
            self._listed[place] = {server["sourceServerID"]: server for server in servers}
        return self._listed[place]


def _with_tags(servers: Iterable[Mapping[str, Any]], tags: Mapping[str, str]) -> list[str]:
    return sorted(
        server["sourceServerID"] for server in servers if tags.items() <= dict(server.get("tags", {})).items()
    )


def _findings_of(
    name: str,
    group: ProtectionGroup,
    place: Place,
    wanted: Mapping[str, bool],
    listed: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    if not wanted:
        tags = ", ".join(f"{key}={value}" for key, value in (group.tags or {}).items())
        return [
            f"group {name}: no source server in {place.region} has the tags {tags}: tag one or mend the plan"
        ]
    return [
        f"group {name}: source server {server_id} does not exist in {place.region} "
        f"(connection {place.connection}): mend the plan or install the replication agent"
        for server_id in wanted
        if server_id not in listed
    ]


def _new_server(server: Mapping[str, Any], place: Place, critical: bool) -> NewServer:
    return NewServer(
        source_server_id=server["sourceServerID"],
        server_name=_name_of(server),
        critical=critical,
        region=place.region,
        connection=place.connection,
    )


def _name_of(server: Mapping[str, Any]) -> str:
    hints = (server.get("sourceProperties") or {}).get("identificationHints") or {}
    tagged = (server.get("tags") or {}).get("Name")
    return str(tagged or hints.get("hostname") or server["sourceServerID"])


def _find_repeated(result: Resolution) -> None:
    """A server that tags put into two groups would be started twice."""
    waves: dict[str, list[int]] = defaultdict(list)
    names: dict[str, str] = {}
    for number, servers in result.servers.items():
        for server in servers:
            waves[server.source_server_id].append(number)
            names[server.source_server_id] = server.server_name
    result.findings += [
        f"server {names[server_id]} ({server_id}) is in more than one group, of {_waves(numbers)}: "
        "narrow the tags, a server can be recovered only once"
        for server_id, numbers in waves.items()
        if len(numbers) > 1
    ]


def _waves(numbers: Sequence[int]) -> str:
    return " and ".join(f"wave {number}" for number in sorted(set(numbers)))
