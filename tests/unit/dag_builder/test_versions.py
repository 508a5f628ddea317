"""The DAG of a plan whose file changed while executions of it run: it has the tasks of all of them."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from drs_recovery.dag_builder.builder import build_broken_dag, build_dag
from drs_recovery.exceptions import PlanError, PlanProblem
from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.plan.task_ids import FINALIZE, OPEN, PUBLISH, wave_task_ids
from tests.plan_documents import application, database, plan, web

ERROR = PlanError([PlanProblem("crm.yaml", "waves[0]", "is wrong")])


def of(*waves: dict[str, Any], names: tuple[str, ...] = (), **fields: Any) -> RecoveryPlan:
    document = plan(*waves, **fields)
    for wave, name in zip(document["waves"], names, strict=False):
        wave["name"] = name
    return RecoveryPlan.model_validate(document)


def tasks_of(version: RecoveryPlan) -> set[str]:
    return {OPEN, FINALIZE, PUBLISH, *wave_task_ids(version, range(1, len(version.waves) + 1))}


def before(dag: DAG, task_id: str) -> set[str]:
    return set(dag.task_dict[task_id].upstream_task_ids)


OPENED = of(database(), application(pause_before=True, on_failure="ask"), web())


def test_the_names_of_a_plans_tasks_are_those_of_its_dag() -> None:
    assert set(build_dag(OPENED).task_dict) == tasks_of(OPENED)


@pytest.mark.parametrize(
    "edited",
    [
        of(database(), web()),
        of(database(), application(), web(), names=("Database", "Other", "Web")),
        of(web(depends_on=["Application"]), application(depends_on=[]), names=("Web", "Application")),
        of(database(pause_before=True)),
    ],
    ids=["removed", "renamed", "turned round", "gated"],
)
def test_an_edited_plan_has_the_tasks_of_both_versions(edited: RecoveryPlan) -> None:
    dag = build_dag(edited, (OPENED, edited))

    assert set(dag.task_dict) == tasks_of(OPENED) | tasks_of(edited)
    assert before(dag, FINALIZE) >= {f"{OPENED.group_task_id(n)}.enrich_instances" for n in (1, 3)}
    # Airflow takes it: no circle, no task twice.
    assert set(DagSerialization.from_dict(DagSerialization.to_dict(dag)).task_dict) == set(dag.task_dict)


def test_shared_waves_have_the_order_of_the_first_version() -> None:
    turned = of(
        database(depends_on=["Application"]), application(depends_on=[]), approval={"recovery": False}
    )
    opened = of(database(), application(), approval={"recovery": False})
    start = "wave_02_application.start_recovery"

    assert before(build_dag(turned, (opened, turned)), start) == {"wave_01_database.enrich_instances"}
    assert before(build_dag(turned, (turned, opened)), start) == {OPEN}


def test_a_gate_and_a_question_of_any_version_are_there_and_the_order_holds() -> None:
    plain = of(database(), application(), web(), approval={"recovery": False})

    dag = build_dag(plain, (plain, OPENED))

    assert before(dag, "wave_02_application.start_recovery") == {"wave_02_application.approve"}
    assert before(dag, "wave_02_application.approve") == {"wave_01_database.enrich_instances"}
    assert before(dag, "wave_03_web.start_recovery") == {"wave_02_application.decide"}


def test_an_edited_plan_is_shown_as_it_is_now_and_says_that_another_version_runs() -> None:
    edited = of(database(), name="New name", schedule={"cron": "0 3 * * *"})

    dag = build_dag(edited, (OPENED, edited))

    assert dag.dag_display_name == "New name"
    assert "another version" in (dag.doc_md or "")
    assert "another version" not in (build_dag(edited).doc_md or "")
    assert dag.timetable.can_be_scheduled
    assert "(Database)" in dag.params.get_param("waves").description
    assert "(Web)" not in dag.params.get_param("waves").description


def test_the_broken_plan_of_a_live_execution_keeps_its_tasks_and_is_not_paused() -> None:
    dag = build_broken_dag("crm", ERROR, (OPENED,))

    assert set(dag.task_dict) == tasks_of(OPENED)
    assert dag.is_paused_upon_creation is False
    assert dag.task_dict[FINALIZE].is_teardown
    assert "broken-plan" in dag.tags
    assert "crm.yaml: waves[0]: is wrong" in (dag.doc_md or "")
    assert "until it has ended" in (dag.doc_md or "")
    assert dag.task_dict[OPEN].plan is None
    assert dag.task_dict[OPEN].problems == "crm.yaml: waves[0]: is wrong"


def test_a_plan_that_never_was_anything_else_is_a_paused_dag_of_one_task() -> None:
    assert list(build_broken_dag("crm", ERROR).task_dict) == [OPEN]
