"""One person at a time acts on an execution, also when the one whose turn it was has died."""

from __future__ import annotations


def test_a_turn_is_one_holders_until_it_is_given_back(store):
    assert store.action_lock.acquire("e1", "alice", 15)
    assert not store.action_lock.acquire("e1", "bob", 15)
    assert store.action_lock.acquire("e2", "bob", 15)

    store.action_lock.release("e1", "alice")

    assert store.action_lock.acquire("e1", "bob", 15)


def test_a_turn_that_nobody_gives_back_is_over_by_itself(store, clock):
    store.action_lock.acquire("e1", "alice", 15)
    clock.advance(14)
    assert not store.action_lock.acquire("e1", "bob", 15)
    clock.advance(1)
    assert store.action_lock.acquire("e1", "bob", 15)


def test_whoever_comes_back_late_does_not_end_the_turn_of_the_next_one(store, clock):
    store.action_lock.acquire("e1", "alice", 15)
    clock.advance(16)
    store.action_lock.acquire("e1", "bob", 15)

    store.action_lock.release("e1", "alice")
    store.action_lock.release("e3", "nobody")

    assert not store.action_lock.acquire("e1", "carol", 15)


def test_of_two_who_look_at_the_same_moment_one_gets_the_turn(store, monkeypatch):
    read, meanwhile = store.table.get, ["bob"]

    def quicker(key):
        found = read(key)
        if meanwhile:
            assert store.action_lock.acquire("e1", meanwhile.pop(), 15)
        return found

    monkeypatch.setattr(store.table, "get", quicker)

    assert not store.action_lock.acquire("e1", "alice", 15)
