"""Invocations of functions, and executions of durable ones, as the clock goes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.core.base_backend import BackendDict, BaseBackend

from sandbox.runs import Run
from sandbox.world import WORLD

_FAULTS = ("function_ends", "function_hangs")
# What a function takes that nothing else says about.
_FUNCTION_SECONDS = 1.0

Document = dict[str, Any]


class AlreadyStartedError(LambdaClientError):
    """The name of a durable execution comes again with another payload."""

    code = 409

    def __init__(self, name: str) -> None:
        message = f"Durable execution {name} was started with a different payload."
        super().__init__("DurableExecutionAlreadyStartedException", message)


class ExecutionNotFoundError(LambdaClientError):
    """There is no such durable execution."""

    code = 404

    def __init__(self, arn: str) -> None:
        super().__init__("ResourceNotFoundException", f"Durable execution {arn} was not found.")


@dataclass(frozen=True)
class Outcome:
    """
    What comes of a function.

    :param error: ``Unhandled`` or ``Handled``, None if it succeeds.
    :param timed_out: whether it ran until its time-out.
    """

    payload: str
    error: str | None = None
    timed_out: bool = False


@dataclass
class Invocation:
    """
    One run of a function.

    :param durable_name: of its durable execution, None if the function is not durable.
    :param arn: of its durable execution.
    """

    run: Run
    function: str
    function_arn: str
    version: str
    kind: str
    payload: str
    outcome: Outcome
    durable_name: str | None = None
    arn: str | None = None

    def remaining(self, elapsed: float) -> float:
        """Simulated seconds to its end."""
        end = self.run.ended_at()
        return max(0.0 if end is None else end - elapsed, 0.0)

    def document(self) -> Document:
        """As the control API shows it."""
        return {
            "function": self.function,
            "version": self.version,
            "type": self.kind,
            "payload": json.loads(self.payload),
            "durableExecutionName": self.durable_name,
            "error": self.outcome.error,
            "started": WORLD.clock.when(self.run.started).isoformat(timespec="milliseconds"),
        }

    def status(self, elapsed: float) -> str:
        """Status of its durable execution."""
        if self.run.stopped is not None:
            return "STOPPED"
        if not self.run.has_ended(elapsed):
            return "RUNNING"
        if self.outcome.timed_out:
            return "TIMED_OUT"
        return "FAILED" if self.outcome.error else "SUCCEEDED"

    def execution(self, elapsed: float) -> Document:
        """As ListDurableExecutionsByFunction shows it."""
        document: Document = {
            "DurableExecutionArn": self.arn,
            "DurableExecutionName": self.durable_name,
            "FunctionArn": f"{self.function_arn}:{self.version}",
            "Status": self.status(elapsed),
            "StartTimestamp": WORLD.clock.when(self.run.started).timestamp(),
        }
        end = self.run.stopped if self.run.stopped is not None else self.run.ended_at()
        if document["Status"] != "RUNNING" and end is not None:
            document["EndTimestamp"] = WORLD.clock.when(end).timestamp()
        return document

    def full_execution(self, elapsed: float) -> Document:
        """As GetDurableExecution shows it."""
        document = {**self.execution(elapsed), "InputPayload": self.payload, "Version": self.version}
        match document["Status"]:
            case "SUCCEEDED":
                document["Result"] = self.outcome.payload
            case "FAILED" | "TIMED_OUT":
                error = json.loads(self.outcome.payload)
                document["Error"] = {
                    "ErrorType": error.get("errorType"), "ErrorMessage": error.get("errorMessage"),
                }  # fmt: skip
            case "STOPPED":
                document["Error"] = {"ErrorType": "Execution.Stopped", "ErrorMessage": "Execution stopped"}
        return document


@dataclass(frozen=True)
class Call:
    """What an invocation asks for; ``function`` is moto's."""

    function: Any
    kind: str
    payload: str
    durable_name: str | None = None


class FunctionBackend(BaseBackend):
    """Invocations in one account and Region; the caller holds the world's lock."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.invocations: list[Invocation] = []

    def invoke(self, call: Call) -> Invocation:
        """
        Run a function, unless it is durable and its execution is there already.

        :raises AlreadyStartedError: if that has another payload.
        """
        durable = getattr(call.function, "durable_config", None)
        if durable is None and call.durable_name is not None:
            message = "DurableExecutionName is for durable functions only."
            raise InvalidParameterValueException(message)
        if found := self._named(call.function.function_name, call.durable_name):
            if found.payload != call.payload:
                raise AlreadyStartedError(found.durable_name or "")
            return found
        invocation = self._begun(call, durable)
        self.invocations.append(invocation)
        return invocation

    def known(self, arn: str) -> Invocation:
        """
        A durable execution.

        :raises ExecutionNotFoundError: if there is none.
        """
        for invocation in self.invocations:
            if invocation.arn == arn:
                return invocation
        raise ExecutionNotFoundError(arn)

    def executions(self, function: str, name: str | None, statuses: list[str]) -> Iterator[Invocation]:
        """Durable executions of a function, oldest first."""
        elapsed = WORLD.clock.elapsed()
        for one in self.invocations:
            fits = one.arn is not None and one.function == function and name in (None, one.durable_name)
            if fits and (not statuses or one.status(elapsed) in statuses):
                yield one

    def _named(self, function: str, name: str | None) -> Invocation | None:
        return next(self.executions(function, name, []), None) if name is not None else None

    def _begun(self, call: Call, durable: Document | None) -> Invocation:
        function = call.function
        version = str(function.version)
        strikes = WORLD.faults.strike(_FAULTS, region=self.region_name, function=function.function_name)
        ends = strikes.get("function_ends")
        limit = float(durable["ExecutionTimeout"] if durable else function.timeout)
        seconds = _FUNCTION_SECONDS if ends is None else float(ends["seconds"])
        if "function_hangs" in strikes or seconds > limit:
            message = f"Task timed out after {limit:.2f} seconds"
            outcome = Outcome(_error("Sandbox.Timedout", message), "Unhandled", timed_out=True)
            seconds = limit
        elif ends is None:
            outcome = Outcome(call.payload)
        elif ends["error"] == "none":
            outcome = Outcome(json.dumps(ends["payload"]))
        else:
            outcome = Outcome(_error("RuntimeError", ends["message"]), ends["error"])
        name = call.durable_name or (str(uuid.uuid4()) if durable else None)
        run = Run(WORLD.clock.elapsed(), seconds, "Success")
        arn = f"{function.function_arn}:{version}/durable-execution/{name}/{run.id}" if durable else None
        return Invocation(
            run=run,
            function=function.function_name,
            function_arn=function.function_arn,
            version=version,
            kind=call.kind,
            payload=call.payload,
            outcome=outcome,
            durable_name=name,
            arn=arn,
        )


def _error(error_type: str, message: str) -> str:
    return json.dumps({"errorType": error_type, "errorMessage": message})


function_backends = BackendDict(FunctionBackend, "lambda")
