from __future__ import annotations

from types import SimpleNamespace

import pytest

from devstack.browser import browser_program, logged_in, open_browser
from devstack.environment import free_port
from devstack.errors import BrowserError
from tests.prerequisites import need


@pytest.fixture
def browser():
    need(browser_program(), "a browser: install the package chromium")
    with open_browser() as found:
        yield found


def test_a_person_sees_the_stack_with_the_token_of_their_own_login(browser, airflow):
    airflow.replace("POST /auth/token", {"access_token": "viewers-token"}, status=201)
    airflow.reply("GET /recovery/", "<h1>Plans</h1>")
    stack = SimpleNamespace(state=SimpleNamespace(airflow_url=airflow.url), passwords={"viewer": "v-pass"})

    with logged_in(browser, stack, "viewer", viewport={"width": 375, "height": 700}) as context:
        page = context.new_page()
        page.goto("/recovery/")

        assert page.get_by_role("heading").inner_text() == "Plans"
        assert page.viewport_size == {"width": 375, "height": 700}
        assert [(one["name"], one["value"]) for one in context.cookies()] == [("_token", "viewers-token")]
    assert airflow.bodies("POST /auth/token") == [{"username": "viewer", "password": "v-pass"}]


def test_what_a_page_does_not_do_is_an_error_for_people():
    need(browser_program(), "a browser: install the package chromium")

    with pytest.raises(BrowserError, match="ERR_CONNECTION_REFUSED"), open_browser() as browser:
        browser.new_page().goto(f"http://127.0.0.1:{free_port()}/")


def test_without_a_browser_the_error_names_those_that_would_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BrowserError, match="install one of: chromium, "), open_browser():
        pass
