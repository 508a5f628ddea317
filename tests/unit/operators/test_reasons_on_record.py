"""What is waited for, and why something ended, stands in the record: at once, and at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput
from botocore.exceptions import ClientError

from drs_recovery.operators.failure_decision import FailureDecisionOperator
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, WEST, application, database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]
Later = Callable[[str, float], None]

FAR = "s-8888888888888888a"
DENIED = {"service": "ec2", "operation": "DescribeInstances", "status": 403, "code": "UnauthorizedOperation"}
WORDS = "UnauthorizedOperation: You are not authorized to perform this operation"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Moves the clock of one module of the engine."""

    def move(module: str, seconds: float) -> None:
        moved = SimpleNamespace(time=lambda: time.time() + seconds)
        monkeypatch.setattr(f"drs_recovery.{module}.time", moved)

    return move


@pytest.fixture
def launched(aws: Sandbox, steps_of: StepsOf) -> Callable[..., Steps]:
    def launch(*waves: dict[str, Any]) -> Steps:
        steps = steps_of(plan(*(waves or [database()])))
        steps.open()
        steps.start()
        aws.advance(600)
        steps.wait()
        return steps

    return launch


def wave_of(steps: Steps, number: int = 1) -> dict[str, Any]:
    return steps.document["waves"][number - 1]


# While an execution is opened.


def test_an_opening_that_aws_does_not_answer_waits_and_says_why_and_since_when(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database(), groups={"database": {"servers": [DB_1], "region": "us-esat-1"}}))
    aws.add_fault("reset", service="drs", operation="DescribeSourceServers", region="us-esat-1")
    before = time.time()

    parked = deferred(steps.open)

    assert isinstance(parked.trigger, TimeDeltaTrigger)
    assert parked.method_name == "execute_complete"
    waiting = steps.document["waitingFor"]
    assert steps.document["status"] == "PENDING"
    assert "us-esat-1" in waiting["message"]
    assert "ConnectionClosedError" in waiting["message"]
    assert before <= waiting["since"] <= time.time()

    deferred(steps.open)
    assert steps.document["waitingFor"]["since"] == waiting["since"]


@pytest.mark.parametrize(
    ("conf", "patience"), [({}, 15 * 60), ({"execution_type": "RECOVERY"}, 2 * 3600)], ids=["drill", "real"]
)
def test_an_opening_gives_up_in_time_with_what_aws_said_and_since_when(
    aws: Sandbox, steps_of: StepsOf, later: Later, conf: dict[str, str], patience: float
) -> None:
    steps = steps_of(plan(database()))
    aws.add_fault(
        "error",
        operation="DescribeSourceServers",
        status=429,
        code="ThrottlingException",
        message="Rate exceeded",
    )
    deferred(lambda: steps.open(**conf))
    since = steps.document["waitingFor"]["since"]
    later("operators.open_execution", patience - 30)
    deferred(lambda: steps.open(**conf))

    later("operators.open_execution", patience + 1)
    with pytest.raises(AirflowFailException, match="ThrottlingException: Rate exceeded"):
        steps.open(**conf)
    with pytest.raises(AirflowFailException, match="FAILED"):
        steps.finalize(open_execution="failed")

    assert "ThrottlingException: Rate exceeded" in steps.document["error"]
    assert f"for {patience / 60:.0f} minutes, since {stamp(since)}" in steps.document["error"]
    assert "us-east-1" in steps.document["error"]
    assert "waitingFor" not in steps.document


