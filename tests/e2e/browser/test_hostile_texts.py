"""What plans, DRS, tickets and people write is shown as it is, on every page, and is never a part of one."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser.gestures import card, open_dialog, status
from tests.e2e.browser.people import People
from tests.e2e.browser.stage import Stage
from tests.e2e.console_plans import HOSTILE, MARKUP

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, method="signal")]


def _expect_harmless(page: Page) -> None:
    """
    No text has become an element.

    Scripts that run and pictures that are asked for, which the policy forbids, are among the complaints of
    which the fixture ``people`` allows none.
    """
    assert page.locator("img, script:not([src])").count() == 0
    assert "{{7*7}}" in page.locator("main").inner_text()


@pytest.mark.parametrize("path", ["/recovery/", "/recovery/executions", f"/recovery/plans/{HOSTILE.id}"])
def test_names_and_descriptions_of_plans_are_text(people: People, path: str) -> None:
    page = people.look("viewer", path)

    expect(page.locator("main")).to_contain_text(f"Hostile {MARKUP}")
    _expect_harmless(page)


def test_errors_server_names_reasons_and_tickets_of_an_execution_are_text(
    people: People, stage: Stage
) -> None:
    stage.await_status(HOSTILE, "FAILED")
    page = people.look("admin", stage.page_of(HOSTILE))

    expect(status(page)).to_contain_text("Failed")
    expect(card(page, "What failed and why")).to_contain_text(MARKUP)
    expect(page.get_by_role("row").filter(has_text=HOSTILE.server_ids(1)[0])).to_contain_text(MARKUP)
    expect(page.locator("#facts")).to_contain_text(MARKUP)
    expect(open_dialog(page, "Retry wave 1")).to_contain_text(MARKUP)
    _expect_harmless(page)


def test_a_search_for_markup_finds_the_server_and_shows_the_words_again(people: People, stage: Stage) -> None:
    stage.await_status(HOSTILE, "FAILED")
    page = people.look("viewer", stage.page_of(HOSTILE))

    page.get_by_role("searchbox").fill(MARKUP[:30])
    page.get_by_role("button", name="Find").click()

    expect(page.get_by_role("searchbox")).to_have_value(MARKUP[:30])
    expect(page.get_by_role("row").filter(has_text=HOSTILE.server_ids(1)[0])).to_be_visible()
    _expect_harmless(page)
