"""Gates are answered once, by those who may, however many people press at the same time."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.e2e.browser.gestures import (
    card,
    confirm,
    expect_no_offers,
    offer,
    open_dialog,
    outcome,
    status,
)
from tests.e2e.browser.people import RUN_PATIENCE, People
from tests.e2e.browser.stage import Stage
from tests.e2e.console_plans import CONTESTED, REJECTED, WAITING

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, method="signal")]


def test_two_people_who_answer_at_once_come_to_one_decision_and_one_is_told_who_made_it(
    people: People, stage: Stage
) -> None:
    stage.await_status(CONTESTED, "PAUSED")
    desks = {name: people.sit_down(name) for name in ("dba-lead", "dr-lead")}
    for desk in desks.values():
        desk.foresee(r"409 .*/actions/")
    pages = {name: desk.page for name, desk in desks.items()}
    for page, label in zip(pages.values(), ("Approve wave 1", "Reject wave 1"), strict=True):
        page.goto(stage.page_of(CONTESTED))
        open_dialog(page, label).get_by_label("Comment").fill(f"I {label.lower()}")

    for page in pages.values():
        # Not click(), which waits for what the first of them does.
        confirm(page.get_by_role("dialog")).evaluate("button => button.click()")

    document = stage.await_record(
        CONTESTED, "its gate is decided", lambda found: found["waves"][0]["gate"]["decision"] != "WAITING"
    )
    gate = document["waves"][0]["gate"]
    loser = next(name for name in pages if name != gate["actor"])
    label = "Approve wave 1" if gate["decision"] == "APPROVED" else "Reject wave 1"
    assert gate["comment"] == f"I {label.lower()}"
    expect(outcome(pages[gate["actor"]])).to_contain_text("Airflow has taken your")
    expect(pages[loser].get_by_role("dialog").get_by_role("alert")).to_contain_text(
        # In the words of Airflow or of the record, whichever knew it first.
        re.compile(rf"was answered already, .* by {gate['actor']}")
    )
    pages[loser].get_by_role("button", name="Back", exact=True).click()
    expect(card(pages[loser], "Wave 1: Wave 1")).to_contain_text(f"by {gate['actor']}")


def test_a_rejection_with_a_comment_by_a_double_click_is_one_rejection_and_ends_the_drill(
    people: People, stage: Stage
) -> None:
    stage.await_status(REJECTED, "PAUSED")
    page = people.look("dr-lead", stage.page_of(REJECTED))
    sent = _actions_of(page)
    dialog = open_dialog(page, "Reject wave 1")
    dialog.get_by_label("Comment").fill("the database is behind\nby an hour")

    confirm(dialog).dblclick()

    expect(outcome(page)).to_contain_text("Airflow has taken your rejection of wave 1")
    expect(page.locator("#now")).to_contain_text(
        "was rejected by dr-lead: the database is behind", timeout=RUN_PATIENCE
    )
    expect(status(page)).to_contain_text("Cancelled", timeout=RUN_PATIENCE)
    expect(card(page, "Wave 1: Wave 1").get_by_role("blockquote")).to_contain_text("by an hour")
    expect_no_offers(page)
    assert len(sent) == 1


def test_whoever_is_not_asked_is_offered_no_answer_and_told_whom_to_wait_for(
    people: People, stage: Stage
) -> None:
    stage.await_status(WAITING, "PAUSED")
    page = people.look("viewer", stage.page_of(WAITING))

    expect(status(page)).to_contain_text("Waiting for an answer")
    expect(card(page, "What to do")).to_contain_text("that takes the right to trigger its DAG")
    expect_no_offers(page)


def test_an_operator_who_is_no_approver_may_cancel_and_not_answer(people: People, stage: Stage) -> None:
    stage.await_status(WAITING, "PAUSED")
    page = people.look("dba-lead", stage.page_of(WAITING))

    expect(card(page, "What to do")).to_contain_text("Only dr-lead may answer.")
    expect(offer(page, "Cancel the execution")).to_be_visible()
    expect(page.get_by_role("button", name="wave 1")).to_have_count(0)


def _actions_of(page: Page) -> list[str]:
    """What the page sends from now on."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            sent.append(request.url)

    page.on("request", note)
    return sent
