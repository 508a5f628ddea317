"""A stand-in for an HTTP server that answers what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest


@dataclass(frozen=True)
class Request:
    """A request that arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    authorization: str | None


@dataclass
class FakeServer:
    """Answers each ``METHOD /path`` with the next of its replies, the last one again and again."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    _replies: dict[str, list[tuple[int, Any]]] = field(default_factory=lambda: defaultdict(list))

    def reply(self, request: str, body: Any, status: int = 200) -> None:
        """Add a reply to a request such as ``GET /api/v2/dags``."""
        self._replies[request].append((status, body))

    def replace(self, request: str, body: Any, status: int = 200) -> None:
        """Forget a request's replies and use this one from now on."""
        self._replies[request] = [(status, body)]

    def answer_to(self, request: Request) -> tuple[int, Any]:
        """Take the next reply."""
        self.requests.append(request)
        replies = self._replies.get(f"{request.method} {request.path}")
        if not replies:
            return 404, {"detail": "not found"}
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def bodies(self, request: str) -> list[Any]:
        """Return what was sent with a kind of request."""
        return [found.body for found in self.requests if f"{found.method} {found.path}" == request]


def _handler(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            address = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(
                method=self.command,
                path=address.path,
                query=parse_qs(address.query),
                body=json.loads(raw) if raw else None,
                authorization=self.headers.get("Authorization"),
            )
            status, body = server.answer_to(request)
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815  # the names that http.server looks for

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

    return Handler


@pytest.fixture
def server():
    """A fake HTTP server on a free port of the loopback interface."""
    fake = FakeServer()
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
    listener.daemon_threads = True
    fake.url = f"http://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    listener.shutdown()
    listener.server_close()
    thread.join()


@pytest.fixture
def airflow(server):
    """A fake Airflow that lets everybody in."""
    server.reply("POST /auth/token", {"access_token": "secret"}, status=201)
    return server
