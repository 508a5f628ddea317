"""
Which executions of a plan live: one drill and one real recovery at the most.

Two executions that open in the same instant do not see each other in an index. So each plan has one record of
its own, outside the indexes, that names its latest drill and its latest recovery. A name counts while that
execution lives; nothing has to be given back.
"""

from __future__ import annotations

from drs_recovery.dynamodb_actions import Action, Item, Key, Put
from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store_base import RECORD_IS_NEW, StoreBase, record_update, retried_on_conflict
from drs_recovery.store_items import execution_key, public

_HOLDER = {ExecutionType.DRILL: "drill", ExecutionType.RECOVERY: "recovery"}

# A drill waits for no other execution of its plan; a recovery does not mind a drill, which it cancels.
_IN_THE_WAY = {
    ExecutionType.DRILL: (ExecutionType.RECOVERY, ExecutionType.DRILL),
    ExecutionType.RECOVERY: (ExecutionType.RECOVERY,),
}


class StoreLocks(StoreBase):
    """The lock of a plan."""

    @retried_on_conflict
    def hold_plan(self, execution_id: str) -> Item | None:
        """
        Make an execution the one of its type that lives of its plan, unless another one is in its way.

        :param execution_id: the execution.
        :return: the EXECUTION record of the one in the way; None if the plan is held, now or before.
        """
        execution = self._read_execution(execution_id)
        kind = ExecutionType(execution["executionType"])
        key = _lock_key(execution["planId"])
        lock = self.table.get(key)
        holders = (
            {} if lock is None else {name: lock[_HOLDER[name]] for name in _HOLDER if _HOLDER[name] in lock}
        )
        for other in _IN_THE_WAY[kind]:
            found = self._live(holders.get(other), execution_id)
            if found is not None:
                return found
        if holders.get(kind) != execution_id:
            self.table.transact([_taken(lock, key, {_HOLDER[kind]: execution_id})])
        return None

    def _live(self, holder: str | None, asking: str) -> Item | None:
        if holder is None or holder == asking:
            return None
        found = self.table.get(execution_key(holder))
        if found is None or ExecutionStatus(found["status"]).is_final:
            return None
        return public(found)


def _lock_key(plan_id: str) -> Key:
    return Key(f"plan:{plan_id}", "LOCK")


def _taken(lock: Item | None, key: Key, holder: Item) -> Action:
    if lock is None:
        return Put({**key.attributes, "version": 1, **holder}, RECORD_IS_NEW)
    return record_update(lock, holder)
