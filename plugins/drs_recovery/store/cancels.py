"""Cancelling in the execution store: who asked, and that nothing more starts while jobs still run."""

from __future__ import annotations

from collections.abc import Sequence

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import EXECUTION_TRANSITIONS, ExecutionStatus
from drs_recovery.store.documents import Event, event_item
from drs_recovery.store.expressions import Action, Item, Put
from drs_recovery.store.rules import EXECUTION_SUBJECT, demand_live
from drs_recovery.store.transaction import RECORD_IS_NEW, StoreBase, execution_update, retried_on_conflict


class StoreCancels(StoreBase):
    """Every way into CANCELLING."""

    @retried_on_conflict
    def request_cancel(self, execution_id: str, actor: str, reason: str) -> bool:
        """
        Record that somebody wants an execution to end: from now on no wave starts or completes.

        Its DRS jobs go on, since DRS cannot cancel one. Whoever runs the execution reads this and ends it.

        :param execution_id: the execution.
        :param actor: who asked.
        :param reason: why, for people.
        :return: False if it was ending already; the first request stands.
        :raises TransitionRefusedError: the execution has ended.
        """
        return self._begin(execution_id, actor, reason, asked=True)

    @retried_on_conflict
    def preempt(self, drill_id: str, recovery_id: str) -> bool:
        """
        Cancel a drill for a real recovery; each record has an event that names the other execution.

        :param drill_id: the drill.
        :param recovery_id: the recovery.
        :return: False if the drill was ending already.
        :raises TransitionRefusedError: the drill has ended.
        """
        drill, recovery = self._read_execution(drill_id), self._read_execution(recovery_id)
        detail = {name: drill[name] for name in ("executionId", "planId", "dagId", "dagRunId")}
        event = Event("DRILL_PREEMPTED", detail, recovery["initiatedBy"])
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

        :param execution_id: the execution.
        :param actor: who ends it.
        :param reason: why.
        :return: False if it was ending already.
        :raises TransitionRefusedError: the execution has ended.
        """
        return self._begin(execution_id, actor, reason, asked=False)

    @retried_on_conflict
    def begin_reconciling(self, execution_id: str, run_state: str) -> bool:
        """
        Record that an execution is closed from outside its DAG run.

        :param execution_id: the execution.
        :param run_state: what became of the run.
        :return: False if that was recorded before.
        :raises TransitionRefusedError: the execution has ended.
        """
        execution = self._read_execution(execution_id)
        demand_live(execution, EXECUTION_SUBJECT, "reconciled")
        if "reconcilingTime" in execution:
            return False
        now = self._now()
        event = Event("EXECUTION_RECONCILED", {"dagRunId": execution["dagRunId"], "runState": run_state})
        self._commit(event, [execution_update(execution, now, {"reconcilingTime": now})])
        return True

    def _begin(
        self, execution_id: str, actor: str, reason: str, *, asked: bool, also: Sequence[Action] = ()
    ) -> bool:
        execution = self._read_execution(execution_id)
        status = ExecutionStatus(execution["status"])
        if status is ExecutionStatus.CANCELLING:
            return False
        if ExecutionStatus.CANCELLING not in EXECUTION_TRANSITIONS[status]:
            raise TransitionRefusedError(EXECUTION_SUBJECT, status, ExecutionStatus.CANCELLING)
        now = self._now()
        changes: Item = {"status": ExecutionStatus.CANCELLING, "paused": None, "cancellingTime": now}
        if asked:
            changes["cancel"] = {"actor": actor, "reason": reason, "time": now}
        event = Event("EXECUTION_CANCELLING", {"reason": reason}, actor)
        self._commit(event, [execution_update(execution, now, changes), *also])
        return True
