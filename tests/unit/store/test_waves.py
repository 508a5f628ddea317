"""Transitions of waves, and what they make of the execution."""

from __future__ import annotations

import pytest

from drs_recovery.exceptions import ExecutionNotFoundError, StoreError, TransitionRefusedError
from drs_recovery.statuses import WAVE_TRANSITIONS, ExecutionStatus, ServerPhase, SkipCause, WaveStatus
from drs_recovery.store import WaveRef

ENTER = {
    WaveStatus.PENDING: lambda store: store.waves.request(WaveRef("e1", 1)),
    WaveStatus.POLLING: lambda store: store.waves.start_polling(WaveRef("e1", 1)),
    WaveStatus.COMPLETED: lambda store: store.waves.complete(WaveRef("e1", 1)),
    WaveStatus.FAILED: lambda store: store.waves.fail(WaveRef("e1", 1), "reason"),
    WaveStatus.CANCELLED: lambda store: store.waves.cancel(WaveRef("e1", 1), "reason"),
    WaveStatus.SKIPPED: lambda store: store.waves.skip(WaveRef("e1", 1), "reason", SkipCause.DEPENDENCY),
}
# Asking for a wave that runs already answers that it does; a second end of the same kind changes nothing.
HARMLESS = {(WaveStatus.POLLING, WaveStatus.PENDING), *((status, status) for status in WaveStatus)}
ALLOWED = [(before, after) for before, afters in WAVE_TRANSITIONS.items() for after in sorted(afters)]


def put_into(ready, status):
    """A wave of any status that could be completed, were its status the right one."""
    ready.force("WAVE#01", status=status)
    ready.force("EXECUTION", activeWaves=[1] if status.is_active else [])


@pytest.mark.parametrize(("before", "after"), ALLOWED)
def test_wave_moves_along_the_table_of_transitions(store, ready, before, after):
    put_into(ready, before)
    events = ready.events()
    ENTER[after](store)
    assert store.get_wave(WaveRef("e1", 1))["status"] == after
    assert len(ready.events()) == len(events) + 1


@pytest.mark.parametrize("before", WaveStatus)
def test_wave_moves_in_no_other_way(store, ready, before):
    put_into(ready, before)
    records = ready.raw_items()
    for after in set(ENTER) - WAVE_TRANSITIONS[before]:
        if (before, after) in HARMLESS:
            ENTER[after](store)
        else:
            with pytest.raises(TransitionRefusedError, match=rf"wave 1 is {before}.* cannot become {after}"):
                ENTER[after](store)
    assert ready.raw_items() == records


def test_requested_wave_starts_the_execution(store, opened):
    wave, is_new = store.waves.request(WaveRef("e1", 1))
    execution = store.get_execution("e1")
    assert (wave["status"], is_new) == ("PENDING", True)
    assert (execution["status"], execution["activeWaves"], execution["currentWave"]) == ("POLLING", [1], 1)
    assert execution["startTime"] == wave["startTime"]


def test_asking_again_for_a_wave_keeps_its_start(store, opened, clock):
    first, _ = store.waves.request(WaveRef("e1", 1))
    clock.advance(60)
    again, is_new = store.waves.request(WaveRef("e1", 1))
    assert (again["startTime"], is_new) == (first["startTime"], False)
    assert opened.events().count("WAVE_REQUESTED") == 1


def test_parallel_waves_keep_the_start_of_the_first(store, opened):
    second, _ = store.waves.request(WaveRef("e1", 2))
    store.waves.request(WaveRef("e1", 1))
    execution = store.get_execution("e1")
    assert (execution["activeWaves"], execution["currentWave"]) == ([1, 2], 2)
    assert execution["startTime"] == second["startTime"]


@pytest.mark.parametrize("status", [status for status in ExecutionStatus if status.is_final])
def test_no_wave_starts_in_an_execution_that_has_ended(store, opened, status):
    opened.force("EXECUTION", status=status)
    with pytest.raises(TransitionRefusedError, match=f"part of an execution that is {status}"):
        store.waves.request(WaveRef("e1", 1))


def test_no_wave_starts_in_an_execution_that_is_being_cancelled_not_even_in_a_retry(store, opened):
    store.waves.request(WaveRef("e1", 1))
    store.ending.begin_cancelling("e1", "admin", "enough")
    for number in (1, 2):
        with pytest.raises(TransitionRefusedError, match="part of an execution that is CANCELLING"):
            store.waves.request(WaveRef("e1", number))


def test_job_is_recorded_once_with_its_servers(store, recovery):
    recovery.open(servers=3)
    wave, _ = store.waves.request(WaveRef("e1", 1))
    ids = recovery.server_ids(1, 3)
    for adopted in (False, True, True):
        store.waves.record_job(WaveRef("e1", 1), recovery.job(1, ids[:2]), adopted=adopted)
    store.waves.record_job(WaveRef("e1", 1), recovery.job(1, ids[2:], part=2), adopted=True)
    first, second = store.get_wave(WaveRef("e1", 1))["jobs"]
    assert first == {
        "jobId": "drsjob-1-1",
        "region": "us-east-1",
        "connection": "aws",
        "part": 1,
        "attempt": 1,
        "status": "PENDING",
        "startTime": first["startTime"],
        "requestedTime": first["startTime"],
    }
    assert first["startTime"] > wave["startTime"]
    assert second["jobId"] == "drsjob-1-2"
    job_ids = [server["jobId"] for server in store.get_servers(WaveRef("e1", 1))]
    assert job_ids == ["drsjob-1-1", "drsjob-1-1", "drsjob-1-2"]
    assert recovery.events()[-2:] == ["JOB_STARTED", "JOB_ADOPTED"]


