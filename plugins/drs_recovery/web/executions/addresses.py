"""Where the recovered servers are reached: to copy, and as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drs_recovery.statuses import ServerPhase
from drs_recovery.web.allowed_actions import is_live

Record = Mapping[str, Any]

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
    """
    The addresses of recovered servers.

    :param text: a line for each, server and address with a tab between them.
    :param shown: how many lines.
    :param total: how many servers have an address.
    """

    text: str
    shown: int
    total: int


def addresses_of(document: Record) -> Addresses | None:
    """
    The addresses after a real recovery; None before its end, of a drill, and where there are none.

    :param document: the execution document.
    """
    if document["isDrill"] or is_live(document) or document.get("instancesTerminated"):
        return None
    reached = [s for s in _servers(document) if s.get("privateIp") and s["phase"] == ServerPhase.READY]
    if not reached:
        return None
    lines = [f"{server['serverName']}\t{server['privateIp']}" for server in reached[:_MOST_LINES]]
    return Addresses("\n".join(lines), len(lines), len(reached))


def addresses_csv(document: Record) -> str:
    """
    Every server of an execution as a file for spreadsheets, with a head.

    :param document: the execution document.
    """
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for server in _servers(document):
        writer.writerow([_cell(server.get(field, "")) for field in _COLUMNS.values()])
    return file.getvalue()


def _servers(document: Record) -> list[Record]:
    return [server for wave in document["waves"] for server in wave["serverStatuses"]]


def _cell(value: object) -> str:
    """Names come from anywhere: none may become a formula of whoever opens the file."""
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
