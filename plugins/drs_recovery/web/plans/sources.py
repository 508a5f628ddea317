"""Where the console gets its plans from: the plan files, and what became of the plans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.records import ExecutionFilter
from drs_recovery.web.plans.history import past_of
from drs_recovery.web.plans.inputs import PlanPast, Record

# How far back cards and charts look.
_LOOK_BACK = 50
# As many connections as the store's client keeps open.
_AT_ONCE = 10

Found = TypeVar("Found")


@dataclass(frozen=True)
class History:
    """
    The newest executions of a plan.

    :param executions: EXECUTION records, newest first.
    :param past: those that its card shows.
    """

    executions: list[dict[str, Any]]
    past: PlanPast


def history_of(store: ExecutionStore, plan_id: str) -> History:
    """
    The newest executions of a plan.

    :param store: the execution store.
    :param plan_id: the plan.
    """
    page = store.listings.page(ExecutionFilter(plan_id=plan_id), _LOOK_BACK)
    return History(page.items, past_of(page.items, has_older=page.cursor is not None))


def pasts_of(store: ExecutionStore, plan_ids: Iterable[str]) -> dict[str, PlanPast]:
    """
    What the cards of plans show of their executions.

    :param store: the execution store.
    :param plan_ids: the plans.
    """
    ids = list(plan_ids)
    return dict(zip(ids, _side_by_side(lambda plan_id: history_of(store, plan_id).past, ids), strict=True))


def waves_of(store: ExecutionStore, executions: Iterable[Record]) -> dict[str, list[Record]]:
    """
    The waves of executions, by execution id.

    :param store: the execution store.
    :param executions: EXECUTION records.
    """
    ids = [execution["executionId"] for execution in executions]
    documents = _side_by_side(store.get_document, ids)
    return {document["executionId"]: document["waves"] for document in documents}


def _side_by_side(read: Callable[[str], Found], ids: Sequence[str]) -> list[Found]:
    """Read one thing for each id; one after the other a page of many would take seconds."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(read, ids))
