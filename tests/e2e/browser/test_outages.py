"""What cannot be reached is said plainly; what was shown stays, and goes on by itself."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.browser.gestures import (
    connection,
    expect_not_loaded_again,
    mark_window,
    offer,
    open_dialog,
    status,
)
from tests.e2e.browser.people import People
from tests.e2e.browser.stage import Stage
from tests.e2e.console_plans import WAITING

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, method="signal")]


def test_without_the_store_the_page_keeps_what_it_shows_says_so_and_recovers(
    people: People, stage: Stage
) -> None:
    stage.await_status(WAITING, "PAUSED")
    desk = people.sit_down("viewer")
    desk.foresee("503 ")
    page = desk.page
    page.goto(stage.page_of(WAITING))
    expect(status(page)).to_contain_text("Waiting for an answer")
    mark_window(page)

    stage.drills.sandbox.add_fault(
        "error", service="dynamodb", status=500, code="InternalServerError", message="it burns"
    )
    expect(connection(page)).to_contain_text("The table of executions cannot be read")
    expect(connection(page)).to_contain_text("what you see is from")
    expect(status(page)).to_contain_text("Waiting for an answer")
    late = people.sit_down("viewer")
    late.foresee("503 ")
    late.page.goto(stage.page_of(WAITING))
    expect(late.page.locator("main")).to_contain_text("This page tries again automatically.")
    stage.drills.sandbox.clear_faults()

    expect(connection(page)).to_be_hidden()
    expect(status(late.page)).to_contain_text("Waiting for an answer")
    expect_not_loaded_again(page)


def test_without_airflow_the_page_keeps_what_it_shows_and_no_deed_is_believed_done(
    people: People, stage: Stage
) -> None:
    stage.await_status(WAITING, "PAUSED")
    desk = people.sit_down("dr-lead")
    desk.foresee("ERR_CONNECTION_REFUSED")
    page = desk.page
    page.goto(stage.page_of(WAITING))
    dialog = open_dialog(page, "Reject wave 1")

    page.route("**/*", _refuse)
    dialog.locator("button[type=submit]").click()

    expect(dialog.get_by_role("alert")).to_contain_text("it is not known whether this was done")
    expect(connection(page)).to_contain_text("The console cannot reach Airflow. Failing since")
    page.get_by_role("button", name="Back", exact=True).click()
    expect(offer(page, "Reject wave 1")).to_be_visible()
    page.unroute("**/*", _refuse)
    expect(connection(page)).to_be_hidden()
    expect(status(page)).to_contain_text("Waiting for an answer")


def _refuse(route: Route) -> None:
    route.abort("connectionrefused")
