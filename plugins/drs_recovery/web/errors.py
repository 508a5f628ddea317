"""Turn every error of a request into a problem; pages show it as HTML, the API as JSON."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from drs_recovery.exceptions import (
    ExecutionNotFoundError,
    SettingError,
    StoreConflictError,
    StoreError,
    TransitionRefusedError,
)
from drs_recovery.hooks.errors import AWS_ERRORS, FORESEEN_ERRORS, describe_safely
from drs_recovery.web.problems import (
    Problem,
    conflict,
    invalid,
    misconfigured,
    not_found,
    problem_answer,
    unavailable,
)
from drs_recovery.web.rendering import render

_TITLES = {
    HTTPStatus.FORBIDDEN: "You may not see this",
    HTTPStatus.NOT_FOUND: "There is no such page",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Invalid address",
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


_CODES = {
    HTTPStatus.UNAUTHORIZED: "not-logged-in",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
}

log = logging.getLogger(__name__)


def add_error_handlers(app: FastAPI) -> None:
    """
    Register how errors are told.

    :param app: whose errors.
    """
    for kind in (HTTPException, RequestValidationError, StoreError, SettingError, *AWS_ERRORS, Exception):
        app.add_exception_handler(kind, _handler())


def problem_of(error: Exception) -> Problem:
    """
    Say what an error means for whoever made the request.

    :param error: what a route raised.
    """
    if isinstance(error, HTTPException):
        return _of_framework(error)
    if isinstance(error, RequestValidationError):
        return invalid("the request is not as expected", _validation_errors(error.errors()))
    if isinstance(error, StoreError):
        return _of_store(error)
    if isinstance(error, SettingError):
        return misconfigured(str(error))
    if isinstance(error, AWS_ERRORS):
        return unavailable(f"the table of executions cannot be read: {describe_safely(error)}")
    # Its text could hold anything: it is for the log only.
    detail = "an error of the console itself; the API server's log says more"
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, "internal")


def _of_framework(error: HTTPException) -> Problem:
    if isinstance(error, Problem):
        return error
    if error.status_code == HTTPStatus.BAD_REQUEST:
        # The framework's word for a body that is not even text, or nested too deep.
        return invalid("the body cannot be read as JSON", [{"pointer": "/body", "detail": str(error.detail)}])
    code = _CODES.get(HTTPStatus(error.status_code), "error")
    return Problem(error.status_code, str(error.detail), code, error.headers)


def _of_store(error: StoreError) -> Problem:
    match error:
        case ExecutionNotFoundError():
            return not_found(str(error))
        case StoreConflictError():
            return unavailable(str(error))
        case TransitionRefusedError():
            return conflict(str(error))
    return invalid(str(error))


def _handler() -> Callable[[Request, Any], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if problem.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            shown = None if isinstance(error, (*FORESEEN_ERRORS, Problem)) else error
            message = "%s %s failed: %s"
            log.error(message, request.method, request.url.path, problem.detail, exc_info=shown)
        if _is_for_programs(request):
            return problem_answer(problem)
        if problem.status_code == HTTPStatus.UNAUTHORIZED:
            return login_redirect(request)
        return error_page(request, problem)

    return answer


def _is_for_programs(request: Request) -> bool:
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return path.startswith("/api/") or "text/html" not in request.headers.get("accept", "")


def _validation_errors(errors: Sequence[Any]) -> list[dict[str, Any]]:
    """Where and what; the value itself stays out, since it may be a secret that went into the wrong field."""
    # Once: dependencies that share a parameter each complain of it.
    found = dict.fromkeys(("/" + "/".join(map(str, one["loc"])), one["msg"]) for one in errors)
    return [{"pointer": pointer, "detail": detail} for pointer, detail in found]
