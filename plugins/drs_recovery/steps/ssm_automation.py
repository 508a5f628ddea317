"""Run an Automation document of Systems Manager, and follow its execution to the end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from drs_recovery.plan import Line, PlanModel
from drs_recovery.statuses import StepStatus
from drs_recovery.steps.documents import document_arn, missing_document
from drs_recovery.steps.kind import BatchedKind, Look
from drs_recovery.steps.parameters import Parameters  # noqa: TC001  # pydantic

if TYPE_CHECKING:
    from drs_recovery.steps.kind import AwsClients, Place, StepRun

EXECUTION_ID = "automationExecutionId"

# What ends an execution, see AutomationExecutionStatus; whatever else there is or will be goes on.
_GOOD = frozenset({"Success", "CompletedWithSuccess"})
_BAD = frozenset(
    {
        "Failed", "TimedOut", "Cancelled", "Rejected", "CompletedWithFailure",
        "ChangeCalendarOverrideRejected", "Exited",
    }
)  # fmt: skip


class SsmAutomationArguments(PlanModel):
    """Which document is run, with what."""

    document: Line = Field(description="Name or ARN of the Automation document.")
    version: Line | None = Field(
        default=None, description="Version of the document, in quotes; default: its default version."
    )
    parameters: Parameters = Field(
        default={}, description="Values of its parameters, texts or lists of them."
    )


class SsmAutomation(BatchedKind):
    """Started once an attempt, by the client token; asked for in tens."""

    key = "ssm_automation"
    title = "Run an Automation document of Systems Manager."
    arguments = SsmAutomationArguments
    resource_keys = ("document", "version")
    service = "SSM automation"

    def missing(self, aws: Callable[[Place], AwsClients], place: Place, arguments: Any) -> str | None:
        """The document."""
        return missing_document(aws(place), place.region, arguments.document, arguments.version)

    def rights(self, arguments: Any, arn: Callable[[str, str], str]) -> Mapping[str, Collection[str]]:
        """To start it."""
        return {document_arn(arguments.document, arn): ["ssm:StartAutomationExecution"]}

    def start(self, run: StepRun) -> Look:
        """Start it, or get what the same token started before."""
        wanted: SsmAutomationArguments = run.arguments
        execution_id = run.aws(run.place).ssm.start_automation(
            wanted.document, wanted.version, wanted.parameters, run.token
        )
        return Look(
            StepStatus.RUNNING,
            f"automation {execution_id} of {wanted.document} was started",
            external_ids={EXECUTION_ID: execution_id},
        )

    def questions(self, run: StepRun) -> Mapping[Place, Collection[str]]:
        """The execution."""
        return {run.place: [run.external_ids[EXECUTION_ID]]}

    def ask(self, clients: AwsClients, keys: Collection[str]) -> Mapping[str, Any]:
        """``AutomationExecutionMetadata`` by id."""
        found: Mapping[str, Any] = clients.ssm.automations(keys)
        return found

    def judge(self, run: StepRun, found: Mapping[str, Any]) -> Look:
        """Good only if Systems Manager says so."""
        execution_id = run.external_ids[EXECUTION_ID]
        row = found.get(execution_id)
        if row is None:
            return Look(StepStatus.RUNNING, f"Systems Manager does not list automation {execution_id} yet")
        status = str(row.get("AutomationExecutionStatus", "unknown"))
        if status in _GOOD:
            return Look(StepStatus.SUCCEEDED, f"automation {execution_id}: {status}", _output(row))
        if status in _BAD:
            reason = row.get("FailureMessage") or "Systems Manager gives no reason"
            return Look(StepStatus.FAILED, f"automation {execution_id}: {status}: {reason}", _output(row))
        step = row.get("CurrentStepName")
        at = f" at step {step}" if step else ""
        return Look(StepStatus.RUNNING, f"automation {execution_id}: {status}{at}")

    def stop(self, run: StepRun) -> str | None:
        """Cancel the execution."""
        execution_id = run.external_ids.get(EXECUTION_ID)
        if execution_id is None:
            return (
                f"whether an automation of {run.arguments.document} was started is not known; "
                "look for it in Systems Manager"
            )
        stopped = run.aws(run.place).ssm.stop_automation(execution_id)
        return f"automation {execution_id} {'is being cancelled' if stopped else 'had ended'}"


def _output(row: Mapping[str, Any]) -> str:
    outputs = row.get("Outputs") or {}
    return "\n".join(f"{name}: {', '.join(values)}" for name, values in outputs.items())


KIND = SsmAutomation()
