"""Airflow's public REST API, asked inside this process in the name of whoever makes the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

import httpx
from fastapi import Depends, Request

from drs_recovery.web.problems import Problem, unavailable
from drs_recovery.web.scope import HOST_APP

# What identifies a person, and what Airflow's own checks may look at.
_PASSED_ON = ("authorization", "cookie", "x-forwarded-for", "x-forwarded-proto", "user-agent")


class AirflowApi:
    """
    Calls Airflow's API without a network in between, with the caller's own token or cookie.

    So their rights count, and Airflow's audit log names them.

    :param app: Airflow's own app.
    :param headers: of the caller's request.
    """

    def __init__(self, app: Any, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = {name: headers[name] for name in _PASSED_ON if name in headers}

    async def call(self, method: str, path: str, **request: Any) -> Any:
        """
        Make a call and return its JSON.

        :param method: HTTP method.
        :param path: behind ``/api/v2``, made with :func:`path_of`.
        :param request: ``params``, ``json``.
        :raises Problem: Airflow's refusal with its status, or 503 when Airflow itself fails.
        """
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://airflow", headers=self._headers
        ) as client:
            answer = await client.request(method, f"/api/v2{path}", **request)
        if answer.is_server_error:
            raise unavailable(
                f"Airflow cannot answer now ({answer.status_code}): its API server's log says why"
            )
        if answer.is_error:
            raise Problem(answer.status_code, _detail(answer), _code(answer.status_code))
        return answer.json() if answer.content else None

    async def pages(self, path: str, member: str, **params: Any) -> list[Any]:
        """
        Read a whole list.

        :param path: as in :meth:`call`.
        :param member: of the answer, in which the entries are.
        :param params: the query.
        """
        found: list[Any] = []
        while True:
            answer = await self.call("GET", path, params={**params, "limit": 100, "offset": len(found)})
            found += answer[member]
            if not answer[member] or len(found) >= answer["total_entries"]:
                return found


def path_of(*parts: str) -> str:
    """
    A path of the API; a run id may hold anything.

    :param parts: names of things, in order.
    """
    return "".join(f"/{quote(part, safe='~')}" for part in parts)


def _detail(answer: httpx.Response) -> str:
    """What Airflow says; its form depends on the kind of the error."""
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"Airflow refused it ({answer.status_code})"
    if isinstance(detail, dict):
        detail = detail.get("reason") or detail.get("message") or detail
    return f"Airflow refused it: {detail}"


def _code(status: int) -> str:
    known = {
        HTTPStatus.FORBIDDEN: "forbidden",
        HTTPStatus.NOT_FOUND: "not-found",
        HTTPStatus.CONFLICT: "conflict",
    }
    return known.get(HTTPStatus(status), "refused-by-airflow")


def _airflow_api(request: Request) -> AirflowApi:
    return AirflowApi(request.scope[HOST_APP], request.headers)


Airflow = Annotated[AirflowApi, Depends(_airflow_api)]


@dataclass(frozen=True)
class AirflowPlanFacts:
    """
    What Airflow knows of a plan's DAG.

    :param in_airflow: whether Airflow has parsed the DAG and still finds its file.
    :param is_paused: whether its runs wait until somebody switches it on.
    :param is_placeholder: whether the DAG carries the tag ``broken-plan``.
    :param next_run: epoch seconds of the next scheduled drill; None if there is none or Airflow does not say.
    :param has_import_error: whether Airflow could not load the file of the DAG.
    :param name: display name of the DAG: all that is known of a plan whose file is not here.
    :param tags: tags of the DAG.
    """

    in_airflow: bool
    is_paused: bool = False
    is_placeholder: bool = False
    next_run: float | None = None
    has_import_error: bool = False
    name: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class AirflowRun:
    """
    What Airflow says of the DAG run behind an execution.

    :param state: such as ``running`` or ``failed``; None if the run was deleted.
    """

    state: str | None
