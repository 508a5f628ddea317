"""Health of recovered instances in a target group, as its load balancer sees it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from drs_recovery.plan import Text
from drs_recovery.steps.kind import BatchedKind, Look, Place
from drs_recovery.steps.seen import Seen, joined

if TYPE_CHECKING:
    from drs_recovery.steps.kind import AwsClients, Recipient, StepRun

GroupArn = Annotated[
    str,
    Text(
        "the ARN of a target group",
        r"arn:[\w-]+:elasticloadbalancing:[a-z0-9-]+:\d{12}:targetgroup/[\w-]+/\w+",
        examples=(
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/crm-web/73e2d6bc24d8a067",
        ),
    ),
]


class TargetHealthKind(BatchedKind):
    """A kind that waits until every recovered instance is healthy in its target group."""

    takes_servers = True
    resource_keys = ("arn",)
    service = "target health"

    def missing(self, aws: Callable[[Place], AwsClients], place: Place, arguments: Any) -> str | None:
        """The group."""
        there = aws(Place(place.connection, region_of(arguments.arn))).target_groups
        return None if there.target_type(arguments.arn) else f"there is no target group {arguments.arn}"

    def group(self, run: StepRun) -> str:
        """ARN of the group, which is one for all servers."""
        return str(run.servers[0].arguments.arn)

    def place_of(self, run: StepRun) -> Place:
        """Where the group is: in its own Region, in the account of the wave's first server there."""
        region = region_of(self.group(run))
        places = (server.place for server in run.servers if server.place.region == region)
        return next(places, Place(run.place.connection, region))

    def questions(self, run: StepRun) -> Mapping[Place, Collection[str]]:
        """The group."""
        return {self.place_of(run): [self.group(run)]}

    def ask(self, clients: AwsClients, keys: Collection[str]) -> Mapping[str, Any]:
        """``TargetHealth`` of all targets of each group by id: one call a group."""
        return {key: clients.target_groups.health(key) for key in keys}

    def judge(self, run: StepRun, found: Mapping[str, Any]) -> Look:
        """All must be healthy, or one where one is enough."""
        targets = found.get(self.group(run), {})
        return joined(run, [_seen(server, targets) for server in run.servers])


def region_of(group_arn: str) -> str:
    """Region of a target group."""
    return group_arn.split(":")[3]


def _seen(server: Recipient, targets: Mapping[str, Any]) -> Seen:
    health = targets.get(server.instance_id) or targets.get(server.address)
    if health is None:
        return Seen(ok=False, detail="not registered with the target group")
    state = str(health.get("State", "unknown"))
    reason = health.get("Description") or health.get("Reason")
    return Seen(ok=state == "healthy", detail=f"{state} ({reason})" if reason else state)
