"""A drill is followed from the press of "Trigger" to its end in one window that nobody loads again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser.gestures import (
    card,
    confirm,
    expect_not_loaded_again,
    mark_window,
    open_dialog,
    outcome,
    status,
)
from tests.e2e.browser.people import RUN_PATIENCE, People
from tests.e2e.browser.stage import Stage
from tests.e2e.console_plans import FOLLOWED

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, method="signal")]


def test_a_drill_is_followed_from_its_trigger_to_the_end_of_its_instances(
    people: People, stage: Stage
) -> None:
    run = stage.start(FOLLOWED, ticket="CHG0030517", reason="quarterly drill")
    page = people.look("dba-lead", f"/recovery/runs/{run.dag_id}/{run.run_id}")
    mark_window(page)

    # First there is no record, then what DRS does; the person does nothing but wait.
    expect(page.get_by_role("region", name="Drill")).to_be_visible(timeout=RUN_PATIENCE)
    expect(page.locator("#now")).to_contain_text('Wave 1 "Wave 1"', timeout=RUN_PATIENCE)
    _reads_on_while_the_page_changes(page)
    expect(status(page)).to_contain_text("Waiting for an answer", timeout=RUN_PATIENCE)
    dialog = open_dialog(page, "Approve wave 2")
    dialog.get_by_label("Comment").fill("row counts match")
    confirm(dialog).click()
    expect(outcome(page)).to_contain_text('Airflow has taken your approval of wave 2 "Wave 2"')
    expect(status(page)).to_contain_text("Completed", timeout=RUN_PATIENCE)
    # What was sent is said until the record shows it.
    expect(outcome(page)).to_be_hidden()

    expect(page.locator("#now")).to_contain_text("Finished: 4 of 4 servers")
    expect(page.locator("#facts")).to_contain_text("CHG0030517")
    expect(card(page, "Wave 2: Wave 2")).to_contain_text("row counts match")
    _has_its_instances_terminated(page)
    expect_not_loaded_again(page)
    expect(page).to_have_title("✓ Completed · Drill · Order desk")


def _reads_on_while_the_page_changes(page: Page) -> None:
    """Focus, words half typed, what is unfolded and what is on the screen stay where they are."""
    events, freshness = page.locator("#events"), page.locator("#freshness")
    events.locator("summary").click()
    search = page.get_by_role("searchbox")
    search.fill("half a na")
    search.scroll_into_view_if_needed()
    place, known, updated = _place(search), _count(events), freshness.inner_text().partition(" (")[0]

    expect(events.locator("summary")).not_to_contain_text(f"({known} events)", timeout=RUN_PATIENCE)
    expect(search).to_be_focused()
    expect(search).to_have_value("half a na")
    expect(events).to_have_attribute("open", "")
    assert _place(search) == pytest.approx(place, abs=5)
    expect(freshness).to_contain_text("Updated")
    expect(freshness).not_to_contain_text(updated)
    search.fill("")


def _place(one: Locator) -> float:
    box = one.bounding_box()
    assert box
    return box["y"]


def _count(events: Locator) -> int:
    return events.locator("tbody tr").count()


def _has_its_instances_terminated(page: Page) -> None:
    expect(card(page, "What runs and costs money")).to_contain_text("4 drill instances run and cost money")
    dialog = open_dialog(page, "Terminate the instances")
    expect(dialog).to_contain_text("Terminate 4 instances of this drill?")
    confirm(dialog).click()
    expect(outcome(page)).to_contain_text("Termination of the remaining instances (4 on record) is requested")
    expect(card(page, "What runs and costs money")).to_contain_text(
        "Nothing of it runs any more", timeout=RUN_PATIENCE
    )
    expect(card(page, "Wave 1: Wave 1").get_by_role("row")).to_contain_text(["gone since"] * 2)
