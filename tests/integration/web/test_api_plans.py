"""Plans over the API: what is proven of them, what is wrong with them, and who sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.web.api.plans import PlanDetail, PlanList
from tests.integration.web.conftest import Console
from tests.integration.web.on_record import crm, drill, opened, put_plan

PLANS = "/api/v1/plans"


def plan_ids(answer: Any) -> set[str]:
    return {plan["planId"] for plan in answer.json()["plans"]}


def test_a_drilled_plan_tells_what_is_proven_of_it(
    console: Console, store: ExecutionStore, plans: Path
) -> None:
    document = crm(objectives={"rto": "PT1H"}, owner="crm-team", tags=["crm", "tier-1"])
    put_plan(plans / "crm.yaml", document)
    good = drill(store, document)
    failed = opened(store, "failed")
    store.ending.finalize(failed, ExecutionStatus.FAILED)
    live = opened(store, "live", execution_type=ExecutionType.RECOVERY)

    answer = console.get(PLANS, "viewer")

    PlanList.model_validate_json(answer.content)
    [plan] = answer.json()["plans"]
    rto = plan["objectives"]["rto"]
    assert (plan["planId"], plan["owner"], plan["tier"], plan["tags"]) == (
        "crm",
        "crm-team",
        "tier-1",
        ["crm"],
    )
    assert (plan["kind"], plan["errors"]) == ("GOOD", [])
    assert plan["proof"]["state"] == "FRESH"
    assert plan["proof"]["age"] == 0
    assert plan["lastGoodDrill"]["executionId"] == good
    assert (plan["lastDrill"]["executionId"], plan["lastDrill"]["status"]) == (failed, "FAILED")
    assert [one["executionId"] for one in plan["liveExecutions"]] == [live]
    assert "lastRecovery" not in plan
    assert (rto["state"], rto["objective"]) == ("MET", 3600)
    assert rto["measured"] == plan["lastGoodDrill"]["measured"]["rto"]
    assert plan["objectives"]["rpo"]["state"] == "NO_OBJECTIVE"
    assert plan["changedSinceGoodDrill"] is False


def test_one_plan_tells_what_changed_since_its_last_good_drill(
    console: Console, store: ExecutionStore, plans: Path
) -> None:
    drill(store, crm())
    put_plan(plans / "crm.yaml", crm(name="CRM 2", objectives={"rto": "PT1H"}))

    answer = console.get(f"{PLANS}/crm", "viewer")

    PlanDetail.model_validate_json(answer.content)
    plan = answer.json()
    assert plan["planName"] == "CRM 2"
    assert plan["changes"]["state"] == "CHANGED"
    assert plan["changes"]["changes"] == [{"place": "Plan", "what": "objective RTO added: 1 h"}]
    assert [change["place"] for change in plan["changes"]["texts"]] == ["Plan"]
    assert [wave["waveName"] for wave in plan["waves"]] == ["Database", "Application"]


def test_a_broken_plan_is_told_with_every_error(console: Console, plans: Path) -> None:
    put_plan(plans / "erp.yaml", {"schema_version": 1, "waves": [], "owner": 5})

    for plan in (console.get(PLANS).json()["plans"][0], console.get(f"{PLANS}/erp").json()):
        assert (plan["kind"], plan["canStart"]) == ("BROKEN", False)
        assert ("erp.yaml", "owner") in [(error["file"], error["place"]) for error in plan["errors"]]
        assert len(plan["errors"]) > 1
        assert plan["proof"]["state"] == "NEVER"


def test_a_plan_that_is_not_on_record_yet_is_told_from_airflow(console: Console, known_dags: None) -> None:
    answer = console.get(PLANS).json()

    assert {"crm", "erp", "secret"} <= {plan["planId"] for plan in answer["plans"]}
    assert {plan["kind"] for plan in answer["plans"]} == {"NO_FILE"}


def test_who_may_not_see_a_plan_does_not_find_it(console: Console, plans: Path, hidden_plan: str) -> None:
    put_plan(plans / "secret.yaml", crm(id=hidden_plan))
    hidden, missing = (console.get(f"{PLANS}/{one}", "viewer") for one in (hidden_plan, "nothing"))

    assert hidden_plan not in plan_ids(console.get(PLANS, "viewer"))
    assert hidden_plan in plan_ids(console.get(PLANS))
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text.replace(hidden_plan, "nothing") == missing.text


@pytest.fixture
def plan_without_runs(known_dags: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """A plan whose DAG everybody may read, but not its runs."""
    allowed = SimpleAuthManager.is_authorized_dag

    def is_authorized_dag(self: Any, *, access_entity: Any = None, details: Any = None, **more: Any) -> bool:
        single = details is not None and details.id in {"recover_crm", "recover_erp"}
        if access_entity is DagAccessEntity.RUN and not single:
            return False
        return allowed(self, access_entity=access_entity, details=details, **more)

    monkeypatch.setattr(SimpleAuthManager, "is_authorized_dag", is_authorized_dag)
    return "secret"


def test_the_right_to_read_a_dag_does_not_show_its_executions(
    console: Console, store: ExecutionStore, plan_without_runs: str
) -> None:
    opened(store, "r", plan_without_runs)

    assert plan_ids(console.get(PLANS, "viewer")) >= {"crm", "erp"}
    assert plan_without_runs not in plan_ids(console.get(PLANS, "viewer"))
    assert plan_without_runs not in console.get("/plans", "viewer", html=True).text


@pytest.mark.parametrize("path", [PLANS, f"{PLANS}/crm"])
def test_an_unchanged_plan_is_sent_once(
    console: Console, store: ExecutionStore, plans: Path, path: str
) -> None:
    put_plan(plans / "crm.yaml", crm())
    tag = console.get(path).headers["etag"]

    assert console.get(path, headers={"If-None-Match": tag}).status_code == 304
    opened(store)
    assert console.get(path, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("path", [PLANS, f"{PLANS}/crm"])
def test_a_query_that_is_not_known_is_refused_by_name(console: Console, path: str) -> None:
    answer = console.get(f"{path}?owner=crm-team")

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/query/owner"]


def test_what_can_be_no_plan_id_is_refused(console: Console) -> None:
    answer = console.get(f"{PLANS}/a%00b")

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/path/plan_id"]
