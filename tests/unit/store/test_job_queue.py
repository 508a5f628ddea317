"""The queue for room in DRS: joined once, reserved one after the other, left without a trace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drs_recovery.exceptions import StoreConflictError
from drs_recovery.statuses import ExecutionType, Priority
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.queue_entries import Queue, QueueState
from tests.unit.store.conftest import Recovery
from tests.unit.store.queue_entries import LIMITS, TARGET, entry


def read(store: ExecutionStore) -> Queue:
    return store.queue.read(TARGET)


def test_an_entry_is_read_as_it_was_written(store: ExecutionStore) -> None:
    store.queue.wait(TARGET, entry(), 2_000_000_000)

    (found,) = read(store).entries

    assert found == entry(until=2_000_000_000, version=1)
    assert store.queue.read("123456789012:us-west-2").entries == ()


def test_joining_again_only_keeps_the_place(store: ExecutionStore) -> None:
    store.queue.wait(TARGET, entry(), 1)
    store.queue.wait(TARGET, read(store).standing(entry()), 2)

    assert [one.until for one in read(store).entries] == [2]


def test_the_queue_is_in_order(store: ExecutionStore) -> None:
    drill, important = entry("drill"), entry("important", priority=Priority.CRITICAL, joined=1_900_000_000)
    recovery = entry("recovery", execution_type=ExecutionType.RECOVERY, joined=1_900_000_000)
    for one in (drill, recovery, important):
        store.queue.wait(TARGET, one, 1)

    assert [one.execution_id for one in read(store).entries] == ["recovery", "important", "drill"]


def test_a_reservation_is_in_the_queue_with_the_quotas_it_was_made_with(store: ExecutionStore) -> None:
    mine = store.queue.reserve(read(store), entry(), 5, LIMITS)

    queue = read(store)
    assert queue.entries == (mine,)
    assert mine.state is QueueState.RESERVED
    assert queue.limits == LIMITS


def test_of_two_that_saw_the_same_room_one_gets_it(store: ExecutionStore) -> None:
    seen = read(store)
    store.queue.reserve(seen, entry("e1"), 5, LIMITS)

    with pytest.raises(StoreConflictError):
        store.queue.reserve(seen, entry("e2"), 5, LIMITS)

    assert [one.execution_id for one in read(store).entries] == ["e1"]


def test_a_reservation_that_was_not_seen_yet_counts(store: ExecutionStore) -> None:
    """A query shows the writes of a transaction one by one: the guard can be there before the entry."""
    store.queue.reserve(read(store), entry("e1"), 5, LIMITS)
    half_of_it = replace(read(store), entries=())

    with pytest.raises(StoreConflictError):
        store.queue.reserve(half_of_it, entry("e2"), 5, LIMITS)

    store.queue.reserve(read(store), entry("e2"), 5, LIMITS)
    assert [one.execution_id for one in read(store).entries] == ["e1", "e2"]


def test_a_reservation_that_was_seen_is_in_nobodys_way(store: ExecutionStore) -> None:
    """Whoever has room writes down its job next: those behind need not look again because of that."""
    first = store.queue.reserve(read(store), entry("e1"), 5, LIMITS)
    seen = read(store)
    store.queue.name_job(TARGET, first, "drsjob-1", 9)

    store.queue.reserve(seen, entry("e2"), 5, LIMITS)

    assert [one.job_id for one in read(store).entries] == ["drsjob-1", None]


def test_room_can_be_taken_after_the_last_one_has_left(store: ExecutionStore) -> None:
    last = store.queue.reserve(read(store), entry("e1"), 5, LIMITS)
    store.queue.leave(TARGET, [last])

    store.queue.reserve(read(store), entry("e2"), 5, LIMITS)

    assert [one.execution_id for one in read(store).entries] == ["e2"]


def test_a_started_job_is_named_and_its_entry_can_be_taken_out(store: ExecutionStore) -> None:
    mine = store.queue.reserve(read(store), entry(), 5, LIMITS)
    store.queue.name_job(TARGET, mine, "drsjob-1", 9)

    (named,) = read(store).entries
    assert (named.job_id, named.until) == ("drsjob-1", 9)

    store.queue.leave(TARGET, [named])
    assert read(store).entries == ()


def test_an_entry_that_changed_since_it_was_read_is_not_taken_out(store: ExecutionStore) -> None:
    store.queue.wait(TARGET, entry(), 1)
    seen = read(store)
    store.queue.reserve(seen, seen.entries[0], 5, LIMITS)

    store.queue.leave(TARGET, seen.entries)

    assert len(read(store).entries) == 1


def test_a_wave_that_waits_says_so_and_since_when(opened: Recovery, store: ExecutionStore) -> None:
    store.waves.request(WaveRef("e1", 1))

    assert store.waits.queue_wave(WaveRef("e1", 1), 3, "2 jobs are ahead")
    since = store.get_wave(WaveRef("e1", 1))["queue"]["since"]
    assert store.waits.queue_wave(WaveRef("e1", 1), 2, "1 job is ahead")

    wave = store.get_wave(WaveRef("e1", 1))
    assert wave["queue"] == {"phase": "QUEUED", "position": 2, "reason": "1 job is ahead", "since": since}
    assert opened.events().count("WAVE_QUEUED") == 1


def test_what_the_record_says_already_is_not_written_again(opened: Recovery, store: ExecutionStore) -> None:
    store.waves.request(WaveRef("e1", 1))
    store.waits.queue_wave(WaveRef("e1", 1), 1, "no room")
    before = opened.raw_items()

    assert not store.waits.queue_wave(WaveRef("e1", 1), 1, "no room")

    assert opened.raw_items() == before


def test_a_wave_that_waits_for_no_start_is_not_queued(running: Recovery, store: ExecutionStore) -> None:
    assert not store.waits.queue_wave(WaveRef("e1", 1), 1, "no room")
    assert not store.waits.queue_wave(WaveRef("e1", 2), 1, "no room")


def test_a_wave_is_not_queued_once_its_execution_is_being_cancelled(
    opened: Recovery, store: ExecutionStore
) -> None:
    store.waves.request(WaveRef("e1", 1))
    store.ending.request_cancel("e1", "admin", "enough")

    assert not store.waits.queue_wave(WaveRef("e1", 1), 1, "no room")


def test_the_queue_is_left_when_every_job_is_started(opened: Recovery, store: ExecutionStore) -> None:
    store.waves.request(WaveRef("e1", 1))
    store.waits.queue_wave(WaveRef("e1", 1), 1, "no room")
    store.waves.record_job(WaveRef("e1", 1), opened.job(1, opened.server_ids(1, 2)), adopted=False)

    wave = store.waves.start_polling(WaveRef("e1", 1))

    assert "queue" not in wave
    assert wave["queueEndTime"] > wave["startTime"]
    assert store.get_wave(WaveRef("e1", 1)) == wave


@pytest.mark.parametrize("end", ["fail", "cancel"])
def test_the_end_of_a_wave_takes_it_out_of_the_queue(
    opened: Recovery, store: ExecutionStore, end: str
) -> None:
    store.waves.request(WaveRef("e1", 1))
    store.waits.queue_wave(WaveRef("e1", 1), 1, "no room")

    getattr(store.waves, end)(WaveRef("e1", 1), "because")

    assert "queue" not in store.get_wave(WaveRef("e1", 1))


def test_a_new_attempt_that_has_to_wait_is_a_new_event(opened: Recovery, store: ExecutionStore) -> None:
    store.waves.request(WaveRef("e1", 1))
    store.waits.queue_wave(WaveRef("e1", 1), 1, "no room")
    store.waits.end_queueing(WaveRef("e1", 1))
    store.waits.queue_wave(WaveRef("e1", 1), 2, "no room again")
    store.waves.fail(WaveRef("e1", 1), "no room in time")
    assert opened.events().count("WAVE_QUEUED") == 1

    store.retries.begin(WaveRef("e1", 1), "admin", 1)
    store.waits.queue_wave(WaveRef("e1", 1), 1, "no room")

    assert opened.events().count("WAVE_QUEUED") == 2
