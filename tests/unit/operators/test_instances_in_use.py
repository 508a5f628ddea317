"""Instances of a real recovery in use: no drill ends them, and a recovery only where it is told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.utils.types import DagRunType

from drs_recovery.hooks.drs import DrsHook
from sandbox.testing import Sandbox
from tests.plan_documents import BILLING_DB_1, DB_1, DB_2, WEST, application, database, plan
from tests.unit.steps import Steps, complete, deferred

StepsOf = Callable[..., Steps]

FREE = {"approval": {"recovery": False}}
CRM = plan(database(), **FREE)
SHARED = plan(database(), id="shared", name="Shared", groups={"database": {"servers": [DB_1]}}, **FREE)
APART = plan(application(), id="apart", name="Apart", **FREE)
IN_THE_WEST = plan(
    {"groups": ["west"]},
    id="west",
    groups={"west": {"servers": [BILLING_DB_1], "region": WEST}},
)
REAL = {"execution_type": "RECOVERY"}
LONG = 3600


@pytest.fixture
def recovered(aws: Sandbox, steps_of: StepsOf) -> Steps:
    """A real recovery whose two instances are in use."""
    return complete(aws, steps_of(CRM), LONG, **REAL)


def scheduled(steps_of: StepsOf, document: dict[str, Any]) -> Steps:
    steps = steps_of(document, run_id="scheduled__1")
    steps.run_type = DagRunType.SCHEDULED
    return steps


def recover_by_hand(aws: Sandbox, *servers: str) -> None:
    """A real recovery that somebody starts in the DRS console."""
    asked = [{"sourceServerID": server} for server in servers]
    aws.client("drs").start_recovery(sourceServers=asked, isDrill=False)
    aws.advance(LONG)


def starts(aws: Sandbox) -> int:
    return len(aws.calls("drs", "StartRecovery"))


def running(aws: Sandbox, *steps: Steps) -> list[str]:
    """Names of the servers whose recorded instances run."""
    pages = aws.client("ec2").get_paginator("describe_instances").paginate()
    found = [one for page in pages for row in page["Reservations"] for one in row["Instances"]]
    states = {one["InstanceId"]: one["State"]["Name"] for one in found}
    servers = [server for one in steps for wave in one.document["waves"] for server in wave["serverStatuses"]]
    return [server["serverName"] for server in servers if states[server["instanceId"]] == "running"]


@pytest.mark.parametrize("other", [CRM, SHARED], ids=["the same plan", "another plan"])
def test_a_drill_beside_them_is_refused_and_told_what_it_would_end(
    aws: Sandbox, steps_of: StepsOf, recovered: Steps, other: dict[str, Any]
) -> None:
    drill = steps_of(other, run_id="manual__2")
    before = starts(aws)

    with pytest.raises(AirflowFailException, match="in use") as refused:
        drill.open()

    server = recovered.server("crm-db-01")
    for told in (
        f"crm-db-01 ({DB_1})",
        server["instanceId"],
        server["privateIp"],
        "plan crm",
        recovered.execution_id,
        "manual__1 of recover_crm",
    ):
        assert told in str(refused.value)
    assert {finding["severity"] for finding in drill.document["findings"]} == {"ERROR"}
    with pytest.raises(AirflowFailException):
        drill.start()
    assert starts(aws) == before


def test_a_scheduled_drill_beside_them_is_skipped_and_its_run_is_green(
    aws: Sandbox, steps_of: StepsOf, recovered: Steps
) -> None:
    drill = scheduled(steps_of, SHARED)

    with pytest.raises(AirflowSkipException, match=recovered.server("crm-db-01")["instanceId"]):
        drill.open()

    assert drill.finalize(open_execution="skipped") == "SKIPPED"
    assert recovered.execution_id in drill.document["error"]
    assert [finding["severity"] for finding in drill.document["findings"]] == ["ERROR"]
    assert running(aws, recovered) == ["crm-db-01", "crm-db-02"]


def test_a_dry_run_finds_them_and_is_not_refused(steps_of: StepsOf, recovered: Steps) -> None:
    dry = steps_of(CRM, run_id="manual__2")
    dry.open(dry_run=True)

    assert [finding["severity"] for finding in dry.document["findings"]] == ["ERROR", "ERROR"]


def test_a_drill_of_other_servers_runs(steps_of: StepsOf, recovered: Steps) -> None:
    apart = steps_of(APART, run_id="manual__2")
    apart.open()

    assert len(apart.start()) == 1


@pytest.mark.parametrize("other", [CRM, SHARED], ids=["the same plan", "another plan"])
def test_a_second_recovery_is_refused_and_told_what_would_be_lost_and_which_option_allows_it(
    steps_of: StepsOf, recovered: Steps, other: dict[str, Any]
) -> None:
    second = steps_of(other, run_id="manual__2")

    with pytest.raises(AirflowFailException, match=f"replace_execution {recovered.execution_id}") as refused:
        second.open(**REAL)

    server = recovered.server("crm-db-01")
    assert f"{server['instanceId']} ({server['privateIp']})" in str(refused.value)
    assert "lost" in str(refused.value)


def test_a_second_recovery_replaces_them_where_it_is_told_to(
    aws: Sandbox, steps_of: StepsOf, recovered: Steps
) -> None:
    second = steps_of(SHARED, run_id="manual__2")

    complete(aws, second, LONG, **REAL, replace_execution=recovered.execution_id)

    assert second.document["status"] == "COMPLETED"
    assert second.document["replaceExecution"] == recovered.execution_id
    (finding,) = second.document["findings"]
    assert (finding["severity"], finding["sourceServerId"]) == ("WARNING", DB_1)
    assert recovered.server("crm-db-01")["instanceId"] in finding["what"]
    assert "lost" in finding["remedy"]
    assert running(aws, second, recovered) == ["crm-db-01", "crm-db-02"]


def test_what_two_recoveries_have_launched_is_replaced_where_both_are_named(
    aws: Sandbox, steps_of: StepsOf, recovered: Steps
) -> None:
    second = complete(
        aws,
        steps_of(SHARED, run_id="manual__2"),
        LONG,
        **REAL,
        replace_execution=recovered.execution_id,
    )
    with pytest.raises(AirflowFailException, match=f"replace_execution {second.execution_id}"):
        steps_of({**CRM, "id": "third"}).open(**REAL, replace_execution=recovered.execution_id)

    both = f"{recovered.execution_id}, {second.execution_id}"
    third = complete(aws, steps_of(CRM, run_id="manual__4"), LONG, **REAL, replace_execution=both)

    assert third.document["status"] == "COMPLETED"
    assert third.document["replaceExecution"] == both


def test_what_may_be_replaced_must_be_a_real_recovery_of_this_store(
    aws: Sandbox, steps_of: StepsOf, recovered: Steps
) -> None:
    drill = steps_of(APART)
    drill.open()
    wrong = {"e-unknown": "is not an execution of this store", drill.execution_id: "is a drill"}
    for number, (name, told) in enumerate(wrong.items(), start=2):
        with pytest.raises(AirflowFailException, match=f"replace_execution {name} {told}") as refused:
            steps_of({**CRM, "id": f"crm-{number}"}).open(**REAL, replace_execution=name)
        assert f"instances in use are of {recovered.execution_id}" in str(refused.value)

    with pytest.raises(AirflowFailException, match="is for a real recovery: a drill never ends"):
        steps_of(SHARED, run_id="manual__9").open(replace_execution=recovered.execution_id)


def test_a_recovery_does_not_wait_for_an_option_that_is_not_needed_any_more(
    steps_of: StepsOf, recovered: Steps
) -> None:
    apart = steps_of(APART, run_id="manual__2")

    apart.open(**REAL, replace_execution=recovered.execution_id)

    (finding,) = apart.document["findings"]
    assert (finding["severity"], "has no instance of these servers in use" in finding["what"]) == (
        "WARNING",
        True,
    )


@pytest.mark.parametrize("kind", ["DRILL", "RECOVERY"])
def test_instances_that_no_record_knows_are_in_use_too(aws: Sandbox, steps_of: StepsOf, kind: str) -> None:
    recover_by_hand(aws, DB_2)

    with pytest.raises(AirflowFailException, match="a real recovery that no record knows") as refused:
        steps_of(CRM).open(execution_type=kind)

    (row,) = aws.client("drs").describe_recovery_instances()["items"]
    assert row["ec2InstanceID"] in str(refused.value)
    assert row["jobID"] in str(refused.value)


def test_an_instance_that_drs_lists_no_more_is_in_use_as_long_as_it_exists(
    aws: Sandbox, steps_of: StepsOf, recovered: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DrsHook, "recovery_instances", lambda _hook, _ids=None: [])

    with pytest.raises(AirflowFailException, match=recovered.server("crm-db-01")["instanceId"]):
        steps_of(SHARED, run_id="manual__2").open()

    aws.client("ec2").terminate_instances(InstanceIds=[recovered.server("crm-db-01")["instanceId"]])
    steps_of({**SHARED, "id": "shared-2"}).open()


def test_instances_that_somebody_terminated_past_us_are_in_nobodys_way(
    aws: Sandbox, steps_of: StepsOf, recovered: Steps
) -> None:
    ids = [server["instanceId"] for server in recovered.document["waves"][0]["serverStatuses"]]
    aws.client("ec2").terminate_instances(InstanceIds=ids)

    steps_of(CRM, run_id="manual__2").open()


def test_where_drs_may_not_be_asked_the_records_count(
    aws: Sandbox, steps_of: StepsOf, recovered: Steps
) -> None:
    denied = {"status": 403, "code": "AccessDeniedException"}
    aws.add_fault("error", operation="DescribeRecoveryInstances", **denied)
    drill = steps_of(SHARED, run_id="manual__2")

    with pytest.raises(AirflowFailException, match=recovered.server("crm-db-01")["instanceId"]):
        drill.open()

    assert {finding["severity"] for finding in drill.document["findings"]} == {"ERROR", "WARNING"}
    assert any("could not be checked" in finding["what"] for finding in drill.document["findings"])


@pytest.mark.parametrize("kind", ["DRILL", "RECOVERY"])
def test_they_are_looked_for_again_right_before_each_start(
    aws: Sandbox, steps_of: StepsOf, kind: str
) -> None:
    steps = steps_of(CRM)
    steps.open(execution_type=kind)
    recover_by_hand(aws, DB_1)
    before = starts(aws)

    with pytest.raises(AirflowFailException, match=r"crm-db-01 .* in use by a real recovery"):
        steps.start()

    assert starts(aws) == before
    (wave,) = steps.document["waves"]
    assert (wave["status"], "in use by a real recovery" in wave["statusReason"]) == ("FAILED", True)
    assert steps.store.queue.read("123456789012:us-east-1").entries == ()


def test_a_start_waits_while_nobody_knows_whether_instances_are_in_use(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(CRM)
    steps.open()
    away = {"status": 503, "code": "ServiceUnavailable", "times": 4}
    aws.add_fault("error", operation="DescribeRecoveryInstances", **away)

    deferred(steps.start)
    assert starts(aws) == 0

    assert len(steps.start()) == 1


def test_what_an_execution_launched_itself_is_not_in_its_way(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("post_launch_failed", server=DB_1, times=1)
    actions = [{"name": "Validate"}]
    aws.add_servers({"id": DB_1, "name": "crm-db-01", "region": "us-east-1", "actions": actions})
    steps = steps_of(CRM)
    steps.open(**REAL)
    steps.start()
    aws.advance(LONG)
    with pytest.raises(AirflowFailException):
        steps.wait()
    assert steps.server("crm-db-01")["recoveryInstanceId"]

    steps.clear()

    assert len(steps.start()) == 1


@pytest.mark.parametrize(
    ("document", "is_skipped"),
    [
        (APART, True),
        (plan(application(), id="apart", connection="aws_other", **FREE), True),
        (IN_THE_WEST, False),
    ],
    ids=["other servers", "another connection to the account", "another Region"],
)
def test_a_scheduled_drill_is_skipped_where_a_real_recovery_lives_and_one_by_hand_is_not(
    aws: Sandbox,
    steps_of: StepsOf,
    monkeypatch: pytest.MonkeyPatch,
    document: dict[str, Any],
    is_skipped: bool,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_OTHER", "aws://")
    recovery = steps_of(CRM)
    recovery.open(**REAL)
    drill = scheduled(steps_of, document)

    if is_skipped:
        with pytest.raises(AirflowSkipException, match=f"runs in us-east-1 .*{recovery.execution_id}"):
            drill.open()
        assert drill.document["status"] == "SKIPPED"
        steps_of(document, run_id="manual__2").open()
    else:
        drill.open()
        assert drill.document["status"] == "PENDING"
