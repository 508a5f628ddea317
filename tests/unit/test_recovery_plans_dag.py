"""``dags/recovery_plans.py``: a DAG for each file of the plans folder, without touching the network."""

from __future__ import annotations

import runpy
import socket
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from airflow.sdk import DAG

from drs_recovery import plan_cache
from drs_recovery.plan_loader import PlanFile, read_plan_file
from tests.plan_documents import application, database, plan, web

DAG_FILE = Path(__file__).resolve().parents[2] / "dags" / "recovery_plans.py"
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

    monkeypatch.setattr(plan_cache, "read_plan_file", counting)
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


def test_fifty_plans_parse_within_seconds(plans: Path) -> None:
    write(plans, *(f"plan-{number:02d}" for number in range(50)))
    began = time.monotonic()

    assert len(dags()) == 50

    assert time.monotonic() - began < 5
