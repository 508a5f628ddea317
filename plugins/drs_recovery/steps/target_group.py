"""Lead users to the recovered instances: register them with a target group, wait until they are healthy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import Field, StrictInt

from drs_recovery.plan import PlanModel
from drs_recovery.statuses import StepStatus
from drs_recovery.steps.kind import RECOVERY, Look
from drs_recovery.steps.target_health import GroupArn, TargetHealthKind, region_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from drs_recovery.steps.kind import StepRun


class TargetGroupArguments(PlanModel):
    """Which group, and at which port the instances answer."""

    arn: GroupArn = Field(description="ARN of the target group.")
    port: StrictInt | None = Field(
        default=None, ge=1, le=65535, description="Port of the instances; default: that of the group."
    )


class TargetGroup(TargetHealthKind):
    """Registering again changes nothing, so that it may be done at every start."""

    key = "target_group"
    title = "Register the recovered instances with a target group, and wait until they are healthy."
    arguments = TargetGroupArguments
    only = (RECOVERY,)
    default_timeout = timedelta(minutes=15)

    def rights(self, arguments: Any, arn: Callable[[str, str], str]) -> Mapping[str, Collection[str]]:
        """To register with it."""
        return {arguments.arn: ["elasticloadbalancing:RegisterTargets"]}

    def start(self, run: StepRun) -> Look:
        """Register the instances, by id or by address as the group wants them."""
        arn = self.group(run)
        elsewhere = [server.name for server in run.servers if server.place.region != region_of(arn)]
        if elsewhere:
            names = ", ".join(elsewhere[:3])
            return Look(StepStatus.FAILED, f"{names} is in another Region than the target group")
        groups = run.aws(self.place_of(run)).target_groups
        kind = groups.target_type(arn)
        if kind not in ("instance", "ip"):
            return Look(StepStatus.FAILED, f"the target group takes no instances ({kind or 'there is none'})")
        targets = [server.instance_id if kind == "instance" else server.address for server in run.servers]
        groups.register(arn, targets, run.servers[0].arguments.port)
        return Look(
            StepStatus.RUNNING, f"registered {len(targets)} servers", external_ids={"targetGroupArn": arn}
        )

    def judge(self, run: StepRun, found: Mapping[str, Any]) -> Look:
        """What is not healthy yet may become so, until the time-out."""
        look = super().judge(run, found)
        return replace(look, status=StepStatus.RUNNING) if look.status is StepStatus.FAILED else look

    def stop(self, run: StepRun) -> str | None:
        """Leave the instances where they are: users may be served by them already."""
        return "the instances stay registered with the target group"


KIND = TargetGroup()
