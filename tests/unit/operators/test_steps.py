"""Steps of a wave as their tasks run them: attempts, questions, failures, clears; the record decides."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput, TaskDeferred

from drs_recovery.triggers.step import StepTrigger
from sandbox.testing import Sandbox
from tests.plan_documents import application, database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

CHECKED = 600.0
"""Seconds after which EC2 has checked an instance."""

ANN = {"id": "ann", "name": "ann"}


@pytest.fixture(autouse=True)
def airflow_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Airflow does of its own with a question and its answer is not looked at here."""

    def park(self: Any, context: Any) -> None:
        raise TaskAwaitingInput(method_name="execute_complete", timeout=timedelta(hours=1))

    def answered(self: Any, context: Any, event: Any) -> Any:
        assert event["chosen_options"][0] in self.options
        return event

    monkeypatch.setattr(HITLOperator, "execute", park)
    monkeypatch.setattr(HITLOperator, "execute_complete", answered)


def http(aws: Sandbox, **more: Any) -> dict[str, Any]:
    url = f"http://{{{{ server.private_ip }}}}:{aws.application_port()}/health"
    return {
        "http_probe": {"url": url, "body": '"db": "ok"'},
        "name": "DB answers",
        "interval": "PT1S",
        **more,
    }


def asks(steps: Steps, side: str, place: int) -> dict[str, Any]:
    with pytest.raises(TaskAwaitingInput):
        steps.step(side, place)
    return dict(one(steps, side, place)["gate"])


def answer(steps: Steps, side: str, place: int, option: str, comment: str = "") -> Any:
    event = {
        "chosen_options": [option],
        "responded_by_user": ANN,
        "responded_at": datetime.now(UTC),
        "params_input": {"comment": comment},
    }
    return steps.step_operator(side, place).execute_complete(steps.context(1), event)


def one(steps: Steps, side: str, place: int) -> Any:
    found = steps.document["waves"][0]["steps"]
    return next(s for s in found if (s["side"], s["stepNumber"]) == (side, place))


def wave(steps: Steps) -> Any:
    return steps.document["waves"][0]


def run_trigger(trigger: StepTrigger) -> Any:
    async def first() -> Any:
        path, arguments = trigger.serialize()
        assert path.endswith("StepTrigger")
        async for event in StepTrigger(**arguments).run():
            return event.payload
        return None

    return asyncio.run(first())


def test_a_wave_with_steps_ends_completed_with_all_of_its_proofs(aws: Sandbox, steps_of: StepsOf) -> None:
    before = [{"manual": {"message": "Fence {{ plan.name }}", "approvers": ["ann"]}, "name": "Fence"}]
    after = [{"tcp_probe": {"port": aws.application_port()}}, http(aws), {"instance_status_probe": {}}]
    steps = steps_of(plan(database(before=before, after=after)))
    steps.open()

    gate = asks(steps, "before", 1)
    assert (gate["message"], gate["approvers"]) == ("Fence crm", ["ann"])
    assert steps.document["status"] == "PAUSED"
    answer(steps, "before", 1, "Done", "fenced")
    steps.launch(aws)
    assert (wave(steps)["status"], wave(steps)["stage"]) == ("POLLING", "AFTER_STEPS")
    aws.advance(CHECKED)
    for place in (1, 2, 3):
        steps.step("after", place)
    steps.complete()
    steps.finalize()

    assert steps.document["status"] == "COMPLETED"
    assert [s["status"] for s in wave(steps)["steps"]] == ["SUCCEEDED"] * 4
    assert one(steps, "before", 1)["detail"] == "done by ann: fenced"
    assert "HTTP 200" in one(steps, "after", 2)["detail"]
    assert one(steps, "after", 2)["servers"] == {"total": 2, "succeeded": 2, "failures": []}


def test_a_launch_does_not_use_up_the_time_of_its_steps(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(before=[{"manual": {"message": "Fence"}}], wait_before="PT1S")))
    steps.open()
    assert isinstance(deferred(steps.step, "before", 1), TaskDeferred)
    assert wave(steps)["stage"] == "BEFORE_STEPS"
    time.sleep(1.1)
    asks(steps, "before", 1)
    answer(steps, "before", 1, "Done")

    steps.start()

    assert wave(steps)["launchTime"] >= wave(steps)["startTime"] + 1


def test_a_wave_alone_waits_before_it_begins(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(wait_before="PT1S")))
    steps.open()
    deferred(steps.start)
    assert aws.calls("drs", "StartRecovery") == []
    time.sleep(1.1)

    assert len(steps.start()) == 1


def test_a_step_marked_as_success_by_hand_starts_and_proves_nothing(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(before=[{"wait": {"for": "PT1H"}}], after=[http(aws)])))
    steps.open()
    deferred(steps.step, "before", 1)

    with pytest.raises(AirflowFailException, match='before 1 "wait" is RUNNING'):
        steps.start()
    assert aws.calls("drs", "StartRecovery") == []


