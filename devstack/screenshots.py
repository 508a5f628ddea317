"""``python -m devstack.screenshots``: pictures of Airflow's UI and the console, for the documentation."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize

from devstack.airflow_api import AirflowApi
from devstack.browser import logged_in, open_browser
from devstack.console_pictures import PLAN_ID, take_console_pictures
from devstack.errors import DevstackError, NoDrillError
from devstack.layout import PROJECT, StackSettings
from devstack.stack import Stack

IMAGES = PROJECT / "docs" / "images"
# Airflow's UI keeps under this key of the browser which view of a DAG run it opens.
_VIEW_KEY = "default_dag_view"
_EXPAND = "Expand all task groups"
_PAGE_TIMEOUT = 60_000.0
# The graph is laid out and moved into place after its boxes are there.
_SETTLE_TIME = 2_000.0
_LAST_TASK = "finalize_execution"


@dataclass(frozen=True)
class Shot:
    """
    One picture.

    :param view: ``graph`` or ``grid``.
    """

    view: str
    size: ViewportSize
    clicks: tuple[str, ...]


SHOTS = (
    Shot("graph", {"width": 1600, "height": 620}, (_EXPAND, "Collapse Details Panel", "Fit View")),
    Shot("grid", {"width": 1440, "height": 900}, (_EXPAND,)),
)


def take_all(stack: Stack, folder: Path) -> list[Path]:
    """
    Take one picture for each view of the newest successful drill of the demo's plan, and those of the
    console.

    :return: the files, ``airflow-<view>.png`` and ``console-<page>.png``.
    :raises NoDrillError: there is no such drill.
    """
    dag_id = f"recover_{PLAN_ID}"
    with closing(AirflowApi(stack.state.airflow_url, "admin", stack.passwords["admin"])) as api:
        done = [run["dag_run_id"] for run in api.runs(dag_id) if run["state"] == "success"]
        if not done:
            raise NoDrillError(dag_id)
        folder.mkdir(parents=True, exist_ok=True)
        address = f"/dags/{dag_id}/runs/{done[0]}"
        with open_browser() as browser:
            taken = [_take(browser, stack, address, shot, folder) for shot in SHOTS]
            return taken + take_console_pictures(browser, stack, api, folder)


def _take(browser: Browser, stack: Stack, address: str, shot: Shot, folder: Path) -> Path:
    path = folder / f"airflow-{shot.view}.png"
    # Airflow's UI remembers in a browser what was opened and closed: each picture begins with a new one.
    with logged_in(browser, stack, "admin", viewport=shot.size) as context:
        context.set_default_timeout(_PAGE_TIMEOUT)
        _show(context.new_page(), address, shot).screenshot(path=path)
    return path


def _show(page: Page, address: str, shot: Shot) -> Page:
    page.add_init_script(f"localStorage.setItem('{_VIEW_KEY}', JSON.stringify('{shot.view}'))")
    page.goto(address)
    page.get_by_text(_LAST_TASK).first.wait_for()
    for label in shot.clicks:
        page.get_by_label(label, exact=True).click()
        page.wait_for_timeout(_SETTLE_TIME)
    return page


def main() -> int:
    """Take the pictures from the stack that `make demo` left running."""
    try:
        for path in take_all(Stack(StackSettings()), IMAGES):
            print(path.relative_to(PROJECT))
    except DevstackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
