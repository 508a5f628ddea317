"""Health as EC2, load balancers and CloudWatch tell it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto.cloudwatch.models import cloudwatch_backends

from sandbox.testing import Sandbox, running_sandbox
from tests.alarms import put_alarm
from tests.unit.sandbox.known import A_DRILL, DB_1

# Slow enough that only the test moves the time.
STANDING = 0.001


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[Sandbox]:
    with running_sandbox(speed=STANDING) as sandbox:
        yield sandbox


@pytest.fixture
def server(one_sandbox: Sandbox) -> Sandbox:
    """A sandbox with a recovery instance, launched a moment ago."""
    one_sandbox.reset()
    one_sandbox.client("drs").start_recovery(sourceServers=[{"sourceServerID": DB_1}])
    while not one_sandbox.applications():
        one_sandbox.advance(1)
    return one_sandbox


@pytest.fixture
def instance(server: Sandbox) -> str:
    (application,) = server.applications()
    return str(application["instanceId"])


def checks(server: Sandbox) -> tuple[str, ...]:
    (row,) = server.client("ec2").describe_instance_status(IncludeAllInstances=True)["InstanceStatuses"]
    return tuple(row[name]["Status"] for name in ("SystemStatus", "InstanceStatus", "AttachedEbsStatus"))


def test_the_checks_of_an_instance_take_some_minutes(server: Sandbox) -> None:
    assert set(checks(server)) == {"initializing"}
    server.advance(150)
    assert set(checks(server)) == {"ok"}


def test_a_check_can_be_impaired(server: Sandbox) -> None:
    server.add_fault("status_checks", server=DB_1, ebs="impaired", instance="ok")
    assert checks(server) == ("ok", "ok", "impaired")


def test_a_stopped_instance_has_no_checks(server: Sandbox, instance: str) -> None:
    server.client("ec2").stop_instances(InstanceIds=[instance])
    assert set(checks(server)) == {"not-applicable"}


@pytest.fixture
def group(server: Sandbox) -> str:
    """A target group behind a load balancer."""
    ec2, elbv2 = server.client("ec2"), server.client("elbv2")
    subnets = ec2.describe_subnets()["Subnets"][:2]
    balancer = elbv2.create_load_balancer(Name="crm", Subnets=[one["SubnetId"] for one in subnets])
    arn = unused_group(server, subnets[0]["VpcId"])
    forward = {"Type": "forward", "TargetGroupArn": arn}
    elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[forward],
    )
    return arn


def unused_group(server: Sandbox, vpc: str) -> str:
    made = server.client("elbv2").create_target_group(
        Name="crm-web", Protocol="HTTP", Port=80, VpcId=vpc, HealthCheckPath="/health"
    )
    return str(made["TargetGroups"][0]["TargetGroupArn"])


def register(server: Sandbox, group: str, instance: str) -> None:
    server.client("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": instance}])


def health(server: Sandbox, group: str, *targets: str) -> tuple[str, str | None]:
    wanted = {"Targets": [{"Id": target} for target in targets]} if targets else {}
    answer = server.client("elbv2").describe_target_health(TargetGroupArn=group, **wanted)
    told = answer["TargetHealthDescriptions"][0]["TargetHealth"]
    return told["State"], told.get("Reason")


def test_a_target_is_healthy_after_its_health_checks(server: Sandbox, group: str, instance: str) -> None:
    assert health(server, group, instance) == ("unused", "Target.NotRegistered")
    register(server, group, instance)
    assert health(server, group) == ("initial", "Elb.InitialHealthChecking")
    server.advance(149)
    register(server, group, instance)
    server.advance(1)
    assert health(server, group) == ("healthy", None)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "application_down"}, ("unhealthy", "Target.FailedHealthChecks")),
        ({"kind": "application_unready"}, ("unhealthy", "Target.ResponseCodeMismatch")),
        (
            {"kind": "application_answer", "path": "/health", "status": 500},
            ("unhealthy", "Target.ResponseCodeMismatch"),
        ),
        ({"kind": "application_answer", "path": "/other", "status": 500}, ("healthy", None)),
        ({"kind": "target_health", "state": "unavailable", "reason": "x"}, ("unavailable", "x")),
    ],
)
def test_a_target_is_as_healthy_as_its_application(
    server: Sandbox, group: str, instance: str, fault: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    register(server, group, instance)
    server.advance(A_DRILL)
    server.add_fault(**fault, server=DB_1)
    assert health(server, group) == expected


def test_a_group_without_a_load_balancer_checks_nothing(server: Sandbox, instance: str) -> None:
    vpc = server.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    group = unused_group(server, vpc)
    register(server, group, instance)
    server.advance(A_DRILL)
    assert health(server, group) == ("unused", "Target.NotInUse")


def test_a_new_alarm_has_no_data_until_it_is_told(server: Sandbox) -> None:
    cloudwatch = put_alarm(server, "crm-errors")
    (told,) = cloudwatch.describe_alarms(AlarmNames=["crm-errors", "unknown"])["MetricAlarms"]
    assert told["StateValue"] == "INSUFFICIENT_DATA"
    cloudwatch.set_alarm_state(AlarmName="crm-errors", StateValue="OK", StateReason="quiet")
    (told,) = cloudwatch.describe_alarms()["MetricAlarms"]
    assert told["StateValue"] == "OK"


def test_composite_alarms_are_shown_only_if_asked_for(server: Sandbox) -> None:
    cloudwatch = put_alarm(server, "crm")
    cloudwatch_backends["123456789012"]["us-east-1"].alarms["crm"].rule = "ALARM(other)"
    assert cloudwatch.describe_alarms()["CompositeAlarms"] == []
    shown = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm", "MetricAlarm"])
    assert [one["AlarmName"] for one in shown["CompositeAlarms"]] == ["crm"]


def test_rights_are_on_the_group_for_changes_only(server: Sandbox, group: str, instance: str) -> None:
    statements = [
        {"Effect": "Allow", "Action": "elasticloadbalancing:RegisterTargets", "Resource": group},
        {"Effect": "Allow", "Action": "elasticloadbalancing:DescribeTargetHealth", "Resource": "*"},
    ]
    server.enforce({"judged": [{"Statement": statements}]})
    client = server.client("elbv2", aws_access_key_id="judged")

    client.register_targets(TargetGroupArn=group, Targets=[{"Id": instance}])
    assert client.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
        client.deregister_targets(TargetGroupArn=group, Targets=[{"Id": instance}])
