"""The HTTP server of the sandbox: control calls to the control API, all else to moto, with faults between."""

from __future__ import annotations

import errno
import logging
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any, NoReturn

from cheroot import wsgi
from moto.core.config import default_user_config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from sandbox.activity import Call
from sandbox.aws_requests import Environ, error_answer, identify, keep_body
from sandbox.control import ControlApi
from sandbox.faults import Fault
from sandbox.functions import WAIT_HEADER
from sandbox.moto_bridge import register
from sandbox.scenario import Scenario
from sandbox.world import WORLD, World

log = logging.getLogger(__name__)

StartResponse = Callable[..., Any]
Answer = Iterable[bytes]

# What the log of calls says in place of a status.
_RESET = "reset"
# What a throttled call is told; an error says so itself.
_THROTTLED = {"status": 429, "code": "ThrottlingException", "message": "Rate exceeded"}


class SandboxApplication:
    """Everything behind the port."""

    def __init__(self, world: World, control: ControlApi) -> None:
        self._world, self._control = world, control
        self._aws = _Dispatcher(create_backend_app)
        self._stopping = Event()

    def stop(self) -> None:
        """Let no call wait any longer."""
        self._stopping.set()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Answer:
        """Answer one request."""
        body = keep_body(environ)
        if self._control.owns(environ["PATH_INFO"]):
            return self._control.answer(environ, body, start_response)
        return _AwsCall(self._world, self._aws, self._stopping, environ, body).answer(start_response)


class _Dispatcher(DomainDispatcherApplication):
    """moto's way from a host to a service; moto lists its own folder for each request."""

    def __init__(self, create_app: Callable[..., Any]) -> None:
        super().__init__(create_app)
        self._known: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """The service, looked for when a host is first asked."""
        if host not in self._known:
            self._known[host] = super().get_backend_for_host(host)
        return self._known[host]


class _AwsCall:
    def __init__(self, world: World, aws: Any, stopping: Event, environ: Environ, body: bytes) -> None:
        self._world, self._aws, self._stopping, self._environ = world, aws, stopping, environ
        self._identity, self._body = identify(environ, body), body
        self._status: int | str = 0
        self._fault: Fault | None = None
        self._kept_waiting = 0.0

    def answer(self, start_response: StartResponse) -> Answer:
        arrived = datetime.now(UTC).isoformat(timespec="milliseconds")
        try:
            answer = self._answer_with_faults(start_response)
        finally:
            # Before the client learns what came of it: from then on the call is among those that were made.
            self._record(arrived)
            self._stopping.wait(self._kept_waiting)
        if self._status == _RESET:
            # A TCP reset; the server takes the error for a client that went away.
            self._environ["sandbox.reset"]()
        return answer

    def _record(self, arrived: str) -> None:
        name, kind = self._identity, self._fault.kind.name if self._fault else None
        principal = self._world.sessions.principal(name.access_key)
        call = Call(arrived, name.service, name.operation, name.region, self._status, kind, principal)
        self._world.calls.record(call)

    def _answer_with_faults(self, start_response: StartResponse) -> Answer:
        name = self._identity
        if self._world.sessions.has_ended(name.access_key):
            return self._expired(start_response)
        for fault in self._world.faults.strike_call(name.service, name.operation, name.region):
            self._fault = fault
            if fault.kind.name == "delay":
                self._stopping.wait(fault.values["seconds"])
            else:
                return self._faulty(fault, start_response)
        if refusal := self._world.authorization.refusal(name, self._environ, self._body):
            code, status, message = refusal
            return self._error(start_response, status, code, message)
        return self._served(start_response)

    def _faulty(self, fault: Fault, start_response: StartResponse) -> Answer:
        values = fault.values
        match fault.kind.name:
            case "reset":
                return self._reset()
            case "lost_answer":
                self._served(_ignore_response)
                if values["as"] == "reset":
                    return self._reset()
                return self._error(start_response, 500, "InternalServerException", "the answer was lost")
            case "late_answer":
                # Carried out at once: it happened, even if the client is killed before it hears of it.
                self._kept_waiting = values["seconds"]
                return self._served(start_response)
            case "nonsense":
                if values["carried_out"]:
                    self._served(_ignore_response)
                headers = [("Content-Type", values["content_type"])]
                return self._answer(start_response, values["status"], headers, values["body"].encode())
            case "expired_token":
                return self._expired(start_response)
            case _:
                told = {**_THROTTLED, **values}
                extra = [] if told["retry_after"] is None else [("Retry-After", str(told["retry_after"]))]
                return self._error(start_response, told["status"], told["code"], told["message"], extra)

    def _served(self, start_response: StartResponse) -> Answer:
        def remember(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            self._status = int(status.split(" ", 1)[0])
            told = dict(headers)
            self._kept_waiting += float(told.pop(WAIT_HEADER, 0))
            return start_response(status, list(told.items()), exc_info)

        try:
            with closing(self._aws(self._environ, remember)) as answer:
                return list(answer)
        except Exception as error:
            # moto raises for operations that it does not have; a client should get an answer that says so.
            missing = isinstance(error, NotImplementedError)
            if not missing:
                log.exception("moto failed at %s.%s", self._identity.service, self._identity.operation)
            status, code = (501, "NotImplemented") if missing else (500, "InternalFailure")
            return self._error(start_response, status, code, f"moto: {type(error).__name__}: {error}")

    def _expired(self, start_response: StartResponse) -> Answer:
        message = "The security token included in the request is expired"
        return self._error(start_response, 403, "ExpiredTokenException", message)

    def _error(
        self,
        start_response: StartResponse,
        status: int,
        code: str,
        message: str,
        extra: Iterable[tuple[str, str]] = (),
    ) -> Answer:
        headers, body = error_answer(self._identity, self._environ, code, message)
        return self._answer(start_response, status, [*headers.items(), *extra], body)

    def _answer(
        self, start_response: StartResponse, status: int, headers: Iterable[tuple[str, str]], body: bytes
    ) -> Answer:
        self._status = status
        start_response(f"{status} Sandbox", [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def _reset(self) -> Answer:
        """Answer nothing; the connection is closed when the call is recorded."""
        self._status = _RESET
        return []


def _ignore_response(_status: str, _headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
    return None


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
        # moto takes operations from the path as it came: an ARN in it has slashes of its own.
        return {**environ, "RAW_URI": environ["REQUEST_URI"], "sandbox.reset": self._reset}

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

    :param port: port to bind; 0 takes a free one.
    :param application_port: port of every recovered server's application; 0 takes a free one.
    :raises OSError: when the address cannot be bound.
    """

    def __init__(
        self,
        host: str,
        port: int,
        scenario: Scenario,
        *,
        application_port: int = 0,
        logs_requests: bool = False,
    ) -> None:
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
        WORLD.applications.open(application_port)
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
        WORLD.applications.close()
        self._server.stop()
        self._thread.join()
