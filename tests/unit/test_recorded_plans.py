"""Plans on record: what readers without plan files see of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from drs_recovery.configured_store import execution_store
from drs_recovery.plan.cache import load_plans
from drs_recovery.recorded_plans import read_plans, record_opened_plan, record_plans
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.records import SeenPlan
from sandbox.testing import Sandbox
from tests.plan_documents import database, plan


@pytest.fixture
def store(aws: Sandbox) -> ExecutionStore:
    """The configured store, on a fresh table."""
    return execution_store()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a plan that can be used, and one that cannot."""
    (tmp_path / "crm.yaml").write_text(yaml.safe_dump(plan(database(), id="crm")))
    (tmp_path / "erp.yaml").write_text("schema_version: 1\nwaves: []\n")
    return tmp_path


def test_readers_see_the_plans_and_problems_of_the_files(store: ExecutionStore, folder: Path) -> None:
    files = load_plans([folder])

    assert sorted(record_plans(store, files)) == ["crm", "erp"]
    found = read_plans(store)

    assert found.plans == files.plans
    assert {plan_id: str(error) for plan_id, error in found.broken.items()} == {
        plan_id: str(error) for plan_id, error in files.broken.items()
    }
    assert {plan_id: path.name for plan_id, path in found.sources.items()} == {
        "crm": "crm.yaml",
        "erp": "erp.yaml",
    }


def test_a_change_is_seen_and_what_did_not_change_is_not_read_again(
    store: ExecutionStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_plans(store, load_plans([folder]))
    read_plans(store)
    (folder / "erp.yaml").write_text(yaml.safe_dump(plan(database(), id="erp")))
    record_plans(store, load_plans([folder]))
    asked: list[str] = []
    get = store.plans.get
    monkeypatch.setattr(store.plans, "get", lambda ids: asked.extend(ids) or get(ids))

    assert sorted(read_plans(store).plans) == ["crm", "erp"]
    assert asked == ["erp"]


def test_a_plan_of_a_later_release_is_told_and_hides_no_other(store: ExecutionStore, folder: Path) -> None:
    record_plans(store, load_plans([folder]))
    store.plans.record_one(SeenPlan("new", "9", "new.yaml", {"id": "new", "later": True}))

    found = read_plans(store)

    assert "crm" in found.plans
    assert "does not know" in str(found.broken["new"])


def test_the_plan_of_an_execution_is_recorded_when_it_opens_and_keeps_its_files_name(
    store: ExecutionStore, folder: Path
) -> None:
    record_plans(store, load_plans([folder]))
    changed = load_plans([folder]).plans["crm"].model_copy(update={"name": "Changed"})

    record_opened_plan(store, changed)

    found = read_plans(store)
    assert (found.plans["crm"].name, found.sources["crm"].name) == ("Changed", "crm.yaml")
