"""The HTTP server of the sandbox."""

from __future__ import annotations

import socket
from threading import Thread
from typing import Any

from moto.core.config import default_user_config
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

from sandbox.application import SandboxApplication
from sandbox.control import ControlApi
from sandbox.moto_bridge import register
from sandbox.scenario import Scenario
from sandbox.world import WORLD

# How long a stop may take to be noticed.
_STOP_CHECK_SECONDS = 0.02


class _Handler(MotoRequestHandler):
    """Speaks HTTP/1.1, sends small answers at once, and logs requests only when asked to."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Head and body of an answer leave in one piece.
    wbufsize = -1
    logs_requests = False

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        if self.logs_requests:
            super().log_request(code, size)


class _LoggingHandler(_Handler):
    logs_requests = True


class SandboxServer:
    """
    A sandbox behind a port; there can be one in a process, because moto's state belongs to the process.

    :param host: address to bind.
    :param port: port to bind; 0 takes a free one.
    :param scenario: what it starts with.
    :param logs_requests: whether each request is written to stderr.
    :raises OSError: when the address cannot be bound.
    """

    def __init__(self, host: str, port: int, scenario: Scenario, *, logs_requests: bool = False) -> None:
        register()
        # Functions are answered without Docker, which may not be there.
        default_user_config["lambda"] = {"use_docker": False}
        control = ControlApi(WORLD, scenario)
        control.prepare(faults=True)
        handler = _LoggingHandler if logs_requests else _Handler
        self._application = SandboxApplication(WORLD, control)
        with socket.create_server((host, port)) as listening:
            self._server: Any = make_server(
                host, 0, self._application, threaded=True, request_handler=handler, fd=listening.fileno()
            )
        self._thread = Thread(
            target=self._server.serve_forever, args=(_STOP_CHECK_SECONDS,), name="sandbox", daemon=True
        )

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self._server.host}:{self._server.port}"

    def start(self) -> None:
        """Answer from now on, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more, and free the port."""
        self._application.stop()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
