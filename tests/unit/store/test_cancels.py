"""Somebody asks for the end of an execution: once, by name, and nothing of it completes after that."""

from __future__ import annotations

import pytest

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store import WaveRef

FINAL = [status for status in ExecutionStatus if status.is_final]


def test_request_names_who_asked_in_record_and_event(store, running, clock):
    assert store.ending.request_cancel("e1", "alice", "wrong plan") is True

    execution = store.get_execution("e1")
    assert execution["status"] == "CANCELLING"
    assert execution["cancel"]["actor"] == "alice"
    assert execution["cancel"]["reason"] == "wrong plan"
    assert execution["cancel"]["time"] == pytest.approx(clock.now, abs=1)
    last = store.get_events("e1")[-1]
    assert (last["event"], last["actor"]) == ("EXECUTION_CANCELLING", "alice")
    assert last["detail"] == {"reason": "wrong plan"}


def test_first_request_stands(store, running):
    store.ending.request_cancel("e1", "alice", "wrong plan")
    records = running.raw_items()

    assert store.ending.request_cancel("e1", "bob", "me too") is False

    assert running.raw_items() == records


def test_request_after_the_end_is_refused_and_changes_nothing(store, opened):
    for status in FINAL:
        opened.force("EXECUTION", status=status)
        records = opened.raw_items()
        with pytest.raises(TransitionRefusedError, match=f"is {status}"):
            store.ending.request_cancel("e1", "alice", "too late")
        assert opened.raw_items() == records


def test_request_ends_a_pause(store, opened):
    store.gates.open(WaveRef("e1", 1), "go on?", [])
    store.ending.request_cancel("e1", "alice", "not today")
    execution = store.get_execution("e1")
    assert execution["status"] == "CANCELLING"
    assert "paused" not in execution


def test_wave_is_not_completed_after_a_request_even_if_all_its_servers_are_ready(store, ready):
    store.ending.request_cancel("e1", "alice", "enough")
    with pytest.raises(TransitionRefusedError, match="cancelled by alice"):
        store.waves.complete(WaveRef("e1", 1))
    assert store.get_wave(WaveRef("e1", 1))["status"] == "POLLING"
    store.waves.cancel(WaveRef("e1", 1), "interrupted")
    assert store.get_execution("e1")["completedWaves"] == 0


def test_wave_does_not_start_after_a_request(store, opened):
    store.ending.request_cancel("e1", "alice", "enough")
    with pytest.raises(TransitionRefusedError, match="CANCELLING"):
        store.waves.request(WaveRef("e1", 1))


def test_reconciling_is_recorded_once_and_only_while_the_execution_lives(store, opened):
    assert store.ending.begin_reconciling("e1", "deleted") is True
    assert store.ending.begin_reconciling("e1", "deleted") is False
    (event,) = [e for e in store.get_events("e1") if e["event"] == "EXECUTION_RECONCILED"]
    assert event["detail"] == {"dagRunId": "run-e1", "runState": "deleted"}
    opened.force("EXECUTION", status="FAILED")
    with pytest.raises(TransitionRefusedError):
        store.ending.begin_reconciling("e1", "deleted")


def test_preempted_drill_and_recovery_name_each_other(store, running, recovery):
    real = recovery.new("r1", waves=0, execution_type=ExecutionType.RECOVERY, initiated_by="dr-lead")
    store.create_execution(real)

    assert store.ending.preempt("e1", "r1") is True

    drill = store.get_execution("e1")
    assert (drill["status"], drill["cancel"]["actor"]) == ("CANCELLING", "recovery r1")
    assert "a real recovery of plan CRM takes precedence" in drill["cancel"]["reason"]
    assert "run-r1" in drill["cancel"]["reason"]
    assert store.get_events("e1")[-1]["actor"] == "recovery r1"
    told = store.get_events("r1")[-1]
    assert (told["event"], told["actor"]) == ("DRILL_PREEMPTED", "dr-lead")
    assert told["detail"]["executionId"] == "e1"
    assert told["detail"]["dagRunId"] == "run-e1"


def test_preemption_is_told_last_also_when_the_clock_of_this_host_is_behind(store, running, recovery, clock):
    store.create_execution(recovery.new("r1", waves=0, execution_type=ExecutionType.RECOVERY))
    clock.advance(-300)

    assert store.ending.preempt("e1", "r1") is True

    assert [event["event"] for event in store.get_events("r1")] == ["EXECUTION_OPENED", "DRILL_PREEMPTED"]


def test_drill_is_preempted_once_and_not_after_its_end(store, opened, recovery):
    store.create_execution(recovery.new("r1", waves=0, execution_type=ExecutionType.RECOVERY))
    store.ending.request_cancel("e1", "alice", "enough")
    assert store.ending.preempt("e1", "r1") is False
    opened.force("EXECUTION", status="CANCELLED")
    with pytest.raises(TransitionRefusedError):
        store.ending.preempt("e1", "r1")
    assert [event["event"] for event in store.get_events("r1")] == ["EXECUTION_OPENED"]
