"""What Airflow says of plans and runs; what is shown is shown without it when Airflow cannot be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Path

from drs_recovery.plan.model import BROKEN_TAG, DAG_ID_PREFIX, PLAN_TAG
from drs_recovery.web.airflow import Airflow, AirflowApi, AirflowPlanFacts, AirflowRun, path_of
from drs_recovery.web.problems import Problem
from drs_recovery.web.security import Person


@dataclass(frozen=True)
class AirflowPlans:
    """
    What Airflow says of plans.

    :param plans: by plan id; None if it could not be asked.
    :param problem: why not; empty if it could.
    """

    plans: Mapping[str, AirflowPlanFacts] | None
    problem: str = ""

    def of_those(self, person: Person) -> Mapping[str, AirflowPlanFacts] | None:
        """
        The plans that a person may see: Airflow also lists DAGs of which they may not read the runs.

        :param person: who looks.
        """
        if self.plans is None:
            return None
        return {plan_id: facts for plan_id, facts in self.plans.items() if person.sees_plan(plan_id)}


def _plan_id(
    plan_id: Annotated[
        str,
        # The longest id of a DAG in Airflow. Databases refuse control characters, each in its own way.
        Path(
            max_length=250,
            pattern=r"^[^\x00-\x1f\x7f]+$",
            description="Id of the plan; of a file whose id cannot be known, the name of the file",
            examples=["three-tier-crm"],
        ),
    ],
) -> str:
    return plan_id


PlanId = Annotated[str, Depends(_plan_id)]


async def _all_plans(airflow: Airflow) -> AirflowPlans:
    try:
        dags = await airflow.pages("/dags", "dags", tags=PLAN_TAG)
    except Problem as problem:
        return _unknown(problem)
    return AirflowPlans({_plan_of(dag): _facts(dag) for dag in dags})


async def _one_plan(plan_id: PlanId, airflow: Airflow) -> AirflowPlans:
    try:
        dag = await airflow.call("GET", path_of("dags", f"{DAG_ID_PREFIX}{plan_id}"))
    except Problem as problem:
        return AirflowPlans({}) if problem.status_code == HTTPStatus.NOT_FOUND else _unknown(problem)
    return AirflowPlans({plan_id: _facts(dag)})


async def run_of(airflow: AirflowApi, dag_id: str, run_id: str) -> AirflowRun | None:
    """
    Ask for a DAG run.

    :param airflow: in the name of whoever looks.
    :param dag_id: of the plan.
    :param run_id: of the run.
    :return: the run, without a state if there is none; None if Airflow could not be asked.
    """
    try:
        run = await airflow.call("GET", path_of("dags", dag_id, "dagRuns", run_id))
    except Problem as problem:
        return AirflowRun(None) if problem.status_code == HTTPStatus.NOT_FOUND else None
    return AirflowRun(run["state"])


def _unknown(problem: Problem) -> AirflowPlans:
    return AirflowPlans(None, f"Schedules and switches of the plans are not known: {problem.detail}.")


def _plan_of(dag: Mapping[str, Any]) -> str:
    return str(dag["dag_id"]).removeprefix(DAG_ID_PREFIX)


def _facts(dag: Mapping[str, Any]) -> AirflowPlanFacts:
    tags = [tag["name"] for tag in dag["tags"]]
    return AirflowPlanFacts(
        in_airflow=not dag["is_stale"],
        is_paused=dag["is_paused"],
        is_placeholder=BROKEN_TAG in tags,
        next_run=_seconds(dag["next_dagrun_run_after"]),
        has_import_error=dag["has_import_errors"],
        name=dag["dag_display_name"],
        tags=tuple(tag for tag in tags if tag not in (PLAN_TAG, BROKEN_TAG)),
    )


def _seconds(moment: str | None) -> float | None:
    return None if moment is None else datetime.fromisoformat(moment).timestamp()


AllPlansInAirflow = Annotated[AirflowPlans, Depends(_all_plans)]
PlanInAirflow = Annotated[AirflowPlans, Depends(_one_plan)]
