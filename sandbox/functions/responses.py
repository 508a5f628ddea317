"""Puts invocations and durable executions into moto's Lambda."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import unquote

import moto.awslambda.urls
from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.responses import LambdaResponse

from sandbox.functions.definitions import use_durable_functions
from sandbox.functions.invocations import Call, FunctionBackend, Invocation, function_backends
from sandbox.world import WORLD

WAIT_HEADER = "x-sandbox-wait"
"""Header of an answer that the client gets so many real seconds later."""

# A synchronous call lasts this long at most, in simulated seconds.
_LONGEST_CALL = 900.0
_LARGEST_PAYLOAD = {"RequestResponse": 6_291_456, "Event": 1_048_576}

Answer = tuple[int, dict[str, str], str]


def use_functions() -> None:
    """Add the operations."""
    use_durable_functions()
    handlers: dict[str, Any] = {
        "invoke": _invoke,
        "get_durable_execution": _get_execution,
        "stop_durable_execution": _stop_execution,
        "list_durable_executions_by_function": _list_executions,
    }
    for name, handler in handlers.items():
        setattr(LambdaResponse, name, handler)
    paths: Any = moto.awslambda.urls.url_paths
    versioned = "{0}/(?P<api_version>[^/]+)/"
    for path in (
        r"durable-executions/(?P<arn>.+)$",
        r"functions/(?P<function_name>[\w_:%-]+)/durable-executions$",
    ):
        paths[versioned + path] = LambdaResponse.dispatch


class InvalidRequestContentError(LambdaClientError):
    """The payload is no JSON."""

    def __init__(self, why: str) -> None:
        super().__init__("InvalidRequestContentException", f"Could not parse request body into json: {why}")


class RequestTooLargeError(LambdaClientError):
    """The payload is too large for the type of the invocation."""

    code = 413

    def __init__(self, size: int, limit: int) -> None:
        message = f"{size} byte payload is too large for an invocation of this type (limit {limit} bytes)"
        super().__init__("RequestTooLargeException", message)


def _invoke(response: LambdaResponse) -> Answer:
    name = unquote(response.path.rsplit("/", 2)[-2])
    qualifier = response._get_param("Qualifier")
    function = response.backend.get_function(name, qualifier)
    durable = getattr(function, "durable_config", None) is not None
    if durable and qualifier is None and ":" not in name.rpartition(":function:")[2]:
        raise InvalidParameterValueException("A durable function is invoked with a version or an alias.")
    kind = response.headers.get("X-Amz-Invocation-Type", "RequestResponse")
    payload = _payload(response.body, kind)
    if kind == "DryRun":
        return _answer(204, "")
    with WORLD.lock:
        call = Call(function, kind, payload, response.headers.get("X-Amz-Durable-Execution-Name"))
        invocation = _backend(response).invoke(call)
    headers = {"x-amz-durable-execution-arn": invocation.arn} if invocation.arn else {}
    if kind == "Event":
        return _answer(202, "", **headers)
    return _result(response, invocation, headers)


def _payload(body: Any, kind: str) -> str:
    text = (body.decode() if isinstance(body, bytes) else body) or "{}"
    limit = _LARGEST_PAYLOAD.get(kind)
    if limit is not None and len(text.encode()) > limit:
        raise RequestTooLargeError(len(text.encode()), limit)
    try:
        json.loads(text)
    except ValueError as error:
        raise InvalidRequestContentError(str(error)) from error
    return text


def _result(response: LambdaResponse, invocation: Invocation, headers: dict[str, str]) -> Answer:
    """What a synchronous call tells, after the time that the function takes."""
    wait = min(invocation.remaining(WORLD.clock.elapsed()), _LONGEST_CALL) / WORLD.clock.speed
    headers = {**headers, "x-amz-executed-version": invocation.version, WAIT_HEADER: str(wait)}
    if invocation.outcome.error:
        headers["x-amz-function-error"] = invocation.outcome.error
    if response.headers.get("X-Amz-Log-Type") == "Tail":
        log = f"START RequestId: {invocation.run.id}\nEND RequestId: {invocation.run.id}\n"
        headers["x-amz-log-result"] = base64.b64encode(log.encode()).decode()
    return _answer(200, invocation.outcome.payload, **headers)


def _get_execution(response: LambdaResponse) -> Answer:
    invocation = _backend(response).known(_arn(response))
    return _answer(200, json.dumps(invocation.full_execution(WORLD.clock.elapsed())))


def _stop_execution(response: LambdaResponse) -> Answer:
    elapsed = WORLD.clock.elapsed()
    with WORLD.lock:
        invocation = _backend(response).known(_arn(response))
        invocation.run.stop(elapsed)
    return _answer(200, json.dumps({"StopTimestamp": WORLD.clock.when(elapsed).timestamp()}))


def _list_executions(response: LambdaResponse) -> Answer:
    name = unquote(response.path.rsplit("/", 2)[-2]).rpartition(":function:")[2].partition(":")[0]
    wanted = response.querystring.get("DurableExecutionName", [None])[0]
    statuses = response.querystring.get("Statuses", [])
    elapsed = WORLD.clock.elapsed()
    rows = [one.execution(elapsed) for one in _backend(response).executions(name, wanted, statuses)]
    return _answer(200, json.dumps({"DurableExecutions": rows}))


def _backend(response: LambdaResponse) -> FunctionBackend:
    return function_backends[response.current_account][response.region]


def _arn(response: LambdaResponse) -> str:
    path = unquote(response.path.partition("/durable-executions/")[2])
    return path.removesuffix("/stop").rstrip("/")


def _answer(status: int, body: str, **headers: str) -> Answer:
    return status, {"status": str(status), "Content-Type": "application/json", **headers}, body
