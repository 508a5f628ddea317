"""A failed wave gets a new attempt: only what failed, only when somebody asked; nothing is forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, ServerPhase
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.records import JobRef
from drs_recovery.store.server_types import progress_of
from tests.unit.store.conftest import Clock, Recovery

GOOD, BAD = "s-1000", "s-1001"


@pytest.fixture
def failed(running: Recovery) -> Recovery:
    """The first wave FAILED: one server is READY, the other failed although its instance is there."""
    running.launch(ids=(GOOD,))
    running.poll(
        1,
        ServerPhase.FAILED,
        "FAILED",
        ids=(BAD,),
        job_status="COMPLETED",
        error="LAUNCH_FAILED",
        instanceId="i-bad",
        recoveryInstanceId="i-bad",
    )
    running.store.waves.fail(WaveRef("e1", 1), "a server failed")
    return running


@pytest.fixture
def ended(failed: Recovery) -> Recovery:
    """The same after its execution ended: the second wave was never started."""
    failed.store.waves.cancel(WaveRef("e1", 2), "not started")
    failed.store.ending.finalize("e1", ExecutionStatus.FAILED, "wave 1 failed")
    return failed


def server(store: ExecutionStore, server_id: str) -> dict[str, Any]:
    return next(s for s in store.get_servers(WaveRef("e1", 1)) if s["sourceServerId"] == server_id)


def retry(store: ExecutionStore, asked_by: int = 7) -> dict[str, Any]:
    store.retries.begin(WaveRef("e1", 1), "ann", asked_by)
    return store.retries.restart_failed(WaveRef("e1", 1))


def assert_sums_hold(store: ExecutionStore) -> None:
    document = store.get_document("e1")
    waves = [[ServerPhase(s["phase"]) for s in wave["serverStatuses"]] for wave in document["waves"]]
    assert [wave["progress"] for wave in document["waves"]] == [progress_of(phases) for phases in waves]
    assert document["progress"] == progress_of(phase for phases in waves for phase in phases)


def test_failed_servers_start_over_and_launched_ones_stay(store, failed):
    kept = server(store, GOOD)

    wave = retry(store)

    assert (wave["status"], wave["attempt"]) == ("PENDING", 2)
    assert server(store, GOOD) == kept
    again = server(store, BAD)
    assert (again["phase"], again["launchStatus"], again["attempt"]) == ("PENDING", "PENDING", 2)
    assert not {"jobId", "instanceId", "recoveryInstanceId", "error"} & again.keys()
    assert_sums_hold(store)


def test_what_a_failed_server_had_is_not_forgotten(store, failed):
    history = server(store, BAD)["transitionHistory"]

    retry(store)

    again = server(store, BAD)
    assert again["previousInstances"] == [
        {"jobId": "drsjob-1-1", "recoveryInstanceId": "i-bad", "instanceId": "i-bad"}
    ]
    assert again["transitionHistory"][: len(history)] == history
    assert [job["jobId"] for job in store.get_wave(WaveRef("e1", 1))["jobs"]] == ["drsjob-1-1"]


def test_a_retry_is_an_event_with_its_actor_and_its_servers(store, failed):
    retry(store)

    requested, retried = store.get_events("e1")[-2:]
    assert (requested["event"], requested["actor"]) == ("WAVE_RETRY_REQUESTED", "ann")
    assert (retried["event"], retried["detail"]) == (
        "WAVE_RETRIED",
        {"wave": 1, "attempt": 2, "servers": [BAD]},
    )


def test_one_request_gives_one_attempt(store, failed):
    assert store.retries.begin(WaveRef("e1", 1), "ann", 7)[1]
    store.retries.restart_failed(WaveRef("e1", 1))
    store.waves.fail(WaveRef("e1", 1), "failed again")

    assert not store.retries.begin(WaveRef("e1", 1), "ann", 7)[1]
    assert store.get_wave(WaveRef("e1", 1))["status"] == "FAILED"
    assert store.retries.begin(WaveRef("e1", 1), "ann", 8)[1]
    assert store.get_wave(WaveRef("e1", 1))["attempt"] == 3


def test_a_request_that_found_the_wave_running_is_used_up(store, running):
    store.waves.request(WaveRef("e1", 1), asked_by=7)
    store.waves.fail(WaveRef("e1", 1), "failed")

    assert not store.retries.begin(WaveRef("e1", 1), "ann", 7)[1]


def test_an_ended_execution_is_reopened_without_its_end(store, ended):
    wave = retry(store)

    execution = store.get_execution("e1")
    assert (execution["status"], execution["activeWaves"]) == ("POLLING", [1])
    assert not {"endTime", "duration", "measured", "error"} & execution.keys()
    assert not {"endTime", "duration", "statusReason"} & wave.keys()
    reopened = next(event for event in store.get_events("e1") if event["event"] == "EXECUTION_REOPENED")
    assert (reopened["actor"], reopened["detail"]) == ("ann", {"wave": 1, "attempt": 2})


def test_what_is_reopened_was_not_cancelled(store, failed):
    store.ending.finalize("e1", ExecutionStatus.FAILED, cancelled=True)
    assert store.get_execution("e1")["cancelled"] is True

    retry(store)

    assert "cancelled" not in store.get_execution("e1")


def test_waves_that_were_passed_over_because_of_it_can_run_again(store, ended):
    retry(store)

    wave = store.get_wave(WaveRef("e1", 2))
    assert wave["status"] == "NOT_STARTED"
    assert not {"endTime", "statusReason"} & wave.keys()
    reopened = next(event for event in store.get_events("e1") if event["event"] == "WAVES_REOPENED")
    assert reopened["detail"] == {"waves": [2], "because": 1}


def test_a_wave_left_out_by_choice_stays_left_out(store, failed):
    failed.force("WAVE#02", status="SKIPPED", skipCause="NOT_CHOSEN")

    retry(store)

    assert store.get_wave(WaveRef("e1", 2))["status"] == "SKIPPED"


def test_a_retried_wave_can_complete_and_the_execution_ends_anew(store, ended, clock: Clock):
    retry(store)
    clock.advance(60)
    store.waves.record_job(
        WaveRef("e1", 1), JobRef("drsjob-1-2", "us-east-1", "aws", 1, (BAD,), attempt=2), adopted=False
    )
    store.waves.start_polling(WaveRef("e1", 1))
    ended.launch(ids=(BAD,))
    store.waves.complete(WaveRef("e1", 1))
    store.waves.cancel(WaveRef("e1", 2), "not started")

    assert store.ending.finalize("e1", ExecutionStatus.PARTIAL_SUCCESS)
    assert [(job["jobId"], job["attempt"]) for job in store.get_wave(WaveRef("e1", 1))["jobs"]] == [
        ("drsjob-1-1", 1),
        ("drsjob-1-2", 2),
    ]
    assert ended.events().count("EXECUTION_FAILED") == 1
    assert ended.events().count("EXECUTION_PARTIAL_SUCCESS") == 1


def test_a_server_whose_job_still_runs_is_followed_on(store, running):
    running.poll(1, ServerPhase.LAUNCH, "IN_PROGRESS", ids=(GOOD,))
    running.poll(1, ServerPhase.FAILED, "FAILED", ids=(BAD,))
    store.waves.fail(WaveRef("e1", 1), "time-out")

    retry(store)

    assert (server(store, GOOD)["phase"], server(store, GOOD)["jobId"]) == ("LAUNCH", "drsjob-1-1")
    assert server(store, BAD)["attempt"] == 2


def test_a_server_that_never_had_a_job_belongs_to_the_new_attempt(store, opened):
    store.waves.request(WaveRef("e1", 1))
    store.waves.fail(WaveRef("e1", 1), "DRS refused")

    retry(store)

    assert {s["attempt"] for s in store.get_servers(WaveRef("e1", 1))} == {2}
    assert "previousInstances" not in server(store, BAD)
    assert_sums_hold(store)


def test_a_late_record_of_an_earlier_job_does_not_hide_the_newer_one(store, failed):
    retry(store)
    store.waves.record_job(
        WaveRef("e1", 1), JobRef("drsjob-new", "us-east-1", "aws", 1, (BAD,), attempt=2), adopted=False
    )

    store.waves.record_job(
        WaveRef("e1", 1), JobRef("drsjob-late", "us-east-1", "aws", 2, (GOOD, BAD)), adopted=True
    )

    again = server(store, BAD)
    assert again["jobId"] == "drsjob-new"
    assert {"jobId": "drsjob-late"} in again["previousInstances"]


def test_a_retry_that_died_half_way_is_finished_by_the_next_one(
    store, recovery, small_transactions, monkeypatch
):
    recovery.open(waves=1, servers=5).start()
    recovery.poll(1, ServerPhase.FAILED, "FAILED", job_status="COMPLETED")
    store.waves.fail(WaveRef("e1", 1), "all failed")
    store.retries.begin(WaveRef("e1", 1), "ann", 7)
    transact, calls = store.table.transact, []

    def die_at_the_second(actions: Any) -> None:
        calls.append(actions)
        if len(calls) == 2:
            raise OSError("killed")
        transact(actions)

    with monkeypatch.context() as patch:
        patch.setattr(store.table, "transact", die_at_the_second)
        with pytest.raises(OSError, match="killed"):
            store.retries.restart_failed(WaveRef("e1", 1))
    assert store.get_wave(WaveRef("e1", 1))["restartPending"] is True
    assert_sums_hold(store)

    store.retries.restart_failed(WaveRef("e1", 1))

    assert "restartPending" not in store.get_wave(WaveRef("e1", 1))
    assert {(s["phase"], s["attempt"]) for s in store.get_servers(WaveRef("e1", 1))} == {("PENDING", 2)}
    assert all(
        s["previousInstances"] == [{"jobId": "drsjob-1-1"}] for s in store.get_servers(WaveRef("e1", 1))
    )
    assert_sums_hold(store)
    (event,) = [event for event in store.get_events("e1") if event["event"] == "WAVE_RETRIED"]
    assert len(event["detail"]["servers"]) == 5


@pytest.mark.parametrize(
    "state",
    [{"terminateJobs": [{"jobId": "drsjob-t"}]}, {"terminationRequests": [{"actor": "bob"}]}],
    ids=["being terminated", "to be terminated"],
)
def test_nothing_is_retried_whose_instances_are_terminated(store, ended, state):
    ended.force("EXECUTION", **state)

    with pytest.raises(TransitionRefusedError, match="terminated"):
        store.retries.begin(WaveRef("e1", 1), "ann", 7)


def test_nothing_is_retried_while_people_cancel(store, failed):
    failed.force("EXECUTION", status="CANCELLING", cancel={"actor": "bob"})

    with pytest.raises(TransitionRefusedError, match="cancelled"):
        store.retries.begin(WaveRef("e1", 1), "ann", 7)


def test_a_run_that_only_follows_its_last_jobs_is_reopened(store, failed):
    store.ending.begin_cancelling("e1", "airflow", "wave 1 failed")

    retry(store)

    execution = store.get_execution("e1")
    assert execution["status"] == "POLLING"
    assert "cancellingTime" not in execution


def test_a_completed_wave_is_not_retried(store, ready):
    store.waves.complete(WaveRef("e1", 1))

    assert not store.retries.begin(WaveRef("e1", 1), "ann", 7)[1]


def test_a_wave_that_was_never_started_is_not_retried(store, opened):
    store.waves.cancel(WaveRef("e1", 1), "cancelled")

    with pytest.raises(TransitionRefusedError, match="without ever being started"):
        store.retries.begin(WaveRef("e1", 1), "ann", 7)


def test_attempt_that_ended_before_it_began_is_not_restarted(store, running):
    store.waves.fail(WaveRef("e1", 1), "failed")
    store.retries.begin(WaveRef("e1", 1), "ann", asked_by=1)
    store.waves.cancel(WaveRef("e1", 1), "cancelled")
    before = running.raw_items()
    with pytest.raises(TransitionRefusedError, match="wave 1 is CANCELLED"):
        store.retries.restart_failed(WaveRef("e1", 1))
    assert running.raw_items() == before


def test_restart_after_the_end_of_the_execution_is_refused_at_once(store, running):
    store.waves.fail(WaveRef("e1", 1), "failed")
    store.retries.begin(WaveRef("e1", 1), "ann", asked_by=1)
    store.waves.cancel(WaveRef("e1", 1), "cancelled")
    store.ending.finalize("e1", ExecutionStatus.CANCELLED)
    with pytest.raises(TransitionRefusedError, match="execution that is CANCELLED"):
        store.retries.restart_failed(WaveRef("e1", 1))
