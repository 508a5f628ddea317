"""Every error of a request becomes a problem; pages tell it in HTML, the API in JSON."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from drs_recovery.exceptions import (
    ExecutionNotFoundError,
    SettingError,
    StoreConflictError,
    StoreError,
    TransitionRefusedError,
)
from drs_recovery.hooks.errors import AWS_ERRORS, FORESEEN_ERRORS, describe_safely
from drs_recovery.web.error_pages import error_page, login_redirect
from drs_recovery.web.problems import (
    Problem,
    conflict,
    invalid,
    misconfigured,
    not_found,
    problem_answer,
    unavailable,
)

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
