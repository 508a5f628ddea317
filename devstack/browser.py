"""A headless Chromium of this machine, in which a user of the stack is logged in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from devstack.errors import BrowserError
from devstack.stack import Stack

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Airflow's UI takes the REST API's token from this cookie.
_TOKEN_COOKIE = "_token"  # noqa: S105  # the cookie's name


def browser_program() -> str | None:
    """Path of the first Chromium that this machine has; nothing is downloaded."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """
    Start a browser without a window; it ends with the context.

    :raises BrowserError: there is no Chromium, it does not start, or a page does not do what it should.
    """
    program = browser_program()
    if program is None:
        raise BrowserError(f"no browser found, install one of: {', '.join(_NAMES)}")
    try:
        with sync_playwright() as playwright:
            # Its own sandbox does not work for root, as in containers; only this stack's pages are opened.
            browser = playwright.chromium.launch(
                executable_path=program,
                chromium_sandbox=False,
                args=["--no-proxy-server", "--disable-gpu"],
            )
            yield browser
            browser.close()
    except PlaywrightError as error:
        raise BrowserError(error.message) from error


def logged_in(browser: Browser, stack: Stack, user: str, **options: Any) -> BrowserContext:
    """
    Open what a person has of a browser: windows and cookies of their own, logged in to Airflow.

    :param options: of :meth:`playwright.sync_api.Browser.new_context`, such as ``viewport``.
    """
    context = browser.new_context(base_url=stack.state.airflow_url, **options)
    context.add_cookies(
        [{"name": _TOKEN_COOKIE, "value": token_of(stack, user), "url": stack.state.airflow_url}]
    )
    return context


def token_of(stack: Stack, user: str) -> str:
    """Log a user in."""
    credentials = {"username": user, "password": stack.passwords[user]}
    reply = httpx.post(f"{stack.state.airflow_url}/auth/token", json=credentials, trust_env=False)
    return str(reply.raise_for_status().json()["access_token"])
