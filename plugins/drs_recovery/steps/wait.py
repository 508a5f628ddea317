"""Wait for a fixed time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import Field

from drs_recovery.durations import format_duration
from drs_recovery.plan import Duration, PlanModel
from drs_recovery.statuses import StepStatus
from drs_recovery.steps.kind import Look, StepKind, StepRun

# Beyond the wait itself: its last look comes a little late.
_SPARE = timedelta(minutes=10)


class WaitArguments(PlanModel):
    """How long."""

    for_: Duration = Field(alias="for", description="How long to wait.")


class Wait(StepKind):
    """Nothing happens until the time is over."""

    key = "wait"
    title = "Wait for a fixed time."
    arguments = WaitArguments

    def time_limit(self, arguments: Any) -> timedelta:
        """As long as the wait, and a little more."""
        return timedelta(seconds=arguments.for_.total_seconds()) + _SPARE

    def look(self, run: StepRun) -> Look:
        """See whether the time is over."""
        whole: timedelta = run.arguments.for_
        left = run.begun + whole.total_seconds() - run.now
        if left <= 0:
            return Look(StepStatus.SUCCEEDED, f"waited for {format_duration(whole)}")
        return Look(StepStatus.RUNNING, f"waits for {format_duration(whole)}", pause=left)


KIND = Wait()
