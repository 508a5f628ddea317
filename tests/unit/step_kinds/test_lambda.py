"""Lambda: durable functions run once for an attempt, others at least once; no look waits for long."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drs_recovery.steps.lambda_function import KIND
from sandbox.testing import Sandbox
from tests.unit.step_kinds.conftest import EAST, FAILED, RUNNING, SUCCEEDED, Trial, Try

DURABLE: dict[str, Any] = {"function": "sync", "payload": {"action": "activate"}}
PLAIN: dict[str, Any] = {"function": "notify", "payload": {"text": 'say "hi"; rm -rf / {{'}}


@pytest.fixture(autouse=True)
def functions(recovered: Sandbox) -> None:
    recovered.add_function("sync", durable=True, timeout=3_600)
    recovered.add_function("notify", timeout=60)


def to_its_end(trial: Trial, within: float = 10.0) -> Any:
    until = time.monotonic() + within
    look = trial.look()
    while look.status is RUNNING and time.monotonic() < until:
        look = trial.look()
    return look


def test_a_durable_function_is_followed_to_its_result(recovered: Sandbox, attempt: Try) -> None:
    recovered.add_fault("function_ends", error="none", payload={"licences": 2}, seconds=600)
    trial = attempt(KIND, DURABLE)

    assert trial.start().status is RUNNING
    assert trial.look().detail.endswith("RUNNING")
    recovered.advance(600)
    done = trial.look()

    assert (done.status, done.output) == (SUCCEEDED, '{"licences": 2}')
    (run,) = recovered.invocations()
    assert run["durableExecutionName"] == trial.run.token
    assert run["payload"]["payload"] == {"action": "activate"}
    assert {"executionId", "planId", "executionType", "wave", "attempt", "servers"} <= set(run["payload"])


@pytest.mark.parametrize("answer", ["500", "reset"])
def test_a_lost_answer_does_not_start_a_durable_function_twice(
    recovered: Sandbox, attempt: Try, answer: str
) -> None:
    recovered.add_fault("lost_answer", operation="Invoke", times=1, **{"as": answer})
    attempt(KIND, DURABLE).start()
    assert len(recovered.invocations()) == 1


def test_a_killed_worker_does_not_start_a_durable_function_twice_and_a_new_attempt_does(
    recovered: Sandbox, attempt: Try
) -> None:
    first = attempt(KIND, DURABLE)
    first.start()
    again = first.changed(external_ids={})
    again.start()
    assert again.run.external_ids == first.run.external_ids
    first.changed(external_ids={}, token="0b0d1a3e-6f0f-4a55-9d5c-1f3b8f2e9a01").start()
    assert len(recovered.invocations()) == 2


@pytest.mark.parametrize(
    ("fault", "words"), [("function_ends", "FAILED: no licence"), ("function_hangs", "TIMED_OUT: Task")]
)
def test_a_durable_function_fails_with_its_reason(
    recovered: Sandbox, attempt: Try, fault: str, words: str
) -> None:
    more = {"message": "no licence"} if fault == "function_ends" else {}
    recovered.add_fault(fault, function="sync", **more)
    trial = attempt(KIND, DURABLE)
    trial.start()
    recovered.advance(3_600)
    look = trial.look()
    assert look.status is FAILED
    assert words in look.detail


def test_a_durable_function_is_stopped(attempt: Try) -> None:
    trial = attempt(KIND, DURABLE)
    trial.start()
    assert trial.stop() == "its durable execution was stopped"
    look = trial.look()
    assert (look.status, "STOPPED" in look.detail) == (FAILED, True)


def test_another_function_answers_with_its_result(recovered: Sandbox, attempt: Try) -> None:
    recovered.set_speed(100)
    recovered.add_fault("function_ends", error="none", payload="told")
    trial = attempt(KIND, PLAIN)

    assert "at least once" in trial.start().detail
    assert recovered.invocations() == []
    done = to_its_end(trial)

    assert (done.status, done.output) == (SUCCEEDED, '"told"')
    (run,) = recovered.invocations()
    assert run["payload"]["payload"] == PLAIN["payload"]
    assert trial.run.external_ids == {"invocations": "1"}


def test_an_error_of_the_function_is_a_failure(recovered: Sandbox, attempt: Try) -> None:
    recovered.set_speed(100)
    recovered.add_fault("function_ends", function="notify", message="topic is gone")
    trial = attempt(KIND, PLAIN)
    trial.start()
    look = to_its_end(trial)
    assert look.status is FAILED
    assert look.detail == "the function failed (Unhandled): topic is gone"
    assert len(recovered.invocations()) == 1


def test_no_look_waits_for_a_long_function(
    recovered: Sandbox, attempt: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drs_recovery.steps.lambda_function._LOOK_SECONDS", 0.05)
    recovered.set_speed(1)
    trial = attempt(KIND, PLAIN)
    trial.start()

    began = time.monotonic()
    assert trial.look().detail == "the function runs"
    assert time.monotonic() - began < 0.9
    assert to_its_end(trial).status is SUCCEEDED
    assert len(recovered.invocations()) == 1


def test_a_lost_answer_is_told_and_the_function_invoked_again(recovered: Sandbox, attempt: Try) -> None:
    recovered.set_speed(100)
    recovered.add_fault("lost_answer", operation="Invoke", times=1, **{"as": "reset"})
    trial = attempt(KIND, PLAIN)
    trial.start()

    lost = trial.look()
    assert lost.status is RUNNING
    assert lost.detail == "the answer of the function was lost; it will be invoked again"
    assert lost.pause == 60
    done = trial.look()

    assert (done.status, done.detail) == (SUCCEEDED, "the function answered, invoked 2 times")
    assert len(recovered.invocations()) == 2


def test_another_triggerer_invokes_again_and_says_so(
    recovered: Sandbox, attempt: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drs_recovery.steps.lambda_function._LOOK_SECONDS", 0.01)
    recovered.set_speed(1)
    trial = attempt(KIND, PLAIN)
    trial.start()
    trial.look()
    trial.kind.stop(trial.run)  # forgets the call, as the end of the process does

    assert trial.look().detail == "the function runs, invoked 2 times"
    assert to_its_end(trial).status is SUCCEEDED


def test_throttling_is_survived(recovered: Sandbox, attempt: Try) -> None:
    recovered.set_speed(100)
    code = "TooManyRequestsException"
    recovered.add_fault("error", operation="Invoke", status=429, code=code, times=1)
    trial = attempt(KIND, PLAIN)
    trial.start()
    with pytest.raises(ClientError, match=code):
        trial.look()
    assert to_its_end(trial).status is SUCCEEDED
    assert len(recovered.invocations()) == 1


def test_a_function_that_cannot_be_stopped_is_told(attempt: Try) -> None:
    trial = attempt(KIND, PLAIN)
    assert trial.stop() is None
    trial.start()
    assert "runs on" in str(trial.stop())


def test_an_unknown_function_is_a_definite_answer(attempt: Try) -> None:
    look = attempt(KIND, {"function": "unknown"}).start()
    assert (look.status, look.detail) == (FAILED, f"there is no function unknown in {EAST.region}")


def test_a_qualifier_is_given_once() -> None:
    twice = {"function": "arn:aws:lambda:us-east-1:123456789012:function:sync:1", "qualifier": "1"}
    assert [problem for _, problem in KIND.problems(twice)] == [
        "is given twice: the function's name has one, too"
    ]
