"""SimulatePrincipalPolicy, by the policies that a role or a user has in the sandbox."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.policies import Question, Verdict, judge
from sandbox.world import World
from tests.unit.sandbox.conftest import client

INSTANCE = "arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0"


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def verdict(*statements: dict[str, Any], resource: str = "*", **context: list[str]) -> Verdict:
    keys = {key.replace("__", ":").lower(): values for key, values in context.items()}
    return judge([{"Statement": list(statements)}], Question("ec2:RunInstances", resource, keys))


@pytest.mark.parametrize(
    ("statements", "decision"),
    [
        ([allow("ec2:RunInstances")], "allowed"),
        ([allow("EC2:run*")], "allowed"),
        ([allow(["ec2:StopInstances", "*"])], "allowed"),
        ([allow("ec2:StopInstances")], "implicitDeny"),
        ([allow("ec2:RunInstances", "arn:aws:ec2:*:*:volume/*")], "implicitDeny"),
        ([allow("ec2:RunInstances", ["arn:aws:ec2:*:*:volume/*", "arn:aws:ec2:*:*:instance/*"])], "allowed"),
        ([allow("*"), {**allow("ec2:RunInstances"), "Effect": "Deny"}], "explicitDeny"),
        ([{"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::*"}], "allowed"),
        ([{"Effect": "Allow", "NotAction": "ec2:*", "Resource": "*"}], "implicitDeny"),
    ],
)
def test_actions_and_resources_match_by_pattern(statements: list[dict[str, Any]], decision: str) -> None:
    assert verdict(*statements, resource=INSTANCE).decision == decision


def test_all_resources_are_covered_by_a_policy_for_all_only() -> None:
    assert verdict(allow("ec2:RunInstances", "arn:aws:ec2:*:*:instance/*")).decision == "implicitDeny"
    assert verdict(allow("ec2:RunInstances", "*")).decision == "allowed"


@pytest.mark.parametrize(
    ("condition", "decision"),
    [
        ({"Bool": {"aws:ViaAWSService": "true"}}, "allowed"),
        ({"Bool": {"aws:ViaAWSService": False}}, "implicitDeny"),
        ({"Null": {"aws:RequestTag/Managed": "false"}}, "implicitDeny"),
        ({"Null": {"aws:ViaAWSService": "false"}}, "allowed"),
        ({"StringLike": {"aws:viaawsservice": "tr*"}}, "allowed"),
        ({"ForAnyValue:StringEquals": {"aws:ViaAWSService": ["x", "true"]}}, "allowed"),
        ({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["queue:*", "type:?RILL"]}}, "allowed"),
        ({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "queue:*"}}, "implicitDeny"),
        ({"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["queue:*", "type:*"]}}, "implicitDeny"),
        ({"ForAllValues:StringEquals": {"dynamodb:Attributes": "is not asked about"}}, "allowed"),
        ({"Bool": {"aws:ViaAWSService": "true"}, "StringEquals": {"aws:ViaAWSService": "x"}}, "implicitDeny"),
    ],
)
def test_conditions_hold_or_not(condition: dict[str, Any], decision: str) -> None:
    found = verdict(
        allow("ec2:*", Condition=condition),
        aws__ViaAWSService=["true"],
        dynamodb__LeadingKeys=["queue:1:us-east-1", "type:DRILL"],
    )
    assert found == Verdict(decision, ())


def test_what_a_condition_asks_for_in_vain_is_told() -> None:
    found = verdict(allow("ec2:*", Condition={"StringEquals": {"ec2:Vpc": "arn:…"}}))
    assert found == Verdict("implicitDeny", ("ec2:Vpc",))


def test_an_operator_that_is_not_simulated_is_no_silent_answer() -> None:
    with pytest.raises(NotImplementedError, match="IpAddress"):
        verdict(allow("ec2:*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))


def test_iam_answers_by_the_inline_and_attached_policies_of_a_role(world: World) -> None:
    iam = client("iam")
    role = iam.create_role(RoleName="engine", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow("ec2:RunInstances")]})
    iam.put_role_policy(RoleName="engine", PolicyName="inline", PolicyDocument=document)
    attached = json.dumps({"Version": "2012-10-17", "Statement": [allow("ec2:StopInstances")]})
    policy = iam.create_policy(PolicyName="attached", PolicyDocument=attached)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="engine", PolicyArn=policy)

    results = iam.simulate_principal_policy(
        PolicySourceArn=role, ActionNames=["ec2:RunInstances", "ec2:StopInstances", "ec2:StartInstances"]
    )["EvaluationResults"]

    decisions = {result["EvalActionName"]: result["EvalDecision"] for result in results}
    assert list(decisions.values()) == ["allowed", "allowed", "implicitDeny"]


def test_iam_does_not_know_the_policies_of_a_role_that_it_does_not_have(world: World) -> None:
    iam = client("iam")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.simulate_principal_policy(
            PolicySourceArn="arn:aws:iam::123456789012:role/nobody", ActionNames=["ec2:RunInstances"]
        )
