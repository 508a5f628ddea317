"""``python -m devstack.screenshots``: pictures of a finished drill in Airflow, for the documentation."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx

from devstack.airflow_api import AirflowApi
from devstack.browser import Page, open_page
from devstack.errors import DevstackError, NoDrillError
from devstack.layout import PROJECT, StackSettings
from devstack.stack import Stack

IMAGES = PROJECT / "docs" / "images"
PLAN_ID = "three-tier-crm"
# Airflow's UI keeps under this key of the browser which view of a DAG run it opens.
_VIEW_KEY = "default_dag_view"
_EXPAND = "Expand all task groups"
_PAGE_TIMEOUT = 60.0
# The graph is laid out and moved into place after its boxes are there.
_SETTLE_SECONDS = 2.0
_LAST_TASK = "finalize_execution"


@dataclass(frozen=True)
class Shot:
    """
    One picture.

    :param view: ``graph`` or ``grid``.
    :param size: width and height in pixels.
    :param clicks: labels of the buttons to press before it is taken.
    """

    view: str
    size: tuple[int, int]
    clicks: tuple[str, ...]


SHOTS = (
    Shot("graph", (1600, 620), (_EXPAND, "Collapse Details Panel", "Fit View")),
    Shot("grid", (1440, 900), (_EXPAND,)),
)


def take_all(stack: Stack, folder: Path) -> list[Path]:
    """
    Take one picture for each view of the newest successful drill of the demo's plan.

    :param stack: a running stack in which a drill has ended well.
    :param folder: where the pictures go.
    :return: the files, ``airflow-<view>.png``.
    :raises NoDrillError: there is no such drill.
    """
    url = stack.state.airflow_url
    dag_id = f"recover_{PLAN_ID}"
    with closing(AirflowApi(url, "admin", stack.passwords["admin"])) as api:
        done = [run["dag_run_id"] for run in api.runs(dag_id) if run["state"] == "success"]
    if not done:
        raise NoDrillError(dag_id)
    folder.mkdir(parents=True, exist_ok=True)
    with open_page() as page:
        page.call("Network.setCookie", name="_token", value=_token(stack), url=url)
        return [_take(page, f"{url}/dags/{dag_id}/runs/{done[0]}", shot, folder) for shot in SHOTS]


def _token(stack: Stack) -> str:
    """Log in; the UI takes the same token as the REST API, from a cookie."""
    credentials = {"username": "admin", "password": stack.passwords["admin"]}
    reply = httpx.post(f"{stack.state.airflow_url}/auth/token", json=credentials, trust_env=False)
    return str(reply.raise_for_status().json()["access_token"])


def _take(page: Page, address: str, shot: Shot, folder: Path) -> Path:
    page.resize(*shot.size)
    choice = f"localStorage.setItem('{_VIEW_KEY}', JSON.stringify('{shot.view}'))"
    page.call("Page.addScriptToEvaluateOnNewDocument", source=choice)
    page.call("Page.navigate", url=address)
    page.await_true(f"document.body?.innerText.includes('{_LAST_TASK}')", _PAGE_TIMEOUT)
    for label in shot.clicks:
        button = f"document.querySelector('button[aria-label=\"{label}\"]')"
        page.await_true(f"{button} !== null", _PAGE_TIMEOUT)
        page.evaluate(f"{button}.click()")
        time.sleep(_SETTLE_SECONDS)
    path = folder / f"airflow-{shot.view}.png"
    path.write_bytes(page.picture())
    return path


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
