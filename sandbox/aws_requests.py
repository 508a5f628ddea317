"""Finds out which AWS call a request is and in whose name, and writes errors as that service does."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from moto.core.model import ServiceModel
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from sandbox.clock import SimulatedClock

_SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
# Where the name in the signature is not the name of the model in botocore.
_MODEL_NAMES = {
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
    "states": "stepfunctions",
}

Environ = dict[str, Any]


@dataclass(frozen=True)
class Identity:
    """
    Which call a request is.

    :param service: signing name, ``unknown`` for an unsigned request.
    :param operation: such as ``DescribeJobs``; method and path when the model does not tell.
    :param access_key: of the signature, None for an unsigned request.
    """

    service: str
    operation: str
    region: str
    access_key: str | None


def keep_body(environ: Environ) -> bytes:
    """
    Read the body so that it can be read again.

    :param environ: the WSGI environment; its input is replaced.
    """
    if environ.get("wsgi.input_terminated"):
        body = bytes(environ["wsgi.input"].read())
    else:
        body = bytes(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def identify(environ: Environ, body: bytes) -> Identity:
    """Name the call."""
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    service = scope["service"] if scope else "unknown"
    region = scope["region"] if scope else "us-east-1"
    return Identity(service, _operation(service, environ, body), region, scope and scope["key"])


def error_answer(
    identity: Identity, environ: Environ, code: str, message: str
) -> tuple[dict[str, str], bytes]:
    """
    Write an error in the protocol of the service.

    :returns: headers and body.
    """
    protocol = _protocol(_model(identity.service), environ.get("CONTENT_TYPE", ""))
    content_type, body = _ERROR_BODIES.get(protocol, _json_error)(code, message)
    return {"Content-Type": content_type, "x-amzn-errortype": code}, body


def _protocol(model: ServiceModel | None, content_type: str) -> str:
    try:
        return "json" if model is None else determine_request_protocol(model, content_type)
    except NotImplementedError:
        return str(model.protocol) if model else "json"


def _json_error(code: str, message: str) -> tuple[str, bytes]:
    return "application/json", json.dumps({"__type": code, "message": message}).encode()


def _cbor_error(code: str, message: str) -> tuple[str, bytes]:
    def text(value: str) -> bytes:
        encoded = value.encode()
        return b"\x79" + len(encoded).to_bytes(2, "big") + encoded

    return "application/cbor", b"\xa2" + b"".join(text(part) for part in ("__type", code, "message", message))


def _ec2_error(code: str, message: str) -> tuple[str, bytes]:
    error = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    return "text/xml", f"<Response><Errors>{error}</Errors><RequestID>sandbox</RequestID></Response>".encode()


def query_error(code: str, message: str) -> tuple[str, bytes]:
    """
    Write an error as services with the query protocol do, such as STS.

    :returns: content type and body.
    """
    error = f"<Type>Sender</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    return "text/xml", f"<ErrorResponse><Error>{error}</Error></ErrorResponse>".encode()


def _s3_error(code: str, message: str) -> tuple[str, bytes]:
    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    return "application/xml", f"<Error>{error}</Error>".encode()


_ERROR_BODIES: Mapping[str, Callable[[str, str], tuple[str, bytes]]] = {
    "ec2": _ec2_error,
    "query": query_error,
    "rest-xml": _s3_error,
    "smithy-rpc-v2-cbor": _cbor_error,
}


def _operation(service: str, environ: Environ, body: bytes) -> str:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return str(target.rpartition(".")[2])
    if "x-www-form-urlencoded" in environ.get("CONTENT_TYPE", ""):
        action = parse_qs(body.decode("utf-8", "replace")).get("Action")
        if action:
            return action[0]
    return _routed(service, environ) or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


def _routed(service: str, environ: Environ) -> str | None:
    model = _model(service)
    if model is None:
        return None
    try:
        operation, _ = get_service_router(model.service_name).match(Request(dict(environ)))
    except (NotFound, NotImplementedError):
        return None
    return str(operation.name)


def _model(service: str) -> ServiceModel | None:
    try:
        return get_service_model(_MODEL_NAMES.get(service, service))
    except UnknownServiceError:
        return None


@dataclass(frozen=True)
class Session:
    """
    A session of a role.

    :param principal: its ARN, ``arn:aws:sts::<account>:assumed-role/<role>/<session name>``.
    :param end: wall time after which its key is refused, seconds since 1970.
    """

    principal: str
    end: float


class SessionBook:
    """Every session by access key; safe to use from many threads."""

    def __init__(self, clock: Callable[[], SimulatedClock]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._sessions: dict[str, Session] = {}

    def begin(self, access_key: str, principal: str, seconds: float) -> None:
        """Remember a session."""
        session = Session(principal, self._clock().wall() + seconds)
        with self._lock:
            self._sessions[access_key] = session

    def principal(self, access_key: str | None) -> str | None:
        """ARN of the session that a key belongs to; None for all other keys."""
        session = self._of(access_key)
        return session.principal if session else None

    def has_ended(self, access_key: str | None) -> bool:
        """Whether a key belongs to a session that is over."""
        session = self._of(access_key)
        return session is not None and self._clock().wall() >= session.end

    def clear(self) -> None:
        """Forget every session."""
        with self._lock:
            self._sessions.clear()

    def _of(self, access_key: str | None) -> Session | None:
        with self._lock:
            return self._sessions.get(access_key or "")
