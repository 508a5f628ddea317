"""What the application of one recovered server answers, and how faults bend it."""

from __future__ import annotations

import json
import socket
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Any

from sandbox.applications.certificates import server_context
from sandbox.faults import FaultBook

# Requests that an application remembers.
_KEPT_REQUESTS = 50
# The first byte of every TLS connection.
_HANDSHAKE = b"\x16"
# How long a client may take to say what it wants.
_IDLE_SECONDS = 30.0


@dataclass
class Application:
    """
    The application of one recovered server.

    :param data_time: the moment of its data, UTC.
    :param is_running: whether its instance runs now.
    :ivar asked: how many requests came.
    :ivar requests: the newest of them.
    """

    instance_id: str
    server_id: str
    name: str
    region: str
    address: str
    data_time: datetime
    is_running: Callable[[], bool]
    asked: int = 0
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))

    def document(self) -> dict[str, Any]:
        """As the control API shows it."""
        return {
            "instanceId": self.instance_id,
            "sourceServerID": self.server_id,
            "name": self.name,
            "region": self.region,
            "address": self.address,
            "asked": self.asked,
            "requests": list(self.requests),
        }

    def health(self) -> str:
        """Body of ``/health``."""
        return json.dumps({"server": self.name, "db": "ok"})

    def heartbeat(self) -> str:
        """Body of ``/heartbeat``: the newest heartbeat in the data, written at the start of each minute."""
        return self.data_time.astimezone(UTC).replace(second=0, microsecond=0).isoformat()


class Host:
    """Serves the connections of applications."""

    def __init__(self, faults: FaultBook) -> None:
        self.faults = faults
        self.stopping = Event()

    def converse(self, connection: socket.socket, application: Application) -> None:
        """Answer one connection, and close it; TLS and plain HTTP are told apart by the first byte."""
        with suppress(OSError), connection:
            connection.settimeout(_IDLE_SECONDS)
            if connection.recv(1, socket.MSG_PEEK) == _HANDSHAKE:
                fault = self.faults.standing("application_certificate", **_subject(application))
                context = server_context(application.address, fault["flaw"] if fault else None)
                with context.wrap_socket(connection, server_side=True) as secured:
                    _Conversation(secured, application, self)
            else:
                _Conversation(connection, application, self)


def is_down(faults: FaultBook, application: Application) -> bool:
    """Whether connections are refused."""
    return (
        not application.is_running()
        or faults.standing("application_down", **_subject(application)) is not None
    )


def status_of(faults: FaultBook, application: Application, path: str) -> int | None:
    """Status that a path has now; None while connections are refused."""
    subject = _subject(application)
    if is_down(faults, application):
        return None
    unready = faults.standing("application_unready", **subject)
    if unready and application.asked < unready["requests"]:
        return int(unready["status"])
    given = faults.standing("application_answer", **subject, path=path)
    return int(given["status"]) if given else 200


def _subject(application: Application) -> dict[str, str]:
    return {"server": application.server_id, "region": application.region}


@dataclass(frozen=True)
class _Answer:
    status: int
    body: str
    location: str | None = None


class _Conversation(BaseHTTPRequestHandler):
    """One request and its answer; the constructor does it all."""

    server_version, sys_version = "sandbox-application", ""

    def __init__(
        self, connection: socket.socket | ssl.SSLSocket, application: Application, host: Host
    ) -> None:
        self._application, self._host = application, host
        # The handler asks no more of its server than to be there.
        super().__init__(connection, ("client", 0), None)  # type: ignore[arg-type]

    def _respond(self) -> None:
        self._application.asked += 1
        self._application.requests.append(
            {"method": self.command, "path": self.path, "headers": dict(self.headers.items())}
        )
        if slow := self._fault("application_slow"):
            self._host.stopping.wait(slow["seconds"])
        self._send(self._answer())

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = _respond  # noqa: N815  # names of the base class

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""

    def _answer(self) -> _Answer:
        path = self.path.partition("?")[0]
        unready = self._fault("application_unready")
        if unready and self._application.asked <= unready["requests"]:
            return _Answer(unready["status"], "not ready")
        if given := self._fault("application_answer", path=path):
            return _Answer(given["status"], given["body"], given["location"])
        bodies = {"/health": self._application.health, "/heartbeat": self._application.heartbeat}
        body = bodies.get(path)
        return _Answer(200, body() if body else self._application.name)

    def _fault(self, kind: str, **subject: str) -> Any:
        return self._host.faults.standing(kind, **_subject(self._application), **subject)

    def _send(self, answer: _Answer) -> None:
        content = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json" if content.startswith(b"{") else "text/plain")
        self.send_header("Content-Length", str(len(content)))
        if answer.location is not None:
            self.send_header("Location", answer.location)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
