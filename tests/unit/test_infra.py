"""The CloudFormation templates, deployed into a local AWS."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import xform_name

from drs_recovery.hooks.iam import RightsHook
from drs_recovery.notifications.metrics import NAMESPACE
from drs_recovery.plan.model import Notify
from drs_recovery.preflight.permissions import LAUNCH_RIGHTS, missing_rights
from drs_recovery.store.keys import HOUSEKEEPING
from drs_recovery.store.table_definition import create_table, table_definition
from sandbox.policies import Question, judge
from sandbox.testing import mocked_sandbox

PROJECT = Path(__file__).parents[2]
REGION = "us-east-1"
DEPLOYMENT = (PROJECT / "docs" / "deployment.md").read_text()
TABLE_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/dr-executions"


@pytest.fixture(scope="module", autouse=True)
def _aws() -> Iterator[None]:
    with mocked_sandbox(seed=False):
        yield


@contextmanager
def deployed(name: str, **parameters: str) -> Iterator[dict[str, str]]:
    """A stack of a template, under the template's name; gives the stack's outputs."""
    client = boto3.client("cloudformation", REGION)
    client.create_stack(
        StackName=name,
        TemplateBody=(PROJECT / "infra" / f"{name}.yaml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    yield {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    client.delete_stack(StackName=name)


def shape(table: dict[str, Any]) -> dict[str, Any]:
    """What matters of a table, without an order where DynamoDB has none."""
    indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    billing = table.get("BillingModeSummary", table)
    return {
        "billing": billing["BillingMode"],
        "attributes": {
            item["AttributeName"]: item["AttributeType"] for item in table["AttributeDefinitions"]
        },
        "keys": table["KeySchema"],
        "indexes": {
            name: (index["KeySchema"], sorted(index["Projection"]["NonKeyAttributes"]))
            for name, index in indexes.items()
        },
    }


def test_table_of_the_template_is_the_one_that_the_code_creates():
    client = boto3.client("dynamodb", REGION)
    with deployed("executions-table", TableName="from-template") as outputs:
        table = client.describe_table(TableName=outputs["TableName"])["Table"]
        assert outputs["TableArn"] == table["TableArn"]
        assert shape(table) == shape(table_definition("any"))
        assert create_table(client, "from-template") is False


@pytest.mark.parametrize(
    "line", ["DeletionPolicy: Retain", "UpdateReplacePolicy: Retain", "PointInTimeRecoveryEnabled: true"]
)
def test_records_outlive_stack_and_mistakes(line):
    """What the local CloudFormation leaves out."""
    assert line in (PROJECT / "infra/executions-table.yaml").read_text()


@pytest.fixture(scope="module")
def policies() -> dict[str, list[dict[str, Any]]]:
    """The statements of each managed policy."""
    return policies_with()


def policies_with(**parameters: str) -> dict[str, list[dict[str, Any]]]:
    client = boto3.client("iam", REGION)
    found: dict[str, list[dict[str, Any]]] = {}
    with deployed("iam", ExecutionsTableArn=TABLE_ARN, **parameters) as outputs:
        for name, arn in outputs.items():
            version = client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            content = client.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
            found[name.removesuffix("Arn")] = content["Document"]["Statement"]
    return found


def actions(statements: list[dict[str, Any]]) -> set[str]:
    listed = [statement["Action"] for statement in statements]
    return {action for one in listed for action in ([one] if isinstance(one, str) else one)}


def test_engine_may_make_each_call_of_its_drs_hook(policies):
    source = (PROJECT / "plugins/drs_recovery/hooks/drs.py").read_text()
    called = set(
        re.findall(
            r'\bpages\(\s*"(\w+)"|\.(start_recovery|terminate_recovery_instances|list_tags_for_resource)\(',
            source,
        )
    )
    methods = {first or second for first, second in called}
    operations = boto3.client("drs", REGION).meta.service_model.operation_names
    names = {xform_name(operation): f"drs:{operation}" for operation in operations}
    assert "describe_jobs" in methods
    assert {names[method] for method in methods} <= actions(policies["RecoveryPolicy"])


def test_preflight_misses_no_right_of_a_role_that_has_the_policy(policies):
    iam = boto3.client("iam", REGION)
    role = iam.create_role(RoleName="engine", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    document = {"Version": "2012-10-17", "Statement": policies["RecoveryPolicy"]}
    iam.put_role_policy(RoleName="engine", PolicyName="p", PolicyDocument=json.dumps(document))
    rights = RightsHook(aws_conn_id="aws_default", region_name=REGION)
    assert missing_rights(rights, role, REGION) == []


def test_drs_may_read_its_replication_defaults_as_the_caller(policies):
    """DRS asks for it at StartRecovery with the caller's rights; without it a launch fails minutes later."""
    context = {"aws:viaawsservice": ["true"]}
    question = Question("drs:DescribeReplicationConfigurationTemplates", "*", context)
    policy = [{"Statement": policies["RecoveryPolicy"]}]
    assert judge(policy, question).decision == "allowed"
    assert question.action in LAUNCH_RIGHTS


