"""Who asked for a new attempt at a wave: known before a task of the run carries it out."""

from __future__ import annotations

from drs_recovery.store.documents import limited, present
from drs_recovery.store.expressions import Item
from drs_recovery.store.facts import Record
from drs_recovery.store.transaction import StoreBase, execution_update, record_update, retried_on_conflict


class StoreRetryRequests(StoreBase):
    """Requests of people; a task that was cleared does not know who did it."""

    @retried_on_conflict
    def request_retry(
        self, execution_id: str, number: int, actor: str, asked_by: int, reason: str | None = None
    ) -> tuple[Item, bool]:
        """
        Record who asks for a new attempt at a wave; it begins when the wave's first task runs again.

        Of two people who ask for the same attempt, the first one stands.

        :param execution_id: the execution.
        :param number: the wave, from 1.
        :param actor: who asks.
        :param asked_by: ``max_tries`` of the cleared task: the attempt that this request leads to.
        :param reason: why, if they said so.
        :return: the request that stands: ``actor``, ``time``, ``askedBy``, and ``reason`` if there is one;
            and whether it is this one.
        """
        execution, wave = self._read_together(execution_id, number)
        known = wave.get("retryRequest")
        if known and known["askedBy"] >= asked_by:
            return dict(known), False
        now = self._now()
        request = {"actor": actor, "time": now, "askedBy": asked_by, **_reason(reason)}
        self.table.transact(
            [execution_update(execution, now, {}), record_update(wave, {"retryRequest": request})]
        )
        return request, True


def request_behind(wave: Record, asked_by: int | None) -> Record:
    """
    The recorded request that led to an attempt; empty if there is none.

    :param wave: WAVE record.
    :param asked_by: as the task of the attempt knows it.
    """
    request: Record = wave.get("retryRequest") or {}
    return request if asked_by is not None and request.get("askedBy") == asked_by else {}


def _reason(reason: str | None) -> Item:
    return present({"reason": limited(reason) if reason else None})
