"""With FAB, too, what acts on executions of another plan takes the right to that plan."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from drs_recovery.store.executions import ExecutionStore
from tests.integration.web.fab.stack import FabAirflow
from tests.integration.web.on_record import opened

TERMINATE = "/api/v2/dags/terminate_recovery_instances"
PROBLEM = "application/problem+json"


@pytest.fixture
def executions(fab: FabAirflow, store: ExecutionStore) -> dict[str, str]:
    """Ids of an execution of each plan, by plan."""
    return {plan_id: opened(store, plan_id=plan_id) for plan_id in ("crm", "erp")}


def trigger(fab: FabAirflow, user: str, path: str, **conf: Any) -> httpx.Response:
    return fab.send("POST", f"{path}/dagRuns", user, json={"conf": conf, "logical_date": None})


@pytest.mark.parametrize(
    ("user", "crm", "erp"),
    [("operator", 200, 200), ("crm-cleaner", 200, 404), ("crm-actor", 403, 404), ("nobody", 404, 404)],
)
def test_instances_are_terminated_by_who_may_act_on_their_plan(
    fab: FabAirflow, executions: dict[str, str], user: str, crm: int, erp: int
) -> None:
    answers = [trigger(fab, user, TERMINATE, execution_id=executions[plan]) for plan in ("crm", "erp")]

    assert [answer.status_code for answer in answers] == [crm, erp]


def test_an_old_termination_starts_over_for_who_may_act_on_its_plan(
    fab: FabAirflow, executions: dict[str, str]
) -> None:
    for plan_id, statuses in (("crm", [200, 200]), ("erp", [403, 200])):
        run = trigger(fab, "operator", TERMINATE, execution_id=executions[plan_id]).json()
        path = f"{TERMINATE}/dagRuns/{run['dag_run_id']}/clear"
        answers = [
            fab.send("POST", path, user, json={"dry_run": False}) for user in ("crm-cleaner", "operator")
        ]
        assert (plan_id, [answer.status_code for answer in answers]) == (plan_id, statuses)


def test_a_recovery_replaces_what_its_starter_may_act_on(fab: FabAirflow, executions: dict[str, str]) -> None:
    def replacing(user: str, plan_id: str) -> httpx.Response:
        real = {"execution_type": "RECOVERY", "replace_execution": executions[plan_id]}
        return trigger(fab, user, "/api/v2/dags/recover_crm", **real)

    refused, own, all_rights = (
        replacing(*asked) for asked in (("crm-actor", "erp"), ("crm-actor", "crm"), ("operator", "erp"))
    )

    assert (refused.status_code, refused.headers["content-type"]) == (404, PROBLEM)
    assert refused.json()["detail"] == f"there is no execution {executions['erp']} in the store"
    # These are Airflow's to answer, which has no more of the plan's DAG here than its name.
    assert PROBLEM not in {answer.headers["content-type"] for answer in (own, all_rights)}
