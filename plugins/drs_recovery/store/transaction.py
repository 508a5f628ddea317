"""
Conditional changes of records, how often a lost race is tried again, and the log of what was written.

A transition reads the records, decides in plain Python, and writes on condition that they are as they were
read. ``version`` of the EXECUTION record counts its transitions; polls leave it alone and add to
``progress`` instead, so that waves polled side by side do not disturb each other. ``version`` of WAVE and
SERVER records counts every write of theirs: a query can catch a transaction half-way, so that one fresh
record proves nothing about another.

A wave that one task writes to again and again is written on condition that its records still are as that
task knows them; if not, they are read anew.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import tenacity

from drs_recovery.exceptions import NewerRecordError, StoreConflictError, TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store.expressions import MAX_TRANSACTION_ACTIONS, Action, Condition, Item, Put, Update
from drs_recovery.store.facts import why_read_only
from drs_recovery.store.keys import key_of

if TYPE_CHECKING:
    from drs_recovery.store.first_forms import NewEvent
    from drs_recovery.store.refs import WaveRef

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

# Servers of one transaction: beside them it holds at most an EXECUTION, WAVE, LAUNCH and EVENT record.
SERVERS_PER_TRANSACTION = MAX_TRANSACTION_ACTIONS - 4

Element = TypeVar("Element")

P = ParamSpec("P")
Result = TypeVar("Result")


def retried_on_conflict(transition: Callable[P, Result]) -> Callable[P, Result]:
    """Run a method again, from its reading on, until no other writer comes between; 30 seconds at most."""
    # Not tenacity's own type: it takes any arguments.
    return tenacity.retry(
        retry=tenacity.retry_if_exception_type(StoreConflictError),
        wait=tenacity.wait_random_exponential(multiplier=0.02, max=1),
        stop=tenacity.stop_after_delay(30),
        reraise=True,
    )(transition)


# A name of its own: levels and handlers of transitions can be chosen apart from all else.
log = logging.getLogger("drs_recovery.transitions")


def in_transactions(elements: Sequence[Element]) -> Iterator[Sequence[Element]]:
    """Divide writes of servers into parts that fit into a transaction."""
    for start in range(0, len(elements), SERVERS_PER_TRANSACTION):
        yield elements[start : start + SERVERS_PER_TRANSACTION]


def execution_update(execution: Item, now: float, changes: Mapping[str, Any]) -> Update:
    """
    A transition of the EXECUTION record.

    :param changes: attribute to new value, None to remove it.
    :raises NewerRecordError: a newer release wrote the record.
    """
    _demand_known(execution)
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

    :param changes: attribute to new value; each must be safe to be written after a later one.
    :raises NewerRecordError: a newer release wrote the record.
    """
    _demand_known(execution)
    updated = max(now, execution["lastUpdatedTime"])
    condition = Condition(EXECUTION_IS_LIVE, _LIVE_VALUES) & Condition(
        TIME_DOES_NOT_GO_BACK, {"updated": updated}
    )
    written = {**changes, "lastUpdatedTime": updated}
    return Update(key_of(execution), condition, written, deltas, stored=execution)


def _demand_known(execution: Item) -> None:
    if reason := why_read_only(execution):
        raise NewerRecordError(execution["executionId"], reason)


def record_update(
    item: Mapping[str, Any], changes: Mapping[str, Any], deltas: Mapping[str, int] | None = None
) -> Update:
    """
    A change of a WAVE or SERVER record.

    :param changes: attribute to new value, None to remove it.
    """
    condition = Condition(RECORD_IS_AS_READ, {"readVersion": item["version"]})
    written = {**changes, "version": item["version"] + 1}
    return Update(key_of(item), condition, written, deltas or {}, stored=item)


def log_transition(event: NewEvent, actions: Sequence[Action]) -> None:
    """
    Log what was written: a line for each status that changed, of the execution or of one of its waves.

    A change of no status, such as a new finding, is one line without ``from`` and ``to``.
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


def log_phases(ref: WaveRef, servers: Iterable[tuple[Mapping[str, Any], str | None]]) -> None:
    """
    Log each server that moved on.

    :param servers: SERVER records as they were, with the phase that each has now; None for no new one.
    """
    for server, phase in servers:
        if phase is not None and phase != server["phase"]:
            line = {
                "execution": ref.execution_id,
                "wave": ref.number,
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


@dataclass(frozen=True)
class WaveRecords:
    """A wave as it was read, or as a write left it."""

    execution: Item
    wave: Item
    servers: Sequence[Item]

    def after(self, actions: Sequence[Action]) -> WaveRecords:
        """The records as the writes of a transaction leave them."""
        written = {action.key: action.after for action in actions if isinstance(action, Update)}
        execution, wave, *servers = (
            written.get(key_of(item), item) for item in (self.execution, self.wave, *self.servers)
        )
        return WaveRecords(execution, wave, servers)


class FollowedWave:
    """
    What the records of a wave were after the last write of somebody who follows it.

    :param records: as they were read; None to read them when they are needed.
    """

    def __init__(self, records: WaveRecords | None = None) -> None:
        self._records = records

    def take(self) -> WaveRecords | None:
        """The records, for one try."""
        taken, self._records = self._records, None
        return taken

    def keep(self, records: WaveRecords) -> None:
        """Remember what a write left."""
        self._records = records

    def forget(self) -> None:
        """Have the records read anew when they are needed."""
        self._records = None

    @property
    def records(self) -> WaveRecords | None:
        """What is known; None if the records are to be read."""
        return self._records


def refused_by_fresh_records(transition: Callable[P, Result]) -> Callable[P, Result]:
    """Let a transition that refuses by what is known of a wave decide again, by its records as they are."""

    @functools.wraps(transition)
    def decided(*arguments: P.args, **options: P.kwargs) -> Result:
        try:
            return transition(*arguments, **options)
        except TransitionRefusedError:
            if not any(isinstance(given, FollowedWave) for given in (*arguments, *options.values())):
                raise
            # What was known is used up: now the records are read.
            return transition(*arguments, **options)

    return decided
