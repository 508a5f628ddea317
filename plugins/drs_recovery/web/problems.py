"""Errors as answers, in the form of RFC 9457 (``application/problem+json``)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


class Problem(HTTPException):
    """
    What is wrong with a request, or with what it needs.

    :param status: HTTP status.
    :param detail: what is wrong, where, and what was expected or can be done, for people.
    :param code: a stable word for programs, such as ``not-found``; the last part of ``type``.
    :param headers: of the answer.
    :param more: further members of the answer.
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
