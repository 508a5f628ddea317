"""A small client of Airflow's public REST API: what a ticketing tool would use, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from devstack.errors import AirflowApiError, UnreachableError
from drs_recovery.airflow_versions import ASKING_STATE

_TIMEOUT = 15.0
_NOT_FOUND = 404
_CONFLICT = 409
_UNAUTHORIZED = 401
_SERVER_ERRORS = 500


@dataclass(frozen=True)
class Question:
    """
    A task that waits for a person's answer.

    :param map_index: -1 unless the task is mapped.
    :param approvers: user ids of those who may answer; empty when everybody may who can run the DAG.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    subject: str
    options: tuple[str, ...]
    approvers: tuple[str, ...]
    created_at: datetime


class AirflowApi:
    """Airflow as one of its users sees it."""

    def __init__(self, base_url: str, user: str, password: str) -> None:
        self._credentials = {"username": user, "password": password}
        # trust_env: a proxy of the user's environment cannot reach this machine's loopback.
        self._client = httpx.Client(base_url=base_url, timeout=_TIMEOUT, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """Return a DAG with its documentation, or None when Airflow does not know it (yet)."""
        try:
            return self._get(f"/dags/{dag_id}/details")
        except AirflowApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def parse_file_of(self, dag_id: str) -> None:
        """Have the file of a DAG parsed as soon as possible, not when it is due."""
        details = self._get(f"/dags/{dag_id}/details")
        try:
            self._repeated("PUT", f"/parseDagFile/{details['file_token']}")
        except AirflowApiError as error:
            # Somebody has asked for it already, and Airflow has not come to it yet.
            if error.status != _CONFLICT:
                raise

    def import_errors(self) -> dict[str, str]:
        """Return the stack trace of each DAG file that cannot be loaded."""
        found = self._get("/importErrors")["import_errors"]
        return {str(error["filename"]): str(error["stack_trace"]) for error in found}

    def unpause(self, dag_id: str) -> None:
        """Let a DAG's runs be executed."""
        self._repeated("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def pause(self, dag_id: str) -> None:
        """Start no more runs of a DAG by its schedule."""
        self._repeated("PATCH", f"/dags/{dag_id}", json={"is_paused": True})

    def trigger(self, dag_id: str, conf: Mapping[str, Any], run_id: str | None = None) -> str:
        """
        Start a run of a DAG; of many that are started together, Airflow begins the earlier ones first.

        :param run_id: such as a ticket; by default the name that Airflow would give.
        """
        # Runs without a date have no order among themselves. With a name the call can be repeated, since
        # Airflow takes a name once.
        now = datetime.now(UTC).isoformat()
        run_id = run_id or f"manual__{now}"
        body = {"dag_run_id": run_id, "logical_date": now, "conf": dict(conf)}
        try:
            run = self._repeated("POST", f"/dags/{dag_id}/dagRuns", json=body)
        except AirflowApiError as error:
            # An earlier try was carried out, and only its answer was lost.
            if error.status != _CONFLICT:
                raise
            return run_id
        return str(run["dag_run_id"])

    def create_run(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> None:
        """
        Start a run as a ticketing tool does: once, and whatever Airflow says to it.

        :raises AirflowApiError: such as 409, if there is a run of that id.
        """
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        self._request("POST", f"/dags/{dag_id}/dagRuns", json=body)

    def delete_run(self, dag_id: str, run_id: str) -> None:
        """Delete a run from Airflow's database."""
        self._request("DELETE", f"/dags/{dag_id}/dagRuns/{run_id}")

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return a DAG run; its ``state`` is queued, running, success or failed."""
        return self._get(f"/dags/{dag_id}/dagRuns/{run_id}")

    def runs_under_way(self) -> set[tuple[str, str]]:
        """Return DAG id and run id of the runs of all DAGs that have not ended, at most 100."""
        found = self._get("/dags/~/dagRuns", limit=100, state=["queued", "running"])
        return {(str(run["dag_id"]), str(run["dag_run_id"])) for run in found["dag_runs"]}

    def set_run_state(self, dag_id: str, run_id: str, state: str) -> None:
        """Do what "Mark run as …" in the UI does."""
        self._repeated("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", json={"state": state})

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return the runs of a DAG, newest first, at most 100."""
        found = self._get(f"/dags/{dag_id}/dagRuns", limit=100, order_by="-run_after")
        return list(found["dag_runs"])

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the tasks of a DAG run, at most 100, each with its ``state``."""
        found = self._get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", limit=100)
        return list(found["task_instances"])

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        """
        Do what "Clear" with "Downstream" in the UI does: the task and all behind it run again.

        :param run_id: its run, which goes on if it has ended.
        """
        wanted = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": [task_id],
            "include_downstream": True,
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self._request("POST", f"/dags/{dag_id}/clearTaskInstances", json=wanted)

    def open_questions(self, dag_id: str, run_id: str) -> list[Question]:
        """
        Return the questions that wait for an answer.

        :param dag_id: the DAG; ``~`` for all.
        :param run_id: its run; ``~`` for all.
        """
        # A cancelled run leaves its questions unanswered for ever; only the task's state tells them apart.
        found = self._get(
            f"/dags/{dag_id}/dagRuns/{run_id}/hitlDetails", response_received=False, state=ASKING_STATE
        )
        return [_question(detail) for detail in found["hitl_details"]]

    def answer(self, question: Question, option: str) -> None:
        """
        Answer a question as this user.

        :raises AirflowApiError: with status 409 when somebody answered before, be it an earlier try of this
            call; 403 when this user may not.
        """
        path = (
            f"/dags/{question.dag_id}/dagRuns/{question.run_id}"
            f"/taskInstances/{question.task_id}/{question.map_index}/hitlDetails"
        )
        self._repeated("PATCH", path, json={"chosen_options": [option], "params_input": {}})

    def _get(self, path: str, **params: Any) -> dict[str, Any]:
        """Read: doing it twice does no harm."""
        return self._repeated("GET", path, params=params)

    def _repeated(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Ask again when the server stumbles: SQLite refuses who has waited long for other writers."""
        retrying = Retrying(
            stop=stop_after_attempt(4),
            wait=wait_exponential(multiplier=0.2),
            retry=retry_if_exception(_may_pass),
            reraise=True,
        )
        return retrying(self._request, method, path, **options)

    def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        if "authorization" not in self._client.headers:
            self._log_in()
        reply = self._send(method, f"/api/v2{path}", **options)
        if reply.status_code == _UNAUTHORIZED:
            # Tokens live for a day; a refused request was not carried out and may be repeated.
            self._log_in()
            reply = self._send(method, f"/api/v2{path}", **options)
        return _content(reply)

    def _log_in(self) -> None:
        reply = self._send("POST", "/auth/token", json=self._credentials)
        self._client.headers["authorization"] = f"Bearer {_content(reply)['access_token']}"

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **options)
        except httpx.TransportError as error:
            raise UnreachableError("Airflow's API server", error) from error


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, AirflowApiError):
        return error.status >= _SERVER_ERRORS
    return isinstance(error, UnreachableError)


def _content(reply: httpx.Response) -> dict[str, Any]:
    if reply.is_success:
        return dict(reply.json() or {}) if reply.content else {}
    request = f"{reply.request.method} {reply.request.url.path}"
    raise AirflowApiError(request, reply.status_code, reply.text[:500])


def _question(detail: Mapping[str, Any]) -> Question:
    task = detail["task_instance"]
    return Question(
        dag_id=task["dag_id"],
        run_id=task["dag_run_id"],
        task_id=task["task_id"],
        map_index=task["map_index"],
        subject=detail["subject"],
        options=tuple(detail["options"]),
        approvers=tuple(user["id"] for user in detail["assigned_users"]),
        created_at=datetime.fromisoformat(detail["created_at"]),
    )
