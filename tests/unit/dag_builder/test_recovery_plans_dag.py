"""``dags/recovery_plans.py``: a DAG for each file of the plans folder, without touching the network."""

from __future__ import annotations

import runpy
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from airflow.sdk import DAG, BaseOperator

from drs_recovery.exceptions import PlanError
from drs_recovery.opening.live_plans import keep_plan
from drs_recovery.plan import cache
from drs_recovery.plan.loader import PlanFile, read_plan_file
from drs_recovery.plan.model import RecoveryPlan
from tests.plan_documents import application, database, plan, web
from tests.unit.variables import Variables, variables_in_memory

DAG_FILE = Path(__file__).resolve().parents[3] / "dags" / "recovery_plans.py"
BROKEN = "schema_version: 1\nid: payroll\nwaves: []\n"


@pytest.fixture
def plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__PLANS_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("parsing a DAG file opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def write(folder: Path, *names: str) -> None:
    for name in names:
        document = plan(database(), application(pause_before=True), web(), id=name)
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(document))


def dags() -> dict[str, DAG]:
    found: dict[str, Any] = runpy.run_path(str(DAG_FILE))
    return {name: value for name, value in found.items() if isinstance(value, DAG)}


def test_every_plan_has_its_dag(plans: Path) -> None:
    write(plans, "crm", "billing")

    assert {name: dag.dag_id for name, dag in dags().items()} == {
        "recover_crm": "recover_crm",
        "recover_billing": "recover_billing",
    }


def test_an_empty_folder_has_no_dag(plans: Path) -> None:
    assert dags() == {}


def test_a_broken_plan_has_a_placeholder_and_the_others_go_on(plans: Path) -> None:
    write(plans, "crm")
    (plans / "payroll.yaml").write_text(BROKEN)
    (plans / "scribble.yaml").write_text("{")

    found = dags()

    assert set(found) == {"recover_crm", "recover_payroll", "recover_scribble"}
    assert len(found["recover_crm"].tasks) > 5
    for name in ("recover_payroll", "recover_scribble"):
        assert "broken-plan" in found[name].tags
        assert found[name].is_paused_upon_creation is True
    assert "payroll.yaml: waves" in (found["recover_payroll"].doc_md or "")


def test_the_sample_plans_are_beside_the_dags_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__DRS_RECOVERY__PLANS_DIR", raising=False)

    assert set(dags()) == {"recover_billing-database", "recover_three-tier-crm", "recover_two-region-web"}


def test_a_task_parses_only_its_own_plan(plans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(plans, "crm", "billing", "billing-2")
    (plans / "payroll.yaml").write_text(BROKEN)
    parsed: list[str] = []

    def counting(path: Path) -> PlanFile:
        parsed.append(path.name)
        return read_plan_file(path)

    monkeypatch.setattr(cache, "read_plan_file", counting)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "recover_billing")

    assert set(dags()) == {"recover_billing"}
    assert parsed == ["billing.yaml"]


def test_a_process_that_parses_again_gets_what_the_files_say_now(plans: Path) -> None:
    write(plans, "crm", "billing")
    dags()
    (plans / "billing.yaml").unlink()
    (plans / "crm.yaml").write_text((plans / "crm.yaml").read_text() + "description: New\n")

    found = dags()

    assert {dag_id: dag.description for dag_id, dag in found.items()} == {"recover_crm": "New"}


def test_a_task_of_a_broken_plan_finds_its_placeholder(plans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(plans, "crm")
    (plans / "payroll.yaml").write_text(BROKEN)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "recover_payroll")

    assert "recover_payroll" in dags()


