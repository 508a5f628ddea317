"""What people do on the page of an execution, and where they look."""

from __future__ import annotations

from playwright.sync_api import FrameLocator, Locator, Page, expect


def status(page: Page | FrameLocator) -> Locator:
    """The status on top of the page."""
    return page.locator("#status")


def await_script(page: Page | FrameLocator) -> None:
    """Wait until the page does what is pressed; on a busy machine people are quicker than its script."""
    expect(page.locator("#freshness")).to_contain_text("Updated")


def offer(page: Page, label: str) -> Locator:
    """A button of what is to be done, on top of the page."""
    return page.locator("#attention").get_by_role("button", name=label, exact=True)


def open_dialog(page: Page, label: str) -> Locator:
    """
    Press a button that asks before it does something.

    :param label: of the button.
    :return: the dialog.
    """
    await_script(page)
    offer(page, label).click()
    return page.get_by_role("dialog")


def confirm(dialog: Locator) -> Locator:
    """The button of a dialog that does it."""
    return dialog.locator("button[type=submit]")


def outcome(page: Page) -> Locator:
    """Where the page says what came of a deed."""
    return page.locator("#outcome")


def connection(page: Page) -> Locator:
    """Where the page says that it cannot be brought up to date."""
    return page.locator("#connection")


def card(page: Page, title: str) -> Locator:
    """A part of the page by its headline."""
    return page.get_by_role("region", name=title)


def mark_window(page: Page) -> None:
    """Leave something in the window that does not outlive a reload."""
    page.evaluate("() => { window.leftHere = true; }")


def expect_not_loaded_again(page: Page) -> None:
    """The window is the one that was marked."""
    assert page.evaluate("() => window.leftHere === true")


def expect_no_offers(page: Page) -> None:
    """Nothing is there to press but to search."""
    expect(page.locator("[data-dialog]")).to_have_count(0)
