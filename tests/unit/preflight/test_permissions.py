"""Which rights of a launch are missing, by the policies of roles in the sandbox's IAM."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from drs_recovery.hooks.iam import RightsHook
from drs_recovery.preflight.permissions import LAUNCH_RIGHTS, missing_rights
from sandbox.testing import mocked_sandbox

REGION = "us-east-1"
VIA_SERVICE = {"Bool": {"aws:ViaAWSService": "true"}}
ALL = {"Effect": "Allow", "Action": [*LAUNCH_RIGHTS, "iam:PassRole"], "Resource": "*"}
AWS_POLICIES = json.loads(aws_managed_policies_data)

RoleWith = Callable[..., str]


@pytest.fixture(scope="module", autouse=True)
def _aws() -> Iterator[None]:
    with mocked_sandbox(seed=False):
        yield


@pytest.fixture
def role_with(monkeypatch: pytest.MonkeyPatch) -> Iterator[RoleWith]:
    """Makes a role of some statements, and the connection ``dr_role`` to it; gives the role's ARN."""
    iam = boto3.client("iam", REGION)

    def make(*statements: dict[str, Any], path: str = "/") -> str:
        arn = iam.create_role(RoleName="engine", Path=path, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_role_policy(RoleName="engine", PolicyName="p", PolicyDocument=document)
        connection = json.dumps({"conn_type": "aws", "extra": {"role_arn": arn}})
        monkeypatch.setenv("AIRFLOW_CONN_DR_ROLE", connection)
        return str(arn)

    yield make
    iam.delete_role_policy(RoleName="engine", PolicyName="p")
    iam.delete_role(RoleName="engine")


def rights() -> RightsHook:
    return RightsHook(aws_conn_id="dr_role", region_name=REGION)


def missing() -> list[str]:
    principal = rights().principal()
    assert principal is not None
    return missing_rights(rights(), principal, REGION)


def test_the_principal_of_a_session_is_its_role_with_its_path(role_with: RoleWith) -> None:
    arn = role_with(ALL, path="/service-role/")

    assert rights().principal() == arn


def test_credentials_of_neither_user_nor_role_have_no_principal() -> None:
    """moto's answer to unknown keys: an ARN of no IAM entity, like that of a federated user."""
    assert RightsHook(aws_conn_id="aws_default", region_name=REGION).principal() is None


def test_the_principal_of_a_users_keys_is_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    iam = boto3.client("iam", REGION)
    arn = iam.create_user(UserName="ci")["User"]["Arn"]
    key = iam.create_access_key(UserName="ci")["AccessKey"]
    connection = {"conn_type": "aws", "login": key["AccessKeyId"], "password": key["SecretAccessKey"]}
    monkeypatch.setenv("AIRFLOW_CONN_DR_ROLE", json.dumps(connection))

    assert rights().principal() == arn


def test_a_role_that_may_do_everything_through_drs_lacks_nothing(role_with: RoleWith) -> None:
    role_with({**ALL, "Condition": VIA_SERVICE})

    assert missing() == []


def test_a_right_that_no_policy_gives_is_missing(role_with: RoleWith) -> None:
    kept = [action for action in LAUNCH_RIGHTS if action not in ("ec2:RunInstances", "ec2:CreateTags")]
    role_with({**ALL, "Action": kept})

    assert missing() == ["ec2:CreateTags", "ec2:RunInstances", "iam:PassRole"]


def test_a_denial_counts_more_than_what_is_allowed(role_with: RoleWith) -> None:
    role_with(ALL, {"Effect": "Deny", "Action": "ec2:CreateVolume", "Resource": "*"})

    assert missing() == ["ec2:CreateVolume"]


def test_rights_for_another_region_are_missing_here(role_with: RoleWith) -> None:
    role_with({**ALL, "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}})

    assert "ec2:RunInstances" in missing()


def test_what_hangs_on_something_unknown_is_not_called_missing(role_with: RoleWith) -> None:
    role_with({**ALL, "Condition": {"StringEquals": {"ec2:InstanceType": "m5.large"}}})

    assert missing() == []


@pytest.mark.parametrize(
    "name",
    ["AWSElasticDisasterRecoveryConsoleFullAccess", "AWSElasticDisasterRecoveryConsoleFullAccess_v2"],
)
def test_awss_own_policies_for_recoveries_lack_nothing(role_with: RoleWith, name: str) -> None:
    """They allow most actions on some kinds of resources, with DRS's tags and through DRS only."""
    role_with(*AWS_POLICIES[name]["Document"]["Statement"])

    assert missing() == []