def test_an_opening_goes_on_when_aws_answers_again(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    fault = aws.add_fault("error", operation="DescribeJobs", status=503, code="ServiceUnavailable")
    deferred(steps.open)
    assert "ServiceUnavailable" in steps.document["waitingFor"]["message"]

    aws.control("DELETE", f"/faults?id={fault}")
    steps.open()

    assert "admittedTime" in steps.document
    assert "waitingFor" not in steps.document


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        ("DescribeSourceServers", "source servers"),
        ("DescribeRecoveryInstances", "recovery instances"),
        ("DescribeJobs", "checks"),
    ],
)
def test_an_opening_says_which_place_it_waits_for_and_keeps_what_the_others_told(
    aws: Sandbox, steps_of: StepsOf, later: Later, operation: str, what: str
) -> None:
    aws.add_servers({"id": FAR, "name": "far-01", "region": WEST})
    aws.add_fault("replication", server=DB_1, state="STALLED")
    # The place that does not answer is asked first.
    groups = {"near": {"servers": [DB_1]}, "far": {"servers": [FAR], "region": WEST}}
    east = {"region": "us-east-1"} if operation != "DescribeSourceServers" else {"region": WEST}
    steps = steps_of(plan({"groups": ["far", "near"]}, groups=groups))
    aws.add_fault("error", operation=operation, status=429, code="ThrottlingException", **east)

    deferred(steps.open)
    deferred(steps.open)

    message = steps.document["waitingFor"]["message"]
    assert f"{what} in {east['region']} (connection aws_default): ThrottlingException" in message
    assert {s["serverName"] for s in wave_of(steps)["serverStatuses"]} >= {"crm-db-01"}
    found = [one["sourceServerId"] for one in steps.document["findings"]]
    assert found == [DB_1]
    later("operators.open_execution", 16 * 60)
    with pytest.raises(AirflowFailException, match="ThrottlingException") as refused:
        steps.open()
    assert "crm-db-01" in str(refused.value)


