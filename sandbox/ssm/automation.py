"""Automation of Systems Manager: executions of documents, step by step as the clock goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.ssm.exceptions import InvalidFilterKey, InvalidFilterValue, SSMException

from sandbox.runs import Run
from sandbox.ssm.documents import document_of, filled_parameters
from sandbox.ssm.pages import page_of
from sandbox.world import WORLD

# What a step of a document takes that says nothing else.
_STEP_SECONDS = 15.0
_NOT_FOUND = "AutomationExecutionNotFoundException"
_FAULTS = ("automation_ends", "automation_hangs")

Document = dict[str, Any]


@dataclass
class Execution:
    """
    One execution.

    :param asked: what it was started with, for the comparison when its token comes again.
    :param steps: name and action, in order.
    """

    run: Run
    document_name: str
    document_version: str
    parameters: Mapping[str, list[str]]
    executed_by: str
    asked: Mapping[str, Any]
    steps: tuple[tuple[str, str], ...]
    outputs: Mapping[str, list[str]]
    failure: str | None
    tags: tuple[Mapping[str, str], ...] = ()

    def summary(self, elapsed: float) -> Document:
        """As DescribeAutomationExecutions shows it."""
        ended, end = self.run.has_ended(elapsed), self.run.ended_at()
        step = self._current_step(elapsed)
        status = self.run.told(elapsed)
        document: Document = {
            "AutomationExecutionId": self.run.id,
            "DocumentName": self.document_name,
            "DocumentVersion": self.document_version,
            "AutomationExecutionStatus": status,
            "ExecutionStartTime": _when(self.run.started),
            "ExecutionEndTime": _when(end) if ended and end is not None else None,
            "ExecutedBy": self.executed_by,
            "Mode": "Auto",
            "Outputs": dict(self.outputs) if ended else {},
            "FailureMessage": self.failure if ended and not self.run.was_stopped() else None,
            "CurrentStepName": None if ended else step[0],
            "CurrentAction": None if ended else step[1],
        }
        return {key: value for key, value in document.items() if value is not None}

    def document(self, elapsed: float) -> Document:
        """As GetAutomationExecution shows it."""
        return {
            **self.summary(elapsed),
            "Parameters": dict(self.parameters),
            "StepExecutions": [
                {"StepName": name, "Action": action, "StepStatus": self._step_status(index, elapsed)}
                for index, (name, action) in enumerate(self.steps)
            ],
            "StepExecutionsTruncated": False,
        }

    def _current_step(self, elapsed: float) -> tuple[str, str]:
        done = int((elapsed - self.run.started) // _STEP_SECONDS)
        return self.steps[min(done, len(self.steps) - 1)]

    def _step_status(self, index: int, elapsed: float) -> str:
        current = self.steps.index(self._current_step(elapsed))
        if self.run.has_ended(elapsed):
            last = len(self.steps) - 1
            return self.run.told(elapsed) if index == last else "Success"
        return "Success" if index < current else self.run.told(elapsed) if index == current else "Pending"


def _when(elapsed: float) -> datetime:
    return WORLD.clock.when(elapsed)


class AutomationBackend(BaseBackend):
    """Automation in one account and Region; the caller holds the world's lock."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.executions: dict[str, Execution] = {}
        self._by_token: dict[str, Execution] = {}

    def start(self, request: Document, executed_by: str) -> Document:
        """Answer StartAutomationExecution; the same token gives the same execution."""
        token = request.get("ClientToken")
        asked = {key: value for key, value in request.items() if key != "ClientToken"}
        if token in self._by_token:
            return self._again(self._by_token[token], asked)
        execution = self._begun(request, asked, executed_by)
        self.executions[execution.run.id] = execution
        if token is not None:
            self._by_token[token] = execution
        return {"AutomationExecutionId": execution.run.id}

    def get(self, request: Document) -> Document:
        """Answer GetAutomationExecution."""
        return {"AutomationExecution": self._known(request).document(WORLD.clock.elapsed())}

    def describe(self, request: Document) -> Document:
        """Answer DescribeAutomationExecutions: latest first."""
        elapsed = WORLD.clock.elapsed()
        rows = [one.summary(elapsed) for one in reversed(self.executions.values())]
        for wanted in request.get("Filters") or ():
            rows = [row for row in rows if self._fits(row, wanted["Key"], wanted["Values"])]
        page, following = page_of("DescribeAutomationExecutions", rows, request, self.region_name)
        return {"AutomationExecutionMetadataList": page, **following}

    def stop(self, request: Document) -> Document:
        """Answer StopAutomationExecution."""
        execution, elapsed = self._known(request), WORLD.clock.elapsed()
        if execution.run.has_ended(elapsed):
            status = execution.run.told(elapsed)
            message = f"Automation execution {execution.run.id} has ended with status {status}."
            raise SSMException("InvalidAutomationStatusUpdateException", message)
        execution.run.stop(elapsed)
        return {}

    def _again(self, execution: Execution, asked: Document) -> Document:
        if execution.asked != asked:
            message = "The client token was used with other parameters."
            raise SSMException("IdempotentParameterMismatch", message)
        return {"AutomationExecutionId": execution.run.id}

    def _begun(self, request: Document, asked: Document, executed_by: str) -> Execution:
        name = request["DocumentName"]
        version = request.get("DocumentVersion")
        document = document_of(self.account_id, self.region_name, name, version, "Automation")
        if document is None:
            message = f"Automation definition {name} was not found."
            raise SSMException("AutomationDefinitionNotFoundException", message)
        refusal = "InvalidAutomationExecutionParametersException"
        steps = tuple((one["name"], one["action"]) for one in document.content_json["mainSteps"])
        strikes = WORLD.faults.strike(_FAULTS, region=self.region_name, document=document.name)
        ends, hangs = strikes.get("automation_ends"), strikes.get("automation_hangs")
        usual = _STEP_SECONDS * len(steps)
        run = Run(WORLD.clock.elapsed(), usual, "Success")
        if hangs is not None:
            run = Run(run.started, None, "Success", hangs["status"])
        elif ends is not None:
            seconds = usual if ends["seconds"] is None else ends["seconds"]
            run = Run(run.started, seconds, ends["status"])
        return Execution(
            run=run,
            document_name=document.name,
            document_version=document.document_version,
            parameters=filled_parameters(document, request.get("Parameters") or {}, refusal),
            executed_by=executed_by,
            asked=asked,
            steps=steps,
            outputs=(ends or {}).get("outputs") or {},
            failure=(ends or {}).get("message"),
            tags=tuple(request.get("Tags") or ()),
        )

    def _known(self, request: Document) -> Execution:
        execution_id = request["AutomationExecutionId"]
        if execution_id not in self.executions:
            raise SSMException(_NOT_FOUND, f"Automation execution {execution_id} was not found.")
        return self.executions[execution_id]

    def _fits(self, row: Document, key: str, values: list[str]) -> bool:
        match key:
            case "ExecutionId":
                return row["AutomationExecutionId"] in values
            case "ExecutionStatus":
                return row["AutomationExecutionStatus"] in values
            case "DocumentNamePrefix":
                return any(row["DocumentName"].startswith(value) for value in values)
            case "StartTimeAfter" | "StartTimeBefore":
                return self._within(row, key, values[0])
            case "TagKey":
                tags = self.executions[row["AutomationExecutionId"]].tags
                return any(tag["Key"] in values for tag in tags)
        raise InvalidFilterKey(f"the sandbox has no filter {key}")

    def _within(self, row: Document, key: str, text: str) -> bool:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise InvalidFilterValue(str(error)) from error
        started = row["ExecutionStartTime"]
        return bool(started >= moment if key == "StartTimeAfter" else started <= moment)


automation_backends = BackendDict(AutomationBackend, "ssm")
