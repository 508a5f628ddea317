"""Whose the DAGs of plans are in an Airflow of several teams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.team import Team
from airflow.utils.session import create_session
from sqlalchemy import select

from drs_recovery.plan.model import DAG_ID_PREFIX


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
        """
        The teams that a DAG may belong to; of one that is gone, nobody knows which it was.

        :param dag_id: the DAG.
        """
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
