"""The end of an execution: who asked to cancel it, that nothing more starts, and its final status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import EXECUTION_TRANSITIONS, ExecutionStatus, SkipCause, WaveStatus
from drs_recovery.store.base import StoreBase
from drs_recovery.store.documents import compose
from drs_recovery.store.expressions import (
    MAX_TRANSACTION_ACTIONS,
    Action,
    Check,
    Condition,
    Delete,
    Item,
    Put,
    Update,
)
from drs_recovery.store.facts import has_instances_left, instances_of
from drs_recovery.store.first_forms import ENGINE, NewEvent, due_item, event_item
from drs_recovery.store.keys import key_of, live_key
from drs_recovery.store.rules import (
    EXECUTION_SUBJECT,
    demand_final_transition,
    demand_live,
    measured_objectives,
    seconds_between,
    termination_time,
)
from drs_recovery.store.transaction import (
    RECORD_IS_AS_READ,
    RECORD_IS_NEW,
    execution_update,
    record_update,
    retried_on_conflict,
)
from drs_recovery.store.values import limited, present

if TYPE_CHECKING:
    from drs_recovery.store.execution_types import ExecutionDocument


class Ending(StoreBase):
    """Every way into CANCELLING and into a final status."""

    @retried_on_conflict
    def request_cancel(self, execution_id: str, actor: str, reason: str) -> bool:
        """
        Record a request to end an execution: from now on no wave starts or completes.

        Its DRS jobs go on, since DRS cannot cancel one. The tasks of the execution read this and end it.

        :return: False if it was ending already; the first request stands.
        :raises TransitionRefusedError: the execution has ended.
        """
        return self._begin(execution_id, actor, reason, asked=True)

    @retried_on_conflict
    def preempt(self, drill_id: str, recovery_id: str) -> bool:
        """
        Cancel a drill for a real recovery; each record has an event that names the other execution.

        :return: False if the drill was ending already.
        :raises TransitionRefusedError: the drill has ended.
        """
        drill, recovery = self._read_execution(drill_id), self._read_execution(recovery_id)
        detail = {name: drill[name] for name in ("executionId", "planId", "dagId", "dagRunId")}
        event = NewEvent("DRILL_PREEMPTED", detail, recovery["initiatedBy"])
        # Behind everything that the recovery's record tells so far, also when another host's clock is ahead.
        moment = max(self._now(), recovery["lastUpdatedTime"])
        number = self._events_at(recovery_id, moment)
        told = Put(event_item(recovery_id, event, moment, number), RECORD_IS_NEW)
        reason = (
            f"a real recovery of plan {recovery['planName']} takes precedence (DAG run "
            f"{recovery['dagRunId']} of {recovery['dagId']}, started by {recovery['initiatedBy']})"
        )
        return self._begin(drill_id, f"recovery {recovery_id}", reason, asked=True, also=(told,))

    @retried_on_conflict
    def begin_cancelling(self, execution_id: str, actor: str, reason: str) -> bool:
        """
        Record that an execution ends while DRS jobs of it may still run: from now on no wave starts.

        :return: False if it was ending already.
        :raises TransitionRefusedError: the execution has ended.
        """
        return self._begin(execution_id, actor, reason, asked=False)

    @retried_on_conflict
    def begin_reconciling(self, execution_id: str, run_state: str) -> bool:
        """
        Record that an execution is closed from outside its DAG run.

        :return: False if that was recorded before.
        :raises TransitionRefusedError: the execution has ended.
        """
        execution = self._read_execution(execution_id)
        demand_live(execution, EXECUTION_SUBJECT, "reconciled")
        if "reconcilingTime" in execution:
            return False
        now = self._now()
        event = NewEvent("EXECUTION_RECONCILED", {"dagRunId": execution["dagRunId"], "runState": run_state})
        self._commit(event, [execution_update(execution, now, {"reconcilingTime": now})])
        return True

    def _begin(
        self, execution_id: str, actor: str, reason: str, *, asked: bool, also: Sequence[Action] = ()
    ) -> bool:
        execution = self._read_execution(execution_id)
        status = execution["status"]
        if status is ExecutionStatus.CANCELLING:
            return False
        if ExecutionStatus.CANCELLING not in EXECUTION_TRANSITIONS[status]:
            raise TransitionRefusedError(EXECUTION_SUBJECT, status, ExecutionStatus.CANCELLING)
        now = self._now()
        changes: Item = {"status": ExecutionStatus.CANCELLING, "paused": None, "cancellingTime": now}
        if asked:
            changes["cancel"] = {"actor": actor, "reason": reason, "time": now}
        event = NewEvent("EXECUTION_CANCELLING", {"reason": reason}, actor)
        # A real recovery may ask any drill to end.
        update = execution_update(execution, now, changes)
        self._commit(event, [update, *also], by_anybody=bool(also))
        return True

    @retried_on_conflict
    def finalize(
        self,
        execution_id: str,
        status: ExecutionStatus,
        error: str | None = None,
        actor: str = ENGINE,
        *,
        cancelled: bool = False,
    ) -> bool:
        """
        End an execution, once: what it ended with never changes.

        A wave that still could start ends with it: a retry may have reopened it a moment before.

        :param error: why it did not end well; an error that is recorded already stands.
        :return: False if it had ended already.
        :raises TransitionRefusedError: a wave is active, the records do not prove COMPLETED, or what is to be
            SKIPPED has begun or is being cancelled.
        """
        if not status.is_final:
            raise ValueError(f"{status} is not a final status")
        execution, waves, servers, steps = self._read_all(execution_id)
        if execution["status"].is_final:
            return False
        document = compose(execution, waves, servers, steps)
        demand_final_transition(document, status)
        now = self._now()
        end = max(now, execution.get("startTime", now))
        told = execution.get("error", error and limited(error))
        cut_short = (cancelled and status is not ExecutionStatus.COMPLETED) or None
        changes = {**_ending(document, status, end), **present({"error": told, "cancelled": cut_short})}
        unstarted = [wave for wave in waves if wave["status"] == WaveStatus.NOT_STARTED]
        ended = "skippedWaves" if status is ExecutionStatus.SKIPPED else "cancelledWaves"
        detail = {
            "error": changes.get("error"),
            ended: [wave["waveNumber"] for wave in unstarted] or None,
        }
        actions: list[Action] = [
            execution_update(execution, now, changes),
            Delete(live_key(execution_id)),
            *_due(execution_id, changes.get("terminateAfter")),
        ]
        waves_end = [record_update(wave, {**_ended_with(status, told), "endTime": end}) for wave in unstarted]
        room = MAX_TRANSACTION_ACTIONS - 1 - len(actions)
        self._end_early(execution, waves_end[room:])
        self._commit(NewEvent(f"EXECUTION_{status}", detail, actor), [*actions, *waves_end[:room]])
        return True

    def _end_early(self, execution: Item, waves: Sequence[Update]) -> None:
        """End the waves for which the ending transaction has no room: no wave may outlive its execution."""
        if waves:
            nothing_else_happened = Check(
                key_of(execution), Condition(RECORD_IS_AS_READ, {"readVersion": execution["version"]})
            )
            self.table.transact([nothing_else_happened, *waves])


def _ended_with(status: ExecutionStatus, told: str | None) -> Item:
    """Changes of a wave that has not started when its execution ends."""
    if status is not ExecutionStatus.SKIPPED:
        return {"status": WaveStatus.CANCELLED, "statusReason": "not started: the execution ended"}
    return {
        "status": WaveStatus.SKIPPED,
        "skipCause": SkipCause.EXECUTION_SKIPPED,
        "statusReason": told or "not started: the execution was not run",
    }


def _ending(document: ExecutionDocument, status: ExecutionStatus, end: float) -> Item:
    left = has_instances_left(document)
    return {
        "status": status,
        "paused": None,
        "waitingGates": [],
        "waitingSteps": None,
        "waitingFor": None,
        "endTime": end,
        "duration": seconds_between(document.get("startTime") or document["submittedTime"], end),
        "measured": measured_objectives(document, status, end),
        # Lists show executions without their servers: a server that failed may have an instance, too.
        "instancesLeft": left or (False if _launched_any(document) else None),
        "terminateAfter": termination_time(document, end) if left else None,
    }


def _launched_any(document: ExecutionDocument) -> bool:
    return any(instances_of(server) for wave in document["waves"] for server in wave["serverStatuses"])


def _due(execution_id: str, time: float | None) -> list[Put]:
    """The record by which housekeeping finds the instances that this execution leaves."""
    return [] if time is None else [Put(due_item(execution_id, time))]
