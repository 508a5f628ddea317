"""Where the console gets its plans from: the plan files, and what became of the plans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from drs_recovery.exceptions import PlanError
from drs_recovery.plan.cache import load_plans
from drs_recovery.plan.loader import LoadedPlans
from drs_recovery.settings import plans_dir
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.records import ExecutionFilter
from drs_recovery.web.plans.history import past_of
from drs_recovery.web.plans.inputs import PlanPast, Record
from drs_recovery.web.security import Person

# How far back cards and charts look.
_LOOK_BACK = 50
# As many connections as the store's client keeps open.
_AT_ONCE = 10

Found = TypeVar("Found")


@dataclass(frozen=True)
class PlansRead:
    """
    What the plans folder holds now.

    :param loaded: the plans, good and broken; empty if the folder is not there.
    :param notice: why the folder could not be read; empty if it could.
    """

    loaded: LoadedPlans = field(default_factory=LoadedPlans)
    notice: str = ""


@dataclass(frozen=True)
class History:
    """
    The newest executions of a plan.

    :param executions: EXECUTION records, newest first.
    :param past: those that its card shows.
    """

    executions: list[dict[str, Any]]
    past: PlanPast


def read_plans(person: Person) -> PlansRead:
    """
    The plans of which there are files, as far as a person may see them.

    :param person: who looks.
    """
    try:
        loaded = load_plans(plans_dir())
    except PlanError as error:
        reasons = "; ".join(problem.message for problem in error.problems)
        return PlansRead(notice=f"The plan files are not on this web server: {reasons}")

    def part(whole: Mapping[str, Any]) -> dict[str, Any]:
        return {plan_id: one for plan_id, one in whole.items() if person.sees_plan(plan_id)}

    return PlansRead(LoadedPlans(part(loaded.plans), part(loaded.broken), part(loaded.sources)))


def plan_names(person: Person) -> list[tuple[str, str]]:
    """
    Id and name of each plan that a person may see, by name.

    :param person: who looks.
    """
    loaded = read_plans(person).loaded
    names = {plan_id: plan_id for plan_id in loaded.broken}
    names |= {plan_id: plan.name for plan_id, plan in loaded.plans.items()}
    return sorted(names.items(), key=lambda one: one[1].casefold())


def history_of(store: ExecutionStore, plan_id: str) -> History:
    """
    The newest executions of a plan.

    :param store: the execution store.
    :param plan_id: the plan.
    """
    page = store.list_executions(ExecutionFilter(plan_id=plan_id), _LOOK_BACK)
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
