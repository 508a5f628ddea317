"""
Show the servers of a wave as rows: problems first, and only some of very many, with links to AWS.

A page of 500 servers must stay a page that is read and fetched quickly.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drs_recovery.statuses import ServerPhase
from drs_recovery.store import attempt_of, is_live
from drs_recovery.web.shared import (
    Link,
    Mark,
    Timestamp,
    action_mark,
    cut,
    instance_link,
    phase_mark,
    source_server_link,
    timestamp_if,
)

if TYPE_CHECKING:
    from drs_recovery.store import EarlierInstance, ExecutionDocument, PostLaunchAction, ServerStatus, Wave

_NOT_TOLD = "PENDING"


@dataclass(frozen=True)
class ActionRow:
    """One of DRS's post-launch actions of a server; the server can be ready without an optional one."""

    name: str
    mark: Mark
    is_optional: bool
    reason: str | None


@dataclass(frozen=True)
class ServerRow:
    """
    One server of a wave.

    :param launch_status: DRS's own word, such as ``IN_PROGRESS``; None before DRS has begun.
    """

    name: str
    source: Link
    is_critical: bool
    phase: Mark
    launch_status: str | None
    instance: Link | None
    instance_type: str | None
    instance_state: str | None
    address: str | None
    hostname: str | None
    point_in_time: Timestamp | None
    actions: tuple[ActionRow, ...]
    error: str | None
    warning: str | None
    attempt: int
    earlier: tuple[Link, ...]
    terminated: Timestamp | None
    replaced_by: str | None


def server_row(server: ServerStatus, longest: int) -> ServerRow:
    """Show a server; of an error, warning or reason so many characters."""
    region = server["region"]
    earlier = (_instance(region, attempt) for attempt in server.get("previousInstances", ()))
    return ServerRow(
        name=server["serverName"],
        source=source_server_link(region, server["sourceServerId"]),
        is_critical=bool(server["critical"]),
        phase=phase_mark(server["phase"]),
        launch_status=_launch_status(server),
        instance=_instance(region, server),
        instance_type=server.get("instanceType"),
        instance_state=server.get("instanceState"),
        address=server.get("privateIp"),
        hostname=server.get("hostname"),
        point_in_time=timestamp_if(server.get("pointInTime")),
        actions=tuple(_action(action, longest) for action in server.get("postLaunchActions") or ()),
        error=_text(server.get("error"), longest),
        warning=_text(server.get("warning"), longest),
        attempt=attempt_of(server),
        earlier=tuple(link for link in earlier if link),
        terminated=timestamp_if(server.get("terminatedTime")),
        replaced_by=server.get("replacedBy"),
    )


def _launch_status(server: ServerStatus) -> str | None:
    # Every record begins with PENDING, also that of a server which DRS has not been asked for yet.
    told = str(server["launchStatus"])
    return None if server["phase"] == ServerPhase.PENDING and told == _NOT_TOLD else told


def needs_attention(server: ServerStatus) -> bool:
    """Whether a person should look at a server: it failed, or is ready with a warning."""
    return server["phase"] == ServerPhase.FAILED or bool(server.get("warning"))


def _instance(region: str, attempt: ServerStatus | EarlierInstance) -> Link | None:
    # Both ids were the same in every case that was seen; EC2 knows the first one.
    instance_id = attempt.get("instanceId") or attempt.get("recoveryInstanceId")
    return instance_link(region, instance_id) if instance_id else None


def _action(action: PostLaunchAction, longest: int) -> ActionRow:
    reason = _text(action.get("reason"), longest)
    return ActionRow(action["name"], action_mark(action["status"]), bool(action["optional"]), reason)


def _text(text: str | None, longest: int) -> str | None:
    return None if not text else cut(text, longest)


# A row is almost 1 kB of HTML, and a page is to stay below 100 kB. Who asks for a wave or searches gets more.
MOST_ROWS, MOST_WANTED_ROWS = 40, 60

# An error can be an encoded authorization failure of 2,000 characters. Few of them are shown whole.
_ROWS_WITH_WHOLE_TEXTS = 20
_WHOLE_TEXT, _CUT_TEXT = 2_500, 240


@dataclass(frozen=True)
class ServersWanted:
    """
    Which servers somebody wants to see; by default a share of every wave, problems first.

    :param query: only those whose name, id, instance id or address has this text in it.
    """

    wave: int | None = None
    query: str | None = None


@dataclass(frozen=True)
class PhaseCount:
    """How many servers are in a phase."""

    mark: Mark
    count: int


@dataclass(frozen=True)
class ServerTable:
    """
    The servers of a wave.

    :param rows: those that are shown, problems first.
    :param note: what is left out, such as ``20 of 50 servers shown, problems first``; None if nothing is.
    """

    rows: tuple[ServerRow, ...]
    total: int
    note: str | None
    counts: tuple[PhaseCount, ...]


