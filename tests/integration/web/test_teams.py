"""What people of each team see in an Airflow of several teams: the plans of their own and of nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from airflow.models.dag import DagModel, DagTag
from airflow.models.dagbundle import DagBundleModel
from airflow.models.team import Team
from airflow.utils.session import create_session

from drs_recovery.plan.model import PLAN_TAG
from drs_recovery.statuses import ExecutionType
from drs_recovery.store.executions import ExecutionStore
from tests.integration.web.conftest import HTML, Console
from tests.integration.web.on_record import crm, opened, put_plan
from tests.integration.web.test_api_executions import LIST

# Plan to its team; the DAG of the last one is gone.
TEAMS = {"of-red": "red", "of-blue": "blue", "of-all": None}
GONE = "of-red-once"


@pytest.fixture
def teams(airflow_database: None) -> Iterator[None]:
    """Two teams, each with a plan, and a plan of no team."""
    with create_session() as session:
        for plan_id, name in TEAMS.items():
            bundle = DagBundleModel(name=f"bundle-{plan_id}")
            bundle.teams = [Team(name=name)] if name else []
            session.add(bundle)
            session.flush()
            dag_id = f"recover_{plan_id}"
            tags = [DagTag(name=PLAN_TAG, dag_id=dag_id)]
            where = {"bundle_name": bundle.name, "fileloc": "dags/recovery_plans.py"}
            session.add(DagModel(dag_id=dag_id, is_stale=False, tags=tags, **where))
    yield
    with create_session() as session:
        for plan_id in TEAMS:
            session.delete(session.get(DagModel, f"recover_{plan_id}"))
        session.flush()
        for plan_id in TEAMS:
            session.delete(session.get(DagBundleModel, f"bundle-{plan_id}"))
        for name in filter(None, TEAMS.values()):
            session.delete(session.get(Team, name))


@pytest.fixture
def executions(store: ExecutionStore, console: Console, teams: None) -> dict[str, str]:
    """Id of an execution of each plan, all of real recoveries of one ticket."""
    kind = ExecutionType.RECOVERY
    return {
        plan_id: opened(store, "r", plan_id, ticket="CHG1", execution_type=kind) for plan_id in (*TEAMS, GONE)
    }


class Member:
    """Somebody of some teams, who may act on what is theirs."""

    def __init__(self, console: Console, *teams: str, role: str = "op") -> None:
        self._api, self._token = console.core_api, console.core_api.token("ann", role, teams)

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self._api.send(method, f"/recovery{path}", self._token, **request)

    def lists(self, **query: str) -> set[str]:
        """Plans of which executions are listed."""
        found = self.send("GET", LIST, params=query).json()["executions"]
        return {item["planId"] for item in found}


@pytest.mark.parametrize(
    ("member_of", "role", "sees"),
    [
        (["red"], "op", {"of-red", "of-all"}),
        (["blue"], "viewer", {"of-blue", "of-all"}),
        ([], "op", {"of-all"}),
        # Whichever team the plan had whose DAG is gone, they belong to it.
        (["red", "blue"], "viewer", {*TEAMS, GONE}),
        (["red"], "admin", {*TEAMS, GONE}),
    ],
)
@pytest.mark.parametrize("query", [{}, {"type": "RECOVERY"}, {"ticket": "CHG1"}, {"status": "PENDING"}])
def test_lists_show_executions_of_a_members_teams_only(
    console: Console,
    executions: dict[str, str],
    member_of: list[str],
    role: str,
    sees: set[str],
    query: dict[str, str],
) -> None:
    member = Member(console, *member_of, role=role)

    assert member.lists(**query) == sees
    for plan_id, execution in executions.items():
        assert member.lists(plan=plan_id, **query) == sees & {plan_id}
        found = member.send("GET", f"{LIST}/{execution}").status_code
        assert (plan_id, found) == (plan_id, 200 if plan_id in sees else 404)


def test_an_execution_of_an_unknown_team_cannot_be_acted_on(
    console: Console, executions: dict[str, str]
) -> None:
    for plan_id in ("of-blue", GONE):
        path = f"{LIST}/{executions[plan_id]}/actions/cancel"
        refused = Member(console, "red").send("POST", path, json={"reason": "wrong plan"})
        assert (plan_id, refused.status_code) == (plan_id, 404)


def test_pages_tell_nothing_of_another_team(
    console: Console, executions: dict[str, str], plans: Path
) -> None:
    for plan_id in (*TEAMS, GONE):
        put_plan(plans / f"{plan_id}.yaml", crm(id=plan_id, name=f"Name of {plan_id}."))

    member = Member(console, "red")
    pages = [member.send("GET", path, headers=HTML).text for path in ("/", "/plans", "/executions")]

    for page in pages:
        # A page shows plans, executions, or both.
        assert executions["of-red"] in page or "Name of of-red." in page
        for hidden in ("of-blue", GONE):
            assert executions[hidden] not in page
            assert f"Name of {hidden}." not in page
    listed = member.send("GET", "/api/v1/plans").json()["plans"]
    assert {plan["planId"] for plan in listed} == {"of-red", "of-all"}
