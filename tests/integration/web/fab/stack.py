"""An Airflow with the FAB auth manager beside the tests, whose own Airflow has another one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx

PROJECT = Path(__file__).resolve().parents[4]
AUTH_MANAGER = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
_SAYS_READY = "fab ready "


class FabAirflow:
    """
    Requests to the console by users of FAB.

    :param client: of the API server.
    :param users: id by name.
    :param environment: of processes that belong to this Airflow.
    """

    def __init__(self, client: httpx.Client, users: dict[str, str], environment: dict[str, str]) -> None:
        self._client, self.users, self._environment = client, users, environment
        self.token = cache(self._token)

    def _token(self, user: str) -> str:
        """The token of a user, from the login that FAB offers."""
        answer = self._client.post("/auth/token", json={"username": user, "password": user})
        return str(answer.raise_for_status().json()["access_token"])

    def send(self, method: str, path: str, user: str | None, **request: Any) -> httpx.Response:
        """
        Send a request.

        :param path: of the API server.
        :param user: name; None for somebody who is not logged in.
        """
        headers = {"Authorization": f"Bearer {self.token(user)}"} if user else {}
        return self._client.request(
            method, path, headers={**headers, **request.pop("headers", {})}, **request
        )

    def get(self, path: str, user: str | None, **request: Any) -> httpx.Response:
        """Read something of the console; ``path`` is behind ``/recovery``."""
        return self.send("GET", f"/recovery{path}", user, **request)

    def start(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        """Start a Python process, such as ``-m some.module``, whose Airflow is this one."""
        arguments = [sys.executable, *command]
        return subprocess.Popen(arguments, cwd=PROJECT, env=self._environment, text=True, **options)


@contextmanager
def fab_airflow(home: Path, plans: Path, endpoint_url: str) -> Iterator[FabAirflow]:
    """
    Run an API server with FAB until the end of the block.

    :param home: its ``AIRFLOW_HOME``, empty.
    :param plans: its folder of plans.
    :param endpoint_url: of the sandbox.
    """
    environment = _environment(home, plans, endpoint_url)
    command = [sys.executable, "-m", "tests.integration.web.fab.server"]
    log = home / "server.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            said = next((line for line in process.stdout or () if line.startswith(_SAYS_READY)), None)
            assert said, f"FAB's API server did not start:\n{log.read_text()}"
            ready = json.loads(said.removeprefix(_SAYS_READY))
            with httpx.Client(base_url=ready["url"], timeout=30) as client:
                yield FabAirflow(client, ready["users"], environment)
        finally:
            process.terminate()


def _environment(home: Path, plans: Path, endpoint_url: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": f"{PROJECT / 'plugins'}{os.pathsep}{PROJECT}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__AUTH_MANAGER": AUTH_MANAGER,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__API_AUTH__JWT_SECRET": "f" * 64,
        "AIRFLOW__DRS_RECOVERY__PLANS_DIR": str(plans),
        "AIRFLOW__DRS_RECOVERY__POLL_INTERVAL": "0.2",
        "AWS_ENDPOINT_URL": endpoint_url,
    }
