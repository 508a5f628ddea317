"""Routing controls of Route 53 ARC, behind several endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from sandbox.testing import AT_ONCE, Sandbox, running_sandbox

RULE = "arn:aws:route53-recovery-control::123456789012:controlpanel/p/safetyrule/r"


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[Sandbox]:
    with running_sandbox(speed=AT_ONCE) as sandbox:
        yield sandbox


@pytest.fixture
def server(one_sandbox: Sandbox) -> Sandbox:
    one_sandbox.reset()
    return one_sandbox


@pytest.fixture
def control(server: Sandbox) -> str:
    return server.add_routing_control("crm-recovery")


def endpoint(server: Sandbox, region: str = "us-east-1", **more: Any) -> Any:
    """A client of one of the cluster's endpoints."""
    options = {"endpoint_url": f"{server.url}/v1", "config": Config(retries={"max_attempts": 0}), **more}
    return server.client("route53-recovery-cluster", region, **options)


def state(client: Any, arn: str) -> str:
    return str(client.get_routing_control_state(RoutingControlArn=arn)["RoutingControlState"])


def turn(client: Any, arn: str, to: str = "On", **more: Any) -> None:
    client.update_routing_control_state(RoutingControlArn=arn, RoutingControlState=to, **more)


def test_all_endpoints_know_one_state(server: Sandbox, control: str) -> None:
    assert state(endpoint(server), control) == "Off"
    turn(endpoint(server, "eu-west-1"), control)
    assert state(endpoint(server, "us-west-2"), control) == "On"
    (listed,) = endpoint(server).list_routing_controls()["RoutingControls"]
    assert (listed["RoutingControlName"], listed["RoutingControlState"]) == ("crm-recovery", "On")


@pytest.mark.parametrize("kind", ["unavailable", "dead"])
def test_one_endpoint_can_be_out_of_order(server: Sandbox, control: str, kind: str) -> None:
    if kind == "dead":
        server.add_fault("reset", service="route53-recovery-cluster", region="us-east-1")
        expected: type[Exception] = ConnectionClosedError
    else:
        code = "EndpointTemporarilyUnavailableException"
        server.add_fault(
            "error", service="route53-recovery-cluster", region="us-east-1", status=503, code=code
        )
        expected = endpoint(server).exceptions.EndpointTemporarilyUnavailableException
    with pytest.raises(expected):
        turn(endpoint(server), control)
    turn(endpoint(server, "eu-west-1"), control)


def test_several_controls_are_changed_together_or_not_at_all(server: Sandbox, control: str) -> None:
    other = server.add_routing_control("crm-primary", "On")
    entries = [
        {"RoutingControlArn": control, "RoutingControlState": "On"},
        {"RoutingControlArn": other, "RoutingControlState": "Off"},
    ]
    fault = server.add_fault("safety_rule", control="crm-primary", state="Off", rule=RULE)
    client = endpoint(server)
    with pytest.raises(client.exceptions.ConflictException, match=RULE):
        client.update_routing_control_states(UpdateRoutingControlStateEntries=entries)
    assert (state(client, control), state(client, other)) == ("Off", "On")

    server.control("DELETE", f"/faults?id={fault}")
    client.update_routing_control_states(UpdateRoutingControlStateEntries=entries)
    assert (state(client, control), state(client, other)) == ("On", "Off")


def test_a_safety_rule_can_be_overridden(server: Sandbox, control: str) -> None:
    server.add_fault("safety_rule", state="On", rule=RULE)
    client = endpoint(server)
    with pytest.raises(client.exceptions.ConflictException):
        turn(client, control)
    turn(client, control, SafetyRulesToOverride=[RULE])
    assert state(client, control) == "On"


def test_an_accepted_update_can_change_nothing(server: Sandbox, control: str) -> None:
    server.add_fault("routing_control_stays", control="crm-recovery")
    turn(endpoint(server), control)
    assert state(endpoint(server), control) == "Off"


def test_unknown_controls_are_not_found_and_bad_requests_refused(server: Sandbox) -> None:
    client = endpoint(server, config=Config(parameter_validation=False))
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        state(client, "arn:aws:route53-recovery-control::123456789012:controlpanel/p/routingcontrol/r")
    with pytest.raises(client.exceptions.ValidationException, match="enum value set"):
        turn(client, "arn", to="Half")


def test_a_right_is_on_each_control(server: Sandbox, control: str) -> None:
    other = server.add_routing_control("crm-primary", "On")
    allowed = {
        "Effect": "Allow",
        "Action": "route53-recovery-cluster:*RoutingControlState*",
        "Resource": control,
    }
    server.enforce({"judged": [{"Statement": [allowed]}]})
    client = endpoint(server, aws_access_key_id="judged")
    turn(client, control)
    entries = [{"RoutingControlArn": arn, "RoutingControlState": "Off"} for arn in (control, other)]
    with pytest.raises(ClientError, match="AccessDeniedException"):
        client.update_routing_control_states(UpdateRoutingControlStateEntries=entries)
    assert state(client, control) == "On"


def test_a_described_control_that_does_not_fit_is_refused(server: Sandbox) -> None:
    with pytest.raises(Exception, match="one of On, Off"):
        server.add_routing_control("crm", "on")
