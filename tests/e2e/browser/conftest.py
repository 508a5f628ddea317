"""A browser with people, and executions for them to look at; a failed test shows what they saw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from devstack.browser import browser_program, open_browser
from devstack.stack import Stack
from tests.e2e.browser.people import PATIENCE, People
from tests.e2e.browser.stage import Stage
from tests.e2e.drills import drills_of
from tests.prerequisites import need


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    need(browser_program(), "a browser: install the package chromium")
    # Ends with the package: while it runs, nothing else in this process can start an event loop.
    expect.set_options(timeout=PATIENCE)
    with open_browser() as found:
        yield found


# The browser comes first: without one nothing has to be started.
@pytest.fixture(scope="package")
def stage(browser: Browser, stack: Stack) -> Iterator[Stage]:
    """Executions of the plans for the console, at work."""
    with drills_of(stack) as drills:
        found = Stage(drills)
        found.set_up()
        yield found
        drills.sandbox.clear_faults()


@pytest.fixture
def people(browser: Browser, stage: Stage, stack: Stack) -> Iterator[People]:
    """Whoever looks; no page of the console may make their browsers complain."""
    everybody = People(browser, stack)
    yield everybody
    assert everybody.leave() == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    """Show with a failed test what each person saw."""
    report = yield
    people = getattr(item, "funcargs", {}).get("people")
    if report.failed and call.when == "call" and people is not None:
        folder = item.config.rootpath / ".browser-failures"
        folder.mkdir(parents=True, exist_ok=True)
        test = re.sub(r"[^\w.-]+", "-", item.name)
        report.sections += [
            (f"what {name} saw", desk.story(folder / f"{test}-{name}.png"))
            for name, desk in people.desks.items()
        ]
    return report
