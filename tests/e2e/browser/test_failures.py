"""What failed is told with its reason, and goes on when somebody says so."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.gestures import card, confirm, open_dialog, outcome, status
from tests.e2e.browser.people import RUN_PATIENCE, People
from tests.e2e.browser.stage import Stage
from tests.e2e.console_plans import ASKED, RETRIED

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, method="signal")]


def test_a_failed_wave_is_retried_for_its_failed_server_alone(people: People, stage: Stage) -> None:
    stage.await_status(RETRIED, "FAILED")
    kept, failed = RETRIED.server_ids(1)
    page = people.look("dr-lead", stage.page_of(RETRIED))
    expect(card(page, "What failed and why")).to_contain_text("no capacity")
    dialog = open_dialog(page, "Retry wave 1")
    expect(dialog).to_contain_text("DRS starts a new job for 1 of 2 servers alone")
    dialog.get_by_label("Reason").fill("capacity is back")

    confirm(dialog).click()

    expect(outcome(page)).to_contain_text('Attempt 2 at wave 1 "Wave 1" is requested')
    expect(status(page)).to_contain_text("Completed", timeout=RUN_PATIENCE)
    expect(page.get_by_role("row").filter(has_text=failed)).to_contain_text("attempt 2")
    expect(page.get_by_role("row").filter(has_text=kept)).not_to_contain_text("attempt 2")
    expect(card(page, "What failed and why")).to_have_count(0)


def test_people_who_are_asked_about_a_failed_wave_let_the_others_go_on(people: People, stage: Stage) -> None:
    stage.await_status(ASKED, "PAUSED")
    page = people.look("dr-lead", stage.page_of(ASKED))
    expect(page.locator("#now")).to_contain_text("failed: waiting for anyone who may run the plan to decide")
    dialog = open_dialog(page, "Decide about wave 1")

    # Nobody decides without having chosen.
    confirm(dialog).click()
    expect(dialog).to_be_visible()
    dialog.get_by_role("radio", name="Continue").check()
    dialog.get_by_label("Comment").fill("the shop works without it")
    confirm(dialog).click()

    expect(outcome(page)).to_contain_text("Airflow has taken your answer CONTINUE")
    expect(status(page)).to_contain_text("Partly successful", timeout=RUN_PATIENCE)
    expect(card(page, "Wave 1: Wave 1")).to_contain_text("the shop works without it")
