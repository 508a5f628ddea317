"""Errors as pages."""

from __future__ import annotations

from http import HTTPStatus

from airflow.api_fastapi.app import get_auth_manager
from fastapi import Request
from starlette.responses import RedirectResponse, Response

from drs_recovery.web.problems import Problem
from drs_recovery.web.rendering import render

_TITLES = {
    HTTPStatus.FORBIDDEN: "This is not for you",
    HTTPStatus.NOT_FOUND: "There is no such page",
    HTTPStatus.UNPROCESSABLE_ENTITY: "This address makes no sense",
    HTTPStatus.SERVICE_UNAVAILABLE: "The record cannot be read now",
}
# Seconds after which a page that could not be made is asked for again.
_TRY_AGAIN = 5


def error_page(request: Request, problem: Problem) -> Response:
    """
    Tell a problem to a person.

    :param request: that failed.
    :param problem: what is wrong.
    """
    title = _TITLES.get(HTTPStatus(problem.status_code), "This cannot be shown")
    if problem.code == "misconfigured":
        title = "A setting is wrong"
    passing = problem.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    values = {"refresh": _TRY_AGAIN} if passing else {}
    return render(request, "error.html", problem.status_code, problem=problem, title=title, **values)


def login_redirect(request: Request) -> RedirectResponse:
    """
    Send somebody who is not logged in to the login, and from there back.

    :param request: that failed.
    """
    # Without the host, which is what the request says it is: nobody is led to another one.
    url = request.url
    back = f"{url.path}?{url.query}" if url.query else url.path
    return RedirectResponse(get_auth_manager().get_url_login(next_url=back))
