"""Answers that are no success, as the OpenAPI document tells them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import URL
from starlette.responses import Response

from drs_recovery.web.problems import MEDIA_TYPE
from drs_recovery.web.rendering import conditional

NOT_MODIFIED = "Nothing has changed: the tag in `If-None-Match` is that of the newest version."

_MEANINGS = {
    HTTPStatus.UNAUTHORIZED: "There is no valid token or cookie of Airflow.",
    HTTPStatus.FORBIDDEN: "This user may not do that; `detail` names the missing right.",
    HTTPStatus.NOT_FOUND: "It does not exist, or this user may not see it.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The address has no such method; `Allow` names those that it has.",
    HTTPStatus.CONFLICT: "It does not fit the state of the execution (any more); `detail` says why.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not JSON.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The request is invalid; `errors` says where and why.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "An error of the console itself; the API server's log says more.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The table of executions, or Airflow, cannot be reached now; "
    "`Retry-After` says when to ask again.",
}

_EXAMPLES: dict[int, dict[str, Any]] = {
    401: {"code": "not-logged-in", "detail": "Not authenticated"},
    403: {
        "code": "forbidden",
        "detail": "you may not act on executions of this plan: it takes the right to trigger recover_crm",
    },
    404: {
        "code": "not-found",
        "detail": "there is no execution 6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10 in the store",
    },
    405: {"code": "method-not-allowed", "detail": "Method Not Allowed"},
    409: {"code": "conflict", "detail": "the execution was cancelled already by dr-lead"},
    415: {"code": "not-json", "detail": "the body must be JSON (Content-Type: application/json)"},
    422: {
        "code": "invalid-request",
        "detail": "the request is not as expected",
        "errors": [{"pointer": "/query/plann", "detail": "Extra inputs are not permitted"}],
    },
    500: {
        "code": "internal",
        "detail": "an error of the console itself; the API server's log says more",
    },
    503: {"code": "unavailable", "detail": "the table of executions cannot be read: Could not connect"},
}


class InvalidPart(BaseModel):
    """One error in a request."""

    pointer: str = Field(description="Where, as a JSON pointer.", examples=["/query/plann"])
    detail: str = Field(description="What is wrong there.", examples=["Extra inputs are not permitted"])


class ProblemDetails(BaseModel):
    """Why a request failed (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="Names the kind of the problem for programs; its last part never changes.",
        examples=["urn:drs-recovery:problem:not-found"],
    )
    title: str = Field(description="The HTTP status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(
        description="What is wrong, where, and what was expected or can be done; for people.",
        examples=["there is no execution 6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10 in the store"],
    )
    errors: Annotated[list[InvalidPart], Field(default=[], description="Of a 422: each error.")]


def example_of(content: Any) -> dict[str, Any]:
    """What a route documents of its success."""
    return {"content": {"application/json": {"example": content}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Errors that a route documents; every route can answer 401, 422, 500 and 503."""
    return {status: _documented(status) for status in sorted({401, 422, 500, 503, *statuses})}


def _documented(status: int) -> dict[str, Any]:
    phrase = HTTPStatus(status)
    told = dict(_EXAMPLES[status])
    example = {"type": f"urn:drs-recovery:problem:{told.pop('code')}", "title": phrase.phrase, **told}
    answer: dict[str, Any] = {
        "description": _MEANINGS[phrase],
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/ProblemDetails"},
                "example": {**example, "status": status},
            }
        },
    }
    headers = _headers(status)
    return {**answer, "headers": headers} if headers else answer


def _headers(status: int) -> dict[str, Any]:
    if status != HTTPStatus.SERVICE_UNAVAILABLE:
        return {}
    return {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}


def json_answer(request: Request, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a value, or 304 if the program has it already."""
    # Sorted, so that the same record is always the same text. Only ASCII: a lone half of a UTF-16 pair in
    # somebody's text has no UTF-8.
    body = json.dumps(content, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return conditional(request, Response(body, headers=headers, media_type="application/json"))


def next_page(request: Request, cursor: str | None) -> dict[str, str]:
    """Header ``Link`` (RFC 8288) of a page of a list; none on the last page."""
    if cursor is None:
        return {}
    url = URL(scope=request.scope).include_query_params(cursor=cursor)
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}
