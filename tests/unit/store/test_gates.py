"""Gates: a question before a wave, and the first answer to it."""

from __future__ import annotations

import pytest

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, GateDecision, SkipCause
from drs_recovery.store import WaveRef

DECISIONS = [GateDecision.APPROVED, GateDecision.REJECTED, GateDecision.TIMED_OUT]


def open_gate(store, number=1):
    return store.gates.open(
        WaveRef("e1", number), "Check the database", ["dba-lead"], deadline=1_800_009_999.0
    )


def test_open_gate_pauses_the_execution_and_says_why(store, opened):
    gate = open_gate(store)
    execution = store.get_execution("e1")
    assert gate == store.get_wave(WaveRef("e1", 1))["gate"]
    assert gate == {
        "decision": "WAITING",
        "since": gate["since"],
        "message": "Check the database",
        "approvers": ["dba-lead"],
        "deadline": 1_800_009_999,
    }
    assert (execution["status"], execution["waitingGates"]) == ("PAUSED", [1])
    assert execution["paused"] == {
        "wave": 1,
        "since": gate["since"],
        "message": "Check the database",
        "approvers": ["dba-lead"],
        "deadline": 1_800_009_999,
    }


def test_opening_a_gate_twice_asks_once(store, opened):
    gate = open_gate(store)
    assert store.gates.open(WaveRef("e1", 1), gate["message"], gate["approvers"]) == gate
    assert opened.events().count("GATE_OPENED") == 1
    assert "GATE_UPDATED" not in opened.events()


def test_a_gate_that_is_opened_again_asks_what_is_true_now_until_it_is_decided(store, opened):
    gate = open_gate(store)
    now = {**gate, "message": "2 of 2 are ready: go on?", "approvers": ["bob"]}
    assert store.gates.open(WaveRef("e1", 1), now["message"], now["approvers"]) == now
    assert store.get_execution("e1")["paused"]["message"] == now["message"]
    decided = store.gates.decide(WaveRef("e1", 1), GateDecision.APPROVED, "bob")
    assert store.gates.open(WaveRef("e1", 1), "and now?", []) == decided
    assert opened.events().count("GATE_UPDATED") == 1


def test_execution_pauses_only_when_no_wave_runs(store, recovery):
    recovery.open(waves=3).start()
    open_gate(store, 2)
    assert store.get_execution("e1")["status"] == "POLLING"
    recovery.launch()
    store.waves.complete(WaveRef("e1", 1))
    execution = store.get_execution("e1")
    assert (execution["status"], execution["paused"]["wave"]) == ("PAUSED", 2)


def test_execution_goes_on_when_a_wave_beside_the_gate_starts(store, recovery):
    recovery.open(waves=3)
    open_gate(store, 2)
    store.waves.request(WaveRef("e1", 3))
    execution = store.get_execution("e1")
    assert (execution["status"], execution["waitingGates"], "paused" in execution) == ("POLLING", [2], False)


def test_execution_stays_paused_while_another_gate_waits(store, opened):
    open_gate(store, 2)
    open_gate(store, 1)
    assert store.get_execution("e1")["paused"]["wave"] == 2
    store.gates.decide(WaveRef("e1", 2), GateDecision.APPROVED, "ann")
    execution = store.get_execution("e1")
    assert (execution["status"], execution["paused"]["wave"]) == ("PAUSED", 1)


@pytest.mark.parametrize("decision", DECISIONS)
def test_decision_is_kept_with_who_and_when(store, opened, decision):
    open_gate(store)
    gate = store.gates.decide(WaveRef("e1", 1), decision, "ann", "looks good", decided_time=1_800_000_050.5)
    assert gate == store.get_wave(WaveRef("e1", 1))["gate"]
    assert (gate["decision"], gate["actor"], gate["comment"]) == (decision, "ann", "looks good")
    assert gate["decidedTime"] == 1_800_000_050.5
    execution = store.get_execution("e1")
    assert (execution["status"], execution["waitingGates"], "paused" in execution) == ("POLLING", [], False)
    event = store.get_events("e1")[-1]
    assert (event["event"], event["actor"]) == (f"GATE_{decision}", "ann")
    assert event["detail"] == {"wave": 1, "comment": "looks good"}


@pytest.mark.parametrize("first", DECISIONS)
def test_first_decision_stands(store, opened, first):
    open_gate(store)
    gate = store.gates.decide(WaveRef("e1", 1), first, "ann")
    for later in DECISIONS:
        assert store.gates.decide(WaveRef("e1", 1), later, "bob") == gate
    assert store.get_wave(WaveRef("e1", 1))["gate"] == gate


@pytest.mark.parametrize("decision", [None, GateDecision.REJECTED, GateDecision.TIMED_OUT])
def test_wave_behind_a_gate_without_approval_does_not_start(store, opened, decision):
    open_gate(store)
    if decision:
        store.gates.decide(WaveRef("e1", 1), decision, "ann")
    with pytest.raises(TransitionRefusedError, match=f"behind a gate that is {decision or 'WAITING'}"):
        store.waves.request(WaveRef("e1", 1))


