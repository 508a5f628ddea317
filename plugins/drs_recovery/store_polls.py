"""Polls in the execution store: how far the servers of a wave are."""

from __future__ import annotations

from collections.abc import Sequence

from drs_recovery.dynamodb_actions import Item
from drs_recovery.poll_changes import ServerChange, merge_jobs, progress_deltas, server_changes
from drs_recovery.records import WavePoll
from drs_recovery.statuses import WaveStatus
from drs_recovery.store_base import (
    StoreBase,
    execution_growth,
    in_transactions,
    record_update,
    retried_on_conflict,
)
from drs_recovery.store_items import public
from drs_recovery.store_rules import demand_live, demand_requested, wave_subject


class StorePolls(StoreBase):
    """Write what polls saw; no poll ends a wave or an execution."""

    @retried_on_conflict
    def record_poll(self, execution_id: str, number: int, poll: WavePoll) -> list[Item]:
        """
        Write what a poll changed: servers, their counts in the wave and the execution, and the wave's jobs.

        Servers and counts change together, so that every ``progress`` sums up at all times. Nothing goes
        backwards. Allowed after the wave's end too, for late instances, until the execution has ended.

        :param execution_id: the execution.
        :param number: the wave, from 1.
        :param poll: what was seen.
        :return: the wave's SERVER records as they are now.
        :raises TransitionRefusedError: the execution has ended, or nobody asked for this wave.
        """
        execution, wave = self._read_together(execution_id, number)
        _demand_pollable(execution, wave)
        servers = self._read_servers(execution_id, number)
        now, attempt = self._now(), wave["pollAttempts"] + 1
        changes = server_changes(servers, poll.servers, now, attempt)
        *earlier, last = in_transactions(changes) if changes else [()]
        for part in earlier:
            self._write(execution, wave, part, now, {})
            wave = {**wave, "version": wave["version"] + 1}
        seen = {
            "lastPolledTime": max(now, wave.get("lastPolledTime", now)),
            "lastPollError": None,
            "pollAttempts": attempt,
            "jobs": merge_jobs(wave["jobs"], poll.jobs),
        }
        self._write(execution, wave, last, now, seen)
        changed = {change.stored["recordKey"]: change.after for change in changes}
        return [public(changed.get(server["recordKey"], server)) for server in servers]

    def _write(
        self, execution: Item, wave: Item, part: Sequence[ServerChange], now: float, wave_changes: Item
    ) -> None:
        deltas = progress_deltas(part)
        polled = {"lastPolledTime": max(now, execution["lastUpdatedTime"])}
        self.table.transact(
            [
                execution_growth(execution, now, polled, deltas),
                record_update(wave, wave_changes, deltas),
                *(record_update(change.stored, change.changes) for change in part),
            ]
        )

    @retried_on_conflict
    def record_poll_failure(self, execution_id: str, number: int, message: str) -> None:
        """
        Record that a poll failed; a wave that does not run is left alone.

        :param execution_id: the execution.
        :param number: the wave, from 1.
        :param message: what went wrong, for people; the next poll that succeeds clears it.
        """
        wave = self._read_wave(execution_id, number)
        if not WaveStatus(wave["status"]).is_active:
            return
        error = {"message": message, "time": self._now()}
        changes = {"lastPollError": error, "pollAttempts": wave["pollAttempts"] + 1}
        self.table.transact([record_update(wave, changes)])


def _demand_pollable(execution: Item, wave: Item) -> None:
    demand_live(execution, wave_subject(wave), "polled")
    demand_requested(wave, "polled")
