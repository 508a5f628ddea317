"""The WSGI application: control calls to the control API, all else to moto, with faults between."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from threading import Event
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from sandbox.aws_requests import Environ, error_answer, identify, keep_body
from sandbox.calls import Call
from sandbox.control import ControlApi
from sandbox.faults import Fault
from sandbox.world import World

log = logging.getLogger(__name__)

StartResponse = Callable[..., Any]
Answer = Iterable[bytes]

# What the log of calls says in place of a status.
_RESET = "reset"


class SandboxApplication:
    """
    Everything behind the port.

    :param world: faults and call log.
    :param control: the control API.
    """

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
                retry_after = values["retry_after"]
                extra = [] if retry_after is None else [("Retry-After", str(retry_after))]
                return self._error(start_response, values["status"], values["code"], values["message"], extra)

    def _served(self, start_response: StartResponse) -> Answer:
        def remember(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            self._status = int(status.split(" ", 1)[0])
            return start_response(status, headers, exc_info)

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
