"""The DAG of a plan: its tasks, their order and rules, its trigger form and its schedule."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from airflow.sdk import DAG
from airflow.sdk.definitions.param import process_params
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction

from drs_recovery.dag_builder.builder import build_broken_dag, build_dag
from drs_recovery.dag_builder.shared_dags import housekeeping_dag, termination_dag
from drs_recovery.dag_builder.trigger_form import trigger_form
from drs_recovery.exceptions import PlanError, PlanProblem
from drs_recovery.opening.options import OPTION_NAMES
from drs_recovery.plan.model import RecoveryPlan
from tests.plan_documents import application, database, plan, web


def dag_of(*waves: dict[str, Any], **fields: Any) -> DAG:
    return build_dag(RecoveryPlan.model_validate(plan(*waves, **fields)))


NO_GATES = {"approval": {"recovery": False}}


def edges(dag: DAG) -> set[tuple[str, str]]:
    return {(task.task_id, behind) for task in dag.tasks for behind in task.downstream_task_ids}


def test_a_plan_of_one_wave_without_gates_has_six_tasks() -> None:
    dag = dag_of(database(), **NO_GATES)
    wave = "wave_01_database"

    assert dag.dag_id == "recover_crm"
    assert edges(dag) == {
        ("open_execution", f"{wave}.start_recovery"),
        ("open_execution", "finalize_execution"),
        (f"{wave}.start_recovery", f"{wave}.wait_for_launch"),
        (f"{wave}.start_recovery", f"{wave}.enrich_instances"),
        (f"{wave}.wait_for_launch", f"{wave}.enrich_instances"),
        (f"{wave}.enrich_instances", "finalize_execution"),
        ("finalize_execution", "publish_end"),
    }


def test_a_gate_is_in_front_of_its_wave_and_the_approval_of_a_recovery_before_the_first() -> None:
    dag = dag_of(database(), application(pause_before=True), web())

    gates = sorted(task for task in dag.task_dict if task.endswith(".approve"))

    assert gates == ["wave_01_database.approve", "wave_02_application.approve"]
    assert ("open_execution", "wave_01_database.approve") in edges(dag)
    assert ("wave_01_database.enrich_instances", "wave_02_application.approve") in edges(dag)
    assert ("wave_02_application.approve", "wave_02_application.start_recovery") in edges(dag)


def test_waves_follow_the_waves_they_depend_on_in_whatever_order_the_file_has_them() -> None:
    dag = dag_of(
        database(depends_on=["Web"]),
        application(depends_on=["Database", "Web"]),
        web(depends_on=[]),
        **NO_GATES,
    )

    starts = {edge for edge in edges(dag) if edge[1].endswith("start_recovery")}

    assert starts == {
        ("open_execution", "wave_03_web.start_recovery"),
        ("wave_03_web.enrich_instances", "wave_01_database.start_recovery"),
        ("wave_01_database.enrich_instances", "wave_02_application.start_recovery"),
        ("wave_03_web.enrich_instances", "wave_02_application.start_recovery"),
    }


def test_the_last_task_is_a_teardown_without_setups_that_can_fail_the_run() -> None:
    dag = dag_of(database(), application())
    last = dag.get_task("finalize_execution")

    assert last.is_teardown
    assert last.on_failure_fail_dagrun
    assert not any(task.is_setup for task in dag.tasks)
    assert last.downstream_task_ids == {"publish_end"}


def test_every_wave_leads_to_the_last_task_so_that_none_is_skipped_over() -> None:
    dag = dag_of(database(), application(), web())

    assert dag.get_task("finalize_execution").upstream_task_ids == {
        "open_execution",
        "wave_01_database.enrich_instances",
        "wave_02_application.enrich_instances",
        "wave_03_web.enrich_instances",
    }


@pytest.mark.parametrize(
    ("task", "rule"),
    [
        ("wave_01_database.approve", "none_failed"),
        ("wave_01_database.start_recovery", "none_failed"),
        ("wave_02_application.approve", "all_done"),
        ("wave_02_application.start_recovery", "none_failed"),
        ("wave_03_web.start_recovery", "all_done"),
        ("wave_03_web.wait_for_launch", "all_success"),
        ("wave_03_web.enrich_instances", "all_done"),
    ],
)
def test_the_first_step_behind_other_waves_runs_however_they_ended_and_the_others_behind_it(
    task: str, rule: str
) -> None:
    dag = dag_of(database(), application(pause_before=True), web())

    assert dag.get_task(task).trigger_rule == rule


def test_every_step_can_be_run_again_soon() -> None:
    for task in dag_of(database(), application(pause_before=True)).tasks:
        assert task.retries >= 2, task.task_id
        assert task.retry_delay.total_seconds() <= 10, task.task_id


def test_the_trigger_form_has_the_options_and_their_defaults() -> None:
    form = trigger_form(RecoveryPlan.model_validate(plan(database(), web())))

    assert set(form) == set(OPTION_NAMES)
    assert form["execution_type"].value == "DRILL"
    assert form["dry_run"].value is False
    assert "1 (Database), 2 (Application)" in form["waves"].description


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("execution_type", "TEST"),
        ("waves", "Database"),
        ("waves", [1.5]),
        ("dry_run", "yes"),
        ("ticket", 7),
        ("ticket", "x" * 257),
        ("point_in_time", 7),
    ],
)
def test_the_trigger_form_refuses_values_of_the_wrong_kind(name: str, value: Any) -> None:
    schema = trigger_form(RecoveryPlan.model_validate(plan(database())))[name].schema

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, schema)


def test_the_form_is_the_dags_alone_and_reaches_every_task_with_what_was_chosen() -> None:
    dag = dag_of(database(on_failure="ask"), application(pause_before=True), web())
    dag = DagSerialization.from_dict(DagSerialization.to_dict(dag))

    assert set(dag.params) == set(OPTION_NAMES)
    # What is in a task's own params is copied, checked and stored with each task at every parse.
    assert {name for task in dag.tasks for name in task.params} == {"comment"}
    for task in dag.tasks:
        seen = process_params(dag, task, {"ticket": "CHG1"}, suppress_exception=False)
        assert set(seen) - {"comment"} == set(OPTION_NAMES)
        assert (seen["ticket"], seen["execution_type"]) == ("CHG1", "DRILL")


def test_a_plan_without_a_schedule_runs_only_when_somebody_triggers_it() -> None:
    dag = dag_of(database())

    assert dag.schedule is None
    assert dag.catchup is False
    assert dag.is_paused_upon_creation is False


@pytest.mark.parametrize("value", ["off", "False", "OFF", "maybe"])
def test_an_installation_that_stands_by_runs_no_schedule(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__SCHEDULES", value)
    assert dag_of(database(), schedule={"cron": "0 2 * * *"}).schedule is None

    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__SCHEDULES", "on")
    assert dag_of(database(), schedule={"cron": "0 2 * * *"}).schedule is not None


@pytest.mark.parametrize(
    ("after", "first"), [("2026-01-15", "2026-02-01T08:00Z"), ("2026-06-15", "2026-07-01T07:00Z")]
)
def test_a_schedule_keeps_its_time_zone_in_winter_and_in_summer(after: str, first: str) -> None:
    dag = dag_of(database(), schedule={"cron": "0 3 1 * *", "timezone": "America/New_York"})
    begin = datetime.fromisoformat(after).replace(tzinfo=UTC)

    scheduled = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(begin, None, catchup=True)
    )

    assert scheduled.run_after == datetime.fromisoformat(first)
    assert dag.catchup is False


def test_names_tags_and_owner_come_from_the_plan() -> None:
    dag = dag_of(database(), name="CRM fail-over", owner="crm-team", tags=["crm"], description="What for")

    assert dag.dag_display_name == "CRM fail-over"
    assert dag.tags == {"recovery-plan", "crm"}
    assert dag.description == "What for"
    assert {task.owner for task in dag.tasks} == {"crm-team"}


def test_the_page_shows_waves_and_objectives_and_no_text_of_the_plan_is_markup() -> None:
    document = plan(database(timeout="PT90M"), name="<b>CRM</b>", objectives={"rto": "PT1H"})
    document["waves"][0]["name"] = "Data | base"

    page = build_dag(RecoveryPlan.model_validate(document)).doc_md or ""

    assert "&lt;b&gt;CRM&lt;/b&gt;" in page
    assert "| 1 | Data &#124; base | database | at once | critical | 1:30:00 |" in page
    assert "RTO 1:00:00, RPO not set" in page


def test_the_dag_survives_airflows_serialization() -> None:
    dag = dag_of(database(), application(pause_before=True), web(depends_on=["Database"]))

    restored = DagSerialization.from_dict(DagSerialization.to_dict(dag))

    assert set(restored.task_dict) == set(dag.task_dict)
    assert restored.task_dict["finalize_execution"].is_teardown


def test_a_broken_plan_has_a_paused_dag_that_shows_its_problems() -> None:
    error = PlanError([PlanProblem("payroll.yaml", "waves[0]", "is <wrong>")])

    dag = build_broken_dag("payroll", error)

    assert dag.dag_id == "recover_payroll"
    assert dag.is_paused_upon_creation is True
    assert dag.tags == {"recovery-plan", "broken-plan"}
    assert "payroll.yaml: waves[0]: is &lt;wrong&gt;" in (dag.doc_md or "")
    assert list(dag.task_dict) == ["open_execution"]


def weights(dag: DAG) -> dict[str, int]:
    """What Airflow's scheduler orders by."""
    serialised = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    return {
        task.task_id.rpartition(".")[2]: task.weight_rule.get_weight(SimpleNamespace(task=task))
        for task in serialised.tasks
    }


