"""How an execution is cancelled and how it ends."""

from __future__ import annotations

import pytest

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import EXECUTION_TRANSITIONS, ExecutionStatus
from drs_recovery.store import WaveRef

FINAL = [status for status in ExecutionStatus if status.is_final]
ENTER = {
    ExecutionStatus.POLLING: lambda store: store.waves.request(WaveRef("e1", 2)),
    ExecutionStatus.PAUSED: lambda store: store.gates.open(WaveRef("e1", 2), "go on?", []),
    ExecutionStatus.CANCELLING: lambda store: store.ending.begin_cancelling("e1", "admin", "enough"),
    **{status: lambda store, status=status: store.ending.finalize("e1", status) for status in FINAL},
}
# A wave, a gate or a cancellation more leave the status as it is.
REPEATED = {ExecutionStatus.POLLING, ExecutionStatus.PAUSED, ExecutionStatus.CANCELLING}
# COMPLETED needs proof and has tests of its own.
ENTERED = set(ENTER) - {ExecutionStatus.COMPLETED}
ALLOWED = [
    (before, after)
    for before, afters in EXECUTION_TRANSITIONS.items()
    for after in sorted(afters & ENTERED | ({before} & REPEATED))
]


def put_into(opened, status):
    if status is ExecutionStatus.PAUSED:
        opened.store.gates.open(WaveRef("e1", 1), "start?", [])
    opened.force("EXECUTION", status=status)


@pytest.mark.parametrize(("before", "after"), ALLOWED)
def test_execution_moves_along_the_table_of_transitions(store, opened, before, after):
    put_into(opened, before)
    ENTER[after](store)
    assert store.get_execution("e1")["status"] == after


@pytest.mark.parametrize("before", ExecutionStatus)
def test_execution_moves_in_no_other_way(store, opened, before):
    put_into(opened, before)
    records = opened.raw_items()
    for after in ENTERED - EXECUTION_TRANSITIONS[before] - ({before} & REPEATED):
        if before.is_final and after.is_final:
            assert store.ending.finalize("e1", after) is False
        else:
            with pytest.raises(TransitionRefusedError, match=f"{before}"):
                ENTER[after](store)
    assert opened.raw_items() == records


@pytest.mark.parametrize("before", [status for status in ExecutionStatus if not status.is_final])
def test_live_execution_is_completed_only_with_proof(store, recovery, before):
    recovery.open(waves=1)
    recovery.force("EXECUTION", status=before)
    with pytest.raises(TransitionRefusedError, match=f"the execution is {before} with unfinished"):
        store.ending.finalize("e1", ExecutionStatus.COMPLETED)
    recovery.force("EXECUTION", status=ExecutionStatus.PENDING)
    recovery.complete()
    recovery.force("EXECUTION", status=before)
    assert store.ending.finalize("e1", ExecutionStatus.COMPLETED) is True


def test_final_status_is_written_once(store, recovery):
    recovery.open(waves=1).complete()
    assert store.ending.finalize("e1", ExecutionStatus.COMPLETED) is True
    record, events = store.get_document("e1"), recovery.events()
    for status in FINAL:
        assert store.ending.finalize("e1", status, error="too late") is False
    assert store.get_document("e1") == record
    assert recovery.events() == events
    assert events[-1] == "EXECUTION_COMPLETED"


def test_execution_does_not_end_before_its_last_wave(store, recovery):
    recovery.open().complete().start(2)
    for status in FINAL:
        with pytest.raises(TransitionRefusedError, match=r"the execution is POLLING with active waves \(2\)"):
            store.ending.finalize("e1", status)
    store.waves.cancel(WaveRef("e1", 2), "cancelled")
    assert store.ending.finalize("e1", ExecutionStatus.PARTIAL_SUCCESS) is True


def test_status_that_is_not_final_ends_nothing(store, opened):
    with pytest.raises(ValueError, match="POLLING is not a final status"):
        store.ending.finalize("e1", ExecutionStatus.POLLING)


def test_end_has_times_error_and_no_open_questions(store, opened, clock):
    store.gates.open(WaveRef("e1", 1), "start?", [])
    clock.advance(100)
    store.ending.finalize("e1", ExecutionStatus.CANCELLED, error="nobody answered", actor="admin")
    execution = store.get_execution("e1")
    assert (execution["waitingGates"], "paused" in execution) == ([], False)
    assert execution["duration"] == pytest.approx(execution["endTime"] - execution["submittedTime"])
    assert (execution["error"], execution["measured"]) == ("nobody answered", {})
    event = store.get_events("e1")[-1]
    assert (event["event"], event["actor"]) == ("EXECUTION_CANCELLED", "admin")