def test_job_may_have_more_servers_than_one_transaction(store, recovery, small_transactions):
    recovery.open(waves=1, servers=5).start()
    assert {server["jobId"] for server in store.get_servers(WaveRef("e1", 1))} == {"drsjob-1-1"}


@pytest.mark.parametrize("end", ["cancelling", "failed", "final"])
def test_launched_job_is_recorded_whatever_happened_meanwhile(store, opened, end):
    store.waves.request(WaveRef("e1", 1))
    if end == "cancelling":
        store.ending.begin_cancelling("e1", "admin", "enough")
    else:
        store.waves.fail(WaveRef("e1", 1), "timed out")
    if end == "final":
        store.ending.finalize("e1", ExecutionStatus.FAILED)
    store.waves.record_job(WaveRef("e1", 1), opened.job(1, opened.server_ids(1, 2)), adopted=False)
    assert [job["jobId"] for job in store.get_wave(WaveRef("e1", 1))["jobs"]] == ["drsjob-1-1"]


def test_wave_that_nobody_asked_for_has_no_job(store, opened):
    with pytest.raises(TransitionRefusedError, match="wave 1 is NOT_STARTED"):
        store.waves.record_job(WaveRef("e1", 1), opened.job(1, ()), adopted=False)


def test_wave_without_a_job_is_not_polled(store, opened):
    store.waves.request(WaveRef("e1", 1))
    with pytest.raises(TransitionRefusedError, match="wave 1 is PENDING without a job"):
        store.waves.start_polling(WaveRef("e1", 1))


def test_completed_wave_is_counted_once(store, ready, clock):
    clock.advance(100)
    wave = store.waves.complete(WaveRef("e1", 1))
    assert store.waves.complete(WaveRef("e1", 1)) == store.get_wave(WaveRef("e1", 1)) == wave
    execution = store.get_execution("e1")
    assert (execution["completedWaves"], execution["activeWaves"]) == (1, [])
    assert wave["duration"] == round(wave["endTime"] - wave["startTime"], 3) > 100


def test_wave_with_a_server_under_way_is_not_completed(store, recovery):
    recovery.open().start().launch(ids=recovery.server_ids(1, 1))
    expected = r"wave 1 is POLLING with host-1001 \(s-1001\) in phase PENDING and cannot become COMPLETED"
    with pytest.raises(TransitionRefusedError, match=expected):
        store.waves.complete(WaveRef("e1", 1))
    assert store.get_execution("e1")["completedWaves"] == 0


def test_wave_is_not_completed_before_its_details_are_stored(store, running):
    running.poll(1, ServerPhase.READY, "LAUNCHED", instanceId="i-1", privateIp="")
    with pytest.raises(TransitionRefusedError, match=r"host-1000 \(s-1000\) without privateIp, host-1001"):
        store.waves.complete(WaveRef("e1", 1))


def test_failed_servers_do_not_keep_a_wave_from_its_end(store, recovery):
    """Whether the wave is a success is for its success rule to say."""
    recovery.open().start().launch(ids=recovery.server_ids(1, 1))
    recovery.poll(1, ServerPhase.FAILED, "FAILED", ids=("s-1001",), error="LAUNCH_FAILED")
    assert store.waves.complete(WaveRef("e1", 1))["status"] == "COMPLETED"


def test_badly_ended_wave_says_why_and_leaves_the_execution_going(store, running):
    wave = store.waves.fail(WaveRef("e1", 1), "db-01 did not launch")
    assert (wave["status"], wave["statusReason"]) == ("FAILED", "db-01 did not launch")
    assert store.waves.fail(WaveRef("e1", 1), "another reason") == wave
    execution = store.get_execution("e1")
    assert (execution["status"], execution["activeWaves"], execution["completedWaves"]) == ("POLLING", [], 0)


def test_skipped_wave_says_why_to_people_and_to_programs(store, opened):
    wave = store.waves.skip(WaveRef("e1", 2), "wave 1 failed", SkipCause.DEPENDENCY)
    told = (wave["status"], wave["skipCause"], wave["statusReason"])
    assert told == ("SKIPPED", "DEPENDENCY", "wave 1 failed")
    assert store.get_events("e1")[-1]["detail"] == {"wave": 2, "reason": "wave 1 failed"}


def test_wave_that_never_started_ends_without_a_duration(store, opened):
    wave = store.waves.cancel(WaveRef("e1", 2), "cancelled")
    assert "duration" not in wave
    assert "endTime" in wave


def test_unknown_wave_and_unknown_execution_are_told_apart(store, opened):
    with pytest.raises(StoreError, match="execution e1 has no wave 9"):
        store.waves.request(WaveRef("e1", 9))
    with pytest.raises(ExecutionNotFoundError, match="there is no execution e2 in the store"):
        store.get_wave(WaveRef("e2", 1))


def test_events_keep_their_order_when_the_next_writer_has_a_clock_that_is_behind(recovery, clock):
    recovery.open()
    clock.advance(-300)
    recovery.start()
    events = ["EXECUTION_OPENED", "WAVE_REQUESTED", "JOB_STARTED", "WAVE_POLLING"]
    assert recovery.events() == events


def test_wave_that_ended_without_a_start_takes_no_job_and_no_poll(store, opened):
    store.waves.fail(WaveRef("e1", 1), "nobody could start it")
    for write in (
        lambda: store.waves.record_job(WaveRef("e1", 1), opened.job(1, ()), adopted=True),
        lambda: opened.poll(1),
    ):
        with pytest.raises(TransitionRefusedError, match="wave 1 is FAILED without a start"):
            write()
