"""
What every part of the execution store shares: reading, committing, and trying again after a lost race.

A transition reads the records, decides in plain Python, and writes on condition that they are as they were
read. ``version`` of the EXECUTION record counts its transitions; polls leave it alone and add to
``progress`` instead, so that waves polled side by side do not disturb each other. ``version`` of WAVE and
SERVER records counts every write of theirs: a query can catch a transaction half-way, so that one fresh
record proves nothing about another.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import tenacity

from drs_recovery.exceptions import ExecutionNotFoundError, StoreConflictError, StoreError
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store.documents import Event, event_item
from drs_recovery.store.expressions import Action, Condition, Item, Put, Update
from drs_recovery.store.keys import (
    END_OF_RANGE,
    event_prefix,
    execution_key,
    key_of,
    server_prefix,
    wave_key,
)
from drs_recovery.store.table import MAX_TRANSACTION_ACTIONS, ExecutionsTable

# A retried or a second writer must not replace what the first one wrote.
RECORD_IS_NEW = Condition("attribute_not_exists(recordKey)")

# Another task, trigger or person changed the record between our reading and our writing.
RECORD_IS_AS_READ = "#version = :readVersion"

# Another host's clock is ahead of ours, or its poll was written between our reading and our writing.
TIME_DOES_NOT_GO_BACK = "#lastUpdatedTime <= :updated"

# The finalizer ended the execution while a poll was still under way.
EXECUTION_IS_LIVE = "#status IN (:live0, :live1, :live2, :live3)"

_LIVE_VALUES = {
    f"live{number}": status
    for number, status in enumerate(status for status in ExecutionStatus if not status.is_final)
}

# Servers of one transaction: beside them it holds at most the EXECUTION, the WAVE and an EVENT record.
SERVERS_PER_TRANSACTION = MAX_TRANSACTION_ACTIONS - 3

Element = TypeVar("Element")

retried_on_conflict = tenacity.retry(
    retry=tenacity.retry_if_exception_type(StoreConflictError),
    wait=tenacity.wait_random_exponential(multiplier=0.02, max=1),
    stop=tenacity.stop_after_delay(30),
    reraise=True,
)
"""Run a method again, from its reading on, until no other writer comes between; 30 seconds at most."""


class StoreBase:
    """
    The table and the clock behind an execution store.

    :param table: the table of executions.
    :param clock: gives epoch seconds.
    """

    def __init__(self, table: ExecutionsTable, clock: Callable[[], float] = time.time) -> None:
        self.table = table
        self._clock = clock

    def _now(self) -> float:
        return round(self._clock(), 3)

    def _read_execution(self, execution_id: str) -> Item:
        item = self.table.get(execution_key(execution_id))
        if item is None:
            raise ExecutionNotFoundError(execution_id)
        return item

    def _read_wave(self, execution_id: str, number: int) -> Item:
        item = self.table.get(wave_key(execution_id, number))
        return self._read_together(execution_id, number)[1] if item is None else item

    def _read_together(self, execution_id: str, number: int) -> tuple[Item, Item]:
        """Read EXECUTION and WAVE of one moment; one after the other, they could contradict each other."""
        keys = [execution_key(execution_id), wave_key(execution_id, number)]
        execution, wave = self.table.get_together(keys)
        if execution is None:
            raise ExecutionNotFoundError(execution_id)
        if wave is None:
            raise StoreError(f"execution {execution_id} has no wave {number}")
        return execution, wave

    def _read_servers(self, execution_id: str, number: int) -> list[Item]:
        prefix = server_prefix(number)
        return self.table.query(execution_id, prefix, prefix + END_OF_RANGE)

    def _commit(self, event: Event, actions: Sequence[Action]) -> None:
        """Write a transition together with its event."""
        execution_id, moment = actions[0].key.execution_id, self._moment_of(actions)
        number = 0
        while True:
            put = Put(event_item(execution_id, event, moment, number), RECORD_IS_NEW)
            try:
                self.table.transact([*actions, put])
            except StoreConflictError as conflict:
                if set(conflict.record_keys) != {put.key.record_key}:
                    raise
                # Only the event's key was taken: the next number of that moment is free, or the one after it.
                number = max(number + 1, self._events_at(execution_id, moment))
            else:
                log_transition(event, actions)
                return

    @retried_on_conflict
    def _tell_once(self, execution_id: str, event: Event, of: str) -> bool:
        """Write an event that is no transition, unless there is one about the same part of its detail."""
        told = self.table.query(execution_id, "EVENT#", f"EVENT#{END_OF_RANGE}")
        subject = event.name, event.detail[of]
        if any((one["event"], one["detail"].get(of)) == subject for one in told):
            return False
        self._commit(event, [execution_update(self._read_execution(execution_id), self._now(), {})])
        return True

    def _events_at(self, execution_id: str, moment: float) -> int:
        """Count the events of one moment: the number of the next one."""
        prefix = event_prefix(moment)
        return len(self.table.query(execution_id, prefix, prefix + END_OF_RANGE))

    def _moment_of(self, actions: Sequence[Action]) -> float:
        """
        Time of a transition: what it makes the EXECUTION record's ``lastUpdatedTime``, which never goes back.

        So events stay in the order in which things happened, also when the hosts' clocks disagree.
        """
        return next((time for action in actions if (time := _updated_time(action)) is not None), self._now())


def _updated_time(action: Action) -> float | None:
    match action:
        case Put(item=values) | Update(changes=values):
            time: float | None = values.get("lastUpdatedTime")
            return time
    return None


def in_transactions(elements: Sequence[Element]) -> Iterator[Sequence[Element]]:
    """Divide writes of servers into parts that fit into a transaction."""
    for start in range(0, len(elements), SERVERS_PER_TRANSACTION):
        yield elements[start : start + SERVERS_PER_TRANSACTION]


def execution_update(execution: Item, now: float, changes: Mapping[str, Any]) -> Update:
    """
    A transition of the EXECUTION record.

    :param execution: the record as it was read.
    :param now: the time.
    :param changes: attribute to new value, None to remove it.
    """
    updated = max(now, execution["lastUpdatedTime"])
    condition = Condition(RECORD_IS_AS_READ, {"readVersion": execution["version"]}) & Condition(
        TIME_DOES_NOT_GO_BACK, {"updated": updated}
    )
    version = execution["version"] + 1
    written = {**changes, "lastUpdatedTime": updated, "version": version}
    return Update(key_of(execution), condition, written, stored=execution)


def execution_growth(
    execution: Item, now: float, changes: Mapping[str, Any], deltas: Mapping[str, int]
) -> Update:
    """
    A change of a live EXECUTION record that is no transition: ``progress`` grows or moves.

    :param execution: the record as it was read.
    :param now: the time.
    :param changes: attribute to new value; each must be safe to be written after a later one.
    :param deltas: number attribute to what is added to it.
    """
    updated = max(now, execution["lastUpdatedTime"])
    condition = Condition(EXECUTION_IS_LIVE, _LIVE_VALUES) & Condition(
        TIME_DOES_NOT_GO_BACK, {"updated": updated}
    )
    return Update(key_of(execution), condition, {**changes, "lastUpdatedTime": updated}, deltas)


def record_update(item: Item, changes: Mapping[str, Any], deltas: Mapping[str, int] | None = None) -> Update:
    """
    A change of a WAVE or SERVER record.

    :param item: the record as it was read.
    :param changes: attribute to new value, None to remove it.
    :param deltas: number attribute to what is added to it.
    """
    condition = Condition(RECORD_IS_AS_READ, {"readVersion": item["version"]})
    written = {**changes, "version": item["version"] + 1}
    return Update(key_of(item), condition, written, deltas or {}, stored=item)


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
