"""Everybody can use every page: the rules of axe-core in both themes, from the largest page to a dialog."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser.accessibility import violations
from tests.e2e.browser.gestures import open_dialog, status
from tests.e2e.browser.people import People
from tests.e2e.browser.stage import Stage
from tests.e2e.console_plans import HOSTILE, REAL, WAITING
from tests.e2e.made_plans import MadePlan

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, method="signal")]


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, people: People) -> Page:
    """A window in one of the themes."""
    return people.sit_down("dr-lead", color_scheme=request.param).page


@pytest.mark.parametrize(
    "path", ["/recovery/", f"/recovery/plans/{HOSTILE.id}", "/recovery/executions", "/recovery/nowhere"]
)
def test_pages_of_plans_lists_and_errors(page: Page, people: People, path: str) -> None:
    for desk in people.desks.values():
        desk.foresee("404 .*/recovery/nowhere")
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    assert violations(page) == []


@pytest.mark.parametrize(
    ("plan", "statuses"),
    [(HOSTILE, ("FAILED",)), (REAL, ("COMPLETED",))],
    ids=["failed drill", "real recovery"],
)
def test_page_of_an_execution_with_everything_unfolded(
    page: Page, stage: Stage, plan: MadePlan, statuses: tuple[str, ...]
) -> None:
    stage.await_status(plan, *statuses)
    page.goto(stage.page_of(plan))
    expect(status(page)).to_be_visible()
    page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")

    assert violations(page) == []


def test_a_gate_and_the_dialog_that_answers_it(page: Page, stage: Stage) -> None:
    stage.await_status(WAITING, "PAUSED")
    page.goto(stage.page_of(WAITING))
    expect(status(page)).to_contain_text("Waiting for an answer")
    assert violations(page) == []

    dialog = open_dialog(page, "Reject wave 1")

    expect(dialog).to_be_visible()
    assert violations(page) == []
