"""
One log line for every transition, and one for every server that moves on: JSON behind a fixed word.

So that whoever collects logs can search them by execution, wave, status and actor.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from drs_recovery.store.documents import Event
from drs_recovery.store.expressions import Action, Put, Update

# A name of its own: levels and handlers of transitions can be chosen apart from all else.
log = logging.getLogger("drs_recovery.transitions")


def log_transition(event: Event, actions: Sequence[Action]) -> None:
    """
    Log what was written: a line for each status that changed, of the execution or of one of its waves.

    What changes no status, such as a new finding, is one line without ``from`` and ``to``.

    :param event: what happened.
    :param actions: what was written with it.
    """
    detail = event.detail
    about = {
        "execution": actions[0].key.execution_id,
        "wave": detail.get("wave"),
        "event": event.name,
        "actor": event.actor,
        "reason": detail.get("reason") or detail.get("comment") or detail.get("error"),
    }
    changes = [change for action in actions if (change := _status_change(action))]
    for change in changes or [{}]:
        log.info("transition %s", _json({**about, **change}))


def log_phases(
    execution_id: str, number: int, servers: Iterable[tuple[Mapping[str, Any], str | None]]
) -> None:
    """
    Log each server that moved on.

    :param execution_id: the execution.
    :param number: the wave, from 1.
    :param servers: SERVER records as they were, with the phase that each has now; None for no new one.
    """
    for server, phase in servers:
        if phase is not None and phase != server["phase"]:
            line = {
                "execution": execution_id,
                "wave": number,
                "server": server["sourceServerId"],
                "name": server["serverName"],
                "from": server["phase"],
                "to": phase,
            }
            log.info("phase %s", _json(line))


def _status_change(action: Action) -> Mapping[str, Any]:
    """Of which record the status changes, from what and to what; empty if none does."""
    match action:
        case Update(changes={"status": after}, stored=stored) if "planId" in stored or "waveName" in stored:
            if stored["status"] != after:
                return {"wave": stored.get("waveNumber"), "from": stored["status"], "to": after}
        case Put(item={"status": after, "recordKey": "EXECUTION"}):
            return {"to": after}
    return {}


def _json(line: Mapping[str, Any]) -> str:
    present = {name: value for name, value in line.items() if value is not None}
    return json.dumps(present, ensure_ascii=False, default=str)
