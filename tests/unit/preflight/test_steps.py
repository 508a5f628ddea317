"""What steps need is looked for before anything is launched, and whether it may be used."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drs_recovery.hooks.clients import Clients
from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.preflight.findings import Severity
from drs_recovery.preflight.steps import step_checks
from drs_recovery.statuses import ExecutionType
from sandbox.testing import Sandbox
from tests.alarms import put_alarm
from tests.plan_documents import application, database, plan

GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/crm/0123456789abcdef"
CONTROL = "arn:aws:route53-recovery-control::123456789012:controlpanel/0/routingcontrol/0123456789abcdef"
ENDPOINTS = [{"endpoint": "https://host.us-east-1.example.com/v1", "region": "us-east-1"}]


def found(*waves: dict[str, Any], kind: ExecutionType = ExecutionType.RECOVERY) -> list[tuple[str, int, Any]]:
    parsed = RecoveryPlan.model_validate(plan(*waves))
    numbers = range(1, len(waves) + 1)
    checks = step_checks(Clients(), parsed, numbers, kind)
    return [(check.what, check.wave_number, check.severity) for check in checks]


def test_what_is_not_there_is_told_with_its_wave_and_step(aws: Sandbox) -> None:
    steps = [
        {"ssm_command": {"document": "Prepare-Network"}},
        {"lambda": {"function": "notify", "qualifier": "live"}, "name": "Tell"},
        {"alarm_probe": {"name": "crm-errors"}, "on_failure": "continue"},
        {"target_group": {"arn": GROUP}},
        {"routing_control": {"arn": CONTROL, "state": "On", "cluster_endpoints": ENDPOINTS}},
    ]

    told = found(database(), application(before=[{"ssm_automation": {"document": "Check"}}], after=steps))

    assert {wave for _, wave, _ in told} == {2}
    texts = [what for what, _, _ in told]
    assert texts[:4] == [
        'step before 1 "ssm automation": Systems Manager has no document Check in us-east-1',
        'step after 1 "ssm command": Systems Manager has no document Prepare-Network in us-east-1',
        'step after 2 "Tell": there is no function notify:live in us-east-1',
        'step after 3 "alarm probe": there is no alarm crm-errors in us-east-1',
    ]
    assert texts[4] == f'step after 4 "target group": there is no target group {GROUP}'
    assert texts[5] == f'step after 5 "routing control": there is no routing control {CONTROL}'
    assert [severity is Severity.NOTABLE for *_, severity in told] == [
        False,
        False,
        False,
        True,
        False,
        False,
    ]


def test_what_is_there_or_not_known_yet_is_no_finding(aws: Sandbox) -> None:
    aws.add_function("notify", timeout=60)
    put_alarm(aws, "crm-errors")
    known = [
        {"lambda": {"function": "notify", "payload": {"plan": "{{ plan.name }}"}}},
        {"alarm_probe": {"name": "crm-errors"}},
        {"ssm_command": {"commands": ["true"]}},
        {"alarm_probe": {"name": "{{ plan.id }}-errors"}},
        {"manual": {"message": "Look"}},
    ]
    assert found(database(after=known)) == []


def test_what_a_drill_leaves_out_is_not_looked_for(aws: Sandbox) -> None:
    steps = [{"lambda": {"function": "gone"}, "only": "recovery"}]
    assert len(found(database(after=steps))) == 1
    assert found(database(after=steps), kind=ExecutionType.DRILL) == []


def test_what_may_not_be_called_is_told(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.add_function("notify", timeout=60)
    iam = aws.client("iam")
    role = iam.create_role(RoleName="engine", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    read = {"Effect": "Allow", "Action": "lambda:GetFunctionConfiguration", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [read]})
    iam.put_role_policy(RoleName="engine", PolicyName="steps", PolicyDocument=document)
    connection = json.dumps({"conn_type": "aws", "extra": {"role_arn": role}})
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connection)

    ((what, wave, severity),) = found(database(after=[{"lambda": {"function": "notify"}}]))

    assert "lacks lambda:InvokeFunction on arn:aws:lambda:us-east-1:123456789012:function:notify" in what
    assert (wave, severity) == (1, Severity.ENDANGERS)
