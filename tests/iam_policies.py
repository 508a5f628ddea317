"""The policies of ``infra/iam.yaml`` as documents, for the account and table of the tests."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import yaml

from drs_recovery.store.table import ExecutionsTable
from sandbox.testing import PREPARING_KEY, Sandbox

_TEMPLATE = Path(__file__).parents[1] / "infra" / "iam.yaml"
_ACCOUNT = "123456789012"
_GIVEN: dict[str, Any] = {
    "AWS::Partition": "aws",
    "AWS::AccountId": _ACCOUNT,
    "ExecutionsTableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/dr-executions",
    "InstanceRoleArns": ["arn:aws:iam::123456789012:role/instance"],
    "TopicArns": ["arn:aws:sns:*:123456789012:*"],
    "TargetRoleArns": ["arn:aws:iam::*:role/*"],
    "StepDocumentArns": ["arn:aws:ssm:*:123456789012:document/*", "arn:aws:ssm:*::document/AWS-*"],
    "StepFunctionArns": ["arn:aws:lambda:*:123456789012:function:*"],
    "StepTargetGroupArns": ["arn:aws:elasticloadbalancing:*:123456789012:targetgroup/*"],
    "StepRoutingControlArns": ["arn:aws:route53-recovery-control::123456789012:controlpanel/*"],
}

ENGINE = "testing"
"""Access key of the engine in tests."""

ENGINE_POLICIES = ("StorePolicy", "MetricsPolicy", "NotifyPolicy", "TargetAccountsPolicy", "RecoveryPolicy")
STEP_POLICIES = (
    "StepsPolicy",
    "StepDocumentsPolicy",
    "StepFunctionsPolicy",
    "StepTargetGroupsPolicy",
    "StepRoutingControlsPolicy",
)


class _Template(yaml.SafeLoader):
    """Reads a template with its parameters filled in."""


def _filled(text: str) -> str:
    return re.sub(r"\$\{([\w:]+)\}", lambda name: str(_GIVEN[name[1]]), text)


_Template.add_constructor("!Ref", lambda loader, node: _GIVEN.get(loader.construct_scalar(node)))
_Template.add_constructor("!Sub", lambda loader, node: _filled(loader.construct_scalar(node)))
for _function in ("!Not", "!Equals", "!Join"):
    _Template.add_constructor(_function, lambda loader, node: loader.construct_sequence(node, deep=True))


@cache
def policy(name: str) -> dict[str, Any]:
    """
    A policy document.

    :param name: of the resource in the template.
    """
    template = yaml.load(_TEMPLATE.read_text(), _Template)  # a safe loader
    document = dict(template["Resources"][name]["Properties"]["PolicyDocument"])
    return {**document, "Version": str(document["Version"])}


def engine_policies() -> dict[str, list[dict[str, Any]]]:
    """What the engine may do, by its access key."""
    return {ENGINE: [policy(name) for name in (*ENGINE_POLICIES, *STEP_POLICIES)]}


def target_policies(account: str) -> list[dict[str, Any]]:
    """
    What a role in another account lets the engine do there.

    :param account: its id.
    """
    documents = [policy("RecoveryPolicy"), policy("NotifyPolicy")]
    return list(json.loads(json.dumps(documents).replace(_ACCOUNT, account)))


@contextmanager
def judged_as_engine(sandbox: Sandbox) -> Iterator[None]:
    """
    Let the engine do what its policies allow, and nothing of what it does be more.

    A test that plays missing rights resets the sandbox when it has, which forgets refusals.

    :param sandbox: with everything that the engine does not make itself.
    """
    sandbox.enforce(engine_policies())
    yield
    assert sandbox.judged()["refused"] == []


def preparing_dynamodb() -> Any:
    """A client of the sandbox's DynamoDB for what no policy lets the engine do."""
    key = {"aws_access_key_id": PREPARING_KEY, "aws_secret_access_key": PREPARING_KEY}
    return boto3.client("dynamodb", "us-east-1", endpoint_url=os.environ["AWS_ENDPOINT_URL"], **key)


def preparing_table(table: ExecutionsTable) -> ExecutionsTable:
    """
    The same table for a test that writes records as no policy lets the engine do.

    :param table: as the engine has it.
    """
    return ExecutionsTable(preparing_dynamodb(), table.table_name)
