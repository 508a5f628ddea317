"""Provide what an action needs: person, execution, store, and the lock for one person at a time."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from drs_recovery.exceptions import StoreError
from drs_recovery.hooks import AWS_ERRORS
from drs_recovery.installation import known_installation
from drs_recovery.plan import RecoveryPlan, plan_from_snapshot
from drs_recovery.store import TERMINATING_DAG, ExecutionDocument, ExecutionStore, is_same_person
from drs_recovery.waves import wave_label
from drs_recovery.web.airflow import Airflow, AirflowApi, path_of
from drs_recovery.web.allowed_actions import Rights, wave_of
from drs_recovery.web.dependencies import Store, VisibleExecution
from drs_recovery.web.problems import conflict
from drs_recovery.web.security import CurrentPerson, Person


@dataclass(frozen=True)
class Acting:
    """An action that is about to be carried out."""

    document: ExecutionDocument
    rights: Rights
    store: ExecutionStore
    airflow: AirflowApi

    @property
    def execution_id(self) -> str:
        """Id of the execution."""
        return str(self.document["executionId"])

    @property
    def actor(self) -> str:
        """How the record names the person."""
        return self.rights.user_name or self.rights.user_id

    @property
    def dag_id(self) -> str:
        """Of the plan."""
        return str(self.document["dagId"])

    @property
    def run_id(self) -> str:
        """Of the DAG run that the execution stands for."""
        return str(self.document["dagRunId"])

    @property
    def plan(self) -> RecoveryPlan:
        """
        The plan with which the execution was opened.

        :raises Problem: 409 if another version of this software wrote it, in a way that this one cannot read.
        """
        try:
            return plan_from_snapshot(self.document["planSnapshot"])
        except ValidationError as error:
            raise conflict(
                "The plan of this execution was written by another version of this software, and this one "
                f"cannot read it: nothing was done. Act on {self.dag_id} in Airflow."
            ) from error

    def path_of_run(self, *parts: str) -> str:
        """A path of Airflow's API below the DAG run."""
        return path_of("dags", self.dag_id, "dagRuns", self.run_id, *parts)

    def label(self, number: int) -> str:
        """How messages name a wave."""
        wave = wave_of(self.document, number)
        return f"wave {number}" if wave is None else f"wave {wave_label(wave)}"

    def is_me(self, *names: str | None) -> bool:
        """Whether names are those of the person who acts."""
        mine = (self.rights.user_id, self.rights.user_name)
        return any(is_same_person(name, *mine) for name in names if name)

    async def reread(self) -> Acting:
        """The same on what the record says now."""
        return replace(self, document=await run_in_threadpool(self.store.get_document, self.execution_id))


def rights_of(person: Person, dag_id: str) -> Rights:
    """What a person may do to executions of a plan."""
    user_id, user_name = person.names
    may_act, may_terminate = person.may_act(dag_id), person.may_act(TERMINATING_DAG)
    return Rights(user_id, user_name, may_act, may_terminate, known_installation())


def _acting(execution: VisibleExecution, person: CurrentPerson, store: Store, airflow: Airflow) -> Acting:
    person.demand_act(execution["dagId"])
    rights = rights_of(person, execution["dagId"])
    store.act_for(rights.installation)
    return Acting(store.get_document(execution["executionId"]), rights, store, airflow)


ActingPerson = Annotated[Acting, Depends(_acting)]
"""Who acts on the execution behind ``{execution_id}``; 404 if they may not see it, 403 if not act."""


# Seconds after which a turn is over although nobody gave it back; an action takes one or two.
_LONGEST = 15.0
# Seconds for which a request waits for its turn, and between two looks. Longer than the longest turn: nobody
# is refused because a server died in the middle of somebody else's.
PATIENCE = 20.0
_LOOK_INTERVAL = 0.2


@asynccontextmanager
async def turn(acting: Acting) -> AsyncIterator[Acting]:
    """
    Wait until nobody else acts on the execution, and keep others waiting until the end of the block.

    :raises Problem: 409 if it takes too long.
    """
    execution, holder = acting.execution_id, uuid.uuid4().hex
    until = time.monotonic() + PATIENCE
    while not await run_in_threadpool(acting.store.action_lock.acquire, execution, holder, _LONGEST):
        if time.monotonic() > until:
            raise conflict(
                "Another action on this execution is in progress: check its result, then try again."
            )
        await asyncio.sleep(_LOOK_INTERVAL)
    try:
        yield await acting.reread()
    finally:
        # It is over by itself soon: what was done is answered, also if the table cannot be reached any more.
        with suppress(StoreError, *AWS_ERRORS):
            await run_in_threadpool(acting.store.action_lock.release, execution, holder)