def test_a_wave_is_not_completed_by_the_colour_of_its_tasks(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(after=[http(aws)])))
    steps.open()
    steps.launch(aws)

    with pytest.raises(AirflowFailException, match="proves nothing"):
        steps.complete()
    assert wave(steps)["status"] == "FAILED"


def test_a_probe_waits_in_the_triggerer_and_says_what_it_saw(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("application_unready", requests=1000)
    steps = steps_of(plan(database(after=[http(aws, timeout="PT3S")])))
    steps.open()
    steps.launch(aws)
    waiting = deferred(steps.step, "after", 1)
    assert one(steps, "after", 1)["status"] == "RUNNING"

    assert run_trigger(waiting.trigger) == {"status": "over"}
    with pytest.raises(AirflowFailException, match="HTTP 503"):
        steps.step("after", 1)

    failed = one(steps, "after", 1)
    assert failed["status"] == "TIMED_OUT"
    assert "crm-db-01: HTTP 503 from 127.64." in failed["error"]
    assert re.search(r", \d+ tries in \d+ s$", failed["error"])
    assert wave(steps)["status"] == "FAILED"
    assert "HTTP 503" in wave(steps)["statusReason"]


def test_a_probe_that_comes_up_late_is_proven_in_the_triggerer(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("application_unready", requests=2)
    steps = steps_of(plan(database(after=[http(aws, timeout="PT30S")])))
    steps.open()
    steps.launch(aws)
    waiting = deferred(steps.step, "after", 1)

    run_trigger(waiting.trigger)

    assert one(steps, "after", 1)["status"] == "SUCCEEDED"
    assert one(steps, "after", 1)["tries"] >= 2
    steps.step("after", 1)
    steps.complete()
    assert wave(steps)["status"] == "COMPLETED"


def test_steps_that_ask_ec2_for_the_same_ask_once(aws: Sandbox, steps_of: StepsOf) -> None:
    step = {"instance_status_probe": {}, "interval": "PT1S", "timeout": "PT10S"}
    steps = steps_of(plan(database(depends_on=[], after=[step]), application(depends_on=[], after=[step])))
    steps.open()
    for number in (1, 2):
        steps.launch(aws, number)
        steps.store.steps.begin(_ref(steps, number))
    aws.advance(CHECKED)
    aws.control("DELETE", "/calls")

    async def both() -> None:
        from drs_recovery.waiting import StepWait

        waits = [StepWait(_ref(steps, number), time.time() + 10).end() for number in (1, 2)]
        assert await asyncio.gather(*waits) == ["over", "over"]

    asyncio.run(both())

    assert len(aws.calls("ec2", "DescribeInstanceStatus")) <= 2
    assert {w["steps"][0]["status"] for w in steps.document["waves"]} == {"SUCCEEDED"}


def _ref(steps: Steps, number: int) -> Any:
    from drs_recovery.store import StepRef

    return StepRef(steps.execution_id, number, "after", 1)


def test_a_function_is_told_of_the_servers_that_are_ready(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_function("sync", durable=True, timeout=3_600)
    steps = steps_of(plan(database(after=[{"lambda": {"function": "sync"}, "servers": "all"}])))
    steps.open()
    steps.launch(aws)

    deferred(steps.step, "after", 1)

    (run,) = aws.invocations()
    known = {one["sourceServerId"]: one for one in wave(steps)["serverStatuses"]}
    assert len(known) == len(run["payload"]["servers"]) == 2
    for told in run["payload"]["servers"]:
        server = known[told["sourceServerId"]]
        assert (told["name"], told["instanceId"]) == (server["serverName"], server["instanceId"])
        assert (told["privateIp"], told["region"]) == (server["privateIp"], "us-east-1")


def test_a_failure_that_is_a_warning_lets_the_wave_complete(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("application_down")
    steps = steps_of(plan(database(after=[http(aws, timeout="PT1S", on_failure="continue")])))
    steps.open()
    steps.launch(aws)
    run_trigger(deferred(steps.step, "after", 1).trigger)
    steps.step("after", 1)
    steps.complete()

    assert (wave(steps)["status"], one(steps, "after", 1)["status"]) == ("COMPLETED", "TIMED_OUT")
    assert "connection refused" in one(steps, "after", 1)["error"]


def test_people_who_are_asked_try_again_go_on_with_a_reason_or_stop(aws: Sandbox, steps_of: StepsOf) -> None:
    fault = aws.add_fault("application_down")
    steps = steps_of(plan(database(after=[http(aws, timeout="PT1S", on_failure="ask")])))
    steps.open()
    steps.launch(aws)
    run_trigger(deferred(steps.step, "after", 1).trigger)

    gate = asks(steps, "after", 1)
    assert "connection refused" in gate["message"]
    assert steps.document["status"] == "PAUSED"
    with pytest.raises(TaskDeferred) as again:
        answer(steps, "after", 1, "Try again")
    assert len(one(steps, "after", 1)["attempts"]) == 2
    run_trigger(again.value.trigger)
    asks(steps, "after", 1)
    with pytest.raises(TaskAwaitingInput):
        answer(steps, "after", 1, "Go on without it")
    answer(steps, "after", 1, "Go on without it", "known problem")
    steps.complete()
    steps.finalize()

    assert fault
    assert steps.document["status"] == "PARTIAL_SUCCESS"
    assert one(steps, "after", 1)["gate"]["comment"] == "known problem"


def test_a_manual_step_that_could_not_be_done_fails_the_wave(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(before=[{"manual": {"message": "Fence"}}])))
    steps.open()
    asks(steps, "before", 1)

    with pytest.raises(AirflowFailException, match="could not be done, says ann: no access"):
        answer(steps, "before", 1, "Could not be done", "no access")

    assert wave(steps)["status"] == "FAILED"
    assert aws.calls("drs", "StartRecovery") == []


def test_clearing_the_failed_proof_tries_the_wave_again_from_there(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("application_down")
    after = [{"instance_status_probe": {}}, http(aws, timeout="PT1S")]
    steps = steps_of(plan(database(before=[{"manual": {"message": "Fence"}}], after=after)))
    steps.open()
    asks(steps, "before", 1)
    answer(steps, "before", 1, "Done")
    steps.launch(aws)
    aws.advance(CHECKED)
    steps.step("after", 1)
    run_trigger(deferred(steps.step, "after", 2).trigger)
    with pytest.raises(AirflowFailException):
        steps.step("after", 2)
    with pytest.raises(AirflowFailException):
        steps.finalize()
    assert steps.document["status"] == "FAILED"
    aws.clear_faults()

    steps.clear()
    steps.step("after", 2)
    steps.complete()
    steps.finalize()

    assert steps.document["status"] == "COMPLETED"
    assert [len(s["attempts"]) for s in wave(steps)["steps"]] == [1, 1, 2]
    assert len(aws.calls("drs", "StartRecovery")) == 1


def test_clearing_a_proof_that_holds_runs_it_again_and_says_so(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(after=[http(aws), {"manual": {"message": "Look"}}])))
    steps.open()
    steps.launch(aws)
    steps.step("after", 1)
    asks(steps, "after", 2)
    steps.clear()
    steps.step("after", 1)

    assert len(one(steps, "after", 1)["attempts"]) == 2
    detail = [e for e in steps.store.get_events(steps.execution_id) if e["event"] == "STEP_STARTED"][-1][
        "detail"
    ]
    assert detail["cleared"] is True


def test_a_cancel_ends_waiting_steps_truthfully(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(after=[{"wait": {"for": "PT1H"}, "name": "Settle"}])))
    steps.open()
    steps.launch(aws)
    deferred(steps.step, "after", 1)
    steps.store.ending.request_cancel(steps.execution_id, "ann", "wrong plan")
    with pytest.raises(AirflowFailException, match="wrong plan"):
        steps.finalize()

    ended = one(steps, "after", 1)
    assert (ended["status"], wave(steps)["status"]) == ("CANCELLED", "CANCELLED")
    assert "wrong plan" in ended["error"]


def test_a_step_of_the_other_type_says_what_it_would_do(aws: Sandbox, steps_of: StepsOf) -> None:
    step = {"manual": {"message": "Switch DNS"}, "only": "recovery"}
    steps = steps_of(plan(database(after=[step]), application(only="recovery", depends_on=[])))
    steps.open()
    steps.launch(aws)
    assert steps.step("after", 1) == "would be done in a RECOVERY: not in a DRILL"
    steps.complete()
    steps.finalize()

    first, second = steps.document["waves"]
    assert (first["steps"][0]["status"], second["status"], second["skipCause"]) == (
        "SKIPPED",
        "SKIPPED",
        "OTHER_TYPE",
    )
    assert steps.document["status"] == "COMPLETED"


def test_a_callout_is_tried_again_as_often_as_the_plan_says(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from drs_recovery.statuses import StepStatus
    from drs_recovery.steps import wait
    from drs_recovery.steps.kind import Look

    monkeypatch.setattr(wait.Wait, "look", lambda self, run: Look(StepStatus.FAILED, f"no {run.token[:2]}"))
    step = {"wait": {"for": "PT1S"}, "retries": 2, "retry_delay": "PT1S"}
    steps = steps_of(plan(database(before=[step])))
    steps.open()
    for _ in range(2):
        deferred(steps.step, "before", 1)
        time.sleep(1.05)
    with pytest.raises(AirflowFailException, match="FAILED: no"):
        steps.step("before", 1)

    assert len(one(steps, "before", 1)["attempts"]) == 3
