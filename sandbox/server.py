"""The HTTP server of the sandbox."""

from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Callable
from threading import Thread
from typing import Any, NoReturn

from cheroot import wsgi
from moto.core.config import default_user_config

from sandbox.application import SandboxApplication
from sandbox.aws_requests import Environ
from sandbox.control import ControlApi
from sandbox.moto_bridge import register
from sandbox.scenario import Scenario
from sandbox.world import WORLD

# Calls that a fault holds back keep their thread meanwhile.
_THREADS = 32
# How long a stop may take to be noticed.
_STOP_CHECK_SECONDS = 0.02
# Clients keep their connections between calls, as they do with AWS.
_IDLE_SECONDS = 3600


class _Gateway(wsgi.WSGIGateway_10):
    """Lets the application reset its connection, as a fault does."""

    def get_environ(self) -> Environ:  # type: ignore[override]  # cheroot's stub says that it is nothing
        environ: Environ = super().get_environ()  # type: ignore[no-untyped-call]
        return {**environ, "sandbox.reset": self._reset}

    def _reset(self) -> NoReturn:
        connection = self.req.conn
        # The server closes what it finds here in an orderly way, which a reset is not.
        broken, connection.socket = connection.socket, socket.socket()
        with socket.socket(fileno=broken.detach()) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionAbortedError(errno.ECONNABORTED, "a fault closed the connection")


class _Server(wsgi.Server):
    expiration_interval = _STOP_CHECK_SECONDS

    @staticmethod
    def bind_socket(socket_: socket.socket, bind_addr: Any) -> Any:
        try:
            return wsgi.Server.bind_socket(socket_, bind_addr)  # type: ignore[no-untyped-call]
        except OSError:
            socket_.close()
            raise


def _logged(application: Callable[..., Any]) -> Callable[..., Any]:
    def answer(environ: Environ, start_response: Callable[..., Any]) -> Any:
        sys.stderr.write(f"{environ['REQUEST_METHOD']} {environ['REQUEST_URI']}\n")
        return application(environ, start_response)

    return answer


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
        self._application = SandboxApplication(WORLD, control)
        self._server: Any = _Server(
            (host, port),
            _logged(self._application) if logs_requests else self._application,
            numthreads=_THREADS,
            timeout=_IDLE_SECONDS,
        )
        self._server.gateway = _Gateway
        self._server.prepare()
        self._thread = Thread(target=self._server.serve, name="sandbox", daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        host, port = self._server.bind_addr[:2]
        return f"http://{host}:{port}"

    def start(self) -> None:
        """Answer from now on, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more, and free the port."""
        self._application.stop()
        self._server.stop()
        self._thread.join()
