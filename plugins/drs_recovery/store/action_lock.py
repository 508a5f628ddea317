"""
Whose turn it is to act on an execution: what two people ask for at once is done one after the other.

Airflow does not settle that by itself. Of two answers to a question that arrive within milliseconds it can
take both, and two people who clear a task at once make its API fail.
"""

from __future__ import annotations

from drs_recovery.exceptions import StoreConflictError
from drs_recovery.store.expressions import Put
from drs_recovery.store.keys import turn_key
from drs_recovery.store.transaction import RECORD_IS_NEW, StoreBase, record_update


class StoreTurns(StoreBase):
    """Turns, in a record outside the execution and outside the indexes."""

    def take_turn(self, execution_id: str, holder: str, longest: float) -> bool:
        """
        Take the turn, unless somebody has it.

        :param execution_id: the execution.
        :param holder: tells this turn from every other.
        :param longest: seconds after which it is over by itself: whoever has it may die.
        :return: whether it is this holder's now.
        """
        key, now = turn_key(execution_id), self._now()
        turn = self.table.get(key)
        if turn is not None and turn["until"] > now:
            return False
        values = {"holder": holder, "until": now + longest}
        take = (
            record_update(turn, values)
            if turn
            else Put({**key.attributes, "version": 1, **values}, RECORD_IS_NEW)
        )
        try:
            self.table.transact([take])
        except StoreConflictError:
            return False
        return True

    def end_turn(self, execution_id: str, holder: str) -> None:
        """
        Give a turn back; one that was over by itself may be somebody else's already, and stays theirs.

        :param execution_id: the execution.
        :param holder: whose turn ends.
        """
        turn = self.table.get(turn_key(execution_id))
        if turn is None or turn["holder"] != holder:
            return
        try:
            self.table.transact([record_update(turn, {"until": 0})])
        except StoreConflictError:
            # It was over, and somebody took it in this very moment.
            return
