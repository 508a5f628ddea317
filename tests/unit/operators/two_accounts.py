"""Two accounts with a role in each, and connections that assume it."""

from __future__ import annotations

import json
from typing import Any

from sandbox.testing import Sandbox

CRM, BILLING = "210987654321", "321098765432"
EXTERNAL_ID = "dr-4711"


def principal(account: str, connection: str) -> str:
    return f"arn:aws:sts::{account}:assumed-role/dr-recovery/airflow_{connection}"


ROLES = {principal(CRM, "crm_account"), principal(BILLING, "billing_account")}


def make_role(aws: Sandbox, account: str) -> str:
    """A role that may do everything, for those who know its external id."""
    key = aws.client("sts").assume_role(RoleArn=f"arn:aws:iam::{account}:role/owner", RoleSessionName="owner")
    iam = aws.client(
        "iam",
        aws_access_key_id=key["Credentials"]["AccessKeyId"],
        aws_secret_access_key=key["Credentials"]["SecretAccessKey"],
        aws_session_token=key["Credentials"]["SessionToken"],
    )
    condition = {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Condition": condition}
    role = iam.create_role(RoleName="dr-recovery", AssumeRolePolicyDocument=policy(trust))
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.put_role_policy(RoleName="dr-recovery", PolicyName="p", PolicyDocument=policy(everything))
    return str(role["Role"]["Arn"])


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def connection(role: str, external_id: str) -> str:
    extra = {"role_arn": role, "assume_role_kwargs": {"ExternalId": external_id}}
    return json.dumps({"conn_type": "aws", "extra": extra})
