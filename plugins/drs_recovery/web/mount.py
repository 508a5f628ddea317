"""What the Airflow plugin mounts: made at the first request, since every Airflow process loads the plugin."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

# Airflow's own app in the scope of a request: the console takes its place there.
HOST_APP = "drs_recovery.host_app"


class Console:
    """The console as an ASGI app."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; remember which app handed it on, since ours takes its place in the scope."""
        scope[HOST_APP] = scope.get("app")
        await self._made()(scope, receive, send)

    def _made(self) -> ASGIApp:
        with self._lock:
            if self._app is None:
                from drs_recovery.web.app import HeadAsGet, SecurityHeaders, create_app

                # Around everything: also the answer to an error that nobody expected has the headers.
                self._app = SecurityHeaders(HeadAsGet(create_app()))
        return self._app
