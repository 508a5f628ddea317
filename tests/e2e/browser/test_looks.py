"""Themes, small windows, keyboards, and people whom motion makes ill."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser.gestures import await_script, offer
from tests.e2e.browser.people import People
from tests.e2e.browser.stage import Stage
from tests.e2e.console_plans import HOSTILE, WAITING

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, method="signal")]

_LIGHT, _DARK = "rgb(255, 255, 255)", "rgb(11, 15, 21)"
# Whether anything runs in this moment is left to chance.
_MOTION_OF_A_BUSY_MARK = """() => {
  const [mark, icon] = [document.createElement("span"), document.createElement("span")];
  mark.className = "mark busy";
  icon.className = "icon";
  mark.append(icon);
  document.querySelector("main").append(mark);
  return getComputedStyle(icon).animationName;
}"""
_PHONE = {"width": 375, "height": 667}


def _back(of: Locator, colour: str) -> None:
    expect(of).to_have_css("background-color", colour)


def test_without_a_choice_in_airflow_the_system_decides_about_the_theme(people: People) -> None:
    _back(people.look("viewer", "/recovery/", color_scheme="light").locator("body"), _LIGHT)
    _back(people.look("viewer", "/recovery/", color_scheme="dark").locator("body"), _DARK)


def test_the_theme_switch_of_airflow_switches_the_frame_at_once(people: People) -> None:
    page = people.look("viewer", "/plugin/recovery", color_scheme="light")
    body = page.frame_locator("iframe").locator("body")
    _back(body, _LIGHT)

    for mode, colour in (("Dark Mode", _DARK), ("Light Mode", _LIGHT)):
        page.get_by_role("button", name="User").click()
        page.get_by_role("menuitem", name=re.compile("Appearance")).click()
        page.get_by_role("menuitemradio", name=mode).click()
        _back(body, colour)


def test_no_page_scrolls_sideways_on_a_phone(people: People, stage: Stage) -> None:
    stage.await_status(HOSTILE, "FAILED")
    stage.await_status(WAITING, "PAUSED")
    page = people.sit_down("dr-lead", viewport=_PHONE, has_touch=True, is_mobile=True).page
    executions = [stage.page_of(HOSTILE), stage.page_of(WAITING)]

    for path in ["/recovery/", f"/recovery/plans/{HOSTILE.id}", "/recovery/executions", *executions]:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        width = page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= _PHONE["width"], path
    await_script(page)
    offer(page, "Approve wave 1").tap()
    box = page.get_by_role("dialog").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= _PHONE["width"]


def test_a_gate_is_reached_opened_and_left_with_the_keyboard_alone(people: People, stage: Stage) -> None:
    stage.await_status(WAITING, "PAUSED")
    page = people.look("dr-lead", stage.page_of(WAITING))
    approve = offer(page, "Approve wave 1")
    expect(approve).to_be_visible()
    await_script(page)

    _tab_to(page, approve)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    _tab_to(page, dialog.get_by_label("Comment"))
    page.keyboard.type("as far as")
    page.keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    expect(approve).to_be_focused()
    assert stage.document(WAITING)["status"] == "PAUSED"


@pytest.mark.parametrize(("preference", "animation"), [("no-preference", "pulse"), ("reduce", "none")])
def test_the_mark_of_what_runs_does_not_pulse_for_people_who_asked_for_less_motion(
    people: People, preference: str, animation: str
) -> None:
    page = people.look("viewer", "/recovery/executions", reduced_motion=preference)

    assert page.evaluate(_MOTION_OF_A_BUSY_MARK) == animation


def _tab_to(page: Page, wanted: Locator) -> None:
    for _ in range(30):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the keyboard does not get there")