def test_what_is_nearest_to_the_start_of_a_job_goes_first() -> None:
    of = weights(dag_of(database(on_failure="ask")))

    assert sorted(of, key=lambda name: -of[name])[0] == "start_recovery"
    assert of["start_recovery"] > of["approve"] == of["decide"] > of["enrich_instances"]
    # With many executions at once no job waits for others to be looked at.
    assert of["enrich_instances"] == of["open_execution"] > of["wait_for_launch"] > of["finalize_execution"]


def test_every_task_of_a_plan_goes_before_those_of_less_important_ones() -> None:
    ranked = [weights(dag_of(database(), priority=name)) for name in ("low", "normal", "high", "critical")]

    assert all(max(less.values()) < min(more.values()) for less, more in pairwise(ranked))
    # Airflow's own weight of a task is one, and one more for each task behind it.
    assert min(ranked[0].values()) >= 1000


def test_task_defaults_are_those_of_every_task_of_every_dag(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = '{"queue": "dr", "pool": "recovery", "executor": "alias"}'
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor,alias:my.Executor")
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__TASK_DEFAULTS", wanted)
    shop = dag_of(database(), application(pause_before=True, on_failure="ask"), owner="shop")
    broken = build_broken_dag("crm", PlanError([PlanProblem("crm.yaml", "waves", "none")]))

    dags = [shop, broken, housekeeping_dag(__file__), termination_dag()]
    found = {(task.queue, task.pool, task.executor) for dag in dags for task in dag.tasks}

    assert found == {("dr", "recovery", "alias")}
    assert {task.owner for task in shop.tasks} == {"shop"}
    assert {task.weight_rule for task in shop.tasks} == {"absolute"}


def test_a_broken_setting_costs_no_dag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__TASK_DEFAULTS", '{"queue": "dr", "retries": 0}')

    assert {task.queue for task in dag_of(database()).tasks} == {"default"}


def test_the_last_step_alone_says_how_a_run_ended_and_an_asset_tells_others() -> None:
    last, publish = (dag_of(database()).get_task(name) for name in ("finalize_execution", "publish_end"))

    assert (last.on_failure_fail_dagrun, publish.on_failure_fail_dagrun) == (True, False)
    assert publish.is_teardown
    assert [asset.uri for asset in publish.outlets] == ["drs-recovery://plans/crm"]
