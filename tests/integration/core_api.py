"""Airflow's REST API inside the test's process, for what people do while a run goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import httpx
from airflow.api_fastapi.app import create_app, get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from fastapi import FastAPI


class CoreApi:
    """The REST API as its users call it; every call needs a user and is authorised as in production."""

    @cached_property
    def _app(self) -> FastAPI:
        # Made for the first gate: it takes seconds.
        return create_app("core")

    def call(self, user: str, method: str, path: str, **request: Any) -> Any:
        """
        Call the API and return its JSON.

        :param user: name of an administrator.
        :param path: behind ``/api/v2``.
        """
        answer = self.send(method, f"/api/v2{path}", self.token(user, "admin"), **request)
        if answer.is_error:
            raise AssertionError(f"{method} {path} as {user}: {answer.status_code} {answer.text}")
        return answer.json()

    def token(self, user: str, role: str, teams: Sequence[str] = ()) -> str:
        """A token of a user of the simple auth manager; its roles are viewer, user, op and admin."""
        self._app  # noqa: B018  # makes the auth manager
        someone = SimpleAuthManagerUser(username=user, role=role, teams=list(teams))
        return get_auth_manager().generate_jwt(someone)

    def send(self, method: str, path: str, token: str | None, **request: Any) -> httpx.Response:
        """
        Send a request to any path of the API server.

        :param token: put into the header; None sends none.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return asyncio.run(self._send(method, path, {**headers, **request.pop("headers", {})}, request))

    async def _send(
        self, method: str, path: str, headers: dict[str, str], request: dict[str, Any]
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://airflow", headers=headers
        ) as client:
            return await client.request(method, path, **request)

    def open_questions(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The questions of a DAG run that nobody has answered."""
        wanted = {"response_received": "false", "state": "awaiting_input"}
        answer = self.call("admin", "GET", f"/dags/{dag_id}/dagRuns/{run_id}/hitlDetails", params=wanted)
        return list(answer["hitl_details"])

    def answer(self, question: dict[str, Any], user: str, option: str, comment: str | None) -> None:
        """Answer a question as one of its approvers."""
        task = question["task_instance"]
        self.call(
            user,
            "PATCH",
            f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/-1/hitlDetails",
            json={"chosen_options": [option], "params_input": {"comment": comment}},
        )

    def set_task_state(self, question: dict[str, Any], state: str) -> None:
        """Do what "Mark task as …" does in the UI."""
        task = question["task_instance"]
        path = f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
        self.call("admin", "PATCH", path, json={"new_state": state})

    def set_run_state(self, question: dict[str, Any], state: str) -> None:
        """Do what "Mark run as …" does in the UI."""
        task = question["task_instance"]
        self.call(
            "admin", "PATCH", f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}", json={"state": state}
        )
