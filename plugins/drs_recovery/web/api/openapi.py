"""The API's own description."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from drs_recovery.web.api.plans import never_null
from drs_recovery.web.api.queries import demand_no_query
from drs_recovery.web.api.responses import NOT_MODIFIED, ProblemDetails, example_of, json_answer, problems

TITLE = "Recovery API"

_DESCRIPTION = """\
Recoveries with AWS Elastic Disaster Recovery: plans, executions, and the actions on them. An execution
starts with a run of the plan's DAG, over Airflow's own API.

Times are epoch seconds, durations seconds. A field that has no value yet is absent. Records can have more
fields than are described here. The right to read the runs of a plan's DAG shows the plan and its executions;
the right to trigger it allows actions on them. For what you may not see, the answer is 404, as if it did not
exist.
"""

_SECURITY: dict[str, Any] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of Airflow, from `POST /auth/token`.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "_token",
        "description": "The session of Airflow's UI. A request that changes something must come from the "
        "same site; browsers state that automatically.",
    },
}

_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "`ETag` of an earlier answer: if nothing has changed, the answer is 304.",
    "schema": {"type": "string"},
}
_ETAG = {"description": "Names this version of the content.", "schema": {"type": "string"}}
_LINK = {"description": 'The next page, as `<address>; rel="next"`.', "schema": {"type": "string"}}

router = APIRouter(tags=["description"])


@router.get(
    "/openapi.json",
    summary="Read this description",
    response_model=dict[str, Any],
    responses={200: example_of({"openapi": "3.1.0", "info": {"title": TITLE, "version": "1"}}), **problems()},
    dependencies=[Depends(demand_no_query)],
)
def read_openapi(request: Request) -> Response:
    """Read the OpenAPI document of this API."""
    return json_answer(request, described(request.app, request.scope.get("root_path", "")))


@cache
def described(app: FastAPI, root_path: str) -> dict[str, Any]:
    """Describe the API as served below a root path such as ``/recovery``."""
    document = get_openapi(
        title=TITLE,
        version="1",
        summary="Recovery plans, their executions, and the actions on them",
        description=_DESCRIPTION,
        routes=app.routes,
        servers=[{"url": root_path or "/"}],
    )
    document["components"]["securitySchemes"] = _SECURITY
    document["security"] = [{name: []} for name in _SECURITY]
    document["components"]["schemas"].update(_problem_schemas())
    for operations in document["paths"].values():
        for method, operation in operations.items():
            # Airflow's own dependency describes a way in that depends on the auth manager.
            operation.pop("security", None)
            for parameter in operation.get("parameters", []):
                never_null(parameter["schema"])
            if method == "get":
                _describe_versions(operation)
    return document


def _problem_schemas() -> dict[str, Any]:
    schema = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "ProblemDetails": schema}


def _describe_versions(operation: dict[str, Any]) -> None:
    operation.setdefault("parameters", []).append(_IF_NONE_MATCH)
    responses = operation["responses"]
    headers = {"ETag": _ETAG}
    if any(parameter["name"] == "cursor" for parameter in operation["parameters"]):
        headers["Link"] = _LINK
    responses["200"]["headers"] = headers
    responses["304"] = {"description": NOT_MODIFIED, "headers": {"ETag": _ETAG}}
