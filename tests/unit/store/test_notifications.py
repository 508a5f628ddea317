"""What was told: each thing once, without disturbing the execution itself."""

from __future__ import annotations

import pytest

from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store import WaveRef

KEY = "WAVE_COMPLETED#1#attempt1"


def test_a_thing_is_claimed_once(store, opened):
    assert store.notifications.claim("e1", KEY) is True
    assert store.notifications.claim("e1", KEY) is False
    assert store.get_execution("e1")["notifications"] == [KEY]


def test_different_things_are_claimed_side_by_side(store, opened):
    keys = [KEY, "WAVE_COMPLETED#1#attempt10", "WAVE_COMPLETED#1"]
    assert [store.notifications.claim("e1", key) for key in keys] == [True] * 3
    assert store.get_execution("e1")["notifications"] == keys


def test_a_claim_disturbs_no_transition_that_is_under_way(store, opened, monkeypatch):
    """A claim between the reading and the writing of a transition must not make it start over."""
    reads = []
    read = store.ending._read_execution

    def read_and_claim(execution_id):
        record = read(execution_id)
        reads.append(store.notifications.claim(execution_id, KEY))
        monkeypatch.setattr(store.ending, "_read_execution", read)
        return record

    monkeypatch.setattr(store.ending, "_read_execution", read_and_claim)
    assert store.ending.begin_cancelling("e1", "ann", "enough") is True
    assert reads == [True]
    execution = store.get_execution("e1")
    assert (execution["status"], execution["notifications"]) == ("CANCELLING", [KEY])


def test_an_ended_execution_can_still_be_told_of(store, opened):
    store.waves.cancel(WaveRef("e1", 1), "enough")
    store.waves.cancel(WaveRef("e1", 2), "enough")
    store.ending.finalize("e1", ExecutionStatus.CANCELLED)
    assert store.notifications.claim("e1", "EXECUTION_CANCELLED") is True
    assert store.notifications.claim("e1", "EXECUTION_CANCELLED") is False


def test_of_an_unknown_execution_nothing_can_be_claimed(store):
    with pytest.raises(ExecutionNotFoundError):
        store.notifications.claim("e9", KEY)


def test_what_could_not_be_told_is_an_event(store, opened):
    before = store.get_document("e1")
    store.notifications.record_failure("e1", "NOTIFICATION_FAILED", {"key": KEY, "error": "denied"})
    last = store.get_events("e1")[-1]
    assert (last["event"], last["detail"]) == ("NOTIFICATION_FAILED", {"key": KEY, "error": "denied"})
    assert store.get_document("e1") == before
