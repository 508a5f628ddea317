"""
Which servers a page shows: problems first, and of very many only a part, with the counts of all.

A page of 500 servers must stay a page that is read and fetched quickly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drs_recovery.statuses import ServerPhase
from drs_recovery.web.executions.servers import Record, ServerRow, needs_attention, server_row
from drs_recovery.web.shared.marks import Mark, phase_mark

# A row is almost 1 kB of HTML, and a page is to stay below 100 kB. Who asks for a wave or searches gets more.
MOST_ROWS, MOST_WANTED_ROWS = 40, 60

# An error can be an encoded authorization failure of 2,000 characters. Few of them are shown whole.
_ROWS_WITH_WHOLE_TEXTS = 20
_WHOLE_TEXT, _CUT_TEXT = 2_500, 240


@dataclass(frozen=True)
class ServersWanted:
    """
    Which servers somebody wants to see; by default a share of every wave, problems first.

    :param wave: those of this wave before any others, from 1.
    :param query: only those whose name, id, instance id or address has this text in it.
    """

    wave: int | None = None
    query: str | None = None


@dataclass(frozen=True)
class PhaseCount:
    """
    How many servers are in a phase.

    :param mark: the phase.
    :param count: how many.
    """

    mark: Mark
    count: int


@dataclass(frozen=True)
class ServerTable:
    """
    The servers of a wave.

    :param rows: those that are shown, problems first.
    :param total: how many the wave has.
    :param found: how many of them match what is asked for; ``total`` without a search.
    :param note: what is left out, such as ``20 of 50 servers shown, problems first``; None if nothing is.
    :param counts: of all servers, by phase, in the order of the phases.
    """

    rows: tuple[ServerRow, ...]
    total: int
    found: int
    note: str | None
    counts: tuple[PhaseCount, ...]


def server_tables(document: Mapping[str, Any], wanted: ServersWanted) -> dict[int, ServerTable]:
    """
    A table for each wave.

    :param document: the execution document.
    :param wanted: which servers somebody wants to see.
    :return: by the number of the wave.
    """
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


def phase_counts(servers: Sequence[Record]) -> tuple[PhaseCount, ...]:
    """
    How many servers are in each phase, in the order of the phases; empty ones are left out.

    :param servers: SERVER records.
    """
    counts = Counter(server["phase"] for server in servers)
    return tuple(PhaseCount(phase_mark(phase), counts[phase]) for phase in ServerPhase if counts[phase])


def _table(
    wave: Record, found: Sequence[Record], share: int, wanted: ServersWanted, few: bool
) -> ServerTable:
    rows: tuple[ServerRow, ...] = tuple(
        server_row(server, _WHOLE_TEXT if few else _CUT_TEXT) for server in found[:share]
    )
    total = len(wave["serverStatuses"])
    note = _search_note(total, len(found), share) if wanted.query else _note(total, share)
    return ServerTable(rows, total, len(found), note, phase_counts(wave["serverStatuses"]))


def _note(total: int, shown: int) -> str | None:
    if shown == total:
        return None
    return f"{shown} of {total} servers shown, problems first" if shown else f"none of {total} servers shown"


def _search_note(total: int, found: int, shown: int) -> str:
    note = f"{found} of {total} servers found"
    return note if shown == found else f"{note}, {shown} of them shown, problems first"


def _shares(found: Mapping[int, Sequence[Record]], first: int | None, most: int) -> dict[int, int]:
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


def _order(server: Record) -> tuple[int, str, str]:
    return _rank(server), server["serverName"], server["sourceServerId"]


def _rank(server: Record) -> int:
    """Failed, with a warning, under way, not begun, ready, gone."""
    if needs_attention(server):
        return 0 if server["phase"] == ServerPhase.FAILED else 1
    return _RANKS.get(server["phase"], 2)


_RANKS = {ServerPhase.PENDING: 3, ServerPhase.READY: 4, ServerPhase.TERMINATED: 5}
