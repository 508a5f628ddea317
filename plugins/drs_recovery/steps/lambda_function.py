"""
Invoke a Lambda function with what is known of the execution, and wait for its result.

A durable function runs once for an attempt: its execution has the attempt's token for a name. Any other one
runs at least once: an answer that is lost leaves open whether it ran, and it is invoked again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from datetime import timedelta
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from pydantic import Field

from drs_recovery.plan import Line, Name, PlanModel
from drs_recovery.statuses import StepStatus
from drs_recovery.steps.kind import Look, StepKind

if TYPE_CHECKING:
    from drs_recovery.steps.kind import AwsClients, Place, StepRun

_EXECUTION = "durableExecutionArn"
_INVOCATIONS = "invocations"
_LATEST = "$LATEST"
# For which a look waits for the answer of a function that may be quick.
_LOOK_SECONDS = 5.0
_ENDED_BADLY = frozenset({"FAILED", "TIMED_OUT", "STOPPED"})


class LambdaArguments(PlanModel):
    """Which function, and what it is told beside the facts of the execution."""

    function: Line = Field(description="Name or ARN of the function.")
    qualifier: Line | None = Field(default=None, description="Version or alias; a durable function has one.")
    payload: dict[Name, Any] = Field(
        default={}, description="What the function gets as payload, beside the facts of the execution."
    )


class LambdaFunction(StepKind):
    """A call of a function that is not durable lasts as long as the function: a thread of its own waits."""

    key = "lambda"
    title = "Invoke a Lambda function, and wait for its result."
    arguments = LambdaArguments
    resource_keys = ("function", "qualifier")
    default_timeout = timedelta(minutes=15)

    def problems(self, arguments: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
        """A function has one qualifier."""
        name = str(arguments.get("function", "")).rpartition(":function:")[2]
        if arguments.get("qualifier") is not None and ":" in name:
            yield ("qualifier",), "is given twice: the function's name has one, too"

    def missing(self, aws: Callable[[Place], AwsClients], place: Place, arguments: Any) -> str | None:
        """The function."""
        if aws(place).functions.facts(arguments.function, arguments.qualifier) is not None:
            return None
        return f"there is no function {_named(arguments)} in {place.region}"

    def rights(self, arguments: Any, arn: Callable[[str, str], str]) -> Mapping[str, Collection[str]]:
        """To invoke it."""
        name = _named(arguments).rpartition(":function:")[2]
        return {arn("lambda", f"function:{name}"): ["lambda:InvokeFunction"]}

    def start(self, run: StepRun) -> Look:
        """Start a durable function; leave any other one to the looks, which can wait for it."""
        wanted: LambdaArguments = run.arguments
        functions = run.aws(run.place).functions
        facts = functions.facts(wanted.function, wanted.qualifier)
        if facts is None:
            return Look(StepStatus.FAILED, f"there is no function {wanted.function} in {run.place.region}")
        if not facts.is_durable:
            said = f"{wanted.function} is not durable: it runs at least once"
            return Look(StepStatus.RUNNING, said, external_ids={_INVOCATIONS: "0"}, pause=0.1)
        execution = functions.start_durable(wanted.function, _qualifier(wanted), _event(run), run.token)
        said = f"durable execution {run.token} was started"
        return Look(StepStatus.RUNNING, said, external_ids={_EXECUTION: execution})

    def look(self, run: StepRun) -> Look:
        """Ask for the durable execution, or wait a moment for the answer of the call."""
        execution = run.external_ids.get(_EXECUTION)
        functions = run.aws(run.place).functions
        return _of_call(run, functions) if execution is None else _of_execution(functions.durable(execution))

    def stop(self, run: StepRun) -> str | None:
        """Stop a durable execution; nobody can stop another function."""
        execution = run.external_ids.get(_EXECUTION)
        if execution is not None:
            run.aws(run.place).functions.stop_durable(execution)
            return "its durable execution was stopped"
        _CALLS.forget(run.token)
        return "the function runs on if it was invoked: Lambda cannot stop it" if run.external_ids else None


class _Calls:
    """Calls of this process by the attempt's token; daemons, so that no end of a process waits for them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: dict[str, Future[Any]] = {}

    def of(self, token: str) -> Future[Any] | None:
        with self._lock:
            return self._running.get(token)

    def begin(self, token: str, call: Any) -> Future[Any]:
        answer: Future[Any] = Future()

        def work() -> None:
            try:
                result = call()
            except Exception as error:  # told to whoever looks
                answer.set_exception(error)
            else:
                answer.set_result(result)

        with self._lock:
            self._running[token] = answer
        Thread(target=work, name=f"lambda {token}", daemon=True).start()
        return answer

    def forget(self, token: str) -> None:
        with self._lock:
            self._running.pop(token, None)


