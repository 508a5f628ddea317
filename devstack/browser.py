"""A headless Chromium, driven over its DevTools protocol: just enough to open a page and take a picture."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from devstack.errors import BrowserError

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 10.0
_LOOK_INTERVAL = 0.1
# A screenshot comes as one message, and those of the protocol's library may have 1 MiB.
_LONGEST_MESSAGE = 32 * 2**20


class Page:
    """
    One tab of the browser.

    :param connection: to its DevTools endpoint.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._last_id = 0

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """
        Run one command of the DevTools protocol.

        :param method: such as ``Page.navigate``.
        :param params: its parameters.
        :return: its result.
        :raises BrowserError: the browser refused it.
        """
        self._last_id += 1
        self._connection.send(json.dumps({"id": self._last_id, "method": method, "params": params}))
        while (answer := json.loads(self._connection.recv(_START_TIMEOUT))).get("id") != self._last_id:
            pass
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return dict(answer["result"])

    def evaluate(self, script: str) -> Any:
        """Return the value of a JavaScript expression."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def await_true(self, script: str, timeout: float) -> None:
        """
        Wait until an expression is true.

        :param script: the JavaScript expression.
        :param timeout: seconds.
        :raises BrowserError: it was not true in time.
        """
        until = time.monotonic() + timeout
        while not self.evaluate(script):
            if time.monotonic() > until:
                raise BrowserError(f"the page does not show what was expected after {timeout:g} s: {script}")
            time.sleep(_LOOK_INTERVAL)

    def resize(self, width: int, height: int) -> None:
        """Give the page a size in pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def picture(self) -> bytes:
        """Return what the page shows, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])


@contextmanager
def open_page() -> Iterator[Page]:
    """
    Start a browser with a profile of its own; it ends, and the profile goes, with the context.

    :raises BrowserError: there is no Chromium, or it does not start.
    """
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        raise BrowserError(f"no browser found, install one of: {', '.join(_NAMES)}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            _command(program, Path(profile)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with connect(_page_address(Path(profile), process), max_size=_LONGEST_MESSAGE) as connection:
                page = Page(connection)
                page.call("Page.enable")
                yield page
        finally:
            process.terminate()
            process.wait(_STOP_TIMEOUT)


def _command(program: str, profile: Path) -> list[str]:
    return [
        program,
        "--headless=new",
        "--disable-gpu",
        # Chromium's own sandbox does not work for root, as in containers; only this stack's pages are opened.
        "--no-sandbox",
        "--hide-scrollbars",
        "--no-first-run",
        "--no-proxy-server",
        f"--user-data-dir={profile}",
        "--remote-debugging-port=0",
        "about:blank",
    ]


def _page_address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Address of the first tab; Chromium writes the port that it took into its profile."""
    port_file = profile / "DevToolsActivePort"
    until = time.monotonic() + _START_TIMEOUT
    while not (port_file.exists() and port_file.read_text()):
        if process.poll() is not None or time.monotonic() > until:
            raise BrowserError("the browser does not start")
        time.sleep(_LOOK_INTERVAL)
    port = port_file.read_text().split()[0]
    tabs = httpx.get(f"http://127.0.0.1:{port}/json/list", trust_env=False).json()
    return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