def test_an_opening_goes_on_when_the_place_it_waited_for_answers(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_servers({"id": FAR, "name": "far-01", "region": WEST})
    groups = {"near": {"servers": [DB_1]}, "far": {"servers": [FAR], "region": WEST}}
    steps = steps_of(plan({"groups": ["far", "near"]}, groups=groups))
    aws.add_fault("error", operation="DescribeSourceServers", status=503, code="Busy", region=WEST)
    deferred(steps.open)
    assert [s["serverName"] for s in wave_of(steps)["serverStatuses"]] == ["crm-db-01"]
    # Nothing bad was found yet, but not everybody was asked.
    assert "findings" not in steps.document
    assert len(aws.calls("drs", "StartRecovery")) == 0

    aws.clear_faults()
    steps.open()

    assert steps.document["progress"]["totalServers"] == 2
    assert steps.document["findings"] == []
    assert "waitingFor" not in steps.document


def test_an_opening_that_waits_ends_when_somebody_cancels(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    aws.add_fault("error", operation="DescribeSourceServers", status=500, code="InternalServerException")
    deferred(steps.open)
    steps.store.ending.request_cancel(steps.execution_id, "alice", "not now")

    with pytest.raises(AirflowFailException, match="cancelled by alice: not now"):
        steps.open()


def test_a_run_that_died_while_it_was_opened_says_what_it_waited_for(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    aws.add_fault("error", operation="DescribeSourceServers", status=500, code="InternalServerException")
    deferred(steps.open)
    since = steps.document["waitingFor"]["since"]

    with pytest.raises(AirflowFailException, match="InternalServerException"):
        steps.finalize(open_execution="failed")

    assert steps.document["status"] == "FAILED"
    assert f"(since {stamp(since)})" in steps.document["error"]


# While a wave is PENDING.


@pytest.mark.parametrize("code", ["ThrottlingException", "ConflictException"])
def test_a_start_that_drs_refuses_for_now_says_why_and_since_when(
    aws: Sandbox, steps_of: StepsOf, later: Later, code: str
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    status = 409 if code == "ConflictException" else 429
    aws.add_fault("error", operation="StartRecovery", status=status, code=code, message="not now")
    deferred(steps.start)

    waiting = wave_of(steps)["waitingFor"]
    assert f"{code}: not now" in waiting["message"]
    deferred(steps.start)
    assert wave_of(steps)["waitingFor"]["since"] == waiting["since"]

    later("waves.start", 3 * 3600)
    with pytest.raises(AirflowFailException, match="not started within its timeout"):
        steps.start()

    assert f"{code}: not now" in wave_of(steps)["statusReason"]
    assert f"(since {stamp(waiting['since'])})" in wave_of(steps)["statusReason"]
    assert "waitingFor" not in wave_of(steps)


def test_what_a_wave_waited_for_goes_when_it_starts(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    aws.add_fault("error", operation="StartRecovery", status=429, code="ThrottlingException", times=1)
    deferred(steps.start)
    assert "waitingFor" in wave_of(steps)

    steps.start()

    assert "waitingFor" not in wave_of(steps)


def test_a_wave_that_waits_its_turn_waits_for_nothing_else(one_job: Sandbox, steps_of: StepsOf) -> None:
    first, second = steps_of(plan(database())), steps_of(plan(application(), id="other"))
    first.open()
    first.start()
    second.open()
    one_job.add_fault("error", operation="DescribeJobs", status=429, code="ThrottlingException", times=4)
    deferred(second.start)
    assert "ThrottlingException" in wave_of(second)["waitingFor"]["message"]

    deferred(second.start)

    assert "waitingFor" not in wave_of(second)
    assert wave_of(second)["queue"]["position"] == 1


def test_a_step_that_fails_and_is_tried_again_says_why(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    # The wave is requested; what follows is refused.
    aws.add_fault(
        "error", operation="TransactWriteItems", after=1, times=1, status=400, code="AccessDeniedException"
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        steps.start()

    assert "task start_recovery failed and is tried again" in wave_of(steps)["waitingFor"]["message"]
    assert "AccessDeniedException" in wave_of(steps)["waitingFor"]["message"]


# While details are read.


def test_a_refusal_to_read_details_is_on_record_and_ends_the_wave_by_its_policy(
    aws: Sandbox, launched: Callable[..., Steps], later: Later
) -> None:
    steps = launched(database(on_failure="continue"), application())
    aws.add_fault("error", **DENIED, message=WORDS.partition(": ")[2])
    deferred(steps.enrich)
    trouble = wave_of(steps)["lastPollError"]
    assert WORDS in trouble["message"]
    later("waves.enrichment", 590)
    deferred(steps.enrich)
    assert wave_of(steps)["lastPollError"]["since"] == trouble["since"]

    later("waves.enrichment", 630)
    with pytest.raises(AirflowFailException, match="UnauthorizedOperation"):
        steps.enrich()

    assert wave_of(steps)["status"] == "FAILED"
    assert WORDS in wave_of(steps)["statusReason"]
    assert f"(since {stamp(trouble['since'])})" in wave_of(steps)["statusReason"]
    assert {s["phase"] for s in wave_of(steps)["serverStatuses"]} == {"FAILED"}
    # What was launched is on record all the same.
    assert all(s["recoveryInstanceId"] for s in wave_of(steps)["serverStatuses"])
    assert steps.start(2)


def test_people_are_asked_with_the_reason_when_details_are_refused_for_too_long(
    aws: Sandbox, launched: Callable[..., Steps], later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = launched(database(on_failure="ask"), application())
    aws.add_fault("error", **DENIED, message=WORDS.partition(": ")[2])
    deferred(steps.enrich)
    asked: list[dict[str, Any]] = []
    hitl = "airflow.providers.standard.operators.hitl.upsert_hitl_detail"
    monkeypatch.setattr(hitl, lambda **question: asked.append(question))
    context = {**steps.context(1), "task_instance": SimpleNamespace(id="0198", try_number=1)}
    decide = FailureDecisionOperator(task_id="decide", wave_number=1)

    # Within their patience neither the wave nor people hear of it, also when its own steps died.
    deferred(decide.execute, context)
    assert (wave_of(steps)["status"], asked) == ("POLLING", [])
    later("waves.enrichment", 630)
    with pytest.raises(AirflowFailException, match="UnauthorizedOperation"):
        steps.enrich()
    with pytest.raises(TaskAwaitingInput):
        decide.execute(context)

    assert wave_of(steps)["failureGate"]["decision"] == "WAITING"
    assert WORDS in asked[0]["body"]
    assert WORDS in wave_of(steps)["failureGate"]["message"]
    assert steps.document["status"] == "PAUSED"


def test_a_trouble_of_ec2_that_may_pass_is_survived_until_the_waves_time_out(
    aws: Sandbox, launched: Callable[..., Steps], later: Later
) -> None:
    steps = launched()
    throttled = {**DENIED, "status": 503, "code": "RequestLimitExceeded"}
    aws.add_fault("error", **throttled)
    later("waves.enrichment", 3000)
    deferred(steps.enrich)

    later("waves.enrichment", 3 * 3600)
    with pytest.raises(AirflowFailException, match="RequestLimitExceeded"):
        steps.enrich()

    assert wave_of(steps)["status"] == "FAILED"


# At the end.


def test_no_server_of_an_ended_execution_is_in_a_phase_that_means_wait(
    aws: Sandbox, steps_of: StepsOf, later: Later
) -> None:
    steps = steps_of(plan(database()))
    aws.add_fault("stuck_job")
    steps.open()
    steps.start()
    aws.advance(100)
    deferred(steps.wait)
    assert {s["phase"] for s in wave_of(steps)["serverStatuses"]} <= {"SNAPSHOT", "CONVERSION", "LAUNCH"}

    later("closing.close", 5 * 3600)
    with pytest.raises(AirflowFailException, match="FAILED"):
        steps.finalize(**{"wave_01_database.wait_for_launch": "failed"})

    servers = wave_of(steps)["serverStatuses"]
    assert {s["phase"] for s in servers} == {"FAILED"}
    assert all("when the execution ended" in s["error"] for s in servers)
    assert steps.document["progress"]["failed"] == len(servers)


def test_launched_servers_whose_details_are_refused_to_the_end_are_failed_with_the_reason(
    aws: Sandbox, launched: Callable[..., Steps], later: Later
) -> None:
    steps = launched()
    aws.add_fault("error", **DENIED, message=WORDS.partition(": ")[2])
    steps.store.ending.request_cancel(steps.execution_id, "alice", "enough")
    deferred(steps.finalize)

    # Long before the time-out of the wave.
    later("waves.enrichment", 1300)
    with pytest.raises(AirflowFailException, match="CANCELLED"):
        steps.finalize()

    servers = wave_of(steps)["serverStatuses"]
    assert {s["phase"] for s in servers} == {"FAILED"}
    assert all(WORDS in s["error"] for s in servers)


def test_a_wave_whose_servers_are_all_ready_is_completed_by_the_closing_step(
    aws: Sandbox, launched: Callable[..., Steps]
) -> None:
    steps = launched()

    assert steps.finalize(**{"wave_01_database.enrich_instances": "failed"}) == "COMPLETED"

    assert wave_of(steps)["status"] == "COMPLETED"
    assert steps.document["completedWaves"] == 1


def test_a_wave_whose_record_missed_the_start_of_its_last_job_is_judged_all_the_same(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    # WAVE_POLLING is the transaction behind the request, the room, the servers and the job.
    aws.add_fault(
        "error", operation="TransactWriteItems", after=4, times=1, status=400, code="AccessDeniedException"
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        steps.start()
    assert (wave_of(steps)["status"], len(wave_of(steps)["jobs"])) == ("PENDING", 1)
    aws.advance(600)

    assert steps.finalize(**{"wave_01_database.start_recovery": "failed"}) == "COMPLETED"


def test_the_closing_step_judges_by_the_rule_of_the_plan(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    aws.add_fault("launch_failed", server=DB_1)
    steps.open()
    steps.start()
    aws.advance(600)

    with pytest.raises(AirflowFailException, match="FAILED"):
        steps.finalize(**{"wave_01_database.wait_for_launch": "failed"})

    assert "InsufficientInstanceCapacity" in wave_of(steps)["statusReason"]
    assert "verdict" not in wave_of(steps)["statusReason"]


def test_a_wave_without_a_verdict_says_what_it_waited_for(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    aws.add_fault("error", operation="StartRecovery", status=429, code="ThrottlingException")
    deferred(steps.start)

    _finalize_at_last(steps, **{"wave_01_database.start_recovery": "failed"})

    reason = wave_of(steps)["statusReason"]
    assert "without a verdict" in reason
    assert "ThrottlingException" in reason


def _finalize_at_last(steps: Steps, **task_states: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drs_recovery.closing.close.LATE_START_SECONDS", 0)
        with pytest.raises(AirflowFailException):
            steps.finalize(**task_states)


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