def test_wave_starts_after_approval(store, opened):
    open_gate(store)
    store.gates.decide(WaveRef("e1", 1), GateDecision.APPROVED, "ann")
    assert store.waves.request(WaveRef("e1", 1))[1] is True


def test_decision_during_a_cancellation_is_kept_and_changes_no_status(store, opened):
    open_gate(store)
    store.ending.begin_cancelling("e1", "admin", "enough")
    store.gates.decide(WaveRef("e1", 1), GateDecision.APPROVED, "ann")
    assert store.get_execution("e1")["status"] == "CANCELLING"
    assert store.get_wave(WaveRef("e1", 1))["gate"]["decision"] == "APPROVED"


def test_wave_that_ends_takes_its_waiting_gate_along(store, opened):
    open_gate(store)
    store.waves.skip(WaveRef("e1", 1), "wave 1 failed", SkipCause.DEPENDENCY)
    execution = store.get_execution("e1")
    assert (execution["status"], execution["waitingGates"]) == ("POLLING", [])


def test_gate_that_is_not_open_cannot_be_decided(store, opened):
    with pytest.raises(TransitionRefusedError, match="the gate of wave 1 is not open"):
        store.gates.decide(WaveRef("e1", 1), GateDecision.APPROVED, "ann")


def test_gate_of_a_started_wave_cannot_be_opened(store, opened):
    store.waves.request(WaveRef("e1", 1))
    with pytest.raises(TransitionRefusedError, match="the gate of wave 1 is before a wave that is PENDING"):
        open_gate(store)


def test_gate_for_two_persons_takes_no_approval_of_the_one_who_started_the_execution(store, opened):
    store.gates.open(WaveRef("e1", 1), "Fail over?", [], two_person=True)
    assert store.get_execution("e1")["paused"]["twoPerson"] is True
    with pytest.raises(TransitionRefusedError, match="for a second person, not Admin"):
        store.gates.decide(WaveRef("e1", 1), GateDecision.APPROVED, "Admin ")
    assert store.gates.decide(WaveRef("e1", 1), GateDecision.APPROVED, "ann")["decision"] == "APPROVED"


def test_whoever_started_the_execution_may_reject_a_gate_for_two_persons(store, opened):
    store.gates.open(WaveRef("e1", 1), "Fail over?", [], two_person=True)
    assert store.gates.decide(WaveRef("e1", 1), GateDecision.REJECTED, "admin")["decision"] == "REJECTED"


def test_refused_answer_is_an_event_and_the_question_stays_open(store, opened):
    open_gate(store)
    before = store.get_document("e1")
    store.gates.refuse_answer(WaveRef("e1", 1), "admin", "admin started it", comment="hurry")
    after = store.get_document("e1")
    assert {**after, "lastUpdatedTime": before["lastUpdatedTime"]} == before
    event = store.get_events("e1")[-1]
    assert (event["event"], event["actor"]) == ("GATE_ANSWER_REFUSED", "admin")
    assert event["detail"] == {"wave": 1, "reason": "admin started it", "comment": "hurry"}


def test_answer_to_a_gate_that_is_not_open_is_not_refused_either(store, opened):
    with pytest.raises(TransitionRefusedError, match="the gate of wave 1 is not open"):
        store.gates.refuse_answer(WaveRef("e1", 1), "admin", "reason")
    open_gate(store)
    store.gates.decide(WaveRef("e1", 1), GateDecision.APPROVED, "ann")
    with pytest.raises(TransitionRefusedError, match="the gate of wave 1 is not open"):
        store.gates.refuse_answer(WaveRef("e1", 1), "admin", "reason")


def test_waiting_is_no_decision(store, opened):
    open_gate(store)
    with pytest.raises(ValueError, match="no decision"):
        store.gates.decide(WaveRef("e1", 1), GateDecision.WAITING, "ann")


def test_question_that_the_end_of_an_execution_closed_is_asked_anew_when_it_is_reopened(store, running):
    store.waves.fail(WaveRef("e1", 1), "failed")
    store.gates.open(WaveRef("e1", 2), "Go on all the same?", (), deadline=1.0)
    store.ending.request_cancel("e1", "ann", "enough")
    store.waves.cancel(WaveRef("e1", 2), "not started")
    store.ending.finalize("e1", ExecutionStatus.FAILED)
    store.retries.begin(WaveRef("e1", 1), "ann", 7)
    store.retries.restart_failed(WaveRef("e1", 1))
    store.waves.fail(WaveRef("e1", 1), "failed again")

    gate = store.gates.open(WaveRef("e1", 2), "Go on now?", (), deadline=2_000_000_000.0)

    assert (gate["message"], gate["deadline"]) == ("Go on now?", 2_000_000_000.0)
    execution = store.get_execution("e1")
    assert (execution["status"], execution["waitingGates"]) == ("PAUSED", [2])
