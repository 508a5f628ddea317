"""A drill with the installed wheel ends COMPLETED on the oldest Airflow, on MWAA's versions and on a beta."""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platforms.installing import BY_HAND, DAG_FILE, PROJECT, Installed, local_stack_needs, run

ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}


class LocalStack:
    """Sandbox and Airflow of a project that has no plugins folder: what runs is the wheel."""

    def __init__(self, installed: Installed, project: Path) -> None:
        self._python, self._project = installed.commands / "python", project

    def do(self, command: str) -> str:
        """Run a command of ``python -m devstack``."""
        options = ("--home", self._project / "home", "--database", "sqlite")
        return run(self._python, "-m", "devstack", *options, command, env=ENVIRONMENT, cwd=self._project)

    def get(self, path: str) -> object:
        """Read from the console as the administrator."""
        state = json.loads((self._project / "home" / "stack.json").read_text(encoding="utf-8"))
        passwords = json.loads((self._project / "home" / "passwords.json").read_text(encoding="utf-8"))
        login = json.dumps({"username": "admin", "password": passwords["admin"]}).encode()
        url, kind = f"http://127.0.0.1:{state['airflow_port']}", {"Content-Type": "application/json"}
        token = _answer(urllib.request.Request(f"{url}/auth/token", login, kind))["access_token"]
        asked = urllib.request.Request(f"{url}{path}", headers={"Authorization": f"Bearer {token}"})
        return _answer(asked)


def _answer(request: urllib.request.Request) -> dict[str, object]:
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, object] = json.load(answer)
    return found


@pytest.fixture
def stack(installed: Installed, tmp_path: Path) -> Iterator[LocalStack]:
    installed.add(*local_stack_needs())
    for folder in ("devstack", "sandbox", "include"):
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "recovery.py").write_text(DAG_FILE, encoding="utf-8")
    stack = LocalStack(installed, tmp_path)
    yield stack
    stack.do("down")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("installed", BY_HAND, indirect=True)
def test_the_drill_of_the_demo_is_completed(stack: LocalStack) -> None:
    shown = stack.do("demo")

    assert "Ended: COMPLETED" in shown
    (execution,) = stack.get("/recovery/api/v1/executions")["executions"]
    assert execution["status"] == "COMPLETED"
