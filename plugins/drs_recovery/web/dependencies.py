"""Where routes get what they show: the store, and the execution that the person may see."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path

from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.settings import execution_store
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.web.security import CurrentPerson


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


def _visible_execution(execution_id: ExecutionId, store: Store, person: CurrentPerson) -> dict[str, Any]:
    execution = store.get_execution(str(execution_id))
    # In the very words of one that does not exist.
    person.demand_read(execution["dagId"], str(ExecutionNotFoundError(str(execution_id))))
    return execution


VisibleExecution = Annotated[dict[str, Any], Depends(_visible_execution)]
"""The EXECUTION record behind ``{execution_id}``; 404 if there is none that this person may see."""
