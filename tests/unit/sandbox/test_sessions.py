"""Sessions of assumed roles, over HTTP: whose account they see, how long they live, whom a role trusts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.testing import Sandbox
from tests.unit.sandbox.known import DB_1

ACCOUNT = "210987654321"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/dr/recovery"
PRINCIPAL = f"arn:aws:sts::{ACCOUNT}:assumed-role/recovery/me"
NO_RETRIES = Config(retries={"max_attempts": 0})


def assume(server: Sandbox, role: str = ROLE, **more: Any) -> dict[str, Any]:
    sts = server.client("sts")
    return dict(sts.assume_role(RoleArn=role, RoleSessionName="me", **more)["Credentials"])


def client(server: Sandbox, service: str, session: dict[str, Any]) -> Any:
    return server.client(
        service,
        config=NO_RETRIES,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )


def refused(call: Any) -> str:
    with pytest.raises(ClientError) as error:
        call()
    return str(error.value.response["Error"]["Code"])


def trusting(server: Sandbox, trust: dict[str, Any]) -> str:
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = server.client("iam").create_role(RoleName="trusting", AssumeRolePolicyDocument=document)
    return str(role["Role"]["Arn"])


def test_each_call_tells_with_whose_key_it_was_signed(server: Sandbox) -> None:
    session = assume(server)
    client(server, "drs", session).initialize_service()
    client(server, "ec2", session).describe_instances()
    server.client("drs").describe_jobs()

    calls = [(call["operation"], call["principal"]) for call in server.calls()]
    assert calls == [
        ("AssumeRole", None),
        ("InitializeService", PRINCIPAL),
        ("DescribeInstances", PRINCIPAL),
        ("DescribeJobs", None),
    ]


def test_a_role_of_another_account_sees_servers_jobs_and_instances_of_that_account_alone(
    server: Sandbox,
) -> None:
    server.add_servers({"id": DB_1, "name": "other", "region": "us-east-1", "account": ACCOUNT})
    session = assume(server)
    drs = client(server, "drs", session)

    assert [row["sourceServerID"] for row in drs.describe_source_servers()["items"]] == [DB_1]
    drs.start_recovery(sourceServers=[{"sourceServerID": DB_1}], isDrill=True)
    ec2 = client(server, "ec2", session)
    (reservation,) = ec2.describe_instances()["Reservations"]
    assert reservation["OwnerId"] == ACCOUNT
    assert server.client("drs").describe_jobs()["items"] == []
    assert server.client("ec2").describe_instances()["Reservations"] == []


def test_the_key_of_a_session_that_is_over_is_refused_by_every_service(server: Sandbox) -> None:
    server.add_fault("short_session", seconds=0, told=3600, role=ROLE)
    session = assume(server)

    assert (session["Expiration"] - datetime.now(UTC)).total_seconds() > 3500
    calls = [
        client(server, "drs", session).describe_jobs,
        client(server, "ec2", session).describe_instances,
        client(server, "sns", session).list_topics,
    ]
    assert [refused(call) for call in calls] == ["ExpiredTokenException"] * 3
    assert [call["principal"] for call in server.calls("drs")] == [PRINCIPAL]


def test_other_roles_and_sessions_of_before_keep_their_hour(server: Sandbox) -> None:
    before = assume(server)
    server.add_fault("short_session", seconds=0, role=ROLE)
    other = assume(server, f"arn:aws:iam::{ACCOUNT}:role/other")

    for session in (before, other):
        client(server, "drs", session).initialize_service()


def test_the_answer_tells_the_end_of_a_short_session_unless_it_lies(server: Sandbox) -> None:
    server.add_fault("short_session", seconds=60)

    left = (assume(server)["Expiration"] - datetime.now(UTC)).total_seconds()

    assert 30 < left <= 60


@pytest.mark.parametrize("given", [{}, {"ExternalId": "wrong"}])
def test_a_role_is_not_given_without_the_external_id_that_it_asks_for(
    server: Sandbox, given: dict[str, str]
) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "right"}}
    role = trusting(server, {"Effect": "Allow", "Action": "sts:AssumeRole", "Condition": condition})

    assert refused(lambda: assume(server, role, **given)) == "AccessDenied"
    assert assume(server, role, ExternalId="right")["AccessKeyId"]
    assert [call["status"] for call in server.calls("sts")] == [403, 200]