def test_engine_may_make_each_call_of_its_table(policies):
    source = (PROJECT / "plugins/drs_recovery/store/table.py").read_text()
    called = set(re.findall(r"self\.client\.(\w+)\(", source))
    assert called == {"transact_write_items", "transact_get_items", "get_item", "batch_get_item", "query"}
    assert actions(policies["StorePolicy"]) == {
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        # TransactWriteItems
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:ConditionCheckItem",
    }


@pytest.mark.parametrize(
    ("partitions", "decision"),
    [
        ([HOUSEKEEPING], "allowed"),
        (["queue:123456789012:us-east-1"], "allowed"),
        ([HOUSEKEEPING, "queue:123456789012:us-east-1"], "allowed"),
        (["6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10"], "implicitDeny"),
        ([HOUSEKEEPING, "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10"], "implicitDeny"),
        (["plans"], "allowed"),
        (["plan:three-tier-crm"], "implicitDeny"),
        (["type:DRILL"], "implicitDeny"),
        (["installation:vienna"], "implicitDeny"),
    ],
)
def test_engine_may_delete_what_was_due_or_queued_and_no_record_of_an_execution(
    policies, partitions, decision
):
    question = Question("dynamodb:DeleteItem", TABLE_ARN, {"dynamodb:leadingkeys": partitions})
    assert judge([{"Statement": policies["StorePolicy"]}], question).decision == decision


def test_engine_may_put_metrics_into_its_namespace_only(policies):
    (statement,) = policies["MetricsPolicy"]
    assert statement["Action"] == "cloudwatch:PutMetricData"
    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": NAMESPACE}}


def test_only_topics_that_are_named_may_be_published_to(policies):
    assert "NotifyPolicy" not in policies
    topic = "arn:aws:sns:us-east-1:123456789012:dr"
    (statement,) = policies_with(TopicArns=topic)["NotifyPolicy"]
    assert (statement["Action"], statement["Resource"]) == ("sns:Publish", [topic])


AIRFLOW_ROLE = "arn:aws:iam::111122223333:role/airflow"


@pytest.fixture
def target_role() -> Iterator[dict[str, Any]]:
    """The role of a target account."""
    named = {"AirflowRoleArn": AIRFLOW_ROLE, "ExternalId": "dr-4711", "PolicyArns": "arn:aws:iam::1:policy/p"}
    with deployed("target-account-role", **named) as outputs:
        role = boto3.client("iam", REGION).get_role(RoleName="dr-recovery")["Role"]
        assert role["Arn"] == outputs["RoleArn"]
        yield dict(role)


def test_the_role_of_a_target_account_trusts_airflow_alone(target_role):
    (statement,) = target_role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": AIRFLOW_ROLE}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "dr-4711"}}


