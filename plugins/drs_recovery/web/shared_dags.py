"""
Who may trigger a DAG that acts on executions of any plan: only who may trigger that plan, too.

Airflow checks the right to the DAG that is triggered; which execution is meant stands in ``conf``. A task
knows no auth manager, so it is checked here, where Airflow's API server takes the request. Everything else,
and whatever Airflow refuses itself, is handed on as it came.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drs_recovery.web.scope import App, Receive, Scope, Send

if TYPE_CHECKING:
    from fastapi import Request
    from starlette.responses import Response

# DAG to the key of ``conf`` that names an execution.
_NAMED_BY: Mapping[str, str] = {"terminate_recovery_instances": "execution_id"}

# Behind the path under which Airflow is served, which a proxy may leave in it or not.
_TRIGGER = re.compile(r".*/api/v2/dags/([^/]+)/dagRuns/?")

log = logging.getLogger(__name__)


class SharedDagGuard:
    """
    A middleware of Airflow's API server.

    :param app: what is behind it.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        key = _key_of(scope)
        answer = self._app
        if key is not None:
            from fastapi import Request

            request = Request(scope, receive)
            body = await request.body()
            receive = _replayed(body, receive)
            answer = await _refusal(request, _execution_in(body, key)) or answer
        await answer(scope, receive, send)


def _key_of(scope: Scope) -> str | None:
    """The key of ``conf`` that names an execution, if a shared DAG is to be triggered."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    found = _TRIGGER.fullmatch(scope["path"])
    return _NAMED_BY.get(found[1]) if found else None


def _execution_in(body: bytes, key: str) -> str | None:
    """Id of the execution as the DAG will read it; None if Airflow or the DAG refuse the request anyway."""
    try:
        named = json.loads(body)["conf"][key]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return named.strip() if isinstance(named, str) else None


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The messages of a request whose body was read."""
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Any:
        return messages.pop() if messages else await receive()

    return next_message


async def _refusal(request: Request, execution_id: str | None) -> Response | None:
    """Why the request is not handed on; None if it is."""
    from fastapi import HTTPException
    from starlette.concurrency import run_in_threadpool

    from drs_recovery.web.errors import problem_of
    from drs_recovery.web.problems import problem_answer

    if not execution_id:
        return None
    try:
        user = await _user_of(request)
    except HTTPException:
        # Airflow says so itself.
        return None
    try:
        await run_in_threadpool(_demand_right, user, execution_id)
    except Exception as error:
        # What cannot be checked is not allowed.
        problem = problem_of(error)
        log.warning("%s is refused for execution %r: %s", request.url.path, execution_id, problem.detail)
        return problem_answer(problem)
    return None


async def _user_of(request: Request) -> Any:
    """Whoever Airflow takes the request for."""
    from airflow.api_fastapi.core_api.security import bearer_scheme, get_user

    return await get_user(request, None, await bearer_scheme(request))


def _demand_right(user: Any, execution_id: str) -> None:
    """
    Refuse what the console would refuse.

    :raises ExecutionNotFoundError: there is none.
    :raises Problem: 404 if it is not for this person to know of it, 403 if they may not act on it, 409 if
        another installation of Airflow acts on it.
    """
    from drs_recovery.exceptions import ExecutionNotFoundError
    from drs_recovery.installation import elsewhere, known_installation
    from drs_recovery.web.problems import conflict
    from drs_recovery.web.security import Person
    from drs_recovery.web.sources import kept_store

    execution = kept_store().get_execution(execution_id)
    person = Person(user)
    person.demand_read(execution["dagId"], str(ExecutionNotFoundError(execution_id)))
    person.demand_act(execution["dagId"])
    if reason := elsewhere(execution, known_installation()):
        raise conflict(f"Nothing is terminated: {reason}.")
