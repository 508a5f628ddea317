"""The console as a FastAPI app: routes, rights, errors, security headers, HEAD for every GET."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drs_recovery.web import api, rendering, routes
from drs_recovery.web.errors import add_error_handlers
from drs_recovery.web.security import demand_same_origin, demand_user

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
    app.include_router(routes.router)
    return app


class HeadAsGet:
    """
    Answers HEAD as it answers GET, without the content.

    :param app: whose routes know only GET.
    """

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
    """
    Adds the headers to every answer, also to errors; what a route sets itself stays.

    :param app: whose answers get them.
    """

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
