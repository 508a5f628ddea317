"""The console inside Airflow's own pages, in the frame that they give to plugins."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import FrameLocator, expect

from devstack.stack import Stack
from tests.e2e.browser.gestures import await_script, status
from tests.e2e.browser.people import People
from tests.e2e.browser.stage import Stage
from tests.e2e.console_plans import FOLLOWED, WAITING

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, method="signal")]


def _heading(frame: FrameLocator, text: str) -> None:
    expect(frame.get_by_role("heading", level=1)).to_have_text(text)


def test_the_navigation_of_airflow_leads_to_plans_a_plan_and_its_execution_in_the_same_frame(
    people: People, stage: Stage
) -> None:
    stage.await_status(WAITING, "PAUSED")
    page = people.look("viewer", "/")

    page.get_by_role("link", name="Recovery", exact=True).click()

    frame = page.frame_locator("iframe")
    _heading(frame, "Recovery plans")
    frame.get_by_role("link", name=WAITING.id, exact=True).click()
    _heading(frame, WAITING.id)
    frame.get_by_role("region", name="History").get_by_role("rowheader").get_by_role("link").click()
    expect(status(frame)).to_contain_text("Waiting for an answer")
    frame.get_by_role("link", name="Executions", exact=True).click()
    _heading(frame, "Executions")
    assert len(page.frames) == 2
    expect(page.get_by_role("link", name="Dags", exact=True)).to_be_visible()


def test_a_reload_of_the_window_shows_the_same_page_of_the_console(people: People) -> None:
    page = people.look("viewer", f"/plugin/recovery/recovery/plans/{FOLLOWED.id}")
    frame = page.frame_locator("iframe")
    _heading(frame, "Order desk")

    page.reload()

    _heading(frame, "Order desk")


def test_the_dag_run_has_a_tab_with_its_execution_whose_links_lead_the_whole_window(
    people: People, stage: Stage
) -> None:
    stage.await_status(WAITING, "PAUSED")
    run = stage.run_of(WAITING)
    page = people.look("dr-lead", f"/dags/{run.dag_id}/runs/{run.run_id}")

    # Airflow shows the first tab when the page has come up, also to whoever pressed another one before.
    page.get_by_role("link", name="finalize_execution").first.wait_for()
    links = page.get_by_role("link", name="Recovery", exact=True)
    expect(links).to_have_count(2)
    links.last.click()

    frame = page.frame_locator("iframe")
    expect(status(frame)).to_contain_text("Waiting for an answer")
    expect(frame.locator("#attention").get_by_role("button", name="Approve wave 1")).to_be_visible()
    await_script(frame)
    frame.get_by_role("link", name=run.dag_id, exact=True).click()
    page.wait_for_url(re.compile(rf"/dags/{run.dag_id}(/overview)?/?$"))


def test_whoever_follows_a_link_logs_in_first_and_then_sees_what_it_leads_to(
    people: People, stage: Stage, stack: Stack
) -> None:
    stage.await_status(WAITING, "PAUSED")
    desk = people.sit_down("viewer")
    desk.context.clear_cookies()
    page = desk.page

    page.goto(stage.page_of(WAITING))
    page.get_by_label("Username").fill("viewer")
    page.get_by_label("Password").fill(stack.passwords["viewer"])
    page.get_by_role("button", name="Sign in").click()

    expect(status(page)).to_contain_text("Waiting for an answer")