def test_recovery_time_and_point_are_measured(store, recovery, clock):
    recovery.open(waves=1).start()
    started = store.get_execution("e1")["startTime"]
    recovery.poll(pointInTime=started - 120, ids=("s-1000",))
    recovery.poll(pointInTime=started + 30, ids=("s-1001",))
    recovery.launch()
    store.waves.complete(WaveRef("e1", 1))
    clock.advance(600)
    store.ending.finalize("e1", ExecutionStatus.COMPLETED)
    execution = store.get_execution("e1")
    ended = store.get_wave(WaveRef("e1", 1))["endTime"]
    assert execution["measured"]["rto"] == pytest.approx(ended - started)
    assert 0 < execution["measured"]["rtoLaunched"] < execution["measured"]["rto"] < 1
    assert execution["measured"]["rpo"] == 120
    assert execution["duration"] > 600


def test_unknown_point_in_time_of_one_server_leaves_the_recovery_point_unmeasured(store, recovery):
    recovery.open(waves=1).start()
    recovery.poll(pointInTime=5.0, ids=("s-1000",))
    recovery.launch()
    store.waves.complete(WaveRef("e1", 1))
    store.ending.finalize("e1", ExecutionStatus.COMPLETED)
    assert set(store.get_execution("e1")["measured"]) == {"rto", "rtoLaunched", "rtoDeclared"}


def test_cancellation_says_who_and_why(store, opened):
    assert store.ending.begin_cancelling("e1", "ann", "wrong plan") is True
    assert store.ending.begin_cancelling("e1", "bob", "also") is False
    events = [event for event in store.get_events("e1") if event["event"] == "EXECUTION_CANCELLING"]
    assert [(event["actor"], event["detail"]["reason"]) for event in events] == [("ann", "wrong plan")]
    assert store.get_execution("e1")["cancellingTime"] <= events[0]["time"]


def test_first_error_stands(store, opened):
    assert store.set_error("e1", "wave 1 failed") is True
    assert store.set_error("e1", "something later") is False
    store.ending.finalize("e1", ExecutionStatus.FAILED, error="something last")
    assert store.get_execution("e1")["error"] == "wave 1 failed"


def test_ended_execution_takes_no_error(store, opened):
    store.ending.finalize("e1", ExecutionStatus.FAILED)
    with pytest.raises(TransitionRefusedError):
        store.set_error("e1", "too late")


def test_no_wave_that_could_still_start_outlives_its_execution(store, opened):
    store.waves.fail(WaveRef("e1", 1), "failed")
    store.ending.finalize("e1", ExecutionStatus.FAILED)
    assert [wave["status"] for wave in store.get_document("e1")["waves"]] == ["FAILED", "CANCELLED"]
    assert store.get_events("e1")[-1]["detail"] == {"cancelledWaves": [2]}


def test_what_is_skipped_takes_its_waves_with_it_and_says_why(store, opened):
    assert store.ending.finalize("e1", ExecutionStatus.SKIPPED, "a real recovery uses its servers") is True
    document = store.get_document("e1")
    assert (document["status"], document["error"]) == ("SKIPPED", "a real recovery uses its servers")
    assert {(wave["status"], wave["skipCause"], wave["statusReason"]) for wave in document["waves"]} == {
        ("SKIPPED", "EXECUTION_SKIPPED", "a real recovery uses its servers")
    }
    assert document["waves"][0]["endTime"] == document["endTime"]
    assert sorted(store.get_events("e1")[-1]["detail"]["skippedWaves"]) == [1, 2]


@pytest.mark.parametrize("status", [ExecutionStatus.SKIPPED, ExecutionStatus.CANCELLED])
def test_an_execution_with_as_many_waves_as_a_plan_may_have_ends_with_all_of_them(store, recovery, status):
    recovery.open(waves=99, servers=0)
    assert store.ending.finalize("e1", status, "not now") is True
    waves = store.get_document("e1")["waves"]
    assert {wave["status"] for wave in waves} == {status}
    (detail,) = [one["detail"] for one in store.get_events("e1") if one["event"] == f"EXECUTION_{status}"]
    ended = detail.get("skippedWaves") or detail.get("cancelledWaves")
    assert sorted(ended) == list(range(1, 100))
    assert store.listings.live() == []


def test_what_is_being_cancelled_is_not_skipped(store, opened):
    store.ending.request_cancel("e1", "ann", "not tonight")
    opened.force("EXECUTION", status=ExecutionStatus.PENDING)
    with pytest.raises(TransitionRefusedError, match="cancelled by ann"):
        store.ending.finalize("e1", ExecutionStatus.SKIPPED, "no time for it")


def test_texts_that_a_record_has_no_room_for_are_shortened_and_the_execution_ends(store, running):
    reasons = "\n".join(f"- host-{number}: UnauthorizedOperation {'x' * 3000}" for number in range(200))

    store.waves.fail(WaveRef("e1", 1), reasons)
    store.waves.cancel(WaveRef("e1", 2), "not started")
    store.ending.finalize("e1", ExecutionStatus.FAILED, reasons)

    execution, wave = store.get_execution("e1"), store.get_wave(WaveRef("e1", 1))
    for text in (execution["error"], wave["statusReason"]):
        assert text.startswith("- host-0: UnauthorizedOperation")
        assert text.endswith(f"{len(reasons)} characters]")
