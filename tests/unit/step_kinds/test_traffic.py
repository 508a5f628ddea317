"""What leads users to recovered servers, and what says that they are well."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from drs_recovery.hooks.traffic import RoutingControlsHook
from drs_recovery.steps import alarm_probe, routing_control, target_group, target_health_probe
from drs_recovery.steps.kind import Place
from sandbox.testing import Sandbox
from tests.alarms import put_alarm
from tests.plan_documents import DB_1, DB_2
from tests.unit.step_kinds.conftest import EAST, FAILED, RUNNING, SUCCEEDED, Trial, Try

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
CLUSTER = "route53-recovery-cluster"


def endpoints() -> list[dict[str, str]]:
    return [{"endpoint": f"https://host.{region}.example.com/v1", "region": region} for region in REGIONS]


@pytest.fixture
def control(recovered: Sandbox) -> str:
    return recovered.add_routing_control("crm-recovery")


def turning(attempt: Try, control: str, state: Any = "On", **more: Any) -> Trial:
    arguments = {"arn": control, "state": state, "cluster_endpoints": endpoints()}
    return attempt(routing_control.KIND, arguments, **more)


def state_of(aws: Sandbox, control: str) -> str:
    client = aws.client(CLUSTER)
    return str(client.get_routing_control_state(RoutingControlArn=control)["RoutingControlState"])


def test_a_routing_control_is_turned_and_read_back(recovered: Sandbox, attempt: Try, control: str) -> None:
    look = turning(attempt, control).start()

    assert look.status is SUCCEEDED
    assert "is On" in look.detail
    assert state_of(recovered, control) == "On"
    assert turning(attempt, control, False).start().status is SUCCEEDED  # Off without quotes
    assert state_of(recovered, control) == "Off"


@pytest.mark.parametrize("dead", [REGIONS[:1], REGIONS[1:], REGIONS[1:2]])
@pytest.mark.parametrize("how", ["unavailable", "dead"])
def test_any_endpoint_that_answers_will_do(
    recovered: Sandbox, attempt: Try, control: str, dead: tuple[str, ...], how: str
) -> None:
    for region in dead:
        if how == "dead":
            recovered.add_fault("reset", service=CLUSTER, region=region)
        else:
            code = "EndpointTemporarilyUnavailableException"
            recovered.add_fault("error", service=CLUSTER, region=region, status=503, code=code)

    assert turning(attempt, control).start().status is SUCCEEDED


def test_if_no_endpoint_answers_it_is_told_and_may_be_tried_again(
    recovered: Sandbox, attempt: Try, control: str
) -> None:
    fault = recovered.add_fault("reset", service=CLUSTER)
    trial = turning(attempt, control)
    with pytest.raises(BotoCoreError):
        trial.start()
    assert {call["region"] for call in recovered.calls(CLUSTER)} == set(REGIONS)

    recovered.control("DELETE", f"/faults?id={fault}")
    assert trial.start().status is SUCCEEDED


def test_a_safety_rule_is_a_definite_answer(recovered: Sandbox, attempt: Try, control: str) -> None:
    recovered.add_fault("safety_rule", control="crm-recovery", rule="arn:rule/1")
    with pytest.raises(ClientError, match="arn:rule/1"):
        turning(attempt, control).start()
    assert len(recovered.calls(CLUSTER, "UpdateRoutingControlState")) == 1


def test_an_update_that_changes_nothing_is_not_believed(
    recovered: Sandbox, attempt: Try, control: str
) -> None:
    recovered.add_fault("routing_control_stays")
    look = turning(attempt, control).start()
    assert look.status is RUNNING
    assert look.detail == "turned to On, but eu-west-1 says Off"


def test_a_lost_answer_is_no_harm(recovered: Sandbox, attempt: Try, control: str) -> None:
    recovered.add_fault("lost_answer", operation="UpdateRoutingControlState", times=1)
    assert turning(attempt, control).start().status is SUCCEEDED


def test_a_cancelled_control_stays_as_it_is(attempt: Try, control: str) -> None:
    assert turning(attempt, control).stop() == "the routing control stays as it is"


def test_the_endpoint_of_the_plan_is_the_one_that_is_called(
    recovered: Sandbox, control: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    hook = RoutingControlsHook(f"{recovered.url}/v1", aws_conn_id="aws_default", region_name="us-east-1")
    assert hook.state(control) == "Off"


@pytest.fixture
def group(recovered: Sandbox) -> str:
    """ARN of a target group behind a load balancer."""
    ec2, elbv2 = recovered.client("ec2"), recovered.client("elbv2")
    subnets = ec2.describe_subnets()["Subnets"][:2]
    balancer = elbv2.create_load_balancer(Name="crm", Subnets=[one["SubnetId"] for one in subnets])
    made = elbv2.create_target_group(Name="crm", Protocol="HTTP", Port=80, VpcId=subnets[0]["VpcId"])
    arn = str(made["TargetGroups"][0]["TargetGroupArn"])
    elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
    )
    return arn


def test_instances_are_registered_and_waited_for(recovered: Sandbox, attempt: Try, group: str) -> None:
    trial = attempt(target_group.KIND, {"arn": group, "port": 18080})

    assert trial.start().detail == "registered 2 servers"
    waiting = trial.look()
    assert waiting.status is RUNNING
    assert waiting.detail.startswith("crm-db-01: initial (Initial health checks in progress)")
    recovered.advance(200)
    done = trial.look()

    assert (done.status, [one.ok for one in done.servers]) == (SUCCEEDED, [True, True])
    health = recovered.client("elbv2").describe_target_health(TargetGroupArn=group)
    assert {one["Target"]["Port"] for one in health["TargetHealthDescriptions"]} == {18080}
    assert "stay registered" in str(trial.stop())


def test_an_unhealthy_instance_is_waited_for_and_named(recovered: Sandbox, attempt: Try, group: str) -> None:
    recovered.add_fault("application_answer", server=DB_2, status=503)
    trial = attempt(target_group.KIND, {"arn": group})
    trial.start()
    recovered.advance(200)
    look = trial.look()
    assert look.status is RUNNING
    assert look.detail == "crm-db-02: unhealthy (Health checks failed with these codes: [503])"


def test_registering_again_starts_nothing_over(recovered: Sandbox, attempt: Try, group: str) -> None:
    recovered.add_fault("lost_answer", operation="RegisterTargets", times=1)
    trial = attempt(target_group.KIND, {"arn": group})
    trial.start()
    recovered.advance(200)
    trial.changed(external_ids={}).start()
    assert trial.look().status is SUCCEEDED


def test_a_group_elsewhere_or_none_is_refused(recovered: Sandbox, attempt: Try, group: str) -> None:
    elsewhere = group.replace("us-east-1", "eu-west-1")
    told = attempt(target_group.KIND, {"arn": elsewhere}).start()
    assert (told.status, told.detail) == (
        FAILED,
        "crm-db-01, crm-db-02 is in another Region than the target group",
    )
    none = attempt(target_group.KIND, {"arn": group[:-1] + ("0" if group[-1] != "0" else "1")}).start()
    assert (none.status, none.detail) == (FAILED, "the target group takes no instances (there is none)")


def test_a_group_of_addresses_gets_addresses(recovered: Sandbox, attempt: Try) -> None:
    vpc = recovered.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    made = recovered.client("elbv2").create_target_group(
        Name="ips", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip"
    )
    arn = made["TargetGroups"][0]["TargetGroupArn"]
    attempt(target_group.KIND, {"arn": arn}).start()
    health = recovered.client("elbv2").describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert {one["Target"]["Id"] for one in health} == {one["address"] for one in recovered.applications()}


def test_a_probe_of_target_health_registers_nothing(recovered: Sandbox, attempt: Try, group: str) -> None:
    probe = attempt(target_health_probe.KIND, {"arn": group})
    look = probe.look()
    assert (look.status, look.final) == (FAILED, False)
    assert look.detail.startswith("crm-db-01: not registered with the target group")

    attempt(target_group.KIND, {"arn": group}).start()
    recovered.advance(200)
    assert probe.look().status is SUCCEEDED
    recovered.add_fault("target_health", server=DB_1)
    assert probe.look().detail == "crm-db-01: unhealthy (Request timed out)"
    assert probe.changed(any_server=True).look().status is SUCCEEDED


def test_probes_and_groups_ask_together(attempt: Try, group: str) -> None:
    of_group = attempt(target_group.KIND, {"arn": group})
    of_probe = attempt(target_health_probe.KIND, {"arn": group})
    assert target_group.KIND.service == target_health_probe.KIND.service
    asked = target_group.KIND.questions(of_group.run)
    assert asked == target_health_probe.KIND.questions(of_probe.run) == {EAST: [group]}


def alarm_in(aws: Sandbox, name: str, state: str) -> None:
    cloudwatch = put_alarm(aws, name)
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="9 errors in 5 minutes")


def test_an_alarm_must_be_quiet_for_some_time(recovered: Sandbox, attempt: Try) -> None:
    alarm_in(recovered, "crm", "OK")
    trial = attempt(alarm_probe.KIND, {"name": "crm", "ok_for": "PT2M"})
    soon = trial.look()
    assert soon.status is FAILED
    assert soon.detail.endswith("expected PT2M")

    later = trial.changed(now=trial.run.now + 121).look()

    assert (later.status, later.detail.startswith("alarm crm is OK for PT2M")) == (SUCCEEDED, True)


def test_an_alarm_is_counted_from_the_launch_of_the_wave(recovered: Sandbox, attempt: Try) -> None:
    alarm_in(recovered, "crm", "OK")
    trial = attempt(alarm_probe.KIND, {"name": "crm", "ok_for": "PT2M"})
    begun, launched = trial.run.begun + 3_600, trial.run.begun + 3_500
    assert trial.changed(begun=begun, now=begun + 10, launched=launched).look().status is FAILED
    assert trial.changed(begun=begun, now=begun + 30, launched=launched).look().status is SUCCEEDED


def test_what_an_alarm_said_before_the_step_proves_nothing(recovered: Sandbox, attempt: Try) -> None:
    alarm_in(recovered, "crm", "OK")
    trial = attempt(alarm_probe.KIND, {"name": "crm", "ok_for": "PT2M"})
    begun = trial.run.begun + 3_600
    assert trial.changed(begun=begun, now=begun + 60).look().status is FAILED
    assert trial.changed(begun=begun, now=begun + 120).look().status is SUCCEEDED


def test_an_alarm_that_is_not_ok_tells_why(recovered: Sandbox, attempt: Try) -> None:
    alarm_in(recovered, "crm", "ALARM")
    look = attempt(alarm_probe.KIND, {"name": "crm"}).look()
    assert (look.status, look.detail) == (FAILED, "alarm crm is ALARM: 9 errors in 5 minutes")
    unknown = attempt(alarm_probe.KIND, {"name": "crm-2"}).look()
    assert unknown.detail == "there is no alarm crm-2 in us-east-1"


def test_alarms_are_asked_for_by_the_hundred(recovered: Sandbox, attempt: Try) -> None:
    clients = attempt(alarm_probe.KIND, {"name": "a"}).run.aws(Place("aws_default", "us-east-1"))
    alarm_probe.KIND.ask(clients, [f"alarm-{number}" for number in range(101)])
    assert len(recovered.calls("monitoring", "DescribeAlarms")) == 2
