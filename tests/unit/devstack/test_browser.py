from __future__ import annotations

import json
import threading

import pytest
from websockets.sync.client import connect
from websockets.sync.server import serve

from devstack.browser import Page, open_page
from devstack.errors import BrowserError

ANSWERS = {
    "Page.captureScreenshot": {"result": {"data": "UE5H"}},
    "Runtime.evaluate": {"result": {"result": {"value": False}}},
    "Page.navigate": {"error": {"message": "Cannot navigate to invalid URL"}},
}


def answer_like_chromium(connection) -> None:
    """Answer each command, after an event that nobody asked for."""
    for message in connection:
        command = json.loads(message)
        connection.send(json.dumps({"method": "Page.frameNavigated", "params": {}}))
        connection.send(json.dumps({"id": command["id"], **ANSWERS[command["method"]]}))


@pytest.fixture
def page():
    """A page of a stand-in for Chromium, on a free port."""
    with serve(answer_like_chromium, "127.0.0.1", 0) as browser:
        thread = threading.Thread(target=browser.serve_forever)
        thread.start()
        with connect(f"ws://127.0.0.1:{browser.socket.getsockname()[1]}") as connection:
            yield Page(connection)
        browser.shutdown()
        thread.join()


def test_a_picture_is_the_image_that_the_browser_sends(page):
    assert page.picture() == b"PNG"


def test_a_refused_command_says_which_and_why(page):
    with pytest.raises(BrowserError, match=r"Page\.navigate: Cannot navigate to invalid URL"):
        page.call("Page.navigate", url="nonsense")


def test_waiting_for_a_page_ends(page):
    with pytest.raises(BrowserError, match=r"after 0\.01 s: document\.title"):
        page.await_true("document.title === 'x'", 0.01)


def test_without_a_browser_the_error_names_those_that_would_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BrowserError, match="install one of: chromium, "), open_page():
        pass
