"""The pages of plans over real plan files and a real record: whose plans, what is proven, what changed."""

from __future__ import annotations

from pathlib import Path

from drs_recovery.store.executions import ExecutionStore
from tests.integration.web.conftest import Console
from tests.integration.web.on_record import crm, drill, put_plan

SCRIPT = '<script>alert("x")</script>'


def page(console: Console, path: str, role: str = "viewer") -> str:
    answer = console.get(path, role, html=True)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_plan_that_changed_since_its_last_good_drill_says_what(
    console: Console, store: ExecutionStore, plans: Path
) -> None:
    drill(store, crm())
    put_plan(plans / "crm.yaml", crm(name="CRM 2", objectives={"rto": "PT1H"}))

    found = page(console, "/plans/crm")

    assert "1 change since the last good drill" in found
    assert "objective RTO added: 1 h" in found
    assert "The only drill succeeded" in found
    assert "Wave 1 Database" in found
    assert "the plan changed since" in page(console, "/plans")


def test_an_edited_file_is_on_the_next_page(console: Console, plans: Path) -> None:
    put_plan(plans / "crm.yaml", crm(name="First name"))
    first = page(console, "/plans")
    put_plan(plans / "crm.yaml", crm(name="Other name"))

    assert "First name" in first
    assert "Other name" in page(console, "/plans")


def test_a_broken_plan_shows_every_error_beside_the_good_ones(console: Console, plans: Path) -> None:
    put_plan(plans / "crm.yaml", crm())
    put_plan(plans / "erp.yaml", {"schema_version": 1, "waves": [], "owner": 5})

    found = page(console, "/plans")

    assert "1 of 2 plans has errors and cannot be used" in found
    assert "erp.yaml: owner: 5 is a number" in found
    assert "erp.yaml: protection_groups: " in found


def test_a_plan_that_a_person_may_not_see_is_on_no_page(
    console: Console, plans: Path, hidden_plan: str
) -> None:
    put_plan(plans / "crm.yaml", crm())
    put_plan(plans / "secret.yaml", crm(id="secret", name="Project X"))

    assert "Project X" not in page(console, "/plans")
    assert "Project X" in page(console, "/plans", "admin")
    assert console.get("/plans/secret", "viewer", html=True).status_code == 404


def test_a_web_server_without_plan_files_shows_the_plans(console: Console, plans: Path) -> None:
    put_plan(plans / "crm.yaml", crm(name="Kept on record"))
    (plans / "crm.yaml").unlink()
    plans.rmdir()

    assert "Kept on record" in page(console, "/plans")
    assert "Kept on record" in page(console, "/plans/crm")


def test_markup_in_a_plan_and_in_its_errors_stays_text(console: Console, plans: Path) -> None:
    put_plan(plans / "crm.yaml", crm(name=SCRIPT, description=SCRIPT, owner=SCRIPT, tags=[SCRIPT]))
    put_plan(plans / "erp.yaml", crm(id="erp", region=SCRIPT))

    for path in ("/plans", "/plans/crm", "/plans/erp"):
        found = page(console, path)
        assert "<script>alert" not in found
        assert "alert(" in found
