"""
From when the data of each server shall be.

A wish is ``latest``, a UTC time, or the id of a snapshot. A time means the newest snapshot not after it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drs_recovery.plan import quoted, read_point

if TYPE_CHECKING:
    from drs_recovery.plan import ProtectionGroup, RecoveryPlan

PointOption = str | Mapping[str, str] | None
"""What a person chose for a run or a retry: a wish for all servers, a snapshot for some, or nothing."""

# Sources: ``SourceServerID`` and ``RecoverySnapshotID`` in botocore's drs/2020-02-26 model.
_SERVER = re.compile(r"s-[0-9a-zA-Z]{17}")
_SNAPSHOT = re.compile(r"pit-[0-9a-zA-Z]{17}")

_EXPECTED = '"latest", a UTC time such as 2025-01-31T03:00:00Z, or {"s-…": "pit-…"}'


def read_point_option(given: object) -> PointOption:
    """
    Check what a person chose.

    :param given: text, also of a JSON object; an object; None or an empty text for nothing.
    :raises ValueError: it is none; a sentence that begins with the option.
    """
    if given in (None, ""):
        return None
    if isinstance(given, str) and given.lstrip().startswith("{"):
        try:
            given = json.loads(given)
        except ValueError:
            raise ValueError(
                f"point_in_time {quoted(given)} is no JSON object, expected {_EXPECTED}"
            ) from None
    if isinstance(given, Mapping):
        return _snapshots_by_server(given)
    if isinstance(given, str):
        try:
            return read_point(given.strip())
        except ValueError as error:
            raise ValueError(f"point_in_time {quoted(given)} {error}") from None
    raise ValueError(f"point_in_time {given!r} is not {_EXPECTED}")


def _snapshots_by_server(given: Mapping[Any, Any]) -> dict[str, str]:
    if not given:
        raise ValueError(f"point_in_time names no server, expected {_EXPECTED}")
    for server_id, snapshot_id in given.items():
        if not _SERVER.fullmatch(str(server_id)):
            raise ValueError(f"point_in_time: {quoted(server_id)} is not a DRS source server id")
        if not (isinstance(snapshot_id, str) and _SNAPSHOT.fullmatch(snapshot_id)):
            raise ValueError(
                f"point_in_time of {server_id}: {quoted(snapshot_id)} is not the id of a recovery snapshot "
                "(pit- and 17 letters or digits)"
            )
    return {str(server_id): snapshot_id for server_id, snapshot_id in given.items()}


def wished_point(plan: RecoveryPlan, group: ProtectionGroup, server_id: str, option: PointOption) -> str:
    """From when the data of a server shall be: the option beats the plan, which says so of all others."""
    chosen = option.get(server_id) if isinstance(option, Mapping) else option
    return chosen or plan.point_in_time_of(group, server_id)


def is_snapshot(wish: str) -> bool:
    """Whether a wish is the id of a snapshot."""
    return _SNAPSHOT.fullmatch(wish) is not None
