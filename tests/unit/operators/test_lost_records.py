"""The table is lost, emptied or replaced by an older copy while an execution runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from botocore.exceptions import ClientError

from drs_recovery.configured_store import execution_store
from drs_recovery.dag_builder.builder import build_dag
from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.hooks.errors import describe
from drs_recovery.operators.housekeeping import RecordPlansOperator, SweepOperator
from drs_recovery.store.waves import Waves
from drs_recovery.triggers.queue_turn import QueueTurnTrigger
from drs_recovery.triggers.recovery_job import RecoveryJobTrigger
from sandbox.testing import Sandbox
from tests.iam_policies import preparing_dynamodb
from tests.mailbox import Mailbox
from tests.plan_documents import APP_1, DB_1, DB_2, application, database, plan
from tests.unit.notifications.notifiers import HEARD
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

A_LAUNCH = 600
OPENED = {"open_execution": "success"}


def empty(steps: Steps) -> None:
    """Take every record out of the table."""
    restore(steps, [])


def copy_of(steps: Steps) -> list[dict[str, Any]]:
    return list(preparing_dynamodb().scan(TableName=steps.store.table.table_name)["Items"])


def restore(steps: Steps, items: list[dict[str, Any]]) -> None:
    """Replace what is in the table."""
    client, name = preparing_dynamodb(), steps.store.table.table_name
    for item in copy_of(steps):
        client.delete_item(TableName=name, Key={key: item[key] for key in ("executionId", "recordKey")})
    for item in items:
        client.put_item(TableName=name, Item=item)


def step_of_dag(steps: Steps, task_id: str) -> Any:
    """A step as it is in the DAG of its plan, from which it knows the plan."""
    return build_dag(steps.plan).get_task(task_id)


def servers(steps: Steps, wave: int = 0) -> dict[str, tuple[Any, bool]]:
    rows = steps.document["waves"][wave]["serverStatuses"]
    return {row["serverName"]: (row["phase"], bool(row.get("instanceId"))) for row in rows}


@pytest.fixture
def recovery(steps_of: StepsOf) -> Steps:
    """A real recovery of two waves, of which the first one is being launched."""
    steps = steps_of(plan(database(), application(), approval={"recovery": False}))
    steps.open(execution_type="RECOVERY")
    steps.start()
    return steps


def test_the_last_step_puts_what_runs_on_record_and_ends_it_as_no_success(
    aws: Sandbox, recovery: Steps
) -> None:
    job = recovery.document["waves"][0]["jobs"][0]["jobId"]
    aws.advance(A_LAUNCH)
    empty(recovery)

    with pytest.raises(AirflowFailException, match="the table was lost, emptied or replaced"):
        recovery.finalize(**OPENED)

    document = recovery.document
    assert (document["status"], document["rebuilt"]) == ("PARTIAL_SUCCESS", True)
    assert [wave["status"] for wave in document["waves"]] == ["COMPLETED", "CANCELLED"]
    assert servers(recovery) == {"crm-db-01": ("READY", True), "crm-db-02": ("READY", True)}
    assert document["waves"][0]["jobs"][0]["jobId"] == job
    assert "approvals, answers and steps are lost" in document["error"]
    assert document["instancesLeft"] is True
    assert recovery.events[0] == "EXECUTION_OPENED"
    assert {"EXECUTION_REBUILDING", "EXECUTION_REBUILT", "WAVE_REBUILT"} <= set(recovery.events)


def test_even_if_every_wave_was_launched_it_is_not_completed_and_its_run_is_red(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    steps.start()
    aws.advance(A_LAUNCH)
    empty(steps)

    with pytest.raises(AirflowFailException, match="the execution is PARTIAL_SUCCESS"):
        steps.finalize(**OPENED)

    document = steps.document
    assert (document["status"], document["waves"][0]["status"]) == ("PARTIAL_SUCCESS", "COMPLETED")
    # A drill's instances are cleaned up as ever.
    assert document["terminateAfter"] > document["endTime"]


def test_a_job_that_still_runs_is_followed_to_its_end(aws: Sandbox, recovery: Steps) -> None:
    empty(recovery)

    parked = deferred(lambda: recovery.finalize(**OPENED))

    assert isinstance(parked.trigger, RecoveryJobTrigger)
    assert (recovery.document["status"], recovery.document["rebuilt"]) == ("CANCELLING", True)
    aws.advance(A_LAUNCH)
    with pytest.raises(AirflowFailException):
        recovery.finalize()
    assert recovery.document["status"] == "PARTIAL_SUCCESS"
    assert servers(recovery)["crm-db-01"] == ("READY", True)


@pytest.mark.parametrize(
    "task_id",
    [
        "wave_01_database.start_recovery",
        "wave_01_database.wait_for_launch",
        "wave_01_database.enrich_instances",
        "wave_02_application.approve",
    ],
)
def test_whichever_step_finds_the_record_gone_rebuilds_it_and_starts_nothing(
    aws: Sandbox, steps_of: StepsOf, task_id: str
) -> None:
    gated = application(pause_before={"message": "Go on?"})
    steps = steps_of(plan(database(), gated, approval={"recovery": False}))
    steps.open(execution_type="RECOVERY")
    steps.start()
    started = len(aws.calls("drs", "StartRecovery"))
    empty(steps)
    step = step_of_dag(steps, task_id)

    for _ in range(2):
        with pytest.raises(AirflowFailException, match="Nothing more is started"):
            step.execute(steps.context(1, try_number=2))

    assert servers(steps) == {"crm-db-01": ("PENDING", False), "crm-db-02": ("PENDING", False)}
    assert steps.document["waves"][0]["status"] == "POLLING"
    assert steps.events.count("EXECUTION_REBUILT") == 1
    with pytest.raises(AirflowFailException):
        steps.start(2)
    assert len(aws.calls("drs", "StartRecovery")) == started


def test_a_step_that_resumes_rebuilds_it_as_well(aws: Sandbox, recovery: Steps) -> None:
    empty(recovery)
    sensor = step_of_dag(recovery, "wave_01_database.wait_for_launch")

    with pytest.raises(AirflowFailException, match="was no longer in the table"):
        sensor.execute_complete(recovery.context(1), {"status": "timeout", "problem": "gone"})

    assert recovery.document["rebuilt"] is True


@pytest.mark.parametrize("mid_wait", [True, False])
def test_the_trigger_ends_its_waiting_when_the_record_is_gone(
    aws: Sandbox, recovery: Steps, mid_wait: bool
) -> None:
    deadline = recovery.document["submittedTime"] + 3600
    trigger = RecoveryJobTrigger(
        execution_id=recovery.execution_id, wave_numbers=[1], deadline=deadline, poll_interval=0.1
    )

    async def first_event() -> Any:
        events = trigger.run()
        waiting = asyncio.ensure_future(anext(events))
        if mid_wait:
            await asyncio.sleep(0.5)
            assert not waiting.done()
            await asyncio.to_thread(empty, recovery)
        return (await asyncio.wait_for(waiting, 20)).payload

    if not mid_wait:
        empty(recovery)
    event = asyncio.run(first_event())

    assert event["status"] == "timeout"
    assert f"no execution {recovery.execution_id}" in event["problem"]


def test_a_table_that_is_not_there_is_waited_for_like_a_store_that_is_away(
    aws: Sandbox, recovery: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = RecoveryJobTrigger(
        execution_id=recovery.execution_id, wave_numbers=[1], deadline=2e9, poll_interval=0.1
    )

    async def first_event() -> Any:
        waiting = asyncio.ensure_future(anext(trigger.run()))
        await asyncio.sleep(2)
        assert not waiting.done()
        monkeypatch.delenv("AIRFLOW__DRS_RECOVERY__EXECUTIONS_TABLE")
        return (await asyncio.wait_for(waiting, 60)).payload

    aws.advance(A_LAUNCH)
    # Of a table that its policies do not name the engine would hear that it has no right to it.
    aws.enforce({})
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__EXECUTIONS_TABLE", "dr-execution")
    parked = deferred(lambda: recovery.enrich())
    assert parked.method_name == "go_on_after_outage"
    with pytest.raises(ClientError) as missing:
        execution_store().get_execution(recovery.execution_id)
    assert describe(missing.value).endswith("table of the name in [drs_recovery] executions_table")
    assert asyncio.run(first_event()) == {"status": "settled", "problem": None}
    assert recovery.enrich().keys() == {DB_1, DB_2}


def test_the_queue_is_left_when_the_record_is_gone(aws: Sandbox, recovery: Steps) -> None:
    empty(recovery)
    trigger = QueueTurnTrigger(
        execution_id=recovery.execution_id, wave_number=1, deadline=2e9, poll_interval=0.1
    )

    assert asyncio.run(_first(trigger)) == {"status": "over"}


async def _first(trigger: Any) -> Any:
    return (await asyncio.wait_for(anext(trigger.run()), 20)).payload


@pytest.mark.parametrize("memory_is_left", [True, False])
def test_a_run_that_is_cleared_as_a_whole_is_not_opened_anew(
    aws: Sandbox, recovery: Steps, memory_is_left: bool
) -> None:
    empty(recovery)
    recovery.clear()
    if not memory_is_left:
        recovery.task_state_stores.clear()

    with pytest.raises(AirflowFailException, match="Nothing more is started"):
        recovery.open(execution_type="RECOVERY")

    assert recovery.document["rebuilt"] is True
    assert "admittedTime" not in recovery.document
    assert servers(recovery).keys() == {"crm-db-01", "crm-db-02"}


def test_a_first_step_that_died_before_it_made_the_record_opens_it_when_it_is_cleared(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database()))
    steps.clear()

    steps.open()

    assert "rebuilt" not in steps.document
    assert "admittedTime" in steps.document


def test_an_older_copy_of_the_table_gets_the_jobs_that_it_does_not_know(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database(), application()))
    steps.open()
    backup = copy_of(steps)
    steps.start()
    aws.advance(A_LAUNCH)
    restore(steps, backup)

    with pytest.raises(AirflowFailException, match="replaced by an older copy"):
        steps.finalize(**OPENED, **{"wave_01_database.start_recovery": "success"})

    assert (steps.document["status"], steps.document["rebuilt"]) == ("PARTIAL_SUCCESS", True)
    assert servers(steps)["crm-db-01"] == ("READY", True)


def test_a_start_that_was_marked_as_success_by_hand_is_no_lost_record(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database()))
    steps.open()

    with pytest.raises(AirflowFailException):
        steps.finalize(**OPENED, **{"wave_01_database.start_recovery": "success"})

    assert "rebuilt" not in steps.document


def test_a_region_that_does_not_answer_is_asked_again_before_anything_is_written(
    aws: Sandbox, recovery: Steps
) -> None:
    empty(recovery)
    aws.add_fault(
        "error", service="drs", operation="DescribeJobs", code="InternalServerException", status=500
    )

    with pytest.raises(Exception, match="InternalServerException"):
        recovery.finalize(**OPENED)

    with pytest.raises(ExecutionNotFoundError):
        _ = recovery.document
    aws.clear_faults()
    with pytest.raises(TaskDeferred):
        recovery.finalize()
    assert servers(recovery).keys() == {"crm-db-01", "crm-db-02"}


def test_a_rebuild_that_was_cut_off_goes_on(
    aws: Sandbox, recovery: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty(recovery)
    with monkeypatch.context() as patch:
        patch.setattr(Waves, "record_job", _dies)
        with pytest.raises(RuntimeError):
            recovery.finalize(**OPENED)
    assert recovery.document["rebuilt"] is False

    aws.advance(A_LAUNCH)
    with pytest.raises(AirflowFailException, match="PARTIAL_SUCCESS"):
        recovery.finalize()

    assert (recovery.document["rebuilt"], servers(recovery)["crm-db-02"]) == (True, ("READY", True))


def _dies(*_: Any, **__: Any) -> None:
    raise RuntimeError("the worker died here")


@pytest.fixture
def swept_plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Callable[..., None]:
    """Puts a plan on record, as housekeeping does."""
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__PLANS_DIR", str(tmp_path))

    def put(document: dict[str, Any]) -> None:
        (tmp_path / "one.yaml").write_text(yaml.safe_dump(document))
        RecordPlansOperator(task_id="record_plans", dag_file="dags/housekeeping.py").execute({})

    return put


def sweep() -> dict[str, Any]:
    return SweepOperator(task_id="sweep").execute({})


def unrecorded_metric(aws: Sandbox) -> dict[str, str]:
    found = aws.client("cloudwatch").list_metrics(MetricName="UnrecordedInstances")["Metrics"]
    return {one["Name"]: one["Value"] for metric in found for one in metric["Dimensions"]}


def test_the_sweep_tells_of_instances_whose_execution_has_no_record_and_touches_none(
    aws: Sandbox, recovery: Steps, swept_plan: Callable[..., None]
) -> None:
    aws.advance(A_LAUNCH)
    empty(recovery)
    swept_plan(plan(database(), id="other"))

    told = sweep()["foreign"]

    why = f"a real recovery whose execution {recovery.execution_id} is not in this store: check it in DRS"
    assert len(told) == 2
    assert all(text.endswith(why) for text in told.values())
    rows = aws.client("drs").describe_recovery_instances()["items"]
    assert {row["sourceServerID"] for row in rows} == {DB_1, DB_2}


def test_people_hear_of_each_instance_whose_execution_has_no_record_once(
    aws: Sandbox, recovery: Steps, swept_plan: Callable[..., None]
) -> None:
    mailbox = Mailbox(aws)
    aws.advance(A_LAUNCH)
    empty(recovery)
    swept_plan(plan(database(), notify={"sns_topic_arn": mailbox.topic}))

    first, second = sweep(), sweep()

    (message,) = mailbox.messages()
    assert message["Subject"] == "NO RECORD: RECOVERY instances of crm"
    assert all(name in message["Message"] for name in first["unrecorded"][recovery.execution_id]["instances"])
    assert f"Execution: {recovery.execution_id}" in message["Message"]
    attributes = {name: one["Value"] for name, one in message["MessageAttributes"].items()}
    assert attributes == {
        "event": "INSTANCES_UNRECORDED",
        "planId": "crm",
        "executionType": "RECOVERY",
        "status": "UNKNOWN",
        "executionId": recovery.execution_id,
    }
    assert second["foreign"] == first["foreign"]
    assert unrecorded_metric(aws) == {"PlanId": "crm", "ExecutionType": "RECOVERY"}

    drs = aws.client("drs")
    tags = {"dr:executionId": recovery.execution_id, "dr:planId": "crm"}
    drs.start_recovery(sourceServers=[{"sourceServerID": APP_1}], isDrill=False, tags=tags)
    aws.advance(A_LAUNCH)
    sweep()

    (later,) = mailbox.messages()
    assert "3 instances" in later["Message"]


def test_what_could_not_be_told_of_lost_instances_is_told_by_the_next_sweep(
    aws: Sandbox, recovery: Steps, swept_plan: Callable[..., None]
) -> None:
    mailbox = Mailbox(aws)
    aws.advance(A_LAUNCH)
    empty(recovery)
    swept_plan(plan(database(), notify={"sns_topic_arn": mailbox.topic.replace(":dr", ":later")}))
    sweep()
    assert mailbox.messages() == []

    swept_plan(plan(database(), notify={"sns_topic_arn": mailbox.topic}))
    sweep()

    assert mailbox.subjects() == ["NO RECORD: RECOVERY instances of crm"]


def test_lost_instances_of_a_plan_without_a_file_are_told_to_whom_the_configuration_names(
    aws: Sandbox, recovery: Steps, swept_plan: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = {
        "class": "tests.unit.notifications.notifiers.Listener",
        "arguments": {"text": "{{ notice.subject }}"},
    }
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__NOTIFIERS", json.dumps([listener]))
    HEARD.clear()
    aws.advance(A_LAUNCH)
    empty(recovery)
    swept_plan(plan(database(), id="other"))

    sweep()
    sweep()

    assert [one["text"] for one in HEARD] == ["NO RECORD: RECOVERY instances of crm"]