def test_the_role_of_a_target_account_has_the_policies_that_are_named():
    """What the local CloudFormation leaves out."""
    assert "ManagedPolicyArns: !Ref PolicyArns" in (PROJECT / "infra/target-account-role.yaml").read_text()


def test_a_connection_as_documented_assumes_the_role_of_a_target_account(target_role, monkeypatch):
    written = re.search(r"AIRFLOW_CONN_CRM_ACCOUNT='(.+?)'", DEPLOYMENT, re.DOTALL)
    assert written, "docs/deployment.md shows no connection with a role"
    connection = json.loads(written[1])
    connection["extra"]["role_arn"] = target_role["Arn"]
    connection["extra"]["assume_role_kwargs"]["ExternalId"] = "dr-4711"
    monkeypatch.setenv("AIRFLOW_CONN_CRM_ACCOUNT", json.dumps(connection))

    caller = RightsHook(aws_conn_id="crm_account", region_name=REGION).principal()

    assert caller == target_role["Arn"]


# The local CloudFormation has no topic policies.
without_topic_policy = pytest.mark.filterwarnings("ignore:Tried to parse AWS..SNS..TopicPolicy")


@without_topic_policy
def test_the_arn_of_the_topic_fits_into_a_plan():
    with deployed("topic") as outputs:
        assert Notify(sns_topic_arn=outputs["TopicArn"]).sns_topic_arn == outputs["TopicArn"]


@without_topic_policy
def test_a_mail_address_is_subscribed_to_the_topic():
    client = boto3.client("sns", REGION)
    with deployed("topic", Email="dr-team@example.com") as outputs:
        (subscription,) = client.list_subscriptions_by_topic(TopicArn=outputs["TopicArn"])["Subscriptions"]
        assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "dr-team@example.com")


@pytest.mark.parametrize("line", ['aws:SecureTransport: "false"', "AWS: !Ref PublisherArns"])
def test_the_topic_lets_in_named_accounts_and_nobody_in_the_clear(line):
    """What the local CloudFormation leaves out."""
    assert line in (PROJECT / "infra/topic.yaml").read_text()


def test_readers_may_write_nothing(policies):
    assert actions(policies["ReaderPolicy"]) == {
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
    }


def test_records_of_executions_are_deleted_by_the_right_to_purge_alone(policies):
    deleting = {
        name: statement
        for name, statements in policies.items()
        for statement in statements
        if "dynamodb:DeleteItem" in actions([statement])
    }
    assert set(deleting) == {"StorePolicy", "PurgePolicy"}
    (keys,) = deleting["StorePolicy"]["Condition"]["ForAllValues:StringLike"].values()
    assert set(keys) == {"housekeeping", "plans", "queue:*"}


def test_nothing_is_allowed_by_a_wildcard(policies):
    for statements in policies.values():
        assert not [action for action in actions(statements) if "*" in action]


def test_ec2_is_changed_through_drs_only(policies):
    """The engine's own credentials must not be able to launch or terminate anything."""
    direct = [
        statement
        for statements in policies.values()
        for statement in statements
        if "aws:ViaAWSService" not in str(statement)
    ]
    assert {action for action in actions(direct) if action.startswith("ec2:")} == {
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceStatus",
    }


def test_roles_are_passed_and_assumed_only_as_far_as_they_are_named(policies):
    def statements_of(found: dict[str, list[dict[str, Any]]], action: str) -> list[dict[str, Any]]:
        return [one for statements in found.values() for one in statements if one["Action"] == action]

    assert statements_of(policies, "sts:AssumeRole") == []
    assert len(statements_of(policies, "iam:PassRole")) == 1
    role = "arn:aws:iam::210987654321:role/drs"
    named = policies_with(TargetRoleArns=role, InstanceRoleArns=role)
    assert [one["Resource"] for one in statements_of(named, "sts:AssumeRole")] == [[role]]
    assert [role] in [one["Resource"] for one in statements_of(named, "iam:PassRole")]
