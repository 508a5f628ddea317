"""People at their browsers: what they see, and what their browsers complained about."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, WebError
from playwright.sync_api import Error as PlaywrightError

from devstack.browser import logged_in
from devstack.stack import Stack

_CONSOLE = "/recovery/"
# Milliseconds. What a page does not do within this time it does not do; two cores may be busy with six tasks.
PATIENCE = 30_000.0
# Until the tasks of a run have done what a page is to show, such as a wave, or its end.
RUN_PATIENCE = 180_000.0


class Desk:
    """
    One person with one browser window.

    :param context: of the browser, logged in.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self._complaints: list[str] = []
        self._foreseen: list[str] = []
        context.set_default_timeout(PATIENCE)
        # Breaches of the content security policy and answers with an error are messages of the console, too.
        context.on("console", self._on_message)
        context.on("weberror", self._on_error)
        context.on("dialog", self._on_dialog)
        self.page = context.new_page()

    def foresee(self, pattern: str) -> None:
        """
        Take no offence at a complaint that the test itself brings about.

        :param pattern: regular expression that is found in it.
        """
        self._foreseen.append(pattern)

    @property
    def complaints(self) -> list[str]:
        """What went wrong in the console's pages, as the browser tells it."""
        return [text for text in self._complaints if not any(re.search(one, text) for one in self._foreseen)]

    def story(self, picture: Path) -> str:
        """
        Tell where the person is and what is to be seen there.

        :param picture: file for a picture of it.
        """
        try:
            self.page.screenshot(path=picture, full_page=True)
            seen = "\n".join(frame.locator("body").aria_snapshot() for frame in self.page.frames)
        except PlaywrightError as error:
            seen = f"cannot be seen: {error.message}"
        return "\n".join([self.page.url, f"picture: {picture}", *self._complaints, seen])

    def _on_message(self, message: ConsoleMessage) -> None:
        if message.type == "error" and urlsplit(message.location["url"]).path.startswith(_CONSOLE):
            self._complain(f"{message.text} ({message.location['url']})")

    def _on_error(self, error: WebError) -> None:
        """Airflow's own pages may have errors of their own; what happens around the console's is ours."""
        page = error.page
        stack = str(error.error)
        if f"{_CONSOLE}static/" in stack or (page and urlsplit(page.url).path.startswith(_CONSOLE)):
            self._complain(stack)

    def _on_dialog(self, dialog: Dialog) -> None:
        """Airflow's frame lets no page ask like this, so that only an injected script would."""
        self._complain(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _complain(self, text: str) -> None:
        self._complaints.append(text)


class People:
    """
    Everybody who looks at the stack in a test.

    :param browser: that all of them use.
    :param stack: a running stack.
    """

    def __init__(self, browser: Browser, stack: Stack) -> None:
        self.desks: dict[str, Desk] = {}
        self._browser = browser
        self._stack = stack

    def sit_down(self, user: str, **options: Any) -> Desk:
        """
        Let a user of the stack open a browser window of their own.

        :param user: name of the user.
        :param options: of the window, such as ``color_scheme`` or ``viewport``.
        """
        desk = Desk(logged_in(self._browser, self._stack, user, **options))
        self.desks[f"{len(self.desks) + 1}-{user}"] = desk
        return desk

    def look(self, user: str, path: str, **options: Any) -> Page:
        """
        Let a user open a page of the console by itself, without Airflow's UI around it.

        :param user: name of the user.
        :param path: of the page.
        :param options: of the window.
        """
        page = self.sit_down(user, **options).page
        page.goto(path)
        return page

    def leave(self) -> list[str]:
        """Close every window; all complaints."""
        complaints = [f"{name}: {text}" for name, desk in self.desks.items() for text in desk.complaints]
        for desk in self.desks.values():
            desk.context.close()
        return complaints
