"""
What only one may have, each in records outside the executions and outside the indexes.

A plan has one live drill and one live recovery at the most, an execution one person who acts on it, an
installation a name of its own, and a notification one sender.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from drs_recovery.exceptions import StoreConflictError
from drs_recovery.statuses import ExecutionType
from drs_recovery.store.base import StoreBase
from drs_recovery.store.documents import public
from drs_recovery.store.expressions import Action, Check, Condition, Item, Put, Update
from drs_recovery.store.first_forms import NewEvent
from drs_recovery.store.keys import (
    action_lock_key,
    execution_key,
    installation_key,
    plan_lock_key,
    unrecorded_key,
    wave_key,
)
from drs_recovery.store.refs import WaveRef
from drs_recovery.store.transaction import RECORD_IS_NEW, record_update, retried_on_conflict

if TYPE_CHECKING:
    from drs_recovery.store.execution_types import Execution, ExecutionRecord
    from drs_recovery.store.wave_types import WaveRecord

# Attribute of a plan's lock that names the latest execution of a type.
_HOLDERS = {ExecutionType.DRILL: "drill", ExecutionType.RECOVERY: "recovery"}

# A drill waits for no other execution of its plan; a recovery does not mind a drill, which it cancels.
_IN_THE_WAY = {
    ExecutionType.DRILL: (ExecutionType.RECOVERY, ExecutionType.DRILL),
    ExecutionType.RECOVERY: (ExecutionType.RECOVERY,),
}

# Two tasks, or a task and its retry, are about to send the same notification.
_NOT_CLAIMED = "attribute_exists(recordKey) AND NOT contains(#notifications, :key)"
_RECORD_EXISTS = Condition("attribute_exists(recordKey)")


class PlanLocks(StoreBase):
    """
    The lock of each plan, which names its latest drill and its latest recovery.

    Two executions that open in the same instant do not see each other in an index. A name counts while that
    execution lives; nothing has to be given back.
    """

    @retried_on_conflict
    def hold_plan(self, execution_id: str, known: Execution | None = None) -> Execution | None:
        """
        Make an execution the one of its type that lives of its plan, unless another one is in its way.

        :param known: its EXECUTION record if it was read already: only what never changes of it counts.
        :return: the EXECUTION record of the one in the way; None if the plan is held, now or before.
        """
        execution: Mapping[str, Any] = known or self._read_execution(execution_id)
        lock, other = self.read(execution)
        if other is None and (lock is None or lock.get(_holder_of(execution)) != execution_id):
            self.table.transact([self.taken(execution, lock)])
        return other

    def in_the_way(self, execution_id: str) -> Execution | None:
        """Read which live execution keeps another one from holding its plan; None if none does."""
        return self.read(self._read_execution(execution_id))[1]

    def read(self, execution: Mapping[str, Any]) -> tuple[Item | None, Execution | None]:
        """Read the lock of an execution's plan, and the EXECUTION record of the one in its way."""
        lock = self.table.get(plan_lock_key(execution["planId"]))
        for kind in _IN_THE_WAY[execution["executionType"]] if lock else ():
            found = self._live((lock or {}).get(_HOLDERS[kind]), execution["executionId"])
            if found is not None:
                return lock, found
        return lock, None

    def taken(self, execution: Mapping[str, Any], lock: Item | None) -> Action:
        """
        Make an execution the holder of its plan; also if it is already: nobody else becomes it meanwhile.

        :param lock: the lock as it was read, None if there was none.
        """
        holder, key = {_holder_of(execution): execution["executionId"]}, plan_lock_key(execution["planId"])
        if lock is None:
            return Put({**key.attributes, "version": 1, **holder}, RECORD_IS_NEW)
        return record_update(lock, holder)

    def _live(self, holder: str | None, asking: str) -> Execution | None:
        if holder is None or holder == asking:
            return None
        found = self.table.get(execution_key(holder))
        if found is None or found["status"].is_final:
            return None
        return cast("Execution", public(found))


def _holder_of(execution: Mapping[str, Any]) -> str:
    return _HOLDERS[execution["executionType"]]


