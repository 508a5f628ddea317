"""Of each plan one drill and one recovery live at a time, also when they open in the same instant."""

from __future__ import annotations

import pytest

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store import WaveRef
from drs_recovery.store.records import ExecutionFilter

DRILL, RECOVERY = ExecutionType.DRILL, ExecutionType.RECOVERY


@pytest.fixture
def opened_as(store, recovery):
    def open_as(execution_id, execution_type=DRILL, **fields):
        store.create_execution(recovery.new(execution_id, waves=0, execution_type=execution_type, **fields))

    return open_as


@pytest.fixture
def failed(store, recovery):
    """Execution "a" has ended with a failed wave; it had its plan."""
    store.create_execution(recovery.new("a", waves=1))
    store.locks.hold_plan("a")
    store.add_servers(WaveRef("a", 1), recovery.servers(1, 1))
    store.waves.request(WaveRef("a", 1))
    store.waves.fail(WaveRef("a", 1), "no capacity")
    store.ending.finalize("a", ExecutionStatus.FAILED)


@pytest.mark.parametrize(
    ("first", "second", "in_the_way"),
    [(DRILL, DRILL, True), (RECOVERY, DRILL, True), (RECOVERY, RECOVERY, True), (DRILL, RECOVERY, False)],
)
def test_live_execution_is_in_the_way_of_a_second_one(store, opened_as, first, second, in_the_way):
    opened_as("a", first)
    opened_as("b", second)
    assert store.locks.hold_plan("a") is None

    found = store.locks.hold_plan("b")

    assert (found["executionId"] if found else None) == ("a" if in_the_way else None)


def test_plan_is_held_as_often_as_its_holder_asks_and_free_when_it_has_ended(store, opened_as):
    opened_as("a")
    opened_as("b")
    assert store.locks.hold_plan("a") is None
    assert store.locks.hold_plan("a") is None
    store.ending.request_cancel("a", "alice", "enough")
    assert store.locks.hold_plan("b")["status"] == "CANCELLING"
    store.ending.finalize("a", ExecutionStatus.CANCELLED)
    assert store.locks.hold_plan("b") is None
    assert store.locks.hold_plan("b") is None


def test_recovery_that_came_beside_a_drill_is_in_the_way_of_the_next_drill(store, opened_as):
    opened_as("a")
    opened_as("r", RECOVERY)
    opened_as("b")
    store.locks.hold_plan("a")
    store.locks.hold_plan("r")
    store.ending.finalize("a", ExecutionStatus.CANCELLED)
    assert store.locks.hold_plan("b")["executionId"] == "r"


def test_an_execution_that_is_reopened_takes_its_plan_back(store, recovery, failed):
    store.create_execution(recovery.new("b", waves=0))
    assert store.locks.hold_plan("b") is None
    store.ending.finalize("b", ExecutionStatus.CANCELLED)
    store.create_execution(recovery.new("c", waves=0))

    assert store.retries.begin(WaveRef("a", 1), "ann", 1)[1]

    assert store.locks.hold_plan("c")["executionId"] == "a"


def test_an_execution_is_not_reopened_while_another_one_has_its_plan(store, recovery, failed):
    store.create_execution(recovery.new("b", waves=0))
    store.locks.hold_plan("b")

    with pytest.raises(TransitionRefusedError, match="part of a plan with a live DRILL"):
        store.retries.begin(WaveRef("a", 1), "ann", 1)

    assert store.get_execution("a")["status"] == "FAILED"


def test_other_plans_are_not_in_the_way(store, opened_as):
    opened_as("a")
    opened_as("b", plan_id="web")
    assert store.locks.hold_plan("a") is None
    assert store.locks.hold_plan("b") is None


def test_lock_is_in_no_list(store, opened_as):
    opened_as("a")
    store.locks.hold_plan("a")
    assert [item["executionId"] for item in store.listings.page().items] == ["a"]
    assert [item["executionId"] for item in store.listings.page(ExecutionFilter(plan_id="crm")).items] == [
        "a"
    ]
