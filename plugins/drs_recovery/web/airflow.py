"""
Ask Airflow's public REST API inside this process on behalf of the requester.

Pages are shown without what Airflow knows while it cannot be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

import httpx
from fastapi import Depends, Path, Request

from drs_recovery.plan import BROKEN_TAG, DAG_ID_PREFIX, PLAN_TAG
from drs_recovery.web.mount import HOST_APP
from drs_recovery.web.problems import Problem, unavailable
from drs_recovery.web.security import Person

# What identifies a person, and what Airflow's own checks may look at.
_PASSED_ON = ("authorization", "cookie", "x-forwarded-for", "x-forwarded-proto", "user-agent")


class AirflowApi:
    """
    Calls Airflow's API without a network in between, with the caller's own token or cookie.

    So their rights count, and Airflow's audit log names them.
    """

    def __init__(self, app: Any, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = {name: headers[name] for name in _PASSED_ON if name in headers}

    async def call(self, method: str, path: str, **request: Any) -> Any:
        """
        Make a call and return its JSON.

        :param path: behind ``/api/v2``, made with :func:`path_of`.
        :param request: ``params``, ``json``.
        :raises Problem: Airflow's refusal with its status, or 503 when Airflow itself fails.
        """
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://airflow", headers=self._headers
        ) as client:
            answer = await client.request(method, f"/api/v2{path}", **request)
        if answer.is_server_error:
            raise unavailable(
                f"Airflow cannot answer now ({answer.status_code}): its API server's log says why"
            )
        if answer.is_error:
            raise Problem(answer.status_code, _detail(answer), _code(answer.status_code))
        return answer.json() if answer.content else None

    async def pages(self, path: str, member: str, **params: Any) -> list[Any]:
        """Read a whole list, page by page; the path as in :meth:`call`."""
        found: list[Any] = []
        while True:
            answer = await self.call("GET", path, params={**params, "limit": 100, "offset": len(found)})
            found += answer[member]
            if not answer[member] or len(found) >= answer["total_entries"]:
                return found


def path_of(*parts: str) -> str:
    """A path of the API; a run id may hold anything."""
    return "".join(f"/{quote(part, safe='~')}" for part in parts)


def _detail(answer: httpx.Response) -> str:
    """What Airflow says; its form depends on the kind of the error."""
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"Airflow refused it ({answer.status_code})"
    if isinstance(detail, dict):
        detail = detail.get("reason") or detail.get("message") or detail
    return f"Airflow refused it: {detail}"


def _code(status: int) -> str:
    known = {
        HTTPStatus.FORBIDDEN: "forbidden",
        HTTPStatus.NOT_FOUND: "not-found",
        HTTPStatus.CONFLICT: "conflict",
    }
    return known.get(HTTPStatus(status), "refused-by-airflow")


def _airflow_api(request: Request) -> AirflowApi:
    return AirflowApi(request.scope[HOST_APP], request.headers)


Airflow = Annotated[AirflowApi, Depends(_airflow_api)]


@dataclass(frozen=True)
class AirflowPlanFacts:
    """
    What Airflow knows of a plan's DAG.

    :param is_placeholder: whether the DAG carries the tag ``broken-plan``.
    :param next_run: epoch seconds of the next scheduled drill; None if there is none or Airflow does not say.
    """

    in_airflow: bool
    is_paused: bool = False
    is_placeholder: bool = False
    next_run: float | None = None
    has_import_error: bool = False
    name: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class AirflowRun:
    """State of the DAG run behind an execution, such as ``running``; None if the run was deleted."""

    state: str | None


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
        """The plans that a person may see: Airflow also lists DAGs of which they may not read the runs."""
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
            description="Id of the plan; if the file has no readable id, the name of the file",
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
    """Ask for a DAG run, which has no state if it was deleted; None if Airflow could not be asked."""
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
