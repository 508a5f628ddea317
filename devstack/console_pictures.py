"""Pictures of the recovery console: of a drill that fails, and of one that runs, waits and ends well."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from devstack.airflow_api import AirflowApi
from devstack.browser import logged_in
from devstack.errors import NoPictureError
from devstack.gatekeeper import Gatekeeper
from devstack.records import open_store
from devstack.stack import Stack
from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.statuses import ServerPhase
from drs_recovery.store import execution_id
from sandbox.testing import Sandbox

PLAN_ID, FAILING_PLAN_ID, FAILING_SERVER = "three-tier-crm", "billing-database", "s-4444444444444444b"
_REASON = "InsufficientInstanceCapacity: there is not enough capacity for r5.large in us-west-2a"
_DESK: Mapping[str, Any] = {"viewport": {"width": 1280, "height": 960}}
_PHONE: Mapping[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
_LOOK_INTERVAL = 0.5
# A wave takes about 90 seconds then; the conversion is a good part of it.
_SLOW = 6.0
_PATIENCE = 300.0

Record = Mapping[str, Any]


@dataclass(frozen=True)
class ConsoleShot:
    """
    One picture.

    :param name: its file is ``console-<name>.png``.
    """

    name: str
    window: Mapping[str, Any] = field(default_factory=lambda: _DESK)

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"console-{self.name}.png"


FAILED, GATE = ConsoleShot("execution-failed"), ConsoleShot("execution-gate")
LIVE = (
    ConsoleShot("execution-live"),
    ConsoleShot("execution-dark", {**_DESK, "color_scheme": "dark"}),
    ConsoleShot("execution-phone", _PHONE),
)
# Pictures that show what has been, each with its page.
OVERVIEWS = (
    (ConsoleShot("plans"), "/recovery/"),
    (ConsoleShot("plan"), f"/recovery/plans/{PLAN_ID}"),
    (ConsoleShot("executions"), "/recovery/executions"),
)
FILES = frozenset(shot.file for shot in (FAILED, GATE, *LIVE, *(shot for shot, _page in OVERVIEWS)))


def take_console_pictures(browser: Browser, stack: Stack, api: AirflowApi, folder: Path) -> list[Path]:
    """
    Run a drill that fails and one that does not, and take the pictures of them.

    :raises NoPictureError: a drill does not come to what is to be shown.
    """
    camera, sandbox = _Camera(browser, stack, folder), Sandbox(stack.state.sandbox_url)
    sandbox.add_fault("launch_failed", server=FAILING_SERVER, raw_error=_REASON, times=1)
    failing = _Drill(stack, api, FAILING_PLAN_ID, "CHG0030611")
    with _slowly(sandbox, stack.settings.speed):
        drill = _Drill(stack, api, PLAN_ID, "CHG0030612")
        drill.await_record("snapshots are converted", _is_converting)
        taken = [camera.take(shot, drill.page) for shot in LIVE]
    drill.await_record("the gate is open", lambda document: document["status"] == "PAUSED")
    taken.append(camera.take(GATE, drill.page))
    failing.await_record("the drill has failed", lambda document: document["status"] == "FAILED")
    taken.append(camera.take(FAILED, failing.page))
    drill.await_end()
    return taken + [camera.take(shot, page) for shot, page in OVERVIEWS]


class _Camera:
    """Takes pictures of pages as ``dba-lead`` sees them, who answers the gate of the sample plan."""

    def __init__(self, browser: Browser, stack: Stack, folder: Path) -> None:
        self._browser, self._stack, self._folder = browser, stack, folder

    def take(self, shot: ConsoleShot, path: str) -> Path:
        """Open a page and take a picture of its upper part."""
        file = self._folder / shot.file
        with logged_in(self._browser, self._stack, "dba-lead", **shot.window) as context:
            page = context.new_page()
            page.goto(path)
            # The script is at work: times are those of the browser's zone.
            page.locator("#freshness").get_by_text("Updated").wait_for()
            page.screenshot(path=file)
        return file


class _Drill:
    """A drill that is started for the pictures."""

    def __init__(self, stack: Stack, api: AirflowApi, plan_id: str, ticket: str) -> None:
        self._api, self._dag_id = api, f"recover_{plan_id}"
        self._store = open_store(stack.state.sandbox_url)
        self._gatekeeper = Gatekeeper(stack.state.airflow_url, stack.passwords, print)
        self._run_id = api.trigger(self._dag_id, {"ticket": ticket, "reason": "quarterly drill"})

    @property
    def page(self) -> str:
        """Path of its page."""
        return f"/recovery/executions/{execution_id(self._dag_id, self._run_id)}"

    def await_record(self, what: str, holds: Callable[[Record], bool]) -> None:
        """Wait until the record says something."""
        self._await(what, lambda: holds(self._document()))

    def await_end(self) -> None:
        """Approve its gates and wait until it has ended well."""
        self._await("the drill has ended", self._has_ended)

    def _has_ended(self) -> bool:
        self._gatekeeper.approve_due(self._api.open_questions(self._dag_id, self._run_id))
        return bool(self._document()["status"] == "COMPLETED")

    def _document(self) -> Record:
        try:
            return self._store.get_document(execution_id(self._dag_id, self._run_id))
        except ExecutionNotFoundError:
            return {"status": "", "waves": []}

    def _await(self, what: str, happened: Callable[[], bool]) -> None:
        until = time.monotonic() + _PATIENCE
        while not happened():
            if time.monotonic() > until:
                raise NoPictureError(self._dag_id, what, _PATIENCE)
            time.sleep(_LOOK_INTERVAL)


def _is_converting(document: Record) -> bool:
    phases = {server["phase"] for wave in document["waves"] for server in wave["serverStatuses"]}
    return ServerPhase.CONVERSION in phases


@contextmanager
def _slowly(sandbox: Sandbox, speed: float) -> Iterator[None]:
    """Let a moment last long enough to be seen, and to be shown several times."""
    sandbox.set_speed(_SLOW)
    try:
        yield
    finally:
        sandbox.set_speed(speed)
