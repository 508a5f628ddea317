"""The console with the FAB auth manager: its roles, and rights on the runs of one DAG."""

from __future__ import annotations

from pathlib import Path

import pytest

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.store.executions import ExecutionStore
from tests.integration.web.conftest import HTML
from tests.integration.web.fab.stack import FabAirflow
from tests.integration.web.on_record import put_plan
from tests.integration.web.test_api_executions import LIST, opened, run_ids
from tests.plan_documents import application, database, plan

EVERYONE = ("admin", "operator", "user", "viewer")


@pytest.fixture
def executions(fab: FabAirflow, store: ExecutionStore) -> dict[str, str]:
    """Ids of an execution of each plan, by plan; that of a third one, whose DAG is gone."""
    snapshot = RecoveryPlan.model_validate(plan(database(), application())).model_dump(mode="json")
    return {
        plan_id: opened(store, "CHG1", plan_id, plan_snapshot=snapshot) for plan_id in ("crm", "erp", "gone")
    }


@pytest.mark.parametrize("user", EVERYONE)
def test_the_standard_roles_see_every_execution(
    fab: FabAirflow, executions: dict[str, str], user: str
) -> None:
    listed = fab.get(LIST, user)

    assert {item["planId"] for item in listed.json()["executions"]} == {"crm", "erp", "gone"}
    assert fab.get(f"{LIST}/{executions['erp']}", user).status_code == 200


@pytest.mark.parametrize("user", ["crm-reader", "crm-actor"])
def test_a_right_on_one_dag_shows_the_executions_of_its_plan_only(
    fab: FabAirflow, executions: dict[str, str], user: str
) -> None:
    for query in ({}, {"dagRunId": "CHG1"}):
        listed = fab.get(LIST, user, params=query)
        assert [item["planId"] for item in listed.json()["executions"]] == ["crm"]

    assert run_ids(fab.get(LIST, user, params={"plan": "erp"})) == []
    assert fab.get(f"{LIST}/{executions['crm']}", user).status_code == 200
    for plan_id in ("erp", "gone"):
        for part in ("", "/events"):
            assert fab.get(f"{LIST}/{executions[plan_id]}{part}", user).status_code == 404


def test_somebody_without_rights_sees_nothing(fab: FabAirflow, executions: dict[str, str]) -> None:
    assert fab.get(LIST, "nobody").json() == {"executions": []}
    assert fab.get(f"{LIST}/{executions['crm']}", "nobody").status_code == 404


@pytest.mark.parametrize(
    ("user", "crm", "erp"),
    [
        *[(user, 409, 409) for user in ("admin", "operator", "user")],
        ("viewer", 403, 403),
        ("crm-actor", 409, 404),
        ("crm-reader", 403, 404),
        ("nobody", 404, 404),
    ],
)
def test_who_may_trigger_a_dag_may_act_on_executions_of_its_plan_only(
    fab: FabAirflow, executions: dict[str, str], user: str, crm: int, erp: int
) -> None:
    # Airflow has no runs of these executions: whoever may act hears of that.
    for plan_id, status in (("crm", crm), ("erp", erp)):
        path = f"/recovery{LIST}/{executions[plan_id]}/actions/cancel"
        answer = fab.send("POST", path, user, json={"reason": "wrong plan"})
        assert (plan_id, answer.status_code) == (plan_id, status)


@pytest.mark.parametrize(
    ("user", "sees", "may_act"),
    [("admin", {"crm", "erp"}, True), ("crm-actor", {"crm"}, True), ("crm-reader", {"crm"}, False)],
)
def test_pages_show_the_plans_and_the_actions_that_are_somebodys(
    fab: FabAirflow, executions: dict[str, str], fab_plans: Path, user: str, sees: set[str], may_act: bool
) -> None:
    for plan_id in ("crm", "erp"):
        document = plan(database(), id=plan_id, name=f"Name of {plan_id}")
        put_plan(fab_plans / f"{plan_id}.yaml", document)

    listed = fab.get("/plans", user, headers=HTML).text
    shown = fab.get(f"/executions/{executions['crm']}", user, headers=HTML).text

    assert executions["crm"] in shown
    assert {plan_id for plan_id in ("crm", "erp") if f"Name of {plan_id}" in listed} == sees
    assert ("<dialog" in shown) is may_act


@pytest.mark.parametrize("path", [LIST, "/api/v1/openapi.json", "/"])
def test_nobody_is_let_in_without_a_token(fab: FabAirflow, path: str) -> None:
    assert fab.get(path, None).status_code == 401


def test_a_wrong_token_is_refused(fab: FabAirflow) -> None:
    answer = fab.get(LIST, None, headers={"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."})

    assert answer.status_code in (401, 403)
    assert answer.headers["content-type"] == "application/problem+json"
