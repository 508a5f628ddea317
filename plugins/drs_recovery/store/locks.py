"""
Which executions of a plan live: one drill and one real recovery at the most.

Two executions that open in the same instant do not see each other in an index. So each plan has one record of
its own, outside the indexes, that names its latest drill and its latest recovery. A name counts while that
execution lives; nothing has to be given back.
"""

from __future__ import annotations

from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store.documents import public
from drs_recovery.store.expressions import Action, Item, Put
from drs_recovery.store.keys import LOCK_HOLDERS, execution_key, lock_key
from drs_recovery.store.transaction import RECORD_IS_NEW, StoreBase, record_update, retried_on_conflict

# A drill waits for no other execution of its plan; a recovery does not mind a drill, which it cancels.
_IN_THE_WAY = {
    ExecutionType.DRILL: (ExecutionType.RECOVERY, ExecutionType.DRILL),
    ExecutionType.RECOVERY: (ExecutionType.RECOVERY,),
}


class StoreLocks(StoreBase):
    """The lock of a plan."""

    @retried_on_conflict
    def hold_plan(self, execution_id: str, known: Item | None = None) -> Item | None:
        """
        Make an execution the one of its type that lives of its plan, unless another one is in its way.

        :param execution_id: the execution.
        :param known: its EXECUTION record if it was read already: only what never changes of it counts.
        :return: the EXECUTION record of the one in the way; None if the plan is held, now or before.
        """
        execution = known or self._read_execution(execution_id)
        lock, other = self._read_lock(execution)
        if other is None and (lock is None or lock.get(_holder_of(execution)) != execution_id):
            self.table.transact([taken(execution, lock)])
        return other

    def in_the_way(self, execution_id: str) -> Item | None:
        """
        Read which live execution keeps another one from holding its plan; None if none does.

        :param execution_id: the execution.
        """
        return self._read_lock(self._read_execution(execution_id))[1]

    def _read_lock(self, execution: Item) -> tuple[Item | None, Item | None]:
        """The lock of an execution's plan, and the EXECUTION record of the one in its way; None for none."""
        lock = self.table.get(lock_key(execution["planId"]))
        for kind in _IN_THE_WAY[ExecutionType(execution["executionType"])] if lock else ():
            found = self._live((lock or {}).get(LOCK_HOLDERS[kind]), execution["executionId"])
            if found is not None:
                return lock, found
        return lock, None

    def _live(self, holder: str | None, asking: str) -> Item | None:
        if holder is None or holder == asking:
            return None
        found = self.table.get(execution_key(holder))
        if found is None or ExecutionStatus(found["status"]).is_final:
            return None
        return public(found)


def taken(execution: Item, lock: Item | None) -> Action:
    """
    Make an execution the holder of its plan; also if it is already, so that nobody else becomes it meanwhile.

    :param execution: EXECUTION record.
    :param lock: the lock as it was read, None if there was none.
    """
    holder, key = {_holder_of(execution): execution["executionId"]}, lock_key(execution["planId"])
    if lock is None:
        return Put({**key.attributes, "version": 1, **holder}, RECORD_IS_NEW)
    return record_update(lock, holder)


def _holder_of(execution: Item) -> str:
    return LOCK_HOLDERS[ExecutionType(execution["executionType"])]
