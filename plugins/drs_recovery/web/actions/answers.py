"""What an action answers: what was asked for, and what happens next."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from drs_recovery.web.actions.context import Acting
from drs_recovery.web.airflow import path_of
from drs_recovery.web.allowed_actions import ActionKind
from drs_recovery.web.problems import Problem, conflict


class ActionTaken(BaseModel):
    """An action that Airflow has taken; the record shows what comes of it."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    action: ActionKind = Field(description="What was asked for")
    outcome: str = Field(
        description="What was done and what happens next, for people",
        examples=['Airflow has taken your approval of wave 2 "Application": the wave starts within seconds.'],
    )
    execution_id: str = Field(examples=["6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10"])
    wave: int | None = Field(None, description="Number of the wave, from 1, if it is about one")
    actor: str = Field(description="Who asked, as the record names them", examples=["dba-lead"])
    time: float = Field(description="When it was taken, in epoch seconds", examples=[1789552995.1])
    dag_run_id: str | None = Field(None, description="The DAG run that carries it out")


def taken(acting: Acting, kind: ActionKind, outcome: str, **more: Any) -> ActionTaken:
    """
    Say that an action was taken now.

    :param acting: who did what to what.
    :param kind: which action.
    :param outcome: for people.
    :param more: other fields of the answer.
    """
    fields = {"dag_run_id": acting.run_id, "time": round(time.time(), 3), **more}
    return ActionTaken(
        action=kind, outcome=outcome, execution_id=acting.execution_id, actor=acting.actor, **fields
    )


def seconds(text: str) -> float:
    """
    A moment of Airflow's API in epoch seconds, as the record has them.

    :param text: ISO-8601.
    """
    return round(datetime.fromisoformat(text).timestamp(), 3)


async def is_paused(acting: Acting, dag_id: str) -> bool:
    """
    Whether nobody works on the runs of a DAG, because it is paused.

    :param acting: who asks.
    :param dag_id: the DAG.
    """
    try:
        dag = await acting.airflow.call("GET", path_of("dags", dag_id))
    except Problem:
        # Its file is gone or it is hidden: what is to be done with its run says so better.
        return False
    return bool(dag["is_paused"])


async def warning(acting: Acting) -> str:
    """A sentence about what keeps Airflow from carrying the action out; empty if nothing does."""
    if not await is_paused(acting, acting.dag_id):
        return ""
    return f" But {acting.dag_id} is paused in Airflow: nothing happens before somebody unpauses it."


async def demand_unpaused(acting: Acting, dag_id: str) -> None:
    """
    Refuse what would begin at an unknown time, whenever somebody unpauses a DAG.

    :raises Problem: 409.
    """
    if await is_paused(acting, dag_id):
        raise conflict(f"{dag_id} is paused in Airflow: nothing was done. Unpause it there, then ask again.")


def run_is_gone(acting: Acting) -> Problem:
    """Airflow does not know the DAG run of the execution."""
    return conflict(
        f"Airflow has no DAG run {acting.run_id} of {acting.dag_id} any more: somebody deleted it. Nothing "
        "more starts, and housekeeping closes the record within about 15 minutes."
    )
