"""
Retries in the execution store: a failed wave begins a new attempt, and what it has launched stays.

A retry is two transitions, because the jobs of the earlier attempt are looked at between them::

    FAILED ──── begin ───> PENDING, restartPending ── restart_failed ──> PENDING, attempt n + 1 complete

``restart_failed`` decides which servers get a new job: those that failed, and those that never had one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import (
    RETRYABLE_WAVES,
    ExecutionStatus,
    FailureDecision,
    GateDecision,
    SkipCause,
    WaveStage,
    WaveStatus,
)
from drs_recovery.store.base import StoreBase
from drs_recovery.store.documents import public
from drs_recovery.store.expressions import Action, Item, Put, Update
from drs_recovery.store.facts import Record, attempt_of, request_behind
from drs_recovery.store.first_forms import NewEvent, live_item
from drs_recovery.store.keys import END_OF_RANGE
from drs_recovery.store.mending import UNKNOWN_BASIS
from drs_recovery.store.progress import ServerChange, is_to_restart, progress_deltas, restart_changes
from drs_recovery.store.refs import WaveRef
from drs_recovery.store.rules import demand_live, wave_subject, without
from drs_recovery.store.step_rules import BEFORE, reset_changes, to_repeat
from drs_recovery.store.transaction import (
    execution_growth,
    execution_update,
    in_transactions,
    record_update,
    retried_on_conflict,
)
from drs_recovery.store.values import limited, present
from drs_recovery.store.wave_types import RetryRequest

if TYPE_CHECKING:
    from drs_recovery.store.locks import PlanLocks
    from drs_recovery.store.table import ExecutionsTable

# What an execution has only after its end.
_ENDING_FIELDS = (
    "endTime",
    "duration",
    "measured",
    "error",
    "cancel",
    "cancelled",
    "cancellingTime",
    "reconcilingTime",
    "instancesLeft",
    "terminateAfter",
)

# Instances that ended without a request do not prevent a retry: their servers start again, too.
_TERMINATION_FIELDS = ("terminationRequests", "terminateJobs")

_NOT_TERMINATED: Item = {"instancesTerminated": False, "terminatedTime": None}

_WAVE_ENDING_FIELDS = (
    "endTime",
    "duration",
    "statusReason",
    "lastPollError",
    "waitingFor",
    "queue",
    "queuedTime",
    "queueEndTime",
)


class Retries(StoreBase):
    """Begin a new attempt at a wave, also when its execution has ended."""

    def __init__(self, table: ExecutionsTable, clock: Callable[[], float], locks: PlanLocks) -> None:
        super().__init__(table, clock)
        self._locks = locks

    @retried_on_conflict
    def request(
        self,
        ref: WaveRef,
        actor: str,
        asked_by: int,
        reason: str | None = None,
        point_in_time: str | Mapping[str, str] | None = None,
    ) -> tuple[RetryRequest, bool]:
        """
        Record who asks for a new attempt at a wave; it begins when the wave's first task runs again.

        Of two people who ask for the same attempt, the first one stands.

        :param asked_by: ``max_tries`` of the cleared task: the attempt that this request leads to.
        :param reason: why, if they said so.
        :param point_in_time: other data for the servers that start again, if they chose some.
        :return: the request that stands: ``actor``, ``time``, ``askedBy``, and ``reason`` if there is one;
            and whether it is this one.
        """
        execution, wave = self._read_together(ref)
        known = wave.get("retryRequest")
        if known and known["askedBy"] >= asked_by:
            return known, False
        now = self._now()
        request = RetryRequest(actor=actor, time=now, askedBy=asked_by)
        if reason:
            request["reason"] = limited(reason)
        if point_in_time:
            request["pointInTime"] = (
                dict(point_in_time) if isinstance(point_in_time, Mapping) else point_in_time
            )
        self.table.transact(
            [execution_update(execution, now, {}), record_update(wave, {"retryRequest": request})]
        )
        return request, True

    @retried_on_conflict
    def begin(self, ref: WaveRef, actor: str, asked_by: int | None = None) -> tuple[Item, bool]:
        """
        Begin a new attempt at a wave that failed or was interrupted; an execution that has ended is reopened.

        Each request gives at most one attempt, however often tasks carry it out.

        :param actor: who wants it, as far as the caller knows; a recorded request knows better.
        :param asked_by: grows with each request, such as ``max_tries`` of a task that was cleared; None if
            the request is the recorded decision about this attempt's failure.
        :raises TransitionRefusedError: the execution is being cancelled, its instances are terminated, or it
            has ended and another execution of its plan lives.
        """
        execution, wave = self._read_together(ref)
        if wave["status"] not in RETRYABLE_WAVES or not _is_new_request(wave, asked_by):
            return public(self._counted_from(wave, asked_by)), False
        _demand_retryable(execution, wave)
        request = request_behind(wave, asked_by)
        actor, reason = request.get("actor", actor), request.get("reason")
        now, attempt = self._now(), attempt_of(wave) + 1
        changes: Item = {
            "status": WaveStatus.PENDING,
            "attempt": attempt,
            "attemptTime": now,
            "restartPending": True,
            **dict.fromkeys(_WAVE_ENDING_FIELDS),
            **present({"askedBy": asked_by, "failureGate": _answered_gate(wave, actor, now)}),
        }
        has_steps = wave.get("beforeSteps") or wave.get("afterSteps")
        steps = to_repeat(self._read_steps(ref)) if has_steps else []
        changes |= _stage_changes(wave, steps)
        event = "EXECUTION_REOPENED" if _has_ended(execution) else "WAVE_RETRY_REQUESTED"
        update = record_update(wave, changes)
        self._commit(
            NewEvent(event, {"wave": ref.number, "attempt": attempt, "reason": reason}, actor),
            [
                execution_update(execution, now, self._reopened(execution, ref.number)),
                update,
                *self._revival(execution, wave),
                *(record_update(step, reset_changes(step)) for step in steps),
            ],
        )
        return public(update.after), True

    def _counted_from(self, wave: Item, asked_by: int | None) -> Item:
        """A wave that was taken over: what its task says at its first look is no request."""
        if asked_by is None or wave.get("askedBy") != UNKNOWN_BASIS:
            return wave
        update = record_update(wave, {"askedBy": asked_by})
        self.table.transact([update])
        return update.after

    def _revival(self, execution: Item, wave: Record) -> list[Action]:
        """Give an ended execution back the lock of its plan and its place among the live ones."""
        if not _has_ended(execution):
            return []
        lock, other = self._locks.read(execution)
        if other is not None:
            current = f"part of a plan with a live {other['executionType']} ({other['executionId']})"
            raise TransitionRefusedError(wave_subject(wave), current, "retried")
        return [self._locks.taken(execution, lock), Put(live_item(execution))]

    def _reopened(self, execution: Item, number: int) -> Item:
        """Changes of the EXECUTION record by a retried wave."""
        ends = _has_ended(execution) or execution["status"] == ExecutionStatus.CANCELLING
        live = {**execution, "status": ExecutionStatus.POLLING} if ends else execution
        # A person may have answered the open question about the failure by clearing the wave's tasks.
        waiting = without(execution["waitingGates"], number)
        standing = self._standing(live, [*execution["activeWaves"], number], waiting)
        return {**standing, **({**dict.fromkeys(_ENDING_FIELDS), **_NOT_TERMINATED} if ends else {})}

    @retried_on_conflict
    def restart_failed(self, ref: WaveRef) -> Item:
        """
        Send the servers of a retried wave that failed, lost their instance or had no job back to the start.

        Servers that launched stay, servers whose job still runs are followed on. What failed servers had is
        kept in ``previousInstances``. Waves that were passed over because of this one can run again.

        :return: the WAVE record; its attempt's servers are those with the same ``attempt``.
        :raises TransitionRefusedError: the attempt or the execution has ended meanwhile.
        """
        execution, wave = self._read_together(ref)
        if not wave.get("restartPending"):
            return public(wave)
        _demand_restartable(execution, wave)
        self._reopen_dependents(execution, ref.number)
        servers = self._read_servers(ref)
        attempt, now = attempt_of(wave), self._now()
        changes = [
            ServerChange(server, restart_changes(server, attempt, now))
            for server in servers
            if is_to_restart(server, attempt)
        ]
        restarted = [s["sourceServerId"] for s in servers if attempt_of(s) == attempt]
        restarted += [change.stored["sourceServerId"] for change in changes]
        if changes:
            self._repeat_proofs(execution, ref.number)
        *earlier, last = in_transactions(changes) if changes else [()]
        for part in earlier:
            self.table.transact(_restart_actions(execution, wave, part, now, {}))
            wave = {**wave, "version": wave["version"] + 1}
        event = NewEvent(
            "WAVE_RETRIED", {"wave": ref.number, "attempt": attempt, "servers": sorted(restarted)}
        )
        self._commit(event, _restart_actions(execution, wave, last, now, {"restartPending": None}))
        return public({key: value for key, value in wave.items() if key != "restartPending"})

    def _repeat_proofs(self, execution: Item, number: int) -> None:
        """Other instances than those that steps have proven are proven anew, from the first step on."""
        steps = to_repeat(self._read_steps(WaveRef(execution["executionId"], number)), is_relaunched=True)
        if steps:
            names = [step["name"] for step in steps]
            event = NewEvent("STEPS_RESET", {"wave": number, "steps": names})
            update = execution_update(execution, self._now(), {})
            self._commit(event, [update, *(record_update(step, reset_changes(step)) for step in steps)])

    def _reopen_dependents(self, execution: Item, number: int) -> None:
        waves = self.table.query(execution["executionId"], "WAVE#", f"WAVE#{END_OF_RANGE}")
        changes = {"status": WaveStatus.NOT_STARTED, "skipCause": None, **dict.fromkeys(_WAVE_ENDING_FIELDS)}
        passed_over = [wave for wave in _dependents(waves, number) if _was_passed_over(wave)]
        if passed_over:
            # A transition of the execution: it must not end with what was known of its waves before.
            reopened = execution_update(execution, self._now(), {})
            event = NewEvent(
                "WAVES_REOPENED", {"waves": [w["waveNumber"] for w in passed_over], "because": number}
            )
            self._commit(event, [reopened, *(record_update(wave, changes) for wave in passed_over)])


def _stage_changes(wave: Record, steps: Sequence[Item]) -> Item:
    """Where a new attempt goes on: at the steps before the launch that are repeated, else at the launch."""
    waits = any(step["side"] == BEFORE for step in steps)
    launched = {"restartPending": None} if "launchTime" not in wave and not wave["jobs"] and waits else {}
    stage = WaveStage.BEFORE_STEPS if waits else WaveStage.LAUNCHING
    return {"stage": stage, "launchTime": None, "launchedTime": None, **launched}


def _has_ended(execution: Record) -> bool:
    return bool(execution["status"].is_final)


def _is_new_request(wave: Record, asked_by: int | None) -> bool:
    if asked_by is not None:
        known = wave.get("askedBy", 0)
        return bool(asked_by > known) and known != UNKNOWN_BASIS
    gate = wave.get("failureGate") or {}
    return gate.get("decision") == FailureDecision.RETRY and gate.get("attempt") == attempt_of(wave)


def _answered_gate(wave: Record, actor: str, now: float) -> Item | None:
    """The open question about the failure, answered by the retry; None if there is none."""
    gate = wave.get("failureGate")
    if not gate or gate["decision"] != FailureDecision.WAITING:
        return None
    return {**gate, "decision": FailureDecision.RETRY, "actor": actor, "decidedTime": now}


def _demand_retryable(execution: Record, wave: Record) -> None:
    subject, wanted = wave_subject(wave), "retried"
    if "purgingTime" in execution:
        raise TransitionRefusedError(subject, "part of an execution that is being deleted", wanted)
    if "startTime" not in wave:
        raise TransitionRefusedError(subject, f"{wave['status']} without ever being started", wanted)
    if execution["status"] == ExecutionStatus.CANCELLING and "cancel" in execution:
        raise TransitionRefusedError(subject, "part of an execution that is being cancelled", wanted)
    if any(execution.get(name) for name in _TERMINATION_FIELDS):
        raise TransitionRefusedError(subject, "part of an execution whose instances are terminated", wanted)


def _demand_restartable(execution: Record, wave: Record) -> None:
    subject, wanted = wave_subject(wave), f"restarted as attempt {attempt_of(wave)}"
    demand_live(execution, subject, wanted)
    if wave["status"] != WaveStatus.PENDING:
        raise TransitionRefusedError(subject, wave["status"], wanted)


def _restart_actions(
    execution: Item, wave: Item, part: Sequence[ServerChange], now: float, wave_changes: Item
) -> list[Update]:
    deltas = progress_deltas(part)
    return [
        execution_growth(execution, now, {}, deltas),
        record_update(wave, wave_changes, deltas),
        *(record_update(change.stored, change.changes) for change in part),
    ]


def _dependents(waves: Sequence[Item], number: int) -> list[Item]:
    """Every wave that comes after a wave, directly or not; a plan may list them in any order."""
    after = {number}
    while True:
        found = {wave["waveNumber"] for wave in waves if after & set(wave["dependsOn"])}
        if found <= after:
            return [wave for wave in waves if wave["waveNumber"] in after - {number}]
        after |= found


def _was_passed_over(wave: Record) -> bool:
    """Whether a wave was not started because of a wave before it; a refused gate stays refused."""
    refused = (wave.get("gate") or {}).get("decision") in (GateDecision.REJECTED, GateDecision.TIMED_OUT)
    if wave["status"] == WaveStatus.SKIPPED:
        return wave.get("skipCause") == SkipCause.DEPENDENCY and not refused
    return wave["status"] == WaveStatus.CANCELLED and "startTime" not in wave and not refused
