"""
Health as EC2, load balancers and CloudWatch tell it: by the clock, by the applications, and by faults.

moto says that everything is well at once; nothing is on AWS.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.ec2.models.instances import Instance
from moto.elbv2.models import FakeHealthStatus, FakeTargetGroup

from sandbox.drs import RecoveryInstance, drs_backends
from sandbox.world import WORLD

# AWS says that the checks of a new instance take some minutes.
_CHECKS_SECONDS = 150.0


def use_health() -> None:
    """Let the services tell it."""
    instance: Any = Instance
    instance.system_status = property(functools.partial(_check, "system"))
    instance.instance_status = property(functools.partial(_check, "instance"))
    instance.attached_ebs_status = property(functools.partial(_check, "ebs"))
    group: Any = FakeTargetGroup
    group.register = _noting_when(group.register)
    group.health_for = _judged(group.health_for)
    backend: Any = CloudWatchBackend
    backend.put_metric_alarm = _without_data(backend.put_metric_alarm)
    response: Any = CloudWatchResponse
    response.describe_alarms = _of_types(response.describe_alarms)


def _row_of(instance: Instance) -> RecoveryInstance | None:
    """DRS's record of an instance."""
    backend = instance.ec2_backend
    return drs_backends[backend.account_id][backend.region_name].instances.rows.get(instance.id)


def _check(name: str, instance: Instance) -> dict[str, Any]:
    """One of the status checks of an instance."""
    if instance.state != "running":
        return {"Status": "not-applicable"}
    row = _row_of(instance)
    told = "ok"
    if row is not None:
        region = instance.ec2_backend.region_name
        fault = WORLD.faults.standing("status_checks", server=row.server.server_id, region=region)
        if fault is not None:
            told = fault[name]
        elif WORLD.clock.elapsed() < row.launched + _CHECKS_SECONDS:
            told = "initializing"
    passed = {"ok": "passed", "impaired": "failed"}.get(told, told)
    return {"Status": told, "Details": [{"Name": "reachability", "Status": passed}]}


def _noting_when(register: Callable[..., None]) -> Callable[..., None]:
    """Register targets, and remember when; one that is registered again starts over only if it had left."""

    @functools.wraps(register)
    def registered(group: Any, targets: list[dict[str, Any]]) -> None:
        known = {target["Id"] for target in targets if target["Id"] in group.targets}
        register(group, targets)
        moments = group.__dict__.setdefault("registered_at", {})
        for target in targets:
            if target["Id"] not in known:
                moments[target["Id"]] = WORLD.clock.elapsed()

    return registered


def _judged(health_for: Callable[..., FakeHealthStatus]) -> Callable[..., FakeHealthStatus]:
    """Say what moto says of a target, unless it says healthy: that has to be earned."""

    @functools.wraps(health_for)
    def judged(group: Any, target: dict[str, Any], ec2_backend: Any) -> FakeHealthStatus:
        told = health_for(group, target, ec2_backend)
        if told.status == "healthy":
            told.status, told.reason, told.description = _health(group, target["Id"], ec2_backend)
        return told

    return judged


Health = tuple[str, str | None, str | None]


def _health(group: Any, target_id: str, ec2_backend: Any) -> Health:
    region = ec2_backend.region_name
    row = drs_backends[ec2_backend.account_id][region].instances.rows.get(target_id)
    server = row.server.server_id if row else None
    if fault := WORLD.faults.standing("target_health", server=server, region=region):
        return fault["state"], fault["reason"], fault["description"]
    if not group.load_balancer_arns:
        return "unused", "Target.NotInUse", "Target group is not configured to receive traffic"
    checks = int(group.healthy_threshold_count) * float(group.health_check_interval_seconds)
    if WORLD.clock.elapsed() < group.registered_at[target_id] + checks:
        return "initial", "Elb.InitialHealthChecking", "Initial health checks in progress"
    status = WORLD.applications.status_of(target_id, group.health_check_path or "/")
    if status is None:
        return "unhealthy", "Target.FailedHealthChecks", "Health checks failed"
    if status >= 300:
        codes = f"Health checks failed with these codes: [{status}]"
        return "unhealthy", "Target.ResponseCodeMismatch", codes
    return "healthy", None, None


def _without_data(put: Callable[..., Any]) -> Callable[..., Any]:
    """Give a new alarm no data, as CloudWatch does."""

    @functools.wraps(put)
    def made(backend: Any, *args: Any, **kwargs: Any) -> Any:
        alarm = put(backend, *args, **kwargs)
        alarm.state_value = "INSUFFICIENT_DATA"
        return alarm

    return made


def _of_types(describe: Callable[..., ActionResult]) -> Callable[..., ActionResult]:
    """Show the alarms of the asked types, which are metric alarms unless composite ones are asked for."""

    @functools.wraps(describe)
    def described(response: Any) -> ActionResult:
        shown: Any = describe(response).result
        types = response._get_param("AlarmTypes") or ["MetricAlarm"]
        kinds = {"MetricAlarms": "MetricAlarm", "CompositeAlarms": "CompositeAlarm"}
        return ActionResult({name: shown[name] if kind in types else [] for name, kind in kinds.items()})

    return described
