"""Something that a person does: done or not is what they say, and the store keeps it."""

from __future__ import annotations

from pydantic import Field

from drs_recovery.plan import DEFAULT_GATE_TIMEOUT, Line, PlanModel, Prose
from drs_recovery.statuses import StepStatus
from drs_recovery.steps.kind import Look, StepKind, StepRun


class ManualArguments(PlanModel):
    """What is to be done, and who says so."""

    message: Prose = Field(description="What is to be done.")
    approvers: tuple[Line, ...] = Field(
        default=(),
        description="Airflow user ids that may answer; default: everyone who may trigger the plan.",
        json_schema_extra={"minItems": 1},
    )


class Manual(StepKind):
    """Asks, and waits for the answer: done, or could not be done."""

    key = "manual"
    title = "A person does something and says so."
    arguments = ManualArguments
    is_question = True
    default_timeout = DEFAULT_GATE_TIMEOUT

    def look(self, run: StepRun) -> Look:
        """Nothing can be seen of it before the answer."""
        return Look(StepStatus.WAITING, str(run.arguments.message))


KIND = Manual()
