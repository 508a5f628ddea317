"""Waves in the execution store: asked for and ended; what is between is their jobs'."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import SkipCause, WaveStage, WaveStatus
from drs_recovery.store.documents import public
from drs_recovery.store.first_forms import NewEvent
from drs_recovery.store.refs import WaveRef
from drs_recovery.store.rules import (
    demand_live,
    demand_no_cancel,
    demand_proof_of_completion,
    demand_startable,
    demand_wave_transition,
    seconds_between,
    wave_subject,
    without,
)
from drs_recovery.store.step_rules import AFTER, BEFORE, demand_steps_hold, in_order
from drs_recovery.store.transaction import (
    execution_update,
    record_update,
    refused_by_fresh_records,
    retried_on_conflict,
)
from drs_recovery.store.values import limited
from drs_recovery.store.wave_jobs import WaveJobs

if TYPE_CHECKING:
    from drs_recovery.store.expressions import Item, Update
    from drs_recovery.store.transaction import FollowedWave, WaveRecords


class Waves(WaveJobs):
    """Every transition of a wave."""

    @retried_on_conflict
    def begin(self, ref: WaveRef, asked_by: int = 0) -> Item:
        """
        Record that a wave begins with its wait or its steps; its launch is asked for behind them.

        :return: the WAVE record; one that has begun stays as it is.
        :raises TransitionRefusedError: as of :meth:`request`.
        """
        execution, wave = self._read_together(ref)
        if wave["status"].is_active:
            _demand_not_cancelling(execution, wave)
            return public(wave)
        demand_startable(execution, wave)
        now = self._now()
        changes = {"status": WaveStatus.PENDING, "stage": WaveStage.BEFORE_STEPS, "startTime": now}
        changes |= {"askedBy": asked_by, "waitUntil": _wait_until(wave, now)}
        update = record_update(wave, changes)
        started = self._started(execution, ref.number, now)
        self._commit(
            NewEvent("WAVE_BEGUN", {"wave": ref.number}), [execution_update(execution, now, started), update]
        )
        return public(update.after)

    def _started(self, execution: Item, number: int, now: float) -> Item:
        """Changes of the EXECUTION record by a wave that begins."""
        active = sorted({*execution["activeWaves"], number})
        return {
            **self._standing(execution, active, execution["waitingGates"]),
            "startTime": execution.get("startTime", now),
            "currentWave": max(execution["currentWave"], number),
        }

    @retried_on_conflict
    @refused_by_fresh_records
    def request(
        self, ref: WaveRef, asked_by: int = 0, followed: FollowedWave | None = None
    ) -> tuple[Item, bool]:
        """
        Record that a wave is to be started: before that, nothing may be launched for it.

        :param asked_by: which request of people this answers, see ``Retries.begin``.
        :return: the WAVE record, and whether this call was the first.
        :raises TransitionRefusedError: the wave has ended, its gate is not approved, a step before the launch
            does not hold, or the execution ends.
        """
        known = self._known(ref, followed)
        if followed and known.wave["status"].is_active:
            # No conditional write would show that the wave has ended meanwhile.
            known = self._known(ref)
        execution, wave = known.execution, known.wave
        if wave["status"].is_active and wave.get("stage") is not WaveStage.BEFORE_STEPS:
            _demand_not_cancelling(execution, wave)
            known = self._use_up(known, asked_by)
            if followed:
                followed.keep(known)
            return public(known.wave), False
        now = self._now()
        changes = {"status": WaveStatus.PENDING, "stage": WaveStage.LAUNCHING, "askedBy": asked_by}
        changes |= self._launch_changes(execution, wave, now)
        actions = [execution_update(execution, now, self._started(execution, ref.number, now))]
        actions.append(record_update(wave, changes))
        known = self._commit_known(NewEvent("WAVE_REQUESTED", {"wave": ref.number}), actions, known, followed)
        return public(known.wave), True

    def _launch_changes(self, execution: Item, wave: Item, now: float) -> Item:
        """Times of a launch, which nothing before it keeps from being asked for."""
        if wave["status"].is_active:
            _demand_not_cancelling(execution, wave)
        else:
            demand_startable(execution, wave)
        waits = "waitUntil" in wave or "waitBefore" in wave
        if waits and now < wave.get("waitUntil", math.inf):
            raise TransitionRefusedError(wave_subject(wave), "still waiting to begin", WaveStatus.PENDING)
        self._demand_steps(wave, BEFORE, "started")
        return {"launchTime": now} if wave["status"].is_active else {"startTime": now}

    def _demand_steps(self, wave: Item, side: str, wanted: str) -> None:
        if wave.get(f"{side}Steps"):
            steps = self._read_steps(WaveRef.of(wave))
            mine = [step for step in in_order(steps) if step["side"] == side]
            demand_steps_hold(mine, wave_subject(wave), f"{wave['status']} with unproven steps", wanted)

    @retried_on_conflict
    def enter_after_steps(self, ref: WaveRef) -> Item:
        """
        Record that all servers of a wave have come to their end: its after-steps may begin.

        :raises TransitionRefusedError: a server has neither failed nor is ready with instance id and address,
            the wave does not run, or a request to cancel came first.
        """
        known = self._known(ref)
        execution, wave = known.execution, known.wave
        if wave.get("stage") is WaveStage.AFTER_STEPS and wave["status"] is WaveStatus.POLLING:
            return public(wave)
        demand_no_cancel(execution, wave)
        demand_proof_of_completion(wave, known.servers)
        now = self._now()
        changes = {"stage": WaveStage.AFTER_STEPS, "launchedTime": now}
        actions = [execution_update(execution, now, {}), record_update(wave, changes)]
        self._commit(NewEvent("WAVE_LAUNCHED", {"wave": ref.number}), actions)
        return public(actions[1].after)

    def _use_up(self, known: WaveRecords, asked_by: int) -> WaveRecords:
        """A request that found the wave running has got its attempt: it must not begin another one later."""
        if asked_by <= known.wave.get("askedBy", 0):
            return known
        update = record_update(known.wave, {"askedBy": asked_by})
        self.table.transact([update])
        return known.after([update])

    @retried_on_conflict
    @refused_by_fresh_records
    def complete(self, ref: WaveRef, followed: FollowedWave | None = None) -> Item:
        """
        End a wave well; the wave and ``completedWaves`` change together, and once.

        :param followed: the wave as its task knows it; its record counts every poll, so that none is missed.
        :raises TransitionRefusedError: a server has neither failed nor is ready with instance id and
            address, a step does not hold, the wave does not run, or a request to cancel came first.
        """
        known = self._known(ref, followed)
        execution, wave = known.execution, known.wave
        if wave["status"] == WaveStatus.COMPLETED:
            return public(wave)
        demand_no_cancel(execution, wave)
        demand_proof_of_completion(wave, known.servers)
        for side in (BEFORE, AFTER):
            self._demand_steps(wave, side, WaveStatus.COMPLETED)
        completed = {"completedWaves": execution["completedWaves"] + 1}
        event, actions = self._end(execution, wave, WaveStatus.COMPLETED, execution_changes=completed)
        return public(self._commit_known(event, actions, known, followed).wave)

    def fail(self, ref: WaveRef, reason: str) -> Item:
        """End a wave as FAILED, unless it has ended otherwise; gives the WAVE record."""
        return self._end_badly(ref, WaveStatus.FAILED, reason)

    def cancel(self, ref: WaveRef, reason: str) -> Item:
        """End a wave as CANCELLED, unless it has ended otherwise; gives the WAVE record."""
        return self._end_badly(ref, WaveStatus.CANCELLED, reason)

    def skip(self, ref: WaveRef, reason: str, cause: SkipCause) -> Item:
        """Pass over a wave, unless it was started or has ended otherwise; gives the WAVE record."""
        return self._end_badly(ref, WaveStatus.SKIPPED, reason, {"skipCause": cause})

    @retried_on_conflict
    def _end_badly(
        self,
        ref: WaveRef,
        status: WaveStatus,
        reason: str,
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> Item:
        execution, wave = self._read_together(ref)
        if wave["status"] == status:
            return public(wave)
        demand_wave_transition(wave, status)
        event, actions = self._end(execution, wave, status, {"statusReason": limited(reason), **more})
        self._commit(event, actions)
        return public(actions[1].after)

    def _end(
        self,
        execution: Item,
        wave: Item,
        status: WaveStatus,
        why: Mapping[str, Any] = MappingProxyType({}),
        execution_changes: Mapping[str, Any] = MappingProxyType({}),
    ) -> tuple[NewEvent, list[Update]]:
        """The event and the writes that end a wave."""
        number = wave["waveNumber"]
        demand_live(execution, wave_subject(wave), status)
        now = self._now()
        changes = {**_end_changes(wave, status, now), **why}
        active: Sequence[int] = without(execution["activeWaves"], number)
        standing = self._standing(execution, active, without(execution["waitingGates"], number))
        event = NewEvent(f"WAVE_{status}", {"wave": number, "reason": why.get("statusReason")})
        of_execution = execution_update(execution, now, {**standing, **execution_changes})
        return event, [of_execution, record_update(wave, changes)]


def _wait_until(wave: Item, now: float) -> float | None:
    return now + wave["waitBefore"] if "waitBefore" in wave else None


def _end_changes(wave: Item, status: WaveStatus, now: float) -> Item:
    changes: Item = {
        "status": status,
        "endTime": max(now, wave.get("startTime", now)),
        "queue": None,
        "waitingFor": None,
    }
    if "startTime" in wave:
        changes["duration"] = seconds_between(wave["startTime"], changes["endTime"])
    return changes


def _demand_not_cancelling(execution: Item, wave: Item) -> None:
    """A retry of a wave's start must not launch anything for an execution that is being cancelled."""
    startable = {**wave, "status": WaveStatus.NOT_STARTED}
    demand_startable(execution, startable)
