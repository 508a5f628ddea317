"""Executions and instances are ended from the console, never by mistake."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.gestures import card, confirm, offer, open_dialog, outcome, status
from tests.e2e.browser.people import RUN_PATIENCE, People
from tests.e2e.browser.stage import Stage
from tests.e2e.console_plans import CANCELLED, REAL

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, method="signal")]


def test_a_drill_is_cancelled_while_drs_launches_and_its_servers_are_recorded_all_the_same(
    people: People, stage: Stage
) -> None:
    stage.start(CANCELLED)
    stage.await_record(CANCELLED, "wave 1 runs", lambda document: document["waves"][0]["status"] == "POLLING")
    page = people.look("dr-lead", stage.page_of(CANCELLED))
    dialog = open_dialog(page, "Cancel the execution")
    expect(dialog).to_contain_text("DRS cannot cancel a job")
    dialog.get_by_label("Reason").fill("wrong plan")

    confirm(dialog).click()

    expect(outcome(page)).to_contain_text("The execution is cancelled: nothing more starts")
    expect(status(page)).to_contain_text("Ending")
    expect(page.locator("#now")).to_contain_text("Being cancelled by dr-lead")
    expect(offer(page, "Cancel the execution")).to_have_count(0)
    expect(status(page)).to_contain_text("Cancelled", timeout=RUN_PATIENCE)
    expect(page.locator("#now")).to_contain_text("Cancelled by dr-lead: wrong plan")
    expect(card(page, "What failed and why")).to_have_count(0)
    expect(page.locator("#facts")).to_contain_text("wrong plan")
    expect(card(page, "What runs and costs money")).to_contain_text("1 drill instance runs and costs money")


def test_instances_of_a_real_recovery_are_terminated_only_by_whoever_types_the_id_of_the_plan(
    people: People, stage: Stage
) -> None:
    stage.await_status(REAL, "COMPLETED")
    desk = people.sit_down("admin")
    desk.foresee("422 .*/actions/terminate")
    page = desk.page
    page.goto(stage.page_of(REAL))
    expect(page.get_by_role("region", name="Real recovery")).to_contain_text("REAL RECOVERY")
    # It is no next step: nobody presses it in passing.
    expect(offer(page, "Terminate the instances")).to_have_count(0)
    page.locator("#set-aside summary").click()
    dialog = open_dialog(page, "Terminate the instances")
    expect(dialog).to_contain_text("REAL RECOVERY")
    expect(dialog).to_contain_text("your business may run on them")

    confirm(dialog).click()
    expect(dialog.get_by_label("Type the plan id")).to_be_focused()
    dialog.get_by_label("Type the plan id").fill("console-retried")
    confirm(dialog).click()
    expect(dialog.get_by_role("alert")).to_contain_text(REAL.id)
    assert "terminationRequests" not in stage.document(REAL)

    dialog.get_by_label("Type the plan id").fill(REAL.id)
    confirm(dialog).click()
    expect(outcome(page)).to_contain_text("Termination of the remaining instances (1 on record) is requested")
    expect(card(page, "What runs and costs money")).to_contain_text(
        "Nothing of it runs any more", timeout=RUN_PATIENCE
    )
    assert stage.document(REAL)["terminationRequests"][0]["actor"] == "admin"
