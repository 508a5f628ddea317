"""Wait until the recovered instances are healthy in a target group; registers nothing."""

from __future__ import annotations

from pydantic import Field

from drs_recovery.plan import PlanModel
from drs_recovery.steps.kind import DRILL, FAILBACK, RECOVERY
from drs_recovery.steps.target_health import GroupArn, TargetHealthKind


class TargetHealthProbeArguments(PlanModel):
    """Which group is asked."""

    arn: GroupArn = Field(description="ARN of the target group.")


class TargetHealthProbe(TargetHealthKind):
    """For instances that something else registers, such as a launch action."""

    key = "target_health_probe"
    title = "Wait until a load balancer calls the recovered instances healthy."
    arguments = TargetHealthProbeArguments
    only = (DRILL, RECOVERY, FAILBACK)
    is_probe = True


KIND = TargetHealthProbe()
