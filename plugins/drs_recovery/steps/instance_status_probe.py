"""Wait until EC2 calls its checks of each recovered instance passed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from drs_recovery.plan import PlanModel
from drs_recovery.steps.kind import DRILL, FAILBACK, RECOVERY, BatchedKind, Look
from drs_recovery.steps.seen import Seen, joined

if TYPE_CHECKING:
    from drs_recovery.steps.kind import AwsClients, Place, StepRun

# What EC2 reports of an instance, and how people call it. It leaves out what an instance type does not have.
_CHECKS = {"SystemStatus": "system", "InstanceStatus": "instance", "AttachedEbsStatus": "EBS"}
_PASSED = frozenset({"ok", "not-applicable"})


class InstanceStatusProbeArguments(PlanModel):
    """Nothing to say."""


class InstanceStatusProbe(BatchedKind):
    """System, instance and EBS checks; a server can pass them and its application not run."""

    key = "instance_status_probe"
    title = "Wait until EC2's system, instance and EBS checks pass."
    arguments = InstanceStatusProbeArguments
    only = (DRILL, RECOVERY, FAILBACK)
    is_probe = True
    takes_servers = True
    service = "EC2 instance status"

    def questions(self, run: StepRun) -> Mapping[Place, Collection[str]]:
        """The instances of each place."""
        found: dict[Place, list[str]] = defaultdict(list)
        for server in run.servers:
            found[server.place].append(server.instance_id)
        return found

    def ask(self, clients: AwsClients, keys: Collection[str]) -> Mapping[str, Any]:
        """``InstanceStatus`` by instance id."""
        found: Mapping[str, Any] = clients.ec2.instance_statuses(keys)
        return found

    def judge(self, run: StepRun, found: Mapping[str, Any]) -> Look:
        """All checks of all instances must have passed."""
        return joined(run, [_seen(found.get(server.instance_id)) for server in run.servers])


def _seen(status: Mapping[str, Any] | None) -> Seen:
    if status is None:
        return Seen(ok=False, detail="EC2 does not know the instance")
    state = (status.get("InstanceState") or {}).get("Name", "unknown")
    if state != "running":
        return Seen(ok=False, detail=f"the instance is {state}")
    checks = {name: status[key].get("Status", "unknown") for key, name in _CHECKS.items() if status.get(key)}
    said = ", ".join(f"{name} {value}" for name, value in checks.items())
    has_all = {"system", "instance"} <= checks.keys()
    return Seen(ok=has_all and set(checks.values()) <= _PASSED, detail=said or "no check is reported yet")


KIND = InstanceStatusProbe()
