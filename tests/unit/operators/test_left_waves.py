"""A wave whose tasks all died without a verdict is judged by the record, and the plan says what follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from drs_recovery.triggers.recovery_job import RecoveryJobTrigger
from sandbox.testing import Sandbox
from tests.plan_documents import application, database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

THROTTLED = {
    "operation": "StartRecovery",
    "status": 429,
    "code": "ThrottlingException",
    "message": "slow down",
}


@pytest.fixture
def opened(steps_of: StepsOf) -> Callable[..., Steps]:
    """Opens a drill of two waves; what the failure of the first one means is for the test to say."""

    def open_one(on_failure: str, *, killed: bool = True) -> Steps:
        steps = steps_of(plan(database(on_failure=on_failure), application()))
        steps.open()
        if killed:
            kill(steps)
        return steps

    return open_one


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose task was killed has ended."""
    monkeypatch.setattr("drs_recovery.closing.left_waves.LATE_START_SECONDS", 0)


def kill(steps: Steps, state: str = "failed") -> None:
    # A drill has no question there; its task passes.
    steps.task_states["wave_01_database.approve"] = "success"
    for name in ("start_recovery", "wait_for_launch", "enrich_instances"):
        steps.task_states[f"wave_01_database.{name}"] = state


def wave_of(steps: Steps, number: int = 1) -> dict[str, Any]:
    return dict(steps.document["waves"][number - 1])


@pytest.mark.usefixtures("at_once")
def test_what_may_start_in_spite_of_a_failure_starts_behind_a_wave_whose_start_was_killed(
    aws: Sandbox, opened: Callable[..., Steps]
) -> None:
    steps = opened("continue")
    aws.add_fault("error", **THROTTLED, times=5)
    deferred(steps.start)
    aws.clear_faults()

    assert len(steps.start(2)) == 1

    assert (wave_of(steps)["status"], wave_of(steps, 2)["status"]) == ("FAILED", "POLLING")
    reason = wave_of(steps)["statusReason"]
    assert "its steps ended before all of its jobs were started" in reason
    assert "ThrottlingException" in reason


@pytest.mark.usefixtures("at_once")
def test_what_must_stop_at_a_failure_is_passed_over_behind_it(
    aws: Sandbox, opened: Callable[..., Steps]
) -> None:
    steps = opened("stop")
    aws.add_fault("error", **THROTTLED, times=5)
    deferred(steps.start)
    aws.clear_faults()

    with pytest.raises(AirflowSkipException, match="which failed"):
        steps.start(2)

    assert [wave["status"] for wave in steps.document["waves"]] == ["FAILED", "SKIPPED"]


@pytest.mark.parametrize("on_failure", ["continue", "stop"])
def test_a_job_that_runs_is_followed_to_its_end_and_judged_by_it(
    aws: Sandbox, opened: Callable[..., Steps], on_failure: str
) -> None:
    steps = opened(on_failure)
    steps.start()

    parked = deferred(steps.start, 2)
    assert isinstance(parked.trigger, RecoveryJobTrigger)
    assert list(parked.trigger.wave_numbers) == [1]
    assert wave_of(steps, 2)["status"] == "NOT_STARTED"
    aws.advance(600)
    steps.start(2)

    assert [wave["status"] for wave in steps.document["waves"]] == ["COMPLETED", "POLLING"]
    assert {server["phase"] for server in wave_of(steps)["serverStatuses"]} == {"READY"}


@pytest.mark.usefixtures("at_once")
def test_a_job_whose_answer_was_lost_is_found_and_no_second_one_is_started(
    aws: Sandbox, opened: Callable[..., Steps]
) -> None:
    steps = opened("continue")
    aws.add_fault("lost_answer", operation="StartRecovery", times=1)
    deferred(steps.start)
    aws.advance(600)

    steps.start(2)

    assert [wave["status"] for wave in steps.document["waves"]] == ["COMPLETED", "POLLING"]
    assert len(aws.client("drs").describe_jobs(filters={})["items"]) == 2


def test_a_job_may_still_turn_up_for_a_moment(aws: Sandbox, opened: Callable[..., Steps]) -> None:
    steps = opened("continue")
    aws.add_fault("error", **THROTTLED, times=5)
    deferred(steps.start)
    aws.clear_faults()

    deferred(steps.start, 2)

    assert (wave_of(steps)["status"], wave_of(steps, 2)["status"]) == ("PENDING", "NOT_STARTED")


def test_a_wave_whose_start_was_killed_before_it_was_asked_for_failed(opened: Callable[..., Steps]) -> None:
    steps = opened("continue")

    steps.start(2)

    assert (wave_of(steps)["status"], wave_of(steps, 2)["status"]) == ("FAILED", "POLLING")
    assert "before all of its jobs were started" in wave_of(steps)["statusReason"]


@pytest.mark.parametrize(("state", "on_failure"), [("removed", "continue"), ("failed", "stop")])
def test_behind_a_wave_that_never_began_nothing_starts_without_the_plans_word(
    aws: Sandbox, opened: Callable[..., Steps], state: str, on_failure: str
) -> None:
    steps = opened(on_failure, killed=False)
    kill(steps, state)

    with pytest.raises(AirflowFailException, match="which is NOT_STARTED"):
        steps.start(2)

    assert wave_of(steps)["status"] == "NOT_STARTED"


def test_a_wave_behind_a_question_that_nobody_answered_is_no_failure(steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(on_failure="continue", pause_before=True), application()))
    steps.open()
    kill(steps)
    steps.task_states["wave_01_database.approve"] = "failed"

    with pytest.raises(AirflowFailException, match="which is NOT_STARTED"):
        steps.start(2)


def test_nothing_is_judged_once_somebody_cancelled(aws: Sandbox, opened: Callable[..., Steps]) -> None:
    steps = opened("continue")
    steps.start()
    aws.advance(600)
    steps.store.ending.request_cancel(steps.execution_id, "alice", "enough")

    with pytest.raises(AirflowFailException, match="cancelled by alice"):
        steps.start(2)

    assert wave_of(steps)["status"] == "POLLING"
