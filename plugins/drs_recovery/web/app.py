"""The console as a FastAPI app: routes, rights, errors, security headers, HEAD for every GET."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drs_recovery.exceptions import SettingError, StoreError
from drs_recovery.hooks import AWS_ERRORS, FORESEEN_ERRORS
from drs_recovery.web import api, rendering
from drs_recovery.web.executions import list as executions
from drs_recovery.web.executions import page as execution
from drs_recovery.web.plans import page as plans
from drs_recovery.web.problems import Problem, problem_answer, problem_of
from drs_recovery.web.rendering import render
from drs_recovery.web.security import demand_same_origin, demand_user

log = logging.getLogger(__name__)

API_PREFIX = "/api/v1"


def create_app() -> FastAPI:
    """
    Build the app.

    Airflow mounts a plugin's app without any check of its own, hence the dependencies: no route, not even
    one of static files, is for anonymous requests, and FastAPI's own pages, which nobody guards, are off.
    """
    app = FastAPI(
        title="Recovery console",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(demand_user), Depends(demand_same_origin)],
    )
    add_error_handlers(app)
    app.include_router(api.router, prefix=API_PREFIX)
    app.include_router(rendering.router)
    for pages in (plans, executions, execution):
        app.include_router(pages.router, include_in_schema=False)
    return app


_TITLES = {
    HTTPStatus.FORBIDDEN: "You may not see this",
    HTTPStatus.NOT_FOUND: "There is no such page",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Invalid address",
    HTTPStatus.SERVICE_UNAVAILABLE: "The record cannot be read now",
}
# Seconds after which a page that could not be made is asked for again.
_TRY_AGAIN = 5


def error_page(request: Request, problem: Problem) -> Response:
    """Tell a problem to a person."""
    title = _TITLES.get(HTTPStatus(problem.status_code), "This cannot be shown")
    if problem.code == "misconfigured":
        title = "A setting is wrong"
    passing = problem.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    values = {"refresh": _TRY_AGAIN} if passing else {}
    return render(request, "error.html", problem.status_code, problem=problem, title=title, **values)


def login_redirect(request: Request) -> RedirectResponse:
    """Send somebody who is not logged in to the login, and from there back."""
    # Without the host, which is what the request says it is: nobody is led to another one.
    url = request.url
    back = f"{url.path}?{url.query}" if url.query else url.path
    return RedirectResponse(get_auth_manager().get_url_login(next_url=back))


def add_error_handlers(app: FastAPI) -> None:
    """Register how errors are told."""
    for kind in (HTTPException, RequestValidationError, StoreError, SettingError, *AWS_ERRORS, Exception):
        app.add_exception_handler(kind, _handler())


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


class HeadAsGet:
    """Answers HEAD as GET, without the content, for routes that know only GET."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_without_content(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET"}, receive, send_without_content)


CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        # Airflow's UI shows the console in a frame.
        "frame-ancestors 'self'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # No shared cache may keep what one person sees; a browser may, and asks whether it changed.
    "Cache-Control": "private, no-cache",
}


class SecurityHeaders:
    """Adds the headers to every answer, also to errors; what a route sets itself stays."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)
