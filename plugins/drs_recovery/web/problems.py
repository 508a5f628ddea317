"""Turn every error of a request into a problem in the form of RFC 9457 (``application/problem+json``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as FrameworkError
from starlette.responses import JSONResponse

from drs_recovery.exceptions import (
    ExecutionNotFoundError,
    SettingError,
    StoreConflictError,
    StoreError,
    TransitionRefusedError,
)
from drs_recovery.hooks import AWS_ERRORS, describe_safely

MEDIA_TYPE = "application/problem+json"

_CODES = {
    HTTPStatus.UNAUTHORIZED: "not-logged-in",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
}


class Problem(HTTPException):
    """
    What is wrong with a request, or with what it needs.

    :param code: a stable word for programs, such as ``not-found``; the last part of ``type``.
    """

    def __init__(
        self, status: int, detail: str, code: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(status, detail, headers)
        self.code = code
        self.more = more


def not_found(detail: str) -> Problem:
    """There is no such thing, or it is not for this person to know."""
    return Problem(HTTPStatus.NOT_FOUND, detail, "not-found")


def forbidden(detail: str) -> Problem:
    """Whoever asks may not do that."""
    return Problem(HTTPStatus.FORBIDDEN, detail, "forbidden")


def conflict(detail: str, **more: Any) -> Problem:
    """What is asked for does not fit the state of the execution (any more)."""
    return Problem(HTTPStatus.CONFLICT, detail, "conflict", None, **more)


def invalid(detail: str, errors: list[dict[str, Any]] | None = None) -> Problem:
    """
    The request makes no sense.

    :param errors: each with ``pointer`` (where) and ``detail`` (what).
    """
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, "invalid-request", None, errors=errors or [])


def unavailable(detail: str) -> Problem:
    """Something that is needed to answer cannot be reached now."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, "unavailable", {"Retry-After": "5"})


def misconfigured(detail: str) -> Problem:
    """A setting of the API server makes no sense: somebody has to mend it."""
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, "misconfigured")


def problem_answer(problem: Problem) -> JSONResponse:
    """The problem as JSON."""
    content = {
        "type": f"urn:drs-recovery:problem:{problem.code}",
        "title": HTTPStatus(problem.status_code).phrase,
        "status": problem.status_code,
        "detail": problem.detail,
        **problem.more,
    }
    return JSONResponse(content, problem.status_code, problem.headers, media_type=MEDIA_TYPE)


def problem_of(error: Exception) -> Problem:
    """Say what an error means for whoever made the request."""
    if isinstance(error, FrameworkError):
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


def _of_framework(error: FrameworkError) -> Problem:
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


def _validation_errors(errors: Sequence[Any]) -> list[dict[str, Any]]:
    """Where and what; the value itself stays out, since it may be a secret that went into the wrong field."""
    # Once: dependencies that share a parameter each complain of it.
    found = dict.fromkeys(("/" + "/".join(map(str, one["loc"])), one["msg"]) for one in errors)
    return [{"pointer": pointer, "detail": detail} for pointer, detail in found]
