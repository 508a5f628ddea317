"""Terminating the instances of an execution: exactly those, whatever DRS answers, until they are gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.utils.types import DagRunType

from drs_recovery.hooks.drs import DrsHook
from drs_recovery.operators.terminate_instances import TerminateInstancesOperator
from drs_recovery.store.expressions import to_dynamodb
from sandbox.testing import Sandbox
from tests.plan_documents import APP_1, DB_1, DB_2, WEST, application, database, plan, web
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

FAR = "s-8888888888888888a"

DEFAULTS = {"waves": None, "include_recovery": False, "confirmation": None}

# A drill of two servers takes nine simulated minutes at most, a termination forty seconds.
A_DRILL, A_TERMINATION = 600, 60


class Termination:
    """One run of the DAG, as its task runs it."""

    def __init__(self, run_id: str = "manual__t1", **conf: Any) -> None:
        self.run_id, self.conf = run_id, conf

    def __call__(self) -> str:
        return TerminateInstancesOperator(task_id="terminate").execute(self.context)

    @property
    def context(self) -> Any:
        dag_run = SimpleNamespace(
            dag_id="terminate_recovery_instances",
            run_id=self.run_id,
            conf=self.conf,
            run_type=DagRunType.MANUAL,
            triggering_user_name="dba",
        )
        return {"dag_run": dag_run, "params": {**DEFAULTS, **self.conf}}

    def resume(self, parked: TaskDeferred) -> str:
        return TerminateInstancesOperator(task_id="terminate").execute_complete(
            self.context, None, **(parked.kwargs or {})
        )


def launch(aws: Sandbox, steps: Steps, *numbers: int) -> None:
    for number in numbers:
        steps.start(number)
        aws.advance(A_DRILL)
        steps.wait(number)
        steps.enrich(number)


def complete(aws: Sandbox, steps_of: StepsOf) -> Steps:
    """A drill of one wave, COMPLETED, with two instances."""
    steps = steps_of(plan(database()))
    steps.open()
    launch(aws, steps, 1)
    steps.finalize()
    return steps


@pytest.fixture
def drill(aws: Sandbox, steps_of: StepsOf) -> Steps:
    return complete(aws, steps_of)


def instances(aws: Sandbox) -> dict[str, str]:
    """State in EC2 of every instance there ever was."""
    reservations = aws.client("ec2").describe_instances()["Reservations"]
    return {i["InstanceId"]: i["State"]["Name"] for r in reservations for i in r["Instances"]}


def recovery_instances(aws: Sandbox) -> dict[str, str]:
    """Recovery instance id by source server."""
    rows = aws.client("drs").describe_recovery_instances()["items"]
    return {row["sourceServerID"]: row["recoveryInstanceID"] for row in rows}


def terminate_calls(aws: Sandbox) -> list[Any]:
    return [call["status"] for call in aws.calls("drs", "TerminateRecoveryInstances")]


def terminate_jobs(aws: Sandbox) -> list[dict[str, Any]]:
    jobs = aws.client("drs").describe_jobs(filters={})["items"]
    return [job for job in jobs if job["type"] == "TERMINATE"]


def test_aws_parks_a_termination_neither_for_a_day_nor_beyond_its_time_out(
    aws: Sandbox, drill: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttled = {"status": 429, "code": "ThrottlingException", "retry_after": 86400}
    aws.add_fault("error", operation="DescribeRecoveryInstances", **throttled)

    def pause() -> float:
        moment = deferred(Termination(execution_id=drill.execution_id)).trigger.moment
        return float((moment - datetime.now(UTC)).total_seconds())

    assert 240 < pause() <= 300
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__TERMINATION_TIMEOUT", "60")
    assert 0 < pause() <= 60


def test_every_instance_of_a_drill_is_terminated_and_the_record_says_so(aws: Sandbox, drill: Steps) -> None:
    termination = Termination(execution_id=drill.execution_id)

    parked = deferred(termination)
    assert drill.document["instancesTerminated"] is False
    aws.advance(A_TERMINATION)
    assert termination.resume(parked) == drill.execution_id

    assert set(instances(aws).values()) == {"terminated"}
    document = drill.document
    assert document["instancesTerminated"] is True
    (job,) = document["terminateJobs"]
    assert (job["status"], "endTime" in job) == ("COMPLETED", True)
    servers = document["waves"][0]["serverStatuses"]
    assert {(s["phase"], "terminatedTime" in s) for s in servers} == {("TERMINATED", True)}
    assert (document["status"], document["progress"]["ready"]) == ("COMPLETED", 2)
    assert drill.events[-3:] == ["TERMINATION_REQUESTED", "TERMINATION_JOB_STARTED", "INSTANCES_TERMINATED"]
    assert drill.store.get_events(drill.execution_id)[-3]["actor"] == "dba"


def test_a_retry_after_the_end_finds_that_all_is_done(aws: Sandbox, drill: Steps) -> None:
    termination = Termination(execution_id=drill.execution_id)
    deferred(termination)
    aws.advance(A_TERMINATION)
    termination()

    assert termination() == drill.execution_id
    assert terminate_calls(aws) == [200]


@pytest.mark.parametrize("form", ["500", "reset"])
def test_a_lost_answer_leaves_one_job_which_is_found_and_followed(
    aws: Sandbox, drill: Steps, form: str
) -> None:
    aws.add_fault("lost_answer", operation="TerminateRecoveryInstances", times=1, **{"as": form})
    termination = Termination(execution_id=drill.execution_id)

    deferred(termination)
    assert "terminateJobs" not in drill.document
    deferred(termination)
    aws.advance(A_TERMINATION)
    termination()

    (job,) = terminate_jobs(aws)
    assert [entry["jobId"] for entry in drill.document["terminateJobs"]] == [job["jobID"]]
    assert drill.document["instancesTerminated"] is True


def test_an_answer_without_a_job_is_survived(aws: Sandbox, drill: Steps) -> None:
    aws.add_fault("terminate_without_job")
    termination = Termination(execution_id=drill.execution_id)

    deferred(termination)
    aws.advance(A_TERMINATION)
    termination()

    assert len(terminate_jobs(aws)) == 1
    assert drill.document["instancesTerminated"] is True


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        (
            "TerminateRecoveryInstances",
            {"kind": "error", "status": 402, "code": "ServiceQuotaExceededException"},
        ),
        ("TerminateRecoveryInstances", {"kind": "reset"}),
        ("TerminateRecoveryInstances", {"kind": "expired_token"}),
        ("DescribeRecoveryInstances", {"kind": "error", "status": 429, "code": "ThrottlingException"}),
        ("DescribeInstances", {"kind": "error", "status": 500, "code": "InternalError"}),
    ],
    ids=["a full quota", "a reset", "an expired token", "throttling of DRS", "a server error of EC2"],
)
def test_passing_trouble_is_waited_for(
    aws: Sandbox, drill: Steps, operation: str, fault: dict[str, Any]
) -> None:
    # The client repeats reads by itself, up to four times.
    aws.add_fault(**fault, operation=operation, times=5)
    termination = Termination(execution_id=drill.execution_id)

    parked = deferred(termination)
    while "terminateJobs" not in drill.document:
        parked = deferred(lambda parked=parked: termination.resume(parked))
    aws.advance(A_TERMINATION)
    termination.resume(parked)

    assert drill.document["instancesTerminated"] is True


@pytest.mark.parametrize("fault", [{"kind": "lost_answer", "as": "reset"}, {"kind": "reset"}])
def test_room_of_a_request_whose_answer_was_lost_stays_taken(
    aws: Sandbox, steps_of: StepsOf, fault: dict[str, Any]
) -> None:
    aws.control("PUT", "/quotas", {"jobs_in_progress": 1})
    drill = complete(aws, steps_of)
    aws.add_fault(**fault, operation="TerminateRecoveryInstances", times=1)
    deferred(Termination(execution_id=drill.execution_id))
    other = steps_of(plan(web(), id="other"), run_id="manual__2")
    other.open()

    deferred(other.start)

    assert other.document["waves"][0]["queue"]["reason"].startswith("1 of 1 jobs run")
    assert len(aws.calls("drs", "StartRecovery")) == 1


def test_a_lost_answer_of_a_job_that_is_not_listed_at_first_leaves_one_job(
    aws: Sandbox, drill: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.add_fault("lost_answer", operation="TerminateRecoveryInstances", times=1)
    termination = Termination(execution_id=drill.execution_id)
    parked = deferred(termination)
    listed = DrsHook.jobs_since
    with monkeypatch.context() as patch:
        patch.setattr(
            DrsHook,
            "jobs_since",
            lambda *arguments: [job for job in listed(*arguments) if job["type"] != "TERMINATE"],
        )
        parked = deferred(termination.resume, parked)
    assert 409 in terminate_calls(aws)

    parked = deferred(termination.resume, parked)
    aws.advance(A_TERMINATION)
    termination.resume(parked)

    assert len(terminate_jobs(aws)) == 1
    assert drill.document["instancesTerminated"] is True


def test_waiting_has_an_end_that_names_what_is_left(
    aws: Sandbox, drill: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.add_fault("error", operation="TerminateRecoveryInstances", status=500, code="InternalServerException")
    termination = Termination(execution_id=drill.execution_id)
    parked = deferred(termination)

    in_two_hours = SimpleNamespace(time=lambda: time.time() + 2 * 3600)
    monkeypatch.setattr("drs_recovery.operators.terminate_instances.time", in_two_hours)
    with pytest.raises(AirflowFailException, match=r"(?s)still there.*crm-db-01.*InternalServerException"):
        termination.resume(parked)

    assert drill.events[-1] == "TERMINATION_FAILED"
    assert "crm-db-02" in drill.document["terminationError"]
    assert drill.document["instancesTerminated"] is False


@pytest.fixture
def two_regions(aws: Sandbox, steps_of: StepsOf) -> Steps:
    """A drill of one wave in two Regions, COMPLETED."""
    aws.add_servers({"id": FAR, "name": "far-01", "region": WEST})
    groups = {"far": {"servers": [FAR], "region": WEST}, "near": {"servers": [DB_1]}}
    steps = steps_of(plan({"groups": ["far", "near"]}, groups=groups))
    steps.open()
    launch(aws, steps, 1)
    steps.finalize()
    return steps


@pytest.mark.parametrize(
    "denied",
    [
        {"service": "ec2", "operation": "DescribeInstances", "code": "UnauthorizedOperation"},
        {"operation": "DescribeRecoveryInstances", "code": "AccessDeniedException"},
        {"operation": "TerminateRecoveryInstances", "code": "AccessDeniedException"},
    ],
    ids=lambda denied: denied["operation"],
)
def test_a_region_that_refuses_keeps_its_instances_on_record_and_all_others_go(
    aws: Sandbox, two_regions: Steps, denied: dict[str, Any]
) -> None:
    terminate = Termination(execution_id=two_regions.execution_id)
    fault = aws.add_fault("error", status=403, message="not in the west", region=WEST, **denied)

    deferred(terminate)
    aws.advance(A_TERMINATION)
    with pytest.raises(AirflowFailException, match=r"us-west-2 \(connection aws_default\).*not in the west"):
        terminate()

    assert two_regions.server("crm-db-01")["phase"] == "TERMINATED"
    far = two_regions.server("far-01")
    assert (far["phase"], far["instanceState"]) == ("READY", "running")
    assert "not in the west" in two_regions.document["terminationError"]
    assert "us-west-2" in two_regions.document["terminationError"]
    assert two_regions.document["instancesTerminated"] is False
    aws.control("DELETE", f"/faults?id={fault}")
    deferred(Termination("manual__t2", execution_id=two_regions.execution_id))
    aws.advance(A_TERMINATION)
    Termination("manual__t2", execution_id=two_regions.execution_id)()
    assert two_regions.document["instancesTerminated"] is True


def test_rights_that_are_missing_are_told_at_once(aws: Sandbox, drill: Steps) -> None:
    aws.add_fault("error", operation="TerminateRecoveryInstances", status=403, code="AccessDeniedException")
    with pytest.raises(AirflowFailException, match=r"us-east-1 .*AccessDeniedException"):
        Termination(execution_id=drill.execution_id)()


def test_an_instance_in_failback_is_named_and_all_others_go(aws: Sandbox, drill: Steps) -> None:
    aws.add_fault("failback", server=DB_1)
    in_failback = recovery_instances(aws)[DB_1]
    termination = Termination(execution_id=drill.execution_id)

    parked = deferred(termination)
    aws.advance(A_TERMINATION)
    with pytest.raises(AirflowFailException, match=r"crm-db-01.*in failback.*stop the failback"):
        termination.resume(parked)

    states = instances(aws)
    assert states.pop(in_failback) == "running"
    assert set(states.values()) == {"terminated"}
    phases = {s["sourceServerId"]: s["phase"] for s in drill.document["waves"][0]["serverStatuses"]}
    assert phases == {DB_1: "READY", DB_2: "TERMINATED"}
    assert drill.document["instancesTerminated"] is False

    aws.clear_faults()
    again = Termination("manual__t2", execution_id=drill.execution_id)
    parked = deferred(again)
    aws.advance(A_TERMINATION)
    again.resume(parked)
    assert drill.document["instancesTerminated"] is True
    assert "terminationError" not in drill.document


def test_an_instance_that_is_gone_already_does_not_keep_the_others(aws: Sandbox, drill: Steps) -> None:
    aws.client("drs").terminate_recovery_instances(recoveryInstanceIDs=[recovery_instances(aws)[DB_1]])
    aws.advance(A_TERMINATION)
    termination = Termination(execution_id=drill.execution_id)

    parked = deferred(termination)
    aws.advance(A_TERMINATION)
    termination.resume(parked)

    assert terminate_calls(aws) == [200, 200]
    assert drill.document["instancesTerminated"] is True


def test_an_instance_that_goes_between_the_look_and_the_call_does_not_keep_the_others(
    aws: Sandbox, drill: Steps
) -> None:
    aws.add_fault(
        "error",
        operation="TerminateRecoveryInstances",
        status=404,
        code="ResourceNotFoundException",
        times=1,
    )
    termination = Termination(execution_id=drill.execution_id)

    parked = deferred(termination)
    aws.advance(A_TERMINATION)
    termination.resume(parked)

    assert terminate_calls(aws) == [404, 200, 200]
    assert drill.document["instancesTerminated"] is True


def test_instances_that_ended_in_ec2_leave_drs_as_well(aws: Sandbox, drill: Steps) -> None:
    aws.client("ec2").terminate_instances(InstanceIds=list(instances(aws)))
    termination = Termination(execution_id=drill.execution_id)

    parked = deferred(termination)
    aws.advance(A_TERMINATION)
    termination.resume(parked)

    assert recovery_instances(aws) == {}
    assert drill.document["instancesTerminated"] is True


def test_a_job_that_somebody_else_started_is_waited_for(aws: Sandbox, drill: Steps) -> None:
    aws.client("drs").terminate_recovery_instances(recoveryInstanceIDs=list(instances(aws)))
    termination = Termination(execution_id=drill.execution_id)

    parked = deferred(termination)
    aws.advance(A_TERMINATION)
    termination.resume(parked)

    assert len(terminate_jobs(aws)) == 1
    assert drill.document["instancesTerminated"] is True


def test_a_server_in_another_job_is_waited_for_while_the_others_go(aws: Sandbox, drill: Steps) -> None:
    aws.client("drs").start_recovery(sourceServers=[{"sourceServerID": DB_1}], isDrill=True)
    termination = Termination(execution_id=drill.execution_id)

    parked = deferred(termination)
    assert terminate_calls(aws) == [200]
    # The other drill removes the earlier instance of its server, and its own one is none of ours.
    aws.advance(A_DRILL)
    termination.resume(parked)

    assert drill.document["instancesTerminated"] is True
    assert recovery_instances(aws).keys() == {DB_1}


def test_instances_of_earlier_attempts_are_terminated_as_well(aws: Sandbox, drill: Steps) -> None:
    drs, table = aws.client("drs"), drill.store.table
    job = drs.start_recovery(sourceServers=[{"sourceServerID": DB_1}], isDrill=True)["job"]["jobID"]
    aws.advance(A_DRILL)
    earlier = {"jobId": job, "recoveryInstanceId": recovery_instances(aws)[DB_1]}
    table.client.update_item(
        TableName=table.table_name,
        Key={"executionId": {"S": drill.execution_id}, "recordKey": {"S": f"SERVER#01#{DB_1}"}},
        UpdateExpression="SET previousInstances = :earlier",
        ExpressionAttributeValues={":earlier": to_dynamodb([earlier])},
    )
    termination = Termination(execution_id=drill.execution_id)

    parked = deferred(termination)
    aws.advance(A_TERMINATION)
    termination.resume(parked)

    assert recovery_instances(aws) == {}
    assert drill.document["instancesTerminated"] is True


def test_two_terminations_at_the_same_time_do_no_harm(aws: Sandbox, drill: Steps) -> None:
    one = Termination("manual__t1", execution_id=drill.execution_id)
    two = Termination("manual__t2", execution_id=drill.execution_id)
    parked_one, parked_two = deferred(one), deferred(two)
    aws.advance(A_TERMINATION)

    assert one.resume(parked_one) == two.resume(parked_two) == drill.execution_id
    assert len(terminate_jobs(aws)) == 1
    assert drill.events.count("INSTANCES_TERMINATED") == 1


def test_only_the_chosen_waves_lose_their_instances(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(), application()))
    steps.open()
    launch(aws, steps, 1, 2)
    steps.finalize()
    termination = Termination(execution_id=steps.execution_id, waves=["Application"])

    parked = deferred(termination)
    aws.advance(A_TERMINATION)
    termination.resume(parked)

    assert recovery_instances(aws).keys() == {DB_1, DB_2}
    assert steps.document["instancesTerminated"] is False
    rest = Termination("manual__t2", execution_id=steps.execution_id, waves=[1])
    parked = deferred(rest)
    aws.advance(A_TERMINATION)
    rest.resume(parked)
    assert steps.document["instancesTerminated"] is True


def test_instances_that_are_not_on_record_are_left_alone(aws: Sandbox, drill: Steps) -> None:
    drs = aws.client("drs")
    drs.start_recovery(sourceServers=[{"sourceServerID": APP_1}], isDrill=True)
    aws.advance(A_DRILL)
    termination = Termination(execution_id=drill.execution_id)

    parked = deferred(termination)
    aws.advance(A_TERMINATION)
    termination.resume(parked)

    assert recovery_instances(aws).keys() == {APP_1}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"jobID": "drsjob-11111111111111111"}, "it is of drsjob-11111111111111111"),
        ({"isDrill": False}, "does not call it a drill instance"),
        ({"isDrill": None}, "does not call it a drill instance"),
        ({"sourceServerID": APP_1}, f"an instance of {APP_1}"),
    ],
)
def test_what_drs_does_not_call_a_drill_instance_of_the_job_is_left_alone(
    aws: Sandbox, drill: Steps, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], reason: str
) -> None:
    from drs_recovery.hooks.drs import DrsHook

    read = DrsHook.recovery_instances

    def told(hook: DrsHook, server_ids: Any = None) -> list[dict[str, Any]]:
        rows = [{**row, **fields} for row in read(hook, server_ids)]
        return [{name: value for name, value in row.items() if value is not None} for row in rows]

    monkeypatch.setattr(DrsHook, "recovery_instances", told)
    with pytest.raises(AirflowFailException, match=f"left alone: .*{reason}"):
        Termination(execution_id=drill.execution_id)()

    assert terminate_calls(aws) == []
    assert drill.document["instancesTerminated"] is False


def test_an_instance_that_drs_does_not_list_and_ec2_has_is_not_called_gone(
    aws: Sandbox, drill: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drs_recovery.hooks.drs.DrsHook.recovery_instances", lambda hook, ids=None: [])

    deferred(Termination(execution_id=drill.execution_id))

    assert drill.document["instancesTerminated"] is False
    assert not any("terminatedTime" in s for s in drill.document["waves"][0]["serverStatuses"])


def recover(aws: Sandbox, steps_of: StepsOf) -> Steps:
    """A real recovery with two instances."""
    steps = steps_of(plan(database(), approval={"recovery": False}))
    steps.open(execution_type="RECOVERY")
    steps.start()
    aws.advance(3 * A_DRILL)
    steps.wait()
    steps.enrich()
    steps.finalize()
    return steps


@pytest.fixture
def recovered(aws: Sandbox, steps_of: StepsOf) -> Steps:
    return recover(aws, steps_of)


def test_a_real_recovery_is_terminated_only_with_its_plan_id_typed(aws: Sandbox, recovered: Steps) -> None:
    execution = {"execution_id": recovered.execution_id}
    for conf in ({}, {"confirmation": "crm"}, {"include_recovery": True}):
        with pytest.raises(AirflowFailException, match="plan"):
            Termination(**execution, **conf)()
    with pytest.raises(AirflowFailException, match="'crm-2' is not the plan id"):
        Termination(**execution, include_recovery=True, confirmation="crm-2")()
    assert set(instances(aws).values()) == {"running"}
    assert "TERMINATION_REQUESTED" not in recovered.events

    termination = Termination(**execution, include_recovery=True, confirmation="crm")
    parked = deferred(termination)
    aws.advance(A_TERMINATION)
    termination.resume(parked)
    assert set(instances(aws).values()) == {"terminated"}


def test_instances_of_a_real_recovery_go_behind_the_drills_that_wait(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.control("PUT", "/quotas", {"jobs_in_progress": 1})
    recovered = recover(aws, steps_of)
    aws.client("drs").start_recovery(sourceServers=[{"sourceServerID": APP_1}], isDrill=True)
    drill = steps_of(plan(web(), id="other"), run_id="manual__2")
    drill.open()
    deferred(drill.start)
    aws.advance(A_DRILL)
    termination = Termination(execution_id=recovered.execution_id, include_recovery=True, confirmation="crm")

    parked = deferred(termination)
    assert terminate_calls(aws) == []
    assert len(drill.start()) == 1
    aws.advance(A_DRILL)
    parked = deferred(termination.resume, parked)
    aws.advance(A_TERMINATION)
    termination.resume(parked)
    assert recovered.document["instancesTerminated"] is True


@pytest.mark.parametrize(
    ("conf", "told"),
    [
        ({"execution_id": "e-unknown"}, "there is no execution e-unknown"),
        ({"waves": [2]}, "unknown waves 2, expected some of 1 .Database."),
        ({"wave": [1]}, "unknown option 'wave'"),
        ({"include_recovery": True}, "None is not the plan id"),
    ],
)
def test_a_request_that_is_wrong_touches_nothing(
    aws: Sandbox, drill: Steps, conf: dict[str, Any], told: str
) -> None:
    before = drill.document
    with pytest.raises(AirflowFailException, match=f"(?s)nothing is terminated:.*{told}"):
        Termination(**{"execution_id": drill.execution_id, **conf})()
    assert (drill.document, terminate_calls(aws)) == (before, [])


def test_a_live_execution_and_one_without_instances_are_refused(aws: Sandbox, steps_of: StepsOf) -> None:
    live = steps_of(plan(database()))
    live.open()
    with pytest.raises(AirflowFailException, match="the execution is PENDING: wait for its end"):
        Termination(execution_id=live.execution_id)()
    with pytest.raises(AirflowFailException):
        live.finalize(open_execution="failed")
    with pytest.raises(AirflowFailException, match="it has no instance on record"):
        Termination(execution_id=live.execution_id)()


def test_a_second_request_after_the_end_is_told_that_nothing_is_left(aws: Sandbox, drill: Steps) -> None:
    termination = Termination(execution_id=drill.execution_id)
    deferred(termination)
    aws.advance(A_TERMINATION)
    termination()

    with pytest.raises(AirflowFailException, match="terminated already"):
        Termination("manual__t2", execution_id=drill.execution_id)()


def test_instances_of_a_cancelled_drill_that_came_up_late_are_terminated(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database(), application()))
    steps.open()
    steps.start()
    aws.advance(A_DRILL)
    with pytest.raises(AirflowFailException, match="CANCELLED"):
        steps.finalize(**{"wave_02_application.start_recovery": "skipped"})
    termination = Termination(execution_id=steps.execution_id)

    parked = deferred(termination)
    aws.advance(A_TERMINATION)
    termination.resume(parked)

    assert set(instances(aws).values()) == {"terminated"}
    assert (steps.document["status"], steps.document["instancesTerminated"]) == ("CANCELLED", True)