def task(monkeypatch: pytest.MonkeyPatch, dag_id: str, task_id: str) -> BaseOperator:
    """A task as a worker finds it."""
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", task_id)
    found = dags()[dag_id].task_dict[task_id]
    assert isinstance(found, BaseOperator)
    return found


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Variables:
    """Airflow's Variables, with the plan "crm" of an execution that runs."""
    found = variables_in_memory(monkeypatch)
    opened = RecoveryPlan.model_validate(plan(database(), application(pause_before=True), web()))
    keep_plan(
        {
            "executionId": "e1",
            "dagId": opened.dag_id,
            "dagRunId": "run-1",
            "planHash": opened.digest(),
            "planSnapshot": opened.model_dump(mode="json"),
            "executionType": "DRILL",
            "submittedTime": 1.0,
        }
    )
    found.calls.clear()
    return found


WAVE_TASKS = [
    f"wave_{wave}.{name}"
    for wave in ("01_database", "02_application", "03_web")
    for name in ("start_recovery", "wait_for_launch", "enrich_instances")
] + ["wave_01_database.approve", "wave_02_application.approve"]


def break_it(file: Path) -> None:
    file.write_text("waves: [")


def make_it_another_plan(file: Path) -> None:
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "id": "crm-2"}))


def remove_waves(file: Path) -> None:
    file.write_text(yaml.safe_dump(plan(database(), id="crm")))


def remove_the_folder(file: Path) -> None:
    shutil.rmtree(file.parent)


def take_its_id(file: Path) -> None:
    (file.parent / "copy.yaml").write_text(file.read_text())


EDITS = [break_it, make_it_another_plan, remove_waves, Path.unlink, remove_the_folder, take_its_id]


@pytest.mark.parametrize("edit", EDITS)
def test_whatever_becomes_of_the_file_the_dag_of_a_live_execution_keeps_its_tasks(
    plans: Path, variables: Variables, edit: Callable[[Path], None]
) -> None:
    write(plans, "crm")
    edit(plans / "crm.yaml")

    dag = dags()["recover_crm"]

    assert set(WAVE_TASKS) < set(dag.task_dict)
    assert {"open_execution", "finalize_execution"} < set(dag.task_dict)
    assert dag.is_paused_upon_creation is False


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("task_id", ["open_execution", WAVE_TASKS[-1], *WAVE_TASKS[:3], "finalize_execution"])
def test_a_worker_finds_a_task_whatever_became_of_the_file_and_asks_airflow_nothing(
    plans: Path,
    variables: Variables,
    monkeypatch: pytest.MonkeyPatch,
    edit: Callable[[Path], None],
    task_id: str,
) -> None:
    write(plans, "crm")
    as_it_was = task(monkeypatch, "recover_crm", task_id)
    edit(plans / "crm.yaml")

    found = task(monkeypatch, "recover_crm", task_id)

    assert type(found) is type(as_it_was)
    assert getattr(found, "wave_number", None) == getattr(as_it_was, "wave_number", None)
    assert variables.calls == []


def test_a_task_that_is_no_step_of_a_wave_is_not_made_up(
    plans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "recover_crm")
    for task_id in ("wave_01_database", "wave_01_database.rm", "wave_1_x.approve", "anything"):
        monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", task_id)
        assert list(dags()["recover_crm"].task_dict) == ["open_execution"]


def test_a_parse_asks_airflow_once_while_no_file_was_edited(plans: Path, variables: Variables) -> None:
    write(plans, *(f"plan-{number}" for number in range(20)), "crm")

    assert len(dags()) == 21
    assert variables.calls == ["keys"]


def test_without_an_answer_of_airflow_the_files_count_alone(plans: Path, variables: Variables) -> None:
    write(plans, "crm", "billing")
    variables.trouble = RuntimeError("the database is away")

    assert set(dags()) == {"recover_crm", "recover_billing"}


def test_a_folder_that_cannot_be_listed_is_an_error_of_the_dag_file_when_nothing_lives(plans: Path) -> None:
    shutil.rmtree(plans)

    with pytest.raises(PlanError, match="cannot list plans"):
        dags()


def test_fifty_plans_parse_within_seconds(plans: Path) -> None:
    write(plans, *(f"plan-{number:02d}" for number in range(50)))
    began = time.monotonic()

    assert len(dags()) == 50

    assert time.monotonic() - began < 5