def server_tables(document: ExecutionDocument, wanted: ServersWanted) -> dict[int, ServerTable]:
    """A table for each wave."""
    found = {
        wave["waveNumber"]: sorted(filter(_matching(wanted.query), wave["serverStatuses"]), key=_order)
        for wave in document["waves"]
    }
    most = MOST_ROWS if wanted == ServersWanted() else MOST_WANTED_ROWS
    shares = _shares(found, wanted.wave, most)
    few = sum(shares.values()) <= _ROWS_WITH_WHOLE_TEXTS
    return {
        wave["waveNumber"]: _table(wave, found[wave["waveNumber"]], shares[wave["waveNumber"]], wanted, few)
        for wave in document["waves"]
    }


def phase_counts(servers: Sequence[ServerStatus]) -> tuple[PhaseCount, ...]:
    """How many servers are in each phase, in the order of the phases; empty ones are left out."""
    counts = Counter(server["phase"] for server in servers)
    return tuple(PhaseCount(phase_mark(phase), counts[phase]) for phase in ServerPhase if counts[phase])


def _table(
    wave: Wave, found: Sequence[ServerStatus], share: int, wanted: ServersWanted, few: bool
) -> ServerTable:
    rows: tuple[ServerRow, ...] = tuple(
        server_row(server, _WHOLE_TEXT if few else _CUT_TEXT) for server in found[:share]
    )
    total = len(wave["serverStatuses"])
    note = _search_note(total, len(found), share) if wanted.query else _note(total, share)
    return ServerTable(rows, total, note, phase_counts(wave["serverStatuses"]))


def _note(total: int, shown: int) -> str | None:
    if shown == total:
        return None
    return f"{shown} of {total} servers shown, problems first" if shown else f"none of {total} servers shown"


def _search_note(total: int, found: int, shown: int) -> str:
    note = f"{found} of {total} servers found"
    return note if shown == found else f"{note}, {shown} of them shown, problems first"


def _shares(found: Mapping[int, Sequence[ServerStatus]], first: int | None, most: int) -> dict[int, int]:
    """How many rows each wave gets: the wave that was asked for, then problems of all, then the others."""
    wants = [
        {number: len(servers) if number == first else 0 for number, servers in found.items()},
        {number: sum(map(needs_attention, servers)) for number, servers in found.items()},
        {number: len(servers) for number, servers in found.items()},
    ]
    shares, left = dict.fromkeys(found, 0), most
    for want in wants:
        more = {number: max(0, count - shares[number]) for number, count in want.items()}
        dealt = _dealt(more, left)
        shares = {number: shares[number] + dealt[number] for number in found}
        left -= sum(dealt.values())
    return shares


def _dealt(wants: Mapping[int, int], rows: int) -> dict[int, int]:
    """Deal rows so that each wave gets as much as any other, or all that it wants."""
    dealt, hungry = {}, len(wants)
    for number, want in sorted(wants.items(), key=lambda item: item[1]):
        dealt[number] = min(want, rows // hungry)
        rows -= dealt[number]
        hungry -= 1
    return dealt


def _matching(query: str | None) -> Any:
    sought = (query or "").strip().casefold()
    fields = ("serverName", "sourceServerId", "instanceId", "privateIp", "hostname")
    return lambda server: any(sought in str(server.get(field, "")).casefold() for field in fields)


def _order(server: ServerStatus) -> tuple[int, str, str]:
    return _rank(server), server["serverName"], server["sourceServerId"]


def _rank(server: ServerStatus) -> int:
    """Failed, with a warning, under way, not begun, ready, gone."""
    if needs_attention(server):
        return 0 if server["phase"] == ServerPhase.FAILED else 1
    return _RANKS.get(server["phase"], 2)


_RANKS = {ServerPhase.PENDING: 3, ServerPhase.READY: 4, ServerPhase.TERMINATED: 5}


# A page of very many servers stays small: all of them are in the file.
_MOST_LINES = 200

_COLUMNS: Mapping[str, str] = {
    "wave": "waveNumber",
    "server": "serverName",
    "source server": "sourceServerId",
    "private address": "privateIp",
    "host name": "hostname",
    "instance": "instanceId",
    "region": "region",
    "phase": "phase",
}

# What a spreadsheet would take for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Addresses:
    """The addresses of recovered servers."""

    text: str
    shown: int
    total: int


def addresses_of(document: ExecutionDocument) -> Addresses | None:
    """The addresses after a real recovery; None before its end, of a drill, and where there are none."""
    if document["isDrill"] or is_live(document) or document.get("instancesTerminated"):
        return None
    reached = [s for s in _servers(document) if s.get("privateIp") and s["phase"] == ServerPhase.READY]
    if not reached:
        return None
    lines = [f"{server['serverName']}\t{server['privateIp']}" for server in reached[:_MOST_LINES]]
    return Addresses("\n".join(lines), len(lines), len(reached))


def addresses_csv(document: ExecutionDocument) -> str:
    """Every server of an execution as a file for spreadsheets, with a head."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for server in _servers(document):
        writer.writerow([_cell(server.get(field, "")) for field in _COLUMNS.values()])
    return file.getvalue()


def _servers(document: ExecutionDocument) -> list[ServerStatus]:
    return [server for wave in document["waves"] for server in wave["serverStatuses"]]


def _cell(value: object) -> str:
    """Names come from anywhere: none may become a formula of whoever opens the file."""
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
