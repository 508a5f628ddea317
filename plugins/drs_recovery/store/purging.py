"""
Delete the records of executions that ended long ago.

First the EXECUTION record is marked, on condition that nobody changes it meanwhile: from then on no wave of
it is tried again. Its row goes last, together with those that list it: until then the next purge finds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from drs_recovery.exceptions import ExecutionNotFoundError, TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store.base import StoreBase, is_final
from drs_recovery.store.expressions import MAX_TRANSACTION_ACTIONS, Condition, Delete, Item
from drs_recovery.store.facts import jobs_run, unconfirmed_instances, why_read_only
from drs_recovery.store.keys import (
    END_OF_RANGE,
    EXECUTION,
    HOUSEKEEPING,
    LAUNCH_PREFIX,
    START_OF_RANGE,
    action_lock_key,
    due_key,
    key_of,
    listing_keys,
)
from drs_recovery.store.reads import read_summaries
from drs_recovery.store.table import BY_STATUS
from drs_recovery.store.transaction import RECORD_IS_AS_READ, execution_update, retried_on_conflict

if TYPE_CHECKING:
    from drs_recovery.store.execution_types import Execution


class Purges(StoreBase):
    """The end of records."""

    def ended_before(self, moment: float) -> Iterator[Execution]:
        """
        Find the executions that ended before a moment, and those that an earlier purge has begun to delete.

        :param moment: epoch seconds.
        """
        for status in (status for status in ExecutionStatus if status.is_final):
            rows = self.table.index_rows(BY_STATUS, status, until=moment)
            for execution in read_summaries(self.table, (row["executionId"] for row in rows)):
                if execution.get("endTime", execution["lastUpdatedTime"]) < moment:
                    yield execution

    def why_kept(self, execution_id: str) -> str | None:
        """Say why an execution may not be deleted; None if it may."""
        execution, waves, servers, _ = self._read_all(execution_id)
        return self._why_kept(execution, waves, servers)

    def purge(self, execution_id: str) -> None:
        """
        Delete every record of an execution; to be repeated after an interruption, until nothing is left.

        :raises TransitionRefusedError: it has not ended, or left instances that were not seen to be gone.
        :raises StoreConflictError: something was recorded of it at the same time.
        """
        try:
            execution = self._mark(execution_id)
        except ExecutionNotFoundError:
            return
        # By their keys: waves after their servers and steps, which are not shown without them.
        rows = self.table.query(execution_id, START_OF_RANGE, END_OF_RANGE)
        keys = [key_of(row) for row in rows if row["recordKey"] != EXECUTION]
        for start in range(0, len(keys), MAX_TRANSACTION_ACTIONS):
            self.table.transact([Delete(key) for key in keys[start : start + MAX_TRANSACTION_ACTIONS]])
        beside = [*listing_keys(execution), action_lock_key(execution_id)]
        as_marked = Condition(RECORD_IS_AS_READ, {"readVersion": execution["version"]})
        self.table.transact([*map(Delete, beside), Delete(key_of(execution), as_marked)])

    @retried_on_conflict
    def _mark(self, execution_id: str) -> Item:
        """Keep others from changing the execution; the record as it is then."""
        execution, waves, servers, _ = self._read_all(execution_id)
        if reason := self._why_kept(execution, waves, servers):
            raise TransitionRefusedError(f"execution {execution_id}", reason, "deleted")
        if "purgingTime" in execution:
            return execution
        now = self._now()
        update = execution_update(execution, now, {"purgingTime": now})
        self.table.transact([update])
        return update.after

    def _why_kept(self, execution: Item, waves: Sequence[Item], servers: Sequence[Item]) -> str | None:
        if reason := why_read_only(execution):
            return reason
        if not is_final(execution):
            return f"{execution['status']}: it has not ended"
        if any(map(jobs_run, waves)):
            return "not known to have ended its DRS jobs"
        left = sorted(name for server in servers for name in unconfirmed_instances(server))
        if left:
            return f"not known to have lost its instances {', '.join(left)}"
        return "still looked after by housekeeping" if self._is_looked_after(execution) else None

    def _is_looked_after(self, execution: Item) -> bool:
        """Whether an instance may be left, or due to be terminated, whatever the servers' records say."""
        execution_id = execution["executionId"]
        launches = self.table.query(HOUSEKEEPING, LAUNCH_PREFIX, LAUNCH_PREFIX + END_OF_RANGE)
        if any(launch["launchedBy"] == execution_id for launch in launches):
            return True
        due = execution.get("terminateAfter")
        return due is not None and self.table.get(due_key(execution_id, due)) is not None
