"""What a takeover needs of its own Airflow's REST API."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx
import tenacity
from airflow.configuration import conf

from drs_recovery.exceptions import AirflowApiError

TOKEN, USER, PASSWORD = "AIRFLOW_CLI_TOKEN", "AIRFLOW_CLI_USERNAME", "AIRFLOW_CLI_PASSWORD"
"""Environment variables that say who asks. The first is that of Airflow's own ``airflowctl``."""

_DEFAULT_URL = "http://localhost:8080"
# Seconds for one answer, and for all tries together: the standby may be busy with its start.
_TIMEOUT, _PATIENCE = 30.0, 90.0
_NOT_FOUND, _CONFLICT, _SERVER_ERROR = 404, 409, 500


class AirflowApi:
    """
    Airflow as the person sees it who takes over.

    :param base_url: as people open it, with the path under which it is served.
    """

    def __init__(self, base_url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=f"{base_url}/api/v2", headers=headers, timeout=_TIMEOUT)

    def has_dag(self, dag_id: str) -> bool:
        """Whether Airflow knows a DAG by now."""
        dag = self._found(f"/dags/{quote(dag_id)}")
        return dag is not None and not dag.get("is_stale")

    def unpause(self, dag_id: str) -> bool:
        """
        Let the runs of a DAG begin.

        :return: False if they did already.
        """
        path = f"/dags/{quote(dag_id)}"
        if not self._send("GET", path)["is_paused"]:
            return False
        self._send("PATCH", path, {"is_paused": False})
        return True

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        """State of a DAG run; None if there is none."""
        run = self._found(_path_of(dag_id, run_id))
        return None if run is None else str(run["state"])

    def trigger(self, dag_id: str, run_id: str, options: Mapping[str, Any]) -> None:
        """Trigger a run, unless there is one of that id."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(options)}
        try:
            self._send("POST", f"/dags/{quote(dag_id)}/dagRuns", body)
        except AirflowApiError as error:
            if error.status != _CONFLICT:
                raise

    def start_over(self, dag_id: str, run_id: str) -> None:
        """Clear all tasks of a run that has ended."""
        self._send("POST", f"{_path_of(dag_id, run_id)}/clear", {"dry_run": False})

    def _found(self, path: str) -> dict[str, Any] | None:
        try:
            return self._send("GET", path)
        except AirflowApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        request = f"{method} {self._client.base_url.path.rstrip('/')}{path}"
        return _content(request, _answer(request, lambda: self._client.request(method, path, json=body)))


def open_airflow() -> AirflowApi:
    """
    Log in to the Airflow of this machine's configuration.

    :raises AirflowApiError: nobody is named, or Airflow does not let them in.
    """
    base_url = (conf.get("api", "base_url", fallback=None) or _DEFAULT_URL).rstrip("/")
    return AirflowApi(base_url, os.environ.get(TOKEN) or _token(base_url))


def _token(base_url: str) -> str:
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    request = f"the login at {base_url}"
    if not (user and password):
        raise AirflowApiError(request, f"set {TOKEN}, or {USER} and {PASSWORD}, in the environment")
    credentials = {"username": user, "password": password}
    answer = _answer(
        request, lambda: httpx.post(f"{base_url}/auth/token", json=credentials, timeout=_TIMEOUT)
    )
    return str(_content(request, answer).get("access_token"))


def _answer(request: str, send: Callable[[], httpx.Response]) -> httpx.Response:
    """Send a request until it is answered: each of them may be carried out twice."""
    try:
        return _sent_again(send)
    except httpx.TransportError as error:
        raise AirflowApiError(request, f"{type(error).__name__}: {error}") from error


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(httpx.TransportError)
    | tenacity.retry_if_result(lambda answer: answer.status_code >= _SERVER_ERROR),
    wait=tenacity.wait_random_exponential(multiplier=0.5, max=5),
    stop=tenacity.stop_after_delay(_PATIENCE),
    retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
)
def _sent_again(send: Callable[[], httpx.Response]) -> httpx.Response:
    return send()


def _content(request: str, answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise AirflowApiError(request, f"{answer.status_code} {answer.text[:500]}", answer.status_code)
    found: dict[str, Any] = answer.json()
    return found


def _path_of(dag_id: str, run_id: str) -> str:
    return f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"
