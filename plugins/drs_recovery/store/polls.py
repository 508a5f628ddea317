"""A wave that is under way: polls of its servers, and what it waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.store.base import StoreBase
from drs_recovery.store.documents import public
from drs_recovery.store.expressions import Condition, Item
from drs_recovery.store.facts import attempt_of, was_queued
from drs_recovery.store.first_forms import NewEvent
from drs_recovery.store.progress import ServerChange, merge_jobs, progress_deltas, server_changes
from drs_recovery.store.refs import WaveRef
from drs_recovery.store.rules import demand_live, demand_requested, wave_subject
from drs_recovery.store.transaction import (
    FollowedWave,
    WaveRecords,
    execution_growth,
    execution_update,
    in_transactions,
    log_phases,
    record_update,
    refused_by_fresh_records,
    retried_on_conflict,
)
from drs_recovery.store.values import limited

if TYPE_CHECKING:
    from drs_recovery.store.records import WavePoll
    from drs_recovery.store.server_types import ServerStatus

# A poll of another wave, which asked AWS later, was written between our reading and our writing.
_POLLED_BEFORE = "(attribute_not_exists(#lastPolledTime) OR #lastPolledTime <= :polled)"

# The same trouble is written again when the record of it is older than so many seconds.
_NOTED_FOR = 30.0

QUEUED = "QUEUED"
"""Phase of a wave that waits for capacity in DRS."""


class Polls(StoreBase):
    """Write what polls saw; no poll ends a wave or an execution."""

    @retried_on_conflict
    def get_wave_records(self, ref: WaveRef) -> WaveRecords:
        """Read a wave in order to follow it."""
        return self._known(ref)

    @retried_on_conflict
    @refused_by_fresh_records
    def record(
        self, ref: WaveRef, poll: WavePoll, followed: FollowedWave | None = None
    ) -> list[ServerStatus]:
        """
        Write what a poll changed: servers, their counts in the wave and the execution, and the wave's jobs.

        Servers and counts change together, so that every ``progress`` sums up at all times. Nothing goes
        backwards. Allowed after the wave's end too, for late instances, until the execution has ended.

        :param followed: the wave as it was after an earlier poll, if it is followed.
        :raises TransitionRefusedError: the execution has ended, or this wave was not requested.
        """
        known = self._known(ref, followed)
        execution, wave, servers = known.execution, known.wave, known.servers
        _demand_pollable(execution, wave)
        if not poll.is_look:
            # What AWS says may be recorded by all, what follows from it by one installation.
            self._demand_ours(execution)
        now = self._now()
        looked_at = _looked_at(poll, now)
        looks = wave["pollAttempts"] + (poll.looks if poll.is_look else 0)
        changes = server_changes(servers, poll.servers, looked_at, looks)
        *earlier, last = in_transactions(changes) if changes else [()]
        for part in earlier:
            known = self._write(known, part, now, {}, {})
        seen = {"jobs": merge_jobs(wave["jobs"], poll.jobs)}
        polled = {}
        if poll.is_look:
            seen |= _look_changes(wave, poll, now)
            polled = {"lastPolledTime": max(looked_at, execution.get("lastPolledTime", looked_at))}
        known = self._write(known, last, now, seen, polled)
        log_phases(ref, ((c.stored, c.changes.get("phase")) for c in changes))
        if followed:
            followed.keep(known)
        return [cast("ServerStatus", public(server)) for server in known.servers]

    def _write(
        self, known: WaveRecords, part: Sequence[ServerChange], now: float, wave_changes: Item, polled: Item
    ) -> WaveRecords:
        deltas = progress_deltas(part)
        growth = execution_growth(known.execution, now, polled, deltas)
        if polled:
            not_later = Condition(_POLLED_BEFORE, {"polled": polled["lastPolledTime"]})
            growth = replace(growth, condition=growth.condition & not_later)
        actions = [
            growth,
            record_update(known.wave, wave_changes, deltas),
            *(record_update(change.stored, change.changes) for change in part),
        ]
        self.table.transact(actions)
        return known.after(actions)

    @retried_on_conflict
    def record_looks(
        self,
        ref: WaveRef,
        looks: int,
        looked_at: float | None,
        followed: FollowedWave | None = None,
    ) -> None:
        """
        Record that polls brought no news; a wave that does not run is left alone.

        :param looked_at: when it answered last, in epoch seconds; None if it did not.
        :param followed: the wave as it was after an earlier poll, if it is followed.
        """
        known = followed and followed.take()
        wave = known.wave if known else self._read_wave(ref)
        if not wave["status"].is_active:
            return
        changes: Item = {"pollAttempts": wave["pollAttempts"] + looks}
        if looked_at is not None:
            changes["lastPolledTime"] = max(round(looked_at, 3), wave.get("lastPolledTime", 0))
        update = record_update(wave, changes)
        self.table.transact([update])
        if followed and known:
            followed.keep(known.after([update]))

    @retried_on_conflict
    def record_failure(self, ref: WaveRef, message: str, looks: int = 1) -> None:
        """
        Record that a poll failed; a wave that does not run is left alone.

        :param message: what went wrong, for people; the next poll without trouble clears it.
        """
        wave = self._read_wave(ref)
        if not wave["status"].is_active:
            return
        changes = {
            "lastPollError": _poll_error(wave, message, self._now()),
            "pollAttempts": wave["pollAttempts"] + looks,
        }
        self.table.transact([record_update(wave, changes)])


def _look_changes(wave: Item, poll: WavePoll, now: float) -> Item:
    """Changes of a WAVE record by a poll that asked AWS."""
    looked_at = _looked_at(poll, now)
    return {
        "lastPolledTime": max(looked_at, wave.get("lastPolledTime", looked_at)),
        "lastPollError": None if poll.trouble is None else _poll_error(wave, poll.trouble, now),
        "pollAttempts": wave["pollAttempts"] + poll.looks,
    }


def _looked_at(poll: WavePoll, now: float) -> float:
    return now if poll.looked_at is None else round(poll.looked_at, 3)


def _poll_error(wave: Item, message: str, now: float) -> Item:
    return trouble(wave.get("lastPollError"), limited(message), now)


def _demand_pollable(execution: Item, wave: Item) -> None:
    demand_live(execution, wave_subject(wave), "polled")
    demand_requested(wave, "polled")


class Waits(StoreBase):
    """Write what is waited for before a start; what polls wait for is ``lastPollError`` of the wave."""

    @retried_on_conflict
    def note(self, execution_id: str, message: str, number: int | None = None) -> float:
        """
        Record what keeps an execution, or a wave, from going on: ``waitingFor``, until it goes on.

        :param number: of the wave that waits, from 1; None for the execution, which is still being opened.
        :return: since when it waits, in epoch seconds, whatever the message was before.
        """
        execution, record = self._waiting(execution_id, number)
        now = self._now()
        if record is None:
            return now
        known = record.get("waitingFor")
        note = trouble(known, limited(message), now)
        if known is None or known["message"] != note["message"] or now - known["time"] > _NOTED_FOR:
            changes: Item = {"waitingFor": note}
            if number is None:
                self.table.transact([execution_growth(execution, now, changes, {})])
            else:
                self.table.transact([record_update(record, changes)])
        return float(note["since"])

    @retried_on_conflict
    def end(self, ref: WaveRef) -> None:
        """Record that nothing keeps a wave from going on, but perhaps its place in the queue for DRS."""
        wave = self._read_wave(ref)
        if "waitingFor" in wave:
            self.table.transact([record_update(wave, {"waitingFor": None})])

    @retried_on_conflict
    def queue_wave(self, ref: WaveRef, position: int, reason: str) -> bool:
        """
        Record where a wave stands in the queue for DRS; the first time in an attempt this is an event.

        :param position: 1-based position in the queue.
        :return: False if nothing was written: the record says so already, or the wave waits for no start.
        """
        execution, wave = self._read_together(ref)
        if not _may_be_queued(execution, wave):
            return False
        now, standing = self._now(), {"position": position, "reason": reason}
        if wave.get("queue", {}).items() >= standing.items():
            return False
        since = wave.get("queuedTime", now)
        queue = {"phase": QUEUED, **standing, "since": since}
        update = record_update(wave, {"queue": queue, "queuedTime": since})
        if was_queued(wave):
            self.table.transact([execution_growth(execution, now, {}, {}), update])
        else:
            event = NewEvent("WAVE_QUEUED", {"wave": ref.number, "attempt": attempt_of(wave), **standing})
            self._commit(event, [execution_update(execution, now, {}), update])
        return True

    @retried_on_conflict
    def end_queueing(self, ref: WaveRef) -> None:
        """Record that a wave waits for capacity no more, although its jobs are not all started."""
        wave = self._read_wave(ref)
        if "queue" in wave:
            self.table.transact([record_update(wave, {"queue": None})])

    def _waiting(self, execution_id: str, number: int | None) -> tuple[Item, Item | None]:
        """The EXECUTION record, and the one that waits; None if it has ended."""
        if number is None:
            execution = self._read_execution(execution_id)
            return execution, None if execution["status"].is_final else execution
        execution, wave = self._read_together(WaveRef(execution_id, number))
        is_over = execution["status"].is_final or wave["status"].is_final
        return execution, None if is_over else wave


def _may_be_queued(execution: Item, wave: Item) -> bool:
    status = execution["status"]
    is_ending = status.is_final or status is ExecutionStatus.CANCELLING
    return not is_ending and wave["status"] == WaveStatus.PENDING


def trouble(known: Mapping[str, Any] | None, message: str, now: float) -> Item:
    """
    A trouble as records have it: ``message``, ``since`` when things do not go on, ``time`` of the last time.

    :param known: what the record has already, if it has; records of earlier releases have no ``since``.
    """
    since = now if known is None else known.get("since", known["time"])
    return {"message": message, "since": since, "time": now}
