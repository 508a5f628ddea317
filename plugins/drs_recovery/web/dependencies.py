"""Where routes get what they show: the store, and the execution that the person may see."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path

from drs_recovery import recorded_plans
from drs_recovery.configured_store import execution_store
from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.plan import LoadedPlans
from drs_recovery.statuses import ExecutionType
from drs_recovery.store import ExecutionRecord, ExecutionStore
from drs_recovery.web.security import CurrentPerson, Person
from drs_recovery.web.shared import RunSummary, run_summary


@cache
def kept_store() -> ExecutionStore:
    """The store as all requests share it."""
    # A client takes 30-90 ms to make, and any number of threads may use it.
    return execution_store(hasty=True)


def forget_store() -> None:
    """Make the next request open the store anew."""
    kept_store.cache_clear()


def _store() -> ExecutionStore:
    return kept_store()


Store = Annotated[ExecutionStore, Depends(_store)]

ExecutionId = Annotated[
    UUID, Path(description="Id of the execution", examples=["6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10"])
]


def _visible_execution(execution_id: ExecutionId, store: Store, person: CurrentPerson) -> ExecutionRecord:
    execution = store.get_execution(str(execution_id))
    # In the very words of one that does not exist.
    person.demand_read(execution["dagId"], str(ExecutionNotFoundError(str(execution_id))))
    return execution


VisibleExecution = Annotated[ExecutionRecord, Depends(_visible_execution)]
"""The EXECUTION record behind ``{execution_id}``; 404 if there is none that this person may see."""


def read_plans(store: ExecutionStore, person: Person) -> LoadedPlans:
    """The current plans, as far as a person may see them."""
    loaded = recorded_plans.read_plans(store)

    def part(whole: Mapping[str, Any]) -> dict[str, Any]:
        return {plan_id: one for plan_id, one in whole.items() if person.sees_plan(plan_id)}

    return LoadedPlans(part(loaded.plans), part(loaded.broken), part(loaded.sources))


def plan_names(store: ExecutionStore, person: Person) -> list[tuple[str, str]]:
    """Id and name of each plan that a person may see, by name."""
    loaded = read_plans(store, person)
    names = {plan_id: plan_id for plan_id in loaded.broken}
    names |= {plan_id: plan.name for plan_id, plan in loaded.plans.items()}
    return sorted(names.items(), key=lambda one: one[1].casefold())


def _live_recoveries(store: Store, person: CurrentPerson) -> tuple[RunSummary, ...]:
    found = store.listings.live(ExecutionType.RECOVERY)
    seen = (run_summary(one) for one in found if person.sees_plan(one["planId"]))
    return tuple(one for one in seen if one.badge.is_alarm)


LiveRecoveries = Annotated[tuple[RunSummary, ...], Depends(_live_recoveries)]
"""The live real recoveries of plans that the person may see, the newest first."""
