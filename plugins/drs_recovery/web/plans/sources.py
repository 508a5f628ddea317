"""Collect plans for the console: plan files, their executions, what Airflow knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.facts import is_drill, is_good_drill
from drs_recovery.store.records import ExecutionFilter

Record = Mapping[str, Any]


class PlanKind(StrEnum):
    """What became of a plan's file; NO_FILE is of a plan that only Airflow knows."""

    GOOD = "GOOD"
    BROKEN = "BROKEN"
    NO_FILE = "NO_FILE"


@dataclass(frozen=True)
class PlanPast:
    """
    The executions of a plan that its card shows, as EXECUTION records.

    :param live: those that have not ended, newest first.
    :param last_drill: the newest drill that has ended, however it ended; no dry run.
    :param last_good_drill: the newest that :func:`~drs_recovery.store.facts.is_good_drill` accepts.
    :param last_recovery: the newest real recovery that has ended; no dry run.
    :param looked_back: how many executions were looked at, if there are older ones; None if all were.
    """

    live: tuple[Record, ...] = ()
    last_drill: Record | None = None
    last_good_drill: Record | None = None
    last_recovery: Record | None = None
    looked_back: int | None = None

    @property
    def where(self) -> str:
        """What was looked at, if it was not all: a thing that is not found there may be older."""
        return "" if self.looked_back is None else f"among its last {self.looked_back} executions"


def past_of(executions: Sequence[Record], *, has_older: bool) -> PlanPast:
    """
    Pick the executions that a card shows.

    :param executions: EXECUTION records of the plan, newest first.
    :param has_older: whether the plan has older ones.
    """
    ended = [one for one in executions if ExecutionStatus(one["status"]).is_final and not one.get("dryRun")]
    recoveries = (one for one in ended if one["executionType"] == ExecutionType.RECOVERY)
    return PlanPast(
        live=tuple(one for one in executions if not ExecutionStatus(one["status"]).is_final),
        last_drill=next(filter(is_drill, ended), None),
        last_good_drill=next(filter(is_good_drill, ended), None),
        last_recovery=next(recoveries, None),
        looked_back=len(executions) if has_older else None,
    )


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
