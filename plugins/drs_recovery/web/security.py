"""
Check rights with Airflow's auth manager, by the rights on the plan's DAG.

The right to read the runs of a plan's DAG shows the plan and its executions; the right to trigger that DAG
allows actions. The auth manager is asked about that very DAG and its team. The team of a DAG that Airflow
no longer has is unknown: the right must then hold for every team.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, get_user
from airflow.configuration import conf
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.team import Team
from airflow.utils.session import create_session
from fastapi import Depends, Request
from sqlalchemy import select

from drs_recovery.plan import DAG_ID_PREFIX
from drs_recovery.web.problems import Problem, forbidden, not_found

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod


@dataclass(frozen=True)
class DagTeams:
    """
    What Airflow's database says at one moment.

    :param team_of: id of a DAG that Airflow has to the name of its team, or None if it belongs to none.
    :param teams: names of all teams; none in an Airflow without teams.
    """

    team_of: Mapping[str, str | None]
    teams: frozenset[str]

    def possible_teams(self, dag_id: str) -> frozenset[str | None]:
        """The teams that a DAG may belong to; of one that is gone, nobody knows which it was."""
        if dag_id in self.team_of:
            return frozenset({self.team_of[dag_id]})
        return frozenset({None, *self.teams})


def read_dag_teams(dag_id: str | None = None) -> DagTeams:
    """
    Read of a DAG, or of the DAGs of all plans, whose they are; a plan's DAG stays when its file goes.

    :param dag_id: the DAG; None for those of all plans.
    """
    is_plan = DagModel.dag_id.startswith(DAG_ID_PREFIX, autoescape=True)
    wanted = (
        select(DagModel.dag_id, Team.name)
        .join(DagBundleModel, DagModel.bundle_name == DagBundleModel.name, isouter=True)
        .join(DagBundleModel.teams, isouter=True)
        .where(is_plan if dag_id is None else DagModel.dag_id == dag_id)
    )
    with create_session() as session:
        team_of = [(row[0], row[1]) for row in session.execute(wanted)]
        return DagTeams(dict(team_of), frozenset(session.scalars(select(Team.name))))


# Airflow's check, as a dependency of the whole app.
demand_user = get_user

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Person:
    """Whoever makes the request."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self._sees: dict[str, bool] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Id and name: plans name approvers by the one, records hold the other."""
        return str(self.user.get_id()), str(self.user.get_name())

    def may_read(self, dag_id: str) -> bool:
        """Whether they see the executions of a plan."""
        return self._may("GET", dag_id)

    def may_act(self, dag_id: str) -> bool:
        """Whether they may start, answer, cancel, retry and terminate executions of a plan."""
        return self._may("POST", dag_id)

    @cached_property
    def acts_on_all_plans(self) -> bool:
        """Whether they may act on executions of every plan that Airflow has a DAG of."""
        return all(map(self.may_act, self._plans_teams.team_of))

    @cached_property
    def visible_plan_ids(self) -> frozenset[str]:
        """Ids of the plans that they see and that Airflow has a DAG of."""
        dag_ids = get_auth_manager().get_authorized_dag_ids(user=self.user, method="GET")
        plans = [dag_id for dag_id in dag_ids if dag_id.startswith(DAG_ID_PREFIX) and self.may_read(dag_id)]
        return frozenset(dag_id.removeprefix(DAG_ID_PREFIX) for dag_id in plans)

    def sees_plan(self, plan_id: str) -> bool:
        """Whether they see a plan in lists, even one of which Airflow has no DAG any more."""
        if plan_id not in self._sees:
            dag_id = f"{DAG_ID_PREFIX}{plan_id}"
            is_known = dag_id in self._plans_teams.team_of
            self._sees[plan_id] = plan_id in self.visible_plan_ids if is_known else self.may_read(dag_id)
        return self._sees[plan_id]

    def listed_plan_ids(self, plan_id: str | None) -> frozenset[str] | None:
        """
        Ids of the plans of which a list can show executions to them; None if each one is to be asked about.

        Whoever sees not even all plans of today looks for the executions of theirs, however many there are of
        others. This is about effort only: :meth:`sees_plan` decides on each.

        :param plan_id: the only plan that is asked for, or None for all.
        """
        sees_all = len(self.visible_plan_ids) == len(self._plans_teams.team_of)
        return None if plan_id is not None or sees_all else self.visible_plan_ids

    def demand_read(self, dag_id: str, what: str) -> None:
        """Refuse, with 404, what they may not see, in the words of what does not exist."""
        if not self.may_read(dag_id):
            raise not_found(what)

    def demand_act(self, dag_id: str) -> None:
        """Refuse, with 403, what takes the right to trigger the plan's DAG."""
        if not self.may_act(dag_id):
            raise forbidden(
                f"you may not act on executions of this plan: it takes the right to trigger {dag_id}"
            )

    def _may(self, method: ResourceMethod, dag_id: str) -> bool:
        return all(
            get_auth_manager().is_authorized_dag(
                method=method,
                access_entity=DagAccessEntity.RUN,
                details=DagDetails(id=dag_id, team_name=team),
                user=self.user,
            )
            for team in self._teams(dag_id).possible_teams(dag_id)
        )

    def _teams(self, dag_id: str) -> DagTeams:
        return self._plans_teams if dag_id.startswith(DAG_ID_PREFIX) else read_dag_teams(dag_id)

    @cached_property
    def _plans_teams(self) -> DagTeams:
        return read_dag_teams()


def _person(user: GetUserDep) -> Person:
    return Person(user)


CurrentPerson = Annotated[Person, Depends(_person)]


async def demand_same_origin(request: Request) -> None:
    """
    Refuse a request that changes something and that another site made a browser send.

    A browser adds the cookie of Airflow's UI by itself, so a cookie proves no intention; a token in the
    header does. Browsers tell where a request comes from in ``Sec-Fetch-Site``, and older ones in ``Origin``
    (Fetch Metadata, W3C; Origin, RFC 6454). Neither can be set by a page's script. JSON is demanded as well,
    since a plain form cannot send it.

    :raises Problem: 403 or 415.
    """
    if request.method in _SAFE_METHODS:
        return
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "the body must be JSON (Content-Type: application/json)",
            "not-json",
        )
    if request.headers.get("authorization", "").lower().startswith("bearer "):
        return
    if not _is_same_origin(request):
        raise forbidden("the request comes from another site; use the console itself, or send a token")


def _is_same_origin(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    own = (str(request.base_url), conf.get("api", "base_url", fallback=""))
    return origin is not None and _origin(origin) in {_origin(url) for url in own if url}


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
