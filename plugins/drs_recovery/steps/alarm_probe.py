"""Expect that a CloudWatch alarm is OK, and has been for some time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import Field

from drs_recovery.durations import format_duration
from drs_recovery.plan import Duration, Line, PlanModel
from drs_recovery.statuses import StepStatus
from drs_recovery.steps.kind import DRILL, FAILBACK, RECOVERY, BatchedKind, Look

if TYPE_CHECKING:
    from drs_recovery.steps.kind import AwsClients, Place, StepRun


class AlarmProbeArguments(PlanModel):
    """Which alarm, and how long it must be quiet."""

    name: Line = Field(description="Name of the alarm, metric or composite, in the wave's Region.")
    ok_for: Duration = Field(
        default=timedelta(minutes=5),
        description="How long it must be OK, counted from when it became so, or from the wave's launch.",
    )


class AlarmProbe(BatchedKind):
    """What an alarm said before the servers were launched proves nothing: the time counts from then."""

    key = "alarm_probe"
    title = "Expect that a CloudWatch alarm is OK for some time."
    arguments = AlarmProbeArguments
    only = (DRILL, RECOVERY, FAILBACK)
    is_probe = True
    resource_keys = ("name",)
    service = "CloudWatch alarms"

    def time_limit(self, arguments: Any) -> timedelta:
        """Ten minutes more than the alarm must be quiet."""
        limit: timedelta = self.default_timeout + arguments.ok_for
        return limit

    def missing(self, aws: Callable[[Place], AwsClients], place: Place, arguments: Any) -> str | None:
        """The alarm."""
        if aws(place).alarms.alarms([arguments.name]):
            return None
        return f"there is no alarm {arguments.name} in {place.region}"

    def questions(self, run: StepRun) -> Mapping[Place, Collection[str]]:
        """The alarm."""
        return {run.place: [run.arguments.name]}

    def ask(self, clients: AwsClients, keys: Collection[str]) -> Mapping[str, Any]:
        """``MetricAlarm`` or ``CompositeAlarm`` by name: a hundred a call."""
        found: Mapping[str, Any] = clients.alarms.alarms(keys)
        return found

    def judge(self, run: StepRun, found: Mapping[str, Any]) -> Look:
        """OK is not enough: it must have lasted."""
        name, alarm = run.arguments.name, found.get(run.arguments.name)
        if alarm is None:
            return Look(StepStatus.FAILED, f"there is no alarm {name} in {run.place.region}")
        state = str(alarm.get("StateValue", "unknown"))
        if state != "OK":
            reason = alarm.get("StateReason")
            return Look(StepStatus.FAILED, f"alarm {name} is {state}" + (f": {reason}" if reason else ""))
        quiet = timedelta(seconds=max(round(run.now - _since(alarm, run.launched or run.begun)), 0))
        said = f"alarm {name} is OK for {format_duration(quiet)}"
        if quiet < run.arguments.ok_for:
            wanted = format_duration(run.arguments.ok_for)
            return Look(StepStatus.FAILED, f"{said}, expected {wanted}")
        return Look(StepStatus.SUCCEEDED, said)


def _since(alarm: Mapping[str, Any], launched: float) -> float:
    updated = alarm.get("StateUpdatedTimestamp")
    return max(updated.timestamp() if isinstance(updated, datetime) else launched, launched)


KIND = AlarmProbe()
