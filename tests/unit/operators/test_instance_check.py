"""What records call running is what runs: later launches, hands and DRS's clean-up end instances, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.operators.housekeeping import CheckInstancesOperator, TerminateDueOperator
from drs_recovery.store.rules import can_terminate
from drs_recovery.web.shared.instances import instances_by_region, leaves_instances
from sandbox.testing import Sandbox
from tests.plan_documents import BILLING_DB_1, DB_1, DB_2, WEST, application, database, plan
from tests.unit.steps import Steps

StepsOf = Callable[..., Steps]

A_DRILL = 700
NOTHING: dict[str, Any] = {"gone": {}, "still_running": {}, "ended": [], "unreachable": []}


def check() -> dict[str, Any]:
    return CheckInstancesOperator(task_id="check_instances").execute({})


def launch(aws: Sandbox, steps: Steps, **conf: Any) -> Steps:
    """Run the one wave of a plan to its end, well or not."""
    steps.open(**conf)
    steps.start()
    aws.advance(A_DRILL)
    for step in (steps.wait, steps.enrich, steps.finalize):
        try:
            step()
        except AirflowFailException:
            continue
    return steps


def drill(aws: Sandbox, steps_of: StepsOf, plan_id: str, **fields: Any) -> Steps:
    return launch(aws, steps_of(plan(database(), id=plan_id, **fields)))


def servers_of(steps: Steps) -> dict[str, dict[str, Any]]:
    return {s["sourceServerId"]: s for wave in steps.document["waves"] for s in wave["serverStatuses"]}


def listed(steps: Steps) -> bool:
    """Whether lists say that instances of an execution run."""
    return leaves_instances(steps.store.get_executions([steps.execution_id])[0])


def test_the_launch_that_replaces_marks_the_earlier_record(aws: Sandbox, steps_of: StepsOf) -> None:
    first = drill(aws, steps_of, "first", drill={"terminate_after": "now"})
    assert listed(first)
    second = steps_of(plan(database(), id="second"))
    second.open()
    second.start()

    assert {s["replacedBy"] for s in servers_of(first).values()} == {second.execution_id}
    assert not listed(first)
    assert instances_by_region(first.document) == {}
    assert not can_terminate(first.document)
    assert first.store.terminations.due() == []
    (event,) = [e for e in first.store.get_events(first.execution_id) if e["event"] == "INSTANCES_REPLACED"]
    assert (event["detail"]["by"], event["detail"]["servers"]) == (second.execution_id, [DB_1, DB_2])
    assert {s["phase"] for s in servers_of(first).values()} == {"READY"}

    aws.advance(A_DRILL)
    second.wait()
    second.enrich()
    second.finalize()
    result = check()

    assert result["ended"] == [first.execution_id]
    assert {s["phase"] for s in servers_of(first).values()} == {"TERMINATED"}
    assert first.document["instancesTerminated"] is True
    assert {s["phase"] for s in servers_of(second).values()} == {"READY"}
    assert instances_by_region(second.document) == {"us-east-1": 2}
    assert second.document["instancesCheckedTime"] >= second.document["endTime"]
    assert {one.execution_id for one in first.store.instances.launches()} == {second.execution_id}


def test_only_the_servers_that_the_later_launch_has_are_replaced(aws: Sandbox, steps_of: StepsOf) -> None:
    first = drill(aws, steps_of, "first")
    one = {"database": {"servers": [DB_1]}}
    launch(aws, steps_of(plan(database(), id="second", groups=one)))

    assert ["replacedBy" in servers_of(first)[one] for one in (DB_1, DB_2)] == [True, False]
    assert instances_by_region(first.document) == {"us-east-1": 1}
    check()
    assert [servers_of(first)[one]["phase"] for one in (DB_1, DB_2)] == ["TERMINATED", "READY"]
    assert first.document["instancesTerminated"] is False
    assert can_terminate(first.document)


def test_an_instance_that_a_launch_could_not_replace_runs_on_and_is_due_again(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    first = drill(aws, steps_of, "first", drill={"terminate_after": "now"})
    aws.add_fault("cleanup_failed", server=DB_1, times=1)
    aws.add_fault("cleanup_failed", server=DB_2, times=1)
    drill(aws, steps_of, "second")
    assert not listed(first)

    assert check()["still_running"].keys() == {first.execution_id}

    assert not [s for s in servers_of(first).values() if "replacedBy" in s]
    assert listed(first)
    assert can_terminate(first.document)
    assert [execution_id for execution_id, _ in first.store.terminations.due()] == [first.execution_id]
    assert "INSTANCES_STILL_RUN" in first.events
    assert check()["still_running"] == {}


def test_an_instance_of_a_real_recovery_that_somebody_ended_is_seen(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(), approval={"recovery": False}))
    launch(aws, steps, execution_type="RECOVERY")
    ended = servers_of(steps)[DB_1]["instanceId"]
    assert check() == NOTHING
    aws.client("ec2").terminate_instances(InstanceIds=[ended])

    result = check()

    assert result["gone"] == {steps.execution_id: [ended]}
    assert [servers_of(steps)[one]["phase"] for one in (DB_1, DB_2)] == ["TERMINATED", "READY"]
    assert servers_of(steps)[DB_1]["terminatedTime"] >= steps.document["endTime"]
    assert "replacedBy" not in servers_of(steps)[DB_1]
    assert steps.document["status"] == "COMPLETED"
    assert instances_by_region(steps.document) == {"us-east-1": 1}
    (event,) = [e for e in steps.store.get_events(steps.execution_id) if e["event"] == "INSTANCES_GONE"]
    assert (event["actor"], event["detail"]["instances"]) == ("housekeeping", [ended])


def test_a_stopped_instance_is_there_and_shown_as_stopped(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = drill(aws, steps_of, "crm")
    aws.client("ec2").stop_instances(InstanceIds=[servers_of(steps)[DB_1]["instanceId"]])

    assert check() == NOTHING

    assert [servers_of(steps)[one]["instanceState"] for one in (DB_1, DB_2)] == ["stopped", "running"]


def test_an_instance_that_ec2_does_not_know_is_gone_only_some_time_after_its_launch(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = drill(aws, steps_of, "crm")
    drs = aws.client("drs")
    instances = {s["recoveryInstanceId"] for s in servers_of(steps).values()}
    drs.terminate_recovery_instances(recoveryInstanceIDs=sorted(instances))
    aws.advance(120)
    monkeypatch.setattr("drs_recovery.termination.instance_check.describe_instances", lambda *_: {})

    assert check() == NOTHING
    monkeypatch.setattr("drs_recovery.termination.instance_check.LISTING_SECONDS", -1.0)
    assert set(check()["gone"][steps.execution_id]) == instances


def test_a_place_that_does_not_answer_holds_up_no_other_and_concludes_nothing(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    abroad = {"database": {"servers": [BILLING_DB_1], "region": WEST}}
    far = launch(aws, steps_of(plan(database(), id="far", groups=abroad)))
    near = drill(aws, steps_of, "near")
    aws.add_fault("reset", service="drs", region=WEST)

    result = check()

    (where,) = result["unreachable"]
    assert WEST in where
    assert "instancesCheckedTime" in near.document
    assert "instancesCheckedTime" not in far.document
    assert {s["phase"] for s in servers_of(far).values()} == {"READY"}


def test_a_place_is_asked_once_for_all_executions(aws: Sandbox, steps_of: StepsOf) -> None:
    drill(aws, steps_of, "one")
    launch(aws, steps_of(plan(application(), id="two")))
    before = len(aws.calls("drs", "DescribeRecoveryInstances"))

    assert check() == NOTHING

    assert len(aws.calls("drs", "DescribeRecoveryInstances")) == before + 1


def test_a_live_execution_is_not_compared_and_stays_on_the_list(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    steps.start()

    assert check() == NOTHING

    assert [one.execution_id for one in steps.store.instances.launches()] == [steps.execution_id]


def test_a_job_that_left_nothing_is_looked_at_no_more(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("launch_failed", server=DB_1, times=1)
    aws.add_fault("launch_failed", server=DB_2, times=1)
    steps = drill(aws, steps_of, "crm")
    assert len(steps.store.instances.launches()) == 1

    check()

    assert steps.store.instances.launches() == []


def test_a_retry_starts_servers_again_whose_instance_is_gone(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("launch_failed", server=DB_2, times=1)
    steps = drill(aws, steps_of, "crm")
    lost = servers_of(steps)[DB_1]["instanceId"]
    aws.client("ec2").terminate_instances(InstanceIds=[lost])
    assert check()["ended"] == [steps.execution_id]
    steps.clear()
    steps.start()
    aws.advance(A_DRILL)
    steps.wait()
    steps.enrich()
    steps.finalize()

    assert steps.document["status"] == "COMPLETED"
    assert steps.document["instancesTerminated"] is False
    assert {s["phase"] for s in servers_of(steps).values()} == {"READY"}
    (earlier,) = servers_of(steps)[DB_1]["previousInstances"]
    assert (earlier["instanceId"], "terminatedTime" in earlier) == (lost, True)
    assert check() == NOTHING
    assert instances_by_region(steps.document) == {"us-east-1": 2}


def test_what_the_clean_up_ended_is_no_surprise(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = drill(aws, steps_of, "crm", drill={"terminate_after": "now"})
    TerminateDueOperator(task_id="terminate_due").execute({})
    aws.advance(60)

    assert check()["ended"] == [steps.execution_id]

    assert "INSTANCES_GONE" not in steps.events
    assert "INSTANCES_TERMINATED" in steps.events
    assert TerminateDueOperator(task_id="terminate_due").execute({})["failed"] == {}
