"""Steps before and after a wave, on record: what may begin, what holds, what is repeated."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, StepDecision, StepStatus
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.records import NewWave
from drs_recovery.store.refs import StepRef
from drs_recovery.store.step_types import NewStep, StepQuestion, StepSeen
from tests.record_types import misfits
from tests.unit.store.conftest import Clock, Recovery

BEFORE, AFTER_1, AFTER_2 = (
    StepRef("e1", 1, "before", 1),
    StepRef("e1", 1, "after", 1),
    StepRef("e1", 1, "after", 2),
)
OK = StepSeen("HTTP 200", tries=1)
FENCE = StepQuestion("Fence the old database", ("ann",), 2_000_000_000, "wave_01.before_1")
WHAT_NOW = StepQuestion("What now?", (), 2_000_000_000, "wave_01.after_2", is_failure=True)


def opened(recovery: Recovery, on_failure: str = "stop", wait_before: float | None = None) -> Recovery:
    steps = (
        NewStep("before", 1, "Fence", "manual", "stop"),
        NewStep("after", 1, "Port", "tcp_probe", "stop"),
        NewStep("after", 2, "CRM answers", "http_probe", on_failure),
    )
    wave = NewWave(1, "Database", steps=steps, wait_before=wait_before)
    recovery.store.create_execution(recovery.new(waves=(wave,)))
    recovery.store.add_servers(WaveRef("e1", 1), recovery.servers(1, 2))
    return recovery


def done(store: ExecutionStore, ref: StepRef, status: StepStatus = StepStatus.SUCCEEDED, **more: Any) -> Any:
    attempt = store.steps.begin(ref, again=True)["attempts"][-1]["number"]
    error = None if status is StepStatus.SUCCEEDED else "HTTP 503, 14 tries in 10 min"
    return store.steps.end(ref, attempt, status, StepSeen("HTTP 200", tries=1, **more), error)


def launched(recovery: Recovery) -> Recovery:
    recovery.store.waves.begin(WaveRef("e1", 1))
    done(recovery.store, BEFORE)
    recovery.start().launch()
    recovery.store.waves.enter_after_steps(WaveRef("e1", 1))
    return recovery


def step(store: ExecutionStore, place: int) -> Any:
    return store.get_document("e1")["waves"][0]["steps"][place]


def test_the_document_has_the_steps_in_the_order_in_which_they_run(recovery: Recovery) -> None:
    opened(recovery)

    steps = recovery.store.get_document("e1")["waves"][0]["steps"]

    assert [(one["side"], one["name"], one["status"]) for one in steps] == [
        ("before", "Fence", "NOT_STARTED"),
        ("after", "Port", "NOT_STARTED"),
        ("after", "CRM answers", "NOT_STARTED"),
    ]


def test_a_wave_launches_nothing_before_its_steps_hold(recovery: Recovery) -> None:
    opened(recovery).store.waves.begin(WaveRef("e1", 1))

    with pytest.raises(TransitionRefusedError, match='before 1 "Fence" is NOT_STARTED'):
        recovery.store.waves.request(WaveRef("e1", 1))

    done(recovery.store, BEFORE)
    wave, is_new = recovery.store.waves.request(WaveRef("e1", 1))
    assert (wave["stage"], is_new) == ("LAUNCHING", True)
    assert wave["launchTime"] > wave["startTime"]


def test_a_wave_that_waits_launches_nothing_before_its_time(recovery: Recovery, clock: Clock) -> None:
    opened(recovery, wait_before=300).store.waves.begin(WaveRef("e1", 1))
    done(recovery.store, BEFORE)

    with pytest.raises(TransitionRefusedError, match="still waiting"):
        recovery.store.waves.request(WaveRef("e1", 1))

    clock.advance(300)
    assert recovery.store.waves.request(WaveRef("e1", 1))[0]["stage"] == "LAUNCHING"


def test_a_wave_is_completed_only_if_every_step_holds(recovery: Recovery) -> None:
    launched(opened(recovery))
    done(recovery.store, AFTER_1)

    with pytest.raises(TransitionRefusedError, match='after 2 "CRM answers" is NOT_STARTED'):
        recovery.store.waves.complete(WaveRef("e1", 1))
    done(recovery.store, AFTER_2, StepStatus.FAILED)
    with pytest.raises(TransitionRefusedError, match="is FAILED"):
        recovery.store.waves.complete(WaveRef("e1", 1))

    done(recovery.store, AFTER_2)
    assert recovery.store.waves.complete(WaveRef("e1", 1))["status"] == "COMPLETED"


def test_a_step_whose_failure_is_a_warning_completes_the_wave(recovery: Recovery) -> None:
    launched(opened(recovery, on_failure="continue"))
    done(recovery.store, AFTER_1)
    done(recovery.store, AFTER_2, StepStatus.TIMED_OUT)

    recovery.store.waves.complete(WaveRef("e1", 1))
    assert recovery.store.ending.finalize("e1", ExecutionStatus.COMPLETED)


def test_what_a_person_went_on_without_is_no_full_success(recovery: Recovery) -> None:
    launched(opened(recovery, on_failure="ask"))
    done(recovery.store, AFTER_1)
    done(recovery.store, AFTER_2, StepStatus.FAILED)
    recovery.store.steps.ask(AFTER_2, WHAT_NOW)
    recovery.store.steps.decide(AFTER_2, StepDecision.GO_ON, "ann", "known problem")

    recovery.store.waves.complete(WaveRef("e1", 1))
    with pytest.raises(TransitionRefusedError):
        recovery.store.ending.finalize("e1", ExecutionStatus.COMPLETED)
    assert recovery.store.ending.finalize("e1", ExecutionStatus.PARTIAL_SUCCESS)


def test_a_step_waits_for_the_one_before_it(recovery: Recovery) -> None:
    launched(opened(recovery))

    with pytest.raises(TransitionRefusedError, match='after 1 "Port" is NOT_STARTED'):
        recovery.store.steps.begin(AFTER_2)


def test_a_step_begins_only_where_its_wave_is(recovery: Recovery) -> None:
    opened(recovery)

    for ref in (BEFORE, AFTER_1):
        with pytest.raises(TransitionRefusedError, match="NOT_STARTED"):
            recovery.store.steps.begin(ref)


def test_an_attempt_that_runs_is_taken_up_and_its_end_stands(recovery: Recovery) -> None:
    store = launched(opened(recovery)).store
    store.steps.begin(AFTER_1)
    store.steps.observe(AFTER_1, 1, StepSeen("started", external_ids={"commandId": "c-1"}))

    assert len(store.steps.begin(AFTER_1)["attempts"]) == 1
    store.steps.end(AFTER_1, 1, StepStatus.FAILED, StepSeen("no route", tries=3), "no route, 3 tries")
    late = store.steps.end(AFTER_1, 1, StepStatus.SUCCEEDED, OK)

    assert (late["status"], late["error"], late["tries"]) == ("FAILED", "no route, 3 tries", 3)
    assert late["attempts"][0]["externalIds"] == {"commandId": "c-1"}
    assert store.steps.observe(AFTER_1, 1, StepSeen("late"))["detail"] == "no route"


def test_a_step_that_succeeded_runs_again_only_when_its_task_was_cleared(recovery: Recovery) -> None:
    store = launched(opened(recovery)).store
    store.steps.begin(AFTER_1, asked_by=6)
    store.steps.end(AFTER_1, 1, StepStatus.SUCCEEDED, OK)

    with pytest.raises(TransitionRefusedError):
        store.steps.begin(AFTER_1, asked_by=6)
    again = store.steps.begin(AFTER_1, asked_by=13)

    assert (again["status"], len(again["attempts"])) == ("RUNNING", 2)
    assert store.get_events("e1")[-1]["detail"]["cleared"] is True


def test_an_execution_that_waits_for_a_manual_step_alone_is_paused(recovery: Recovery) -> None:
    store = opened(recovery).store
    store.waves.begin(WaveRef("e1", 1))
    store.steps.begin(BEFORE)
    store.steps.ask(BEFORE, FENCE)

    execution = store.get_execution("e1")
    assert (execution["status"], execution["waitingSteps"]) == ("PAUSED", ["STEP#01#before#01"])
    assert execution["paused"] == {
        "wave": 1,
        "side": "before",
        "step": 1,
        "since": execution["paused"]["since"],
        "message": "Fence the old database",
        "approvers": ["ann"],
        "deadline": 2_000_000_000,
    }

    answered = store.steps.decide(BEFORE, StepDecision.DONE, "ann", "fenced", 1_900_000_000)
    assert (answered["status"], answered["detail"]) == ("SUCCEEDED", "done by ann: fenced")
    assert store.get_execution("e1")["status"] == "POLLING"
    assert store.steps.decide(BEFORE, StepDecision.COULD_NOT, "bob")["gate"]["actor"] == "ann"


def test_what_was_said_of_an_earlier_attempt_does_not_count(recovery: Recovery) -> None:
    store = launched(opened(recovery, on_failure="ask")).store
    done(store, AFTER_1)
    done(store, AFTER_2, StepStatus.FAILED)
    store.steps.ask(AFTER_2, WHAT_NOW)
    store.steps.decide(AFTER_2, StepDecision.RETRY, "ann")
    done(store, AFTER_2, StepStatus.FAILED)

    with pytest.raises(TransitionRefusedError):
        store.waves.complete(WaveRef("e1", 1))
    asked = store.steps.ask(AFTER_2, WHAT_NOW)
    assert (asked["gate"]["decision"], asked["gate"]["attempt"]) == ("WAITING", 2)


def test_an_answer_stays_until_the_next_question_to_which_it_is_none(recovery: Recovery) -> None:
    """Airflow keeps it as well, and would give it to the new question."""
    store = launched(opened(recovery, on_failure="ask")).store
    done(store, AFTER_1)
    done(store, AFTER_2, StepStatus.FAILED)
    store.steps.ask(AFTER_2, WHAT_NOW)
    store.steps.decide(AFTER_2, StepDecision.RETRY, "ann", decided_time=1_800_000_500)

    again = store.steps.begin(AFTER_2, again=True)
    assert (again["gate"]["decision"], again["gate"]["actor"]) == ("RETRY", "ann")
    store.steps.end(AFTER_2, 2, StepStatus.FAILED, OK, "HTTP 503")
    asked = store.steps.ask(AFTER_2, WHAT_NOW)["gate"]
    assert (asked["askedAfter"], asked["taskId"], "actor" in asked) == (
        1_800_000_500,
        "wave_01.after_2",
        False,
    )
    store.steps.decide(AFTER_2, StepDecision.STOP, "bob", decided_time=1_800_000_600)
    store.waves.fail(WaveRef("e1", 1), "CRM does not answer")
    store.retries.begin(WaveRef("e1", 1), "ann", asked_by=1)
    assert step(store, 2)["gate"]["actor"] == "bob"


def test_a_wave_that_is_tried_again_repeats_the_failed_step_and_those_behind_it(recovery: Recovery) -> None:
    store = launched(opened(recovery)).store
    done(store, AFTER_1)
    done(store, AFTER_2, StepStatus.FAILED)
    store.waves.fail(WaveRef("e1", 1), "CRM does not answer")

    store.retries.begin(WaveRef("e1", 1), "ann", asked_by=1)

    assert [one["status"] for one in store.get_document("e1")["waves"][0]["steps"]] == [
        "SUCCEEDED",
        "SUCCEEDED",
        "NOT_STARTED",
    ]
    assert store.get_wave(WaveRef("e1", 1))["stage"] == "LAUNCHING"
    assert len(step(store, 2)["attempts"]) == 1


def test_new_instances_are_proven_from_the_first_step_on(recovery: Recovery) -> None:
    store = launched(opened(recovery)).store
    done(store, AFTER_1)
    store.waves.fail(WaveRef("e1", 1), "an instance went away")
    recovery.force("SERVER#01#s-1000", phase="FAILED")
    store.retries.begin(WaveRef("e1", 1), "ann", asked_by=1)

    store.retries.restart_failed(WaveRef("e1", 1))

    steps = store.get_document("e1")["waves"][0]["steps"]
    assert [one["status"] for one in steps] == ["SUCCEEDED", "NOT_STARTED", "NOT_STARTED"]
    assert "STEPS_RESET" in recovery.events()


def test_a_wave_that_failed_at_its_first_step_begins_there_again(recovery: Recovery) -> None:
    store = opened(recovery).store
    store.waves.begin(WaveRef("e1", 1))
    done(store, BEFORE, StepStatus.FAILED)
    store.waves.fail(WaveRef("e1", 1), "not fenced")

    wave, is_new = store.retries.begin(WaveRef("e1", 1), "ann", asked_by=1)

    assert (wave["stage"], "restartPending" in wave, is_new) == ("BEFORE_STEPS", False, True)
    done(store, BEFORE)
    assert store.waves.request(WaveRef("e1", 1))[0]["stage"] == "LAUNCHING"


def test_outputs_and_lists_of_servers_are_limited(recovery: Recovery) -> None:
    store = launched(opened(recovery)).store
    failures = [(f"s-{number}", f"host-{number}", "no answer" * 100) for number in range(50)]
    ended = done(store, AFTER_1, StepStatus.FAILED, output="x" * 9000, servers=60, failures=failures)

    assert len(ended["output"]) <= 4000
    assert (ended["servers"]["total"], ended["servers"]["succeeded"]) == (60, 10)
    assert len(ended["servers"]["failures"]) == 20


def test_steps_have_no_field_that_their_types_do_not_name(recovery: Recovery, clock: Clock) -> None:
    store = opened(recovery, on_failure="ask", wait_before=60).store
    assert misfits(store.get_document("e1"), []) == []
    store.waves.begin(WaveRef("e1", 1))
    store.steps.begin(BEFORE, asked_by=6)
    store.steps.ask(BEFORE, FENCE)
    assert misfits(store.get_document("e1"), []) == []
    store.steps.refuse_answer(BEFORE, "bob", "a comment is needed", 1_800_000_100)
    store.steps.decide(BEFORE, StepDecision.DONE, "ann", "fenced")
    clock.advance(60)
    recovery.start().launch()
    store.waves.enter_after_steps(WaveRef("e1", 1))
    store.steps.begin(AFTER_1)
    seen = StepSeen("no route", "out", {"commandId": "c-1"}, 2, 3, [("s-1", "db", "no route")], "throttled")
    store.steps.observe(AFTER_1, 1, seen)
    assert misfits(store.get_document("e1"), store.get_events("e1")) == []
    done(store, AFTER_1)
    done(store, AFTER_2, StepStatus.FAILED)
    store.steps.ask(AFTER_2, WHAT_NOW)

    assert misfits(store.get_document("e1"), store.get_events("e1")) == []


def test_the_recovery_time_ends_with_the_last_proof(recovery: Recovery, clock: Clock) -> None:
    store = launched(opened(recovery)).store
    clock.advance(60)
    done(store, AFTER_1)
    clock.advance(60)
    done(store, AFTER_2)
    store.waves.complete(WaveRef("e1", 1))
    clock.advance(600)
    store.ending.finalize("e1", ExecutionStatus.COMPLETED)

    measured = store.get_execution("e1")["measured"]
    assert 120 < measured["rto"] < 121
    assert measured["rtoLaunched"] < 1
    assert measured["rto"] <= measured["rtoDeclared"] < 122


def test_the_oldest_heartbeat_in_the_data_is_a_recovery_point_of_its_own(recovery: Recovery) -> None:
    beats = [NewStep("after", place, "Newest order", "heartbeat_probe", "continue") for place in (1, 2, 3)]
    store = recovery.store
    store.create_execution(recovery.new(waves=(NewWave(1, "Database", steps=tuple(beats)),)))
    store.add_servers(WaveRef("e1", 1), recovery.servers(1, 2))
    recovery.start().launch()
    store.waves.enter_after_steps(WaveRef("e1", 1))
    began = store.get_execution("e1")["startTime"]

    def ago(*seconds: int) -> str:
        return "\n".join(datetime.fromtimestamp(int(began) - one, UTC).isoformat() for one in seconds)

    done(store, AFTER_1, output=ago(60, 240))
    done(store, AFTER_2, output=ago(30))
    done(store, AFTER_2._replace(number=3), StepStatus.FAILED, output="yesterday")
    store.waves.complete(WaveRef("e1", 1))
    store.ending.finalize("e1", ExecutionStatus.PARTIAL_SUCCESS)

    assert store.get_execution("e1")["measured"]["rpoData"] == pytest.approx(240, abs=1)
