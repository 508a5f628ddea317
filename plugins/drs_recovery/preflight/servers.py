"""Turn the protection groups of a plan into source servers, by asking DRS when an execution opens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from drs_recovery.durations import parse_duration
from drs_recovery.hooks import (
    AWS_ERRORS,
    Clients,
    Target,
    TargetTrouble,
    connection_exists,
    describe,
    is_of_role,
    is_transient,
)
from drs_recovery.opening import wished_point
from drs_recovery.preflight.findings import Check, Severity
from drs_recovery.store import NewServer

if TYPE_CHECKING:
    from drs_recovery.opening import PointOption
    from drs_recovery.plan import ProtectionGroup, RecoveryPlan

# ``ReplicationDirection`` of botocore's drs model.
_FAILBACK = "FAILBACK"


@dataclass(frozen=True)
class ResolvedServer:
    """
    A server of a wave.

    :param described: as ``DescribeSourceServers`` shows it.
    """

    wave_number: int
    server: NewServer
    described: Mapping[str, Any]

    @property
    def target(self) -> Target:
        """Where it is recovered."""
        return Target(self.server.connection, self.server.region)


@dataclass
class Resolution:
    """
    The servers of each wave, or why they cannot be told.

    :param troubles: of the targets that may answer later; their servers are missing.
    """

    servers: list[ResolvedServer] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    troubles: list[TargetTrouble] = field(default_factory=list)

    def of_wave(self, number: int) -> list[NewServer]:
        """The servers of one wave."""
        return [found.server for found in self.servers if found.wave_number == number]


class GroupResolver:
    """
    Resolve groups with one question for source servers to each connection and Region.

    DRS looks for servers by id, but not by tag: where a group has tags, all servers of the Region are listed.
    """

    def __init__(
        self,
        clients: Clients,
        plan: RecoveryPlan,
        wave_numbers: Iterable[int],
        point_in_time: PointOption = None,
    ) -> None:
        self._clients, self._plan, self._point_in_time = clients, plan, point_in_time
        self._groups = [(number, *named) for number in wave_numbers for named in plan.groups_of(number)]
        self._found: dict[Target, dict[str, Mapping[str, Any]]] = {}
        self._away: dict[Target, TargetTrouble] = {}

    def resolve(self) -> Resolution:
        """Find the servers, in each target whatever another one answers."""
        found: list[ResolvedServer] = []
        checks: list[Check] = []
        for number, name, group in self._groups:
            servers, problems = self._resolve_group(number, name, group)
            found += servers
            checks += problems
        unique = {(one.wave_number, one.server.source_server_id): one for one in found}
        return Resolution(list(unique.values()), [*checks, *_repeated(found)], [*self._away.values()])

    def _resolve_group(
        self, number: int, name: str, group: ProtectionGroup
    ) -> tuple[list[ResolvedServer], list[Check]]:
        target = _target_of(group)
        if not connection_exists(group.connection):
            what = f"group {name}: there is no Airflow connection {group.connection!r}"
            return [], [_prevents(number, what, "create the connection or correct the plan")]
        if target in self._away:
            return [], []
        try:
            known = self._servers_at(target)
        except AWS_ERRORS as error:
            if is_transient(error):
                self._away[target] = TargetTrouble(target, error, "source servers")
                return [], []
            return [], [_unreadable(number, name, target, error)]
        if group.servers is not None:
            critical = {server.id: server.critical for server in group.servers}
        else:
            critical = dict.fromkeys(_with_tags(known.values(), group.tags or {}), True)
        servers = [
            ResolvedServer(
                number, self._new_server(known[server_id], name, group, is_critical), known[server_id]
            )
            for server_id, is_critical in critical.items()
            if server_id in known
        ]
        reversed_ones = [one for one in servers if one.described.get("replicationDirection") == _FAILBACK]
        problems = [_on_the_way_home(name, group, one) for one in reversed_ones]
        return servers, [*problems, *_missing(number, name, group, critical, known)]

    def _new_server(
        self, server: Mapping[str, Any], name: str, group: ProtectionGroup, critical: bool
    ) -> NewServer:
        lag, server_id = replication_lag(server), server["sourceServerID"]
        return NewServer(
            source_server_id=server_id,
            server_name=_name_of(server),
            critical=critical,
            region=group.region,
            connection=group.connection,
            requested_point_in_time=wished_point(self._plan, group, server_id, self._point_in_time),
            replication_lag=None if lag is None else lag.total_seconds(),
            group=name,
            source_addresses=_addresses_of(server),
        )

    def _servers_at(self, target: Target) -> dict[str, Mapping[str, Any]]:
        if target not in self._found:
            there = [group for _, _, group in self._groups if _target_of(group) == target]
            servers = self._clients.at(*target).drs.source_servers(_ids_of(there))
            self._found[target] = {server["sourceServerID"]: server for server in servers}
        return self._found[target]


def _on_the_way_home(name: str, group: ProtectionGroup, found: ResolvedServer) -> Check:
    """To launch it is a failback: what serves users now would be taken home without a plan for it."""
    what = "its replication direction is FAILBACK: it is failing back, and launching it would be a failback"
    if group.servers is not None:
        remedy = f"take it out of group {name}, unless the failback is what you want"
        return Check(Severity.ENDANGERS, what, remedy, found.server, found.wave_number)
    remedy = f"narrow the tags of group {name}, or take them off this server"
    return Check(Severity.PREVENTS, what, remedy, found.server, found.wave_number)


def _target_of(group: ProtectionGroup) -> Target:
    return Target(group.connection, group.region)


def _ids_of(groups: Sequence[ProtectionGroup]) -> list[str] | None:
    """Ids of all servers of some groups; None if tags tell which they are."""
    if any(group.servers is None for group in groups):
        return None
    return list(dict.fromkeys(server.id for group in groups for server in group.servers or ()))


def _prevents(number: int | None, what: str, remedy: str, server: NewServer | None = None) -> Check:
    return Check(Severity.PREVENTS, what, remedy, server, number)


def _unreadable(number: int, name: str, target: Target, error: Exception) -> Check:
    what = (
        f"group {name}: the source servers of {target.region} cannot be read with connection "
        f"{target.connection}: {describe(error)}"
    )
    if is_of_role(error):
        remedy = (
            "compare role_arn and ExternalId of the connection with the trust policy of the role, and let "
            "Airflow assume it"
        )
        return _prevents(number, what, remedy)
    return _prevents(number, what, "correct the rights of the connection, or initialize DRS in the Region")


def _with_tags(servers: Iterable[Mapping[str, Any]], tags: Mapping[str, str]) -> list[str]:
    return sorted(
        server["sourceServerID"] for server in servers if tags.items() <= dict(server.get("tags", {})).items()
    )


def _missing(
    number: int,
    name: str,
    group: ProtectionGroup,
    wanted: Collection[str],
    known: Mapping[str, Mapping[str, Any]],
) -> list[Check]:
    if not wanted:
        tags = ", ".join(f"{key}={value}" for key, value in (group.tags or {}).items())
        what = f"group {name}: no source server in {group.region} has the tags {tags}"
        return [_prevents(number, what, "tag a server or correct the plan")]
    return [
        _prevents(
            number,
            f"group {name}: source server {server_id} does not exist in {group.region} "
            f"(connection {group.connection})",
            "correct the plan or install the replication agent",
        )
        for server_id in wanted
        if server_id not in known
    ]


def _addresses_of(server: Mapping[str, Any]) -> tuple[str, ...]:
    interfaces = (server.get("sourceProperties") or {}).get("networkInterfaces") or ()
    return tuple(str(address) for interface in interfaces for address in interface.get("ips") or ())


def replication_lag(described: Mapping[str, Any]) -> timedelta | None:
    """
    How far the replication of a server is behind its source; None if DRS does not tell.

    :param described: as ``DescribeSourceServers`` shows it.
    """
    try:
        return parse_duration((described.get("dataReplicationInfo") or {}).get("lagDuration", ""))
    except ValueError:
        return None


def _name_of(server: Mapping[str, Any]) -> str:
    hints = (server.get("sourceProperties") or {}).get("identificationHints") or {}
    tagged = (server.get("tags") or {}).get("Name")
    return str(tagged or hints.get("hostname") or server["sourceServerID"])


def _repeated(found: Sequence[ResolvedServer]) -> list[Check]:
    """A server that tags put into two groups would be started twice."""
    waves: dict[str, list[int]] = defaultdict(list)
    servers: dict[str, NewServer] = {}
    for one in found:
        waves[one.server.source_server_id].append(one.wave_number)
        servers[one.server.source_server_id] = one.server
    return [
        _prevents(
            None,
            f"it is in more than one group, of {_waves(numbers)}",
            "narrow the tags, a server can be recovered only once",
            servers[server_id],
        )
        for server_id, numbers in waves.items()
        if len(numbers) > 1
    ]


def _waves(numbers: Sequence[int]) -> str:
    return " and ".join(f"wave {number}" for number in sorted(set(numbers)))