_CALLS = _Calls()


def _of_call(run: StepRun, functions: AwsClients) -> Look:
    wanted: LambdaArguments = run.arguments
    made = int(run.external_ids.get(_INVOCATIONS, "0"))
    answer = _CALLS.of(run.token)
    timeout = 0.0
    if answer is None:
        made += 1
        facts = functions.facts(wanted.function, wanted.qualifier)
        timeout = facts.timeout if facts else 0.0
        event = _event(run)
        answer = _CALLS.begin(
            run.token, lambda: functions.run(wanted.function, wanted.qualifier, event, timeout)
        )
    ids, times = {_INVOCATIONS: str(made)}, "" if made == 1 else f", invoked {made} times"
    try:
        invoked = answer.result(_LOOK_SECONDS)
    except TimeoutError:
        return Look(StepStatus.RUNNING, f"the function runs{times}", external_ids=ids)
    except Exception:
        _CALLS.forget(run.token)
        raise
    _CALLS.forget(run.token)
    if invoked is None:
        said = f"the answer of the function was lost{times}; it will be invoked again"
        return Look(StepStatus.RUNNING, said, external_ids=ids, pause=timeout or None)
    if invoked.error is not None:
        said = f"the function failed ({invoked.error}){times}: {_error_words(invoked.payload)}"
        return Look(StepStatus.FAILED, said, invoked.payload, external_ids=ids)
    return Look(StepStatus.SUCCEEDED, f"the function answered{times}", invoked.payload, external_ids=ids)


def _of_execution(told: Mapping[str, Any]) -> Look:
    status = str(told.get("Status", "unknown"))
    said = f"durable execution {told.get('DurableExecutionName', '')}: {status}"
    if status == "SUCCEEDED":
        return Look(StepStatus.SUCCEEDED, said, str(told.get("Result") or ""))
    if status in _ENDED_BADLY:
        error = told.get("Error") or {}
        why = error.get("ErrorMessage") or error.get("ErrorType") or "Lambda gives no reason"
        return Look(StepStatus.FAILED, f"{said}: {why}")
    return Look(StepStatus.RUNNING, said)


def _named(arguments: LambdaArguments) -> str:
    return arguments.function + (f":{arguments.qualifier}" if arguments.qualifier else "")


def _qualifier(arguments: LambdaArguments) -> str:
    """Of a durable function, which is never invoked without; one in its name is the one."""
    named = arguments.function.rpartition(":function:")[2].partition(":")[2]
    return arguments.qualifier or named or _LATEST


def _event(run: StepRun) -> bytes:
    """The same at every call of an attempt: a durable execution is known by it."""
    servers = [
        {
            "sourceServerId": server.id,
            "name": server.name,
            "hostname": server.hostname,
            "instanceId": server.instance_id,
            "privateIp": server.address,
            "region": server.place.region,
        }
        for server in run.recovered
    ]
    event = {
        "executionId": run.execution_id,
        "planId": run.plan_id,
        "executionType": run.execution_type,
        "wave": run.wave_number,
        "side": run.side,
        "step": run.number,
        "attempt": run.attempt,
        "token": run.token,
        "servers": servers,
        "payload": run.arguments.payload,
    }
    return json.dumps(event).encode()


def _error_words(payload: str) -> str:
    try:
        error = json.loads(payload)
    except ValueError:
        return payload[:200]
    words = error.get("errorMessage") if isinstance(error, dict) else None
    return str(words or payload)[:200]


KIND = LambdaFunction()