class ActionLock(StoreBase):
    """
    The lock of each execution on which people act: what two ask for at once is done one after the other.

    Airflow does not settle that by itself. Of two answers to a question within milliseconds it can take both,
    and two people who clear a task at once make its API fail.
    """

    def acquire(self, execution_id: str, holder: str, longest: float) -> bool:
        """
        Take the lock, unless it is held.

        :param longest: seconds after which it is released by itself: its holder may die.
        """
        key, now = action_lock_key(execution_id), self._now()
        lock = self.table.get(key)
        if lock is not None and lock["until"] > now:
            return False
        values = {"holder": holder, "until": now + longest}
        take = (
            record_update(lock, values)
            if lock
            else Put({**key.attributes, "version": 1, **values}, RECORD_IS_NEW)
        )
        try:
            self.table.transact([take])
        except StoreConflictError:
            return False
        return True

    def release(self, execution_id: str, holder: str) -> None:
        """Give the lock back; one that ran out may have another holder already, and stays theirs."""
        lock = self.table.get(action_lock_key(execution_id))
        if lock is None or lock["holder"] != holder:
            return
        try:
            self.table.transact([record_update(lock, {"until": 0})])
        except StoreConflictError:
            # It ran out, and another holder took it in this very moment.
            return


class Installations(StoreBase):
    """The names of the Airflow installations that share the table: each has claimed its own."""

    @retried_on_conflict
    def claim(self, name: str, claim: str) -> Item:
        """
        Claim a name for an installation, unless it is claimed already.

        :param claim: what only this installation knows.
        :return: the claim that stands: ``claim``, ``claimedTime``.
        """
        key = installation_key(name)
        if found := self.table.get(key):
            return found
        item = {**key.attributes, "claim": claim, "claimedTime": self._now()}
        self.table.transact([Put(item, RECORD_IS_NEW)])
        return item

    def is_known(self, name: str) -> bool:
        """Whether an installation has ever claimed a name."""
        return self.table.get(installation_key(name)) is not None

    def get_execution_and_claim(
        self, execution_id: str, name: str, number: int | None = None
    ) -> tuple[ExecutionRecord | None, Item | None, WaveRecord | None]:
        """
        Read an EXECUTION record together with the claim of the installation that wants to work on it.

        :param number: of a wave whose record is read, too; None for none.
        :return: the record, the claim and the WAVE record, None for each that does not exist.
        """
        of_execution, of_claim = execution_key(execution_id), installation_key(name)
        of_wave = None if number is None else wave_key(WaveRef(execution_id, number))
        keys = [of_execution, of_claim, *([of_wave] if of_wave else [])]
        found = {item["recordKey"]: item for item in self.table.get_many(keys)}
        record, wave = found.get(of_execution.record_key), found.get(of_wave.record_key) if of_wave else None
        return (
            cast("ExecutionRecord", public(record)) if record else None,
            found.get(of_claim.record_key),
            cast("WaveRecord", public(wave)) if wave else None,
        )


class Notifications(StoreBase):
    """Claims of what is to be sent, and what could not be sent. No transition: ``version`` stays."""

    @retried_on_conflict
    def claim(self, execution_id: str, key: str) -> bool:
        """
        Claim a notification before sending it, once; allowed after the end of an execution as well.

        :param key: names what happened, such as ``WAVE_COMPLETED#2#attempt1``.
        :return: False if it was claimed already.
        :raises ExecutionNotFoundError: there is no such execution.
        """
        condition = Condition(_NOT_CLAIMED, {"key": key})
        claim = Update(execution_key(execution_id), condition, appended={"notifications": key})
        try:
            self.table.transact([claim])
        except StoreConflictError:
            # A transition may have been at work on the record: then the key is not claimed yet.
            if key in self._read_execution(execution_id).get("notifications", []):
                return False
            raise
        return True

    def record_failure(self, execution_id: str, name: str, detail: Mapping[str, Any]) -> None:
        """
        Record that a notification could not be sent: the recovery goes on all the same.

        :param name: ``NOTIFICATION_FAILED`` or ``METRIC_FAILED``.
        """
        self._commit(NewEvent(name, detail), [Check(execution_key(execution_id), _RECORD_EXISTS)])

    def told_instances(self, execution_id: str) -> set[str]:
        """Of which instances people were told that their execution, as tags name it, has no record."""
        return set((self.table.get(unrecorded_key(execution_id)) or {}).get("instances", ()))

    def record_told_instances(self, execution_id: str, instances: Iterable[str]) -> None:
        """Record that people were told of instances whose execution has no record."""
        key = unrecorded_key(execution_id)
        self.table.transact([Put({**key.attributes, "instances": sorted(instances), "time": self._now()})])
