"""The control API of the sandbox, JSON under ``/sandbox-api``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from moto.core.base_backend import BackendDict

from sandbox.applications import authority_pem
from sandbox.arc import add_routing_control
from sandbox.drs import settle_everything
from sandbox.fault_kinds import FAULT_KINDS
from sandbox.functions import add_function, function_backends
from sandbox.scenario import Scenario, add_demo_servers, add_demo_topic, add_server
from sandbox.world import World

PREFIX = "/sandbox-api"

Query = dict[str, str]
Handler = Callable[[Query, Any], Any]


class ControlRefusedError(ValueError):
    """The call does not fit; the text says what is known."""


class ControlApi:
    """Routes and handlers of the control API."""

    def __init__(self, world: World, scenario: Scenario) -> None:
        self._world, self._scenario = world, scenario
        self._routes: dict[tuple[str, str], Handler] = {
            ("GET", "/health"): self._health,
            ("GET", "/faults"): lambda _query, _body: {"faults": world.faults.documents()},
            ("POST", "/faults"): self._add_faults,
            ("DELETE", "/faults"): self._remove_faults,
            ("GET", "/fault-kinds"): lambda _query, _body: _fault_kinds(),
            ("GET", "/calls"): lambda query, _body: world.calls.report(
                query.get("service"), query.get("operation")
            ),
            ("DELETE", "/calls"): self._clear_calls,
            ("GET", "/writes"): lambda _query, _body: {"partitions": world.writes.report()},
            ("DELETE", "/writes"): self._clear_writes,
            ("POST", "/reset"): self._reset,
            ("PUT", "/speed"): self._set_speed,
            ("POST", "/advance"): self._advance,
            ("PUT", "/skew"): self._set_skew,
            ("PUT", "/quotas"): self._set_quotas,
            ("GET", "/policies"): lambda _query, _body: world.authorization.report(),
            ("PUT", "/policies"): self._enforce,
            ("POST", "/source-servers"): self._add_servers,
            ("GET", "/applications"): self._applications,
            ("POST", "/functions"): lambda _query, body: {"functionArn": add_function(body)},
            ("POST", "/routing-controls"): lambda _query, body: {
                "routingControlArn": add_routing_control(body)
            },
            ("GET", "/invocations"): lambda _query, _body: {"invocations": _invocations()},
        }

    def owns(self, path: str) -> bool:
        """Whether a path belongs to the control API."""
        return path.startswith(PREFIX)

    def calls(self) -> list[str]:
        """Every call as method and path behind the prefix."""
        return [f"{method} {path}" for method, path in self._routes]

    def prepare(self, *, faults: bool) -> None:
        """Make the world of the scenario."""
        self._world.quotas = self._world.quotas.changed(dict(self._scenario.quotas))
        if self._scenario.seed:
            add_demo_servers()
            add_demo_topic()
        for server in self._scenario.source_servers:
            add_server(server)
        for fault in self._scenario.faults if faults else ():
            self._world.faults.add(fault)

    def answer(
        self, environ: dict[str, Any], body: bytes, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one control call: 200, 404 for an unknown path, 400 for what does not fit."""
        path = environ["PATH_INFO"].removeprefix(PREFIX).rstrip("/")
        query = {key: values[-1] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        handler = self._routes.get((environ["REQUEST_METHOD"], path))
        try:
            if handler is None:
                known = ", ".join(self.calls())
                status, document = "404 Not Found", {"error": f"no such call under {PREFIX}. Known: {known}"}
            else:
                status, document = "200 OK", handler(query, json.loads(body or b"{}"))
        except ValueError as error:
            status, document = "400 Bad Request", {"error": str(error)}
        content = json.dumps(document).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
        return [content]

    def _health(self, _query: Query, _body: Any) -> Any:
        clock = self._world.clock
        return {
            "status": "ok",
            "speed": clock.speed,
            "quotas": self._world.quotas.document(),
            "applicationPort": self._world.applications.port,
        }

    def _applications(self, _query: Query, _body: Any) -> Any:
        with self._world.lock:
            settle_everything()
        return {
            "applications": self._world.applications.documents(),
            "certificateAuthority": authority_pem(),
        }

    def _add_faults(self, _query: Query, body: Any) -> Any:
        documents = body if isinstance(body, list) else [body]
        added = self._world.faults.add_all(documents)
        self._world.applications.refresh()
        return {"faults": [fault.document() for fault in added]}

    def _remove_faults(self, query: Query, _body: Any) -> Any:
        fault_id = query.get("id")
        if fault_id is None:
            self._world.faults.clear()
        elif not self._world.faults.remove(fault_id):
            raise ControlRefusedError(f"there is no fault {fault_id}")
        self._world.applications.refresh()
        return {"faults": self._world.faults.documents()}

    def _enforce(self, _query: Query, body: Any) -> Any:
        if not isinstance(body, dict) or not all(isinstance(one, list) for one in body.values()):
            raise ControlRefusedError("expected access keys or roles, each with a list of policy documents")
        self._world.authorization.enforce(body)
        return self._world.authorization.report()

    def _clear_calls(self, _query: Query, _body: Any) -> Any:
        self._world.calls.clear()
        return self._world.calls.report()

    def _clear_writes(self, _query: Query, _body: Any) -> Any:
        self._world.writes.clear()
        return {"partitions": self._world.writes.report()}

    def _reset(self, query: Query, body: Any) -> Any:
        with self._world.lock:
            BackendDict.reset()
            self._world.reset()
            self.prepare(faults=False)
        return self._health(query, body)

    def _set_speed(self, query: Query, body: Any) -> Any:
        with self._world.lock:
            self._world.clock.set_speed(_number(body, "speed"))
        return self._health(query, body)

    def _advance(self, query: Query, body: Any) -> Any:
        with self._world.lock:
            self._world.clock.advance(_number(body, "seconds"))
        return self._health(query, body)

    def _set_skew(self, query: Query, body: Any) -> Any:
        with self._world.lock:
            self._world.clock.set_skew(_number(body, "seconds"))
        return self._health(query, body)

    def _set_quotas(self, query: Query, body: Any) -> Any:
        with self._world.lock:
            self._world.quotas = self._world.quotas.changed(body)
        return self._health(query, body)

    def _add_servers(self, _query: Query, body: Any) -> Any:
        descriptions = body if isinstance(body, list) else [body]
        return {"sourceServerIDs": [add_server(description).server_id for description in descriptions]}


def _invocations() -> list[Any]:
    return [
        invocation.document()
        for regions in function_backends.values()
        for backend in regions.values()
        for invocation in backend.invocations
    ]


def _number(body: Any, key: str) -> float:
    value = body.get(key) if isinstance(body, dict) and set(body) == {key} else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ControlRefusedError(f'expected {{"{key}": number}}, not {json.dumps(body)}')
    return float(value)


def _fault_kinds() -> dict[str, Any]:
    return {
        name: {"family": kind.family, "fields": {key: field.expects for key, field in kind.fields.items()}}
        for name, kind in FAULT_KINDS.items()
    }
