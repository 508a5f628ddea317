"""The plans of live executions: kept one by one, read in few questions, never in anybody's way."""

from __future__ import annotations

import time
from typing import Any

import pytest

from drs_recovery.opening.live_plans import (
    AFTERGLOW_SECONDS,
    KeptPlan,
    delete_plan,
    keep_plan,
    kept_plans,
    read_plan,
    versions_needed,
)
from drs_recovery.plan.model import RecoveryPlan
from tests.plan_documents import application, database, plan, web
from tests.unit.variables import Variables, variables_in_memory


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> Variables:
    return variables_in_memory(monkeypatch)


OPENED = RecoveryPlan.model_validate(plan(database(), application()))
EDITED = RecoveryPlan.model_validate(plan(database(), web()))
LARGE = RecoveryPlan.model_validate(
    {
        "schema_version": 1,
        "id": "l" * 63,
        "region": "us-east-1",
        "protection_groups": {
            f"group-{n}": {"servers": [f"s-{n:02d}{server:015d}" for server in range(25)]} for n in range(99)
        },
        "waves": [{"name": f"Wave {n} of many", "groups": [f"group-{n}"]} for n in range(99)],
    }
)


def execution(
    of: RecoveryPlan, name: str = "e1", kind: str = "DRILL", submitted: float = 1.0
) -> dict[str, Any]:
    return {
        "executionId": name,
        "dagId": of.dag_id,
        "dagRunId": f"run-{name}",
        "planHash": of.digest(),
        "planSnapshot": of.model_dump(mode="json"),
        "executionType": kind,
        "submittedTime": submitted,
    }


def test_what_is_kept_comes_back_as_it_was() -> None:
    keep_plan(execution(OPENED, kind="RECOVERY", submitted=5.5))

    (kept,) = kept_plans()
    found = read_plan(kept)

    assert (kept.dag_id, kept.execution_id) == ("recover_crm", "e1")
    assert found is not None
    assert (found.plan, found.is_recovery, found.submitted) == (OPENED, True, 5.5)
    assert (found.dag_run_id, found.ended) == ("run-e1", None)


def test_a_plan_of_99_waves_and_2500_servers_fits(variables: Variables) -> None:
    keep_plan(execution(LARGE, "0" * 36))

    ((key, value),) = variables.values.items()
    found = read_plan(kept_plans()[0])

    assert len(key) < 250
    assert len(value) < 64_000
    assert found is not None
    assert found.plan == LARGE


def test_each_execution_has_its_own_so_that_nobody_overwrites_another() -> None:
    for name in ("e1", "e2"):
        keep_plan(execution(OPENED, name))
    keep_plan(execution(RecoveryPlan.model_validate(plan(database(), id="crm-2")), "e3"))

    assert [kept.execution_id for kept in kept_plans("recover_crm")] == ["e1", "e2"]

    delete_plan(kept_plans("recover_crm")[0])
    assert [kept.execution_id for kept in kept_plans()] == ["e3", "e2"]


def test_while_the_file_is_as_it_was_nothing_is_read(variables: Variables) -> None:
    keep_plan(execution(OPENED))
    kept = kept_plans()
    variables.calls.clear()

    assert versions_needed(kept, OPENED) == (OPENED,)
    assert variables.calls == []


def test_beside_a_drill_the_dag_has_the_edited_plan_too_since_a_recovery_may_start() -> None:
    keep_plan(execution(OPENED))

    assert versions_needed(kept_plans(), EDITED) == (OPENED, EDITED)


def test_a_real_recovery_decides_first_and_keeps_the_dag_to_itself() -> None:
    keep_plan(execution(OPENED, "e1", submitted=1.0))
    recovered = RecoveryPlan.model_validate(plan(application()))
    keep_plan(execution(recovered, "e2", "RECOVERY", submitted=2.0))

    assert versions_needed(kept_plans(), EDITED) == (recovered, OPENED)


def test_a_broken_file_leaves_what_lives() -> None:
    keep_plan(execution(OPENED))

    assert versions_needed(kept_plans(), None) == (OPENED,)
    assert versions_needed([], None) == ()


def test_the_plan_of_an_ended_execution_stays_until_airflow_has_ended_its_run() -> None:
    now = time.time()
    keep_plan(execution(OPENED), ended=now - AFTERGLOW_SECONDS / 2)
    assert versions_needed(kept_plans(), None) == (OPENED,)

    keep_plan(execution(OPENED), ended=now - AFTERGLOW_SECONDS - 1)
    assert versions_needed(kept_plans(), None) == ()
    assert versions_needed(kept_plans(), EDITED) == (EDITED,)


@pytest.mark.parametrize("value", ["", "null", "{}", '{"plan": "!"}'])
def test_one_that_cannot_be_read_takes_no_other_with_it(variables: Variables, value: str) -> None:
    keep_plan(execution(OPENED, "e1"))
    keep_plan(execution(EDITED, "e2"))
    variables.values[kept_plans()[0].key] = value

    assert len(versions_needed(kept_plans(), None)) == 1


def test_names_that_are_none_of_ours_are_passed_over(variables: Variables) -> None:
    variables.values = {"drs_recovery_live.": "", "drs_recovery_live.a.b": "", "other": ""}

    assert kept_plans() == []


def test_trouble_with_airflow_is_nobodys_trouble_while_a_plan_is_kept(variables: Variables) -> None:
    variables.trouble = RuntimeError("the API server is away")

    keep_plan(execution(OPENED))

    assert read_plan(KeptPlan("recover_crm", "v", "e1")) is None
