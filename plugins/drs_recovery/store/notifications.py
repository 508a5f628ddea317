"""What was told about an execution, in the execution store: each thing once, and what could not be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from drs_recovery.exceptions import StoreConflictError
from drs_recovery.store.documents import Event
from drs_recovery.store.expressions import Check, Condition, Key, Put, Update
from drs_recovery.store.keys import HOUSEKEEPING, execution_key
from drs_recovery.store.transaction import StoreBase, retried_on_conflict

# Two tasks, or a task and its retry, are about to tell the same thing.
_NOT_TOLD = Condition("attribute_exists(recordKey) AND NOT contains(#notifications, :key)")
_RECORD_EXISTS = Condition("attribute_exists(recordKey)")


class StoreNotifications(StoreBase):
    """Claim what is to be told, and record what failed. Neither is a transition: ``version`` stays."""

    @retried_on_conflict
    def claim_notification(self, execution_id: str, key: str) -> bool:
        """
        Take it upon oneself to tell of something, before telling it: who gets True is the only one.

        Allowed after the end of an execution as well.

        :param execution_id: the execution.
        :param key: names what happened, such as ``WAVE_COMPLETED#2#attempt1``.
        :return: False if it was claimed already.
        :raises ExecutionNotFoundError: there is no such execution.
        """
        condition = Condition(_NOT_TOLD.expression, {"key": key})
        claim = Update(execution_key(execution_id), condition, appended={"notifications": key})
        try:
            self.table.transact([claim])
        except StoreConflictError:
            # A transition may have been at work on the record: then nobody has claimed the key yet.
            if key in self._read_execution(execution_id).get("notifications", []):
                return False
            raise
        return True

    def record_failed_telling(self, execution_id: str, name: str, detail: Mapping[str, Any]) -> None:
        """
        Record that somebody could not be told: the recovery goes on all the same.

        :param execution_id: the execution.
        :param name: ``NOTIFICATION_FAILED`` or ``METRIC_FAILED``.
        :param detail: what was to be told, to whom, and the error.
        """
        self._commit(Event(name, detail), [Check(execution_key(execution_id), _RECORD_EXISTS)])

    def told_instances(self, execution_id: str) -> set[str]:
        """
        Of which instances people were told that their execution has no record.

        :param execution_id: as their tags have it.
        """
        return set((self.table.get(_unrecorded_key(execution_id)) or {}).get("instances", ()))

    def record_told_instances(self, execution_id: str, instances: Iterable[str]) -> None:
        """
        Record that people were told of instances whose execution has no record.

        :param execution_id: as their tags have it.
        :param instances: all of which they were told so far.
        """
        key = _unrecorded_key(execution_id)
        self.table.transact([Put({**key.attributes, "instances": sorted(instances), "time": self._now()})])


def _unrecorded_key(execution_id: str) -> Key:
    return Key(HOUSEKEEPING, f"UNRECORDED#{execution_id}")
