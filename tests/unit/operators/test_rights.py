"""
The engine's policies allow every call that it makes, and nothing of their own that it never needs.

The sandbox judges each request as IAM does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.cli import main
from drs_recovery.hooks.clients import Clients
from drs_recovery.operators.housekeeping import ReconcileOperator, SweepOperator, TerminateDueOperator
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store.records import ExecutionFilter
from drs_recovery.termination.terminate import Terminator
from sandbox.testing import Sandbox
from tests.iam_policies import ENGINE, ENGINE_POLICIES, policy
from tests.mailbox import Mailbox
from tests.plan_documents import APP_1, DB_1, DB_2, WEB_1, database, plan, web
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

# What DRS and EC2 do in the engine's name; the engine itself makes none of these calls.
THROUGH_DRS = {"LaunchThroughDrs", "PassTheConversionServerRole"}
A_DRILL = 600


def actions_of(*names: str) -> set[tuple[str, str]]:
    """Each action of the policies with the statement that allows it, but for what DRS does."""
    return {
        (statement["Sid"], action)
        for name in names
        for statement in policy(name)["Statement"]
        if statement["Sid"] not in THROUGH_DRS
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def used(aws: Sandbox) -> set[tuple[str, str]]:
    return {(one["statement"], one["action"]) for one in aws.judged()["used"]}


@pytest.fixture
def as_role(aws: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Sandbox:
    """The engine assumes a role, which has its policies; its own key may do no more than that."""
    iam = aws.client("iam")
    role = iam.create_role(RoleName="engine", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    # The preflight asks IAM itself.
    document = json.dumps(policy("RecoveryPolicy"))
    iam.put_role_policy(RoleName="engine", PolicyName="recovery", PolicyDocument=document)
    connection = json.dumps({"conn_type": "aws", "extra": {"role_arn": role}})
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connection)
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__PLANS_DIR", str(tmp_path))
    own = [name for name in ENGINE_POLICIES if name != "TargetAccountsPolicy"]
    aws.enforce(
        {ENGINE: [policy("TargetAccountsPolicy")], role: [policy(name) for name in own]},
    )
    return aws


def launch(aws: Sandbox, steps: Steps) -> None:
    """Launch the one wave of an opened execution."""
    steps.start()
    aws.advance(A_DRILL)
    steps.wait()


def everything_happens(aws: Sandbox, steps_of: StepsOf) -> Steps:
    """A queue, servers that fail or stop, a dry run, a refusal, terminations, housekeeping and messages."""
    drs = aws.client("drs")
    drs.update_launch_configuration(sourceServerID=DB_2, launchDisposition="STOPPED")
    aws.add_fault("native_execution", server=APP_1)
    mailbox = Mailbox(aws)
    told: dict[str, Any] = {
        "notify": {"sns_topic_arn": mailbox.topic},
        "drill": {"terminate_after": "now"},
    }

    first = steps_of(plan(database(), **told))
    first.open(ticket="CHG1")
    aws.add_fault("jobs_without_tags")
    first.start()
    first.task_state_stores.clear()
    launch(aws, first)
    first.enrich()
    first.finalize()

    # What cannot be told is written down.
    gone = {"notify": {"sns_topic_arn": f"{mailbox.topic}-gone"}}
    waiting = steps_of(plan(web(), id="web", **{**told, **gone}))
    waiting.open()
    aws.control("PUT", "/quotas", {"jobs_in_progress": 1})
    foreign = drs.start_recovery(sourceServers=[{"sourceServerID": APP_1}], isDrill=True)
    assert foreign["job"]["jobID"]
    deferred(waiting.start)
    aws.advance(A_DRILL)
    aws.add_fault("launch_failed", server=WEB_1)
    with suppress(AirflowFailException):
        launch(aws, waiting)
    with suppress(AirflowFailException):
        waiting.finalize()

    # A look at all points in time.
    steps_of(plan(database(), id="looked-at", **told)).open(dry_run=True)

    refused = steps_of(plan(database(), id="stalled", **told))
    aws.add_fault("replication", server=DB_1, state="STOPPED")
    with suppress(AirflowFailException):
        refused.open()

    TerminateDueOperator(task_id="terminate_due").execute({})
    first.store.terminations.request(first.execution_id, "ann", "r1", {})
    aws.advance(A_DRILL)
    Terminator(first.store, Clients()).look(first.execution_id)
    TerminateDueOperator(task_id="terminate_due").execute({})
    with suppress(AirflowFailException):
        SweepOperator(task_id="sweep").execute({})
    airflow: Any = {"ti": SimpleNamespace(get_dagrun_state=lambda *_: "running")}
    ReconcileOperator(task_id="reconcile").execute(airflow)
    return first


def test_what_the_policies_allow_is_what_the_engine_does(as_role: Sandbox, steps_of: StepsOf) -> None:
    steps = everything_happens(as_role, steps_of)
    # The console and other readers.
    steps.store.listings.page(ExecutionFilter(status=ExecutionStatus.COMPLETED))
    steps.store.get_document(steps.execution_id)

    assert as_role.judged()["refused"] == []
    assert actions_of(*ENGINE_POLICIES) - used(as_role) == set()


def test_a_reader_may_read_every_way_and_needs_what_it_may(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = steps_of(plan(database()))
    steps.open(ticket="CHG1")
    aws.enforce({"reader": [policy("ReaderPolicy")]})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")

    for arguments in ([], ["--plan", "crm"], ["--status", "PENDING"], ["--cancelled"]):
        assert main(["list", *arguments]) == 0
    assert main(["show", steps.execution_id]) == 0

    assert aws.judged()["refused"] == []
    assert actions_of("ReaderPolicy") - used(aws) == set()


def test_without_a_policy_the_engine_gets_nowhere(aws: Sandbox, steps_of: StepsOf) -> None:
    """What proves that the others are judged."""
    aws.enforce({ENGINE: [policy("StorePolicy")]})

    with pytest.raises(AirflowFailException, match="AccessDeniedException"):
        steps_of(plan(database())).open()

    assert {one["action"] for one in aws.judged()["refused"]} >= {"drs:DescribeSourceServers"}
    # Nothing of that is a fault of the policies of this project.
    aws.reset()
