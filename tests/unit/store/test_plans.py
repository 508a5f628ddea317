"""Current plans on record: what changed is written, what is gone is forgotten, and the newest look stays."""

from __future__ import annotations

import pytest

from drs_recovery.store.plans import Plans
from drs_recovery.store.records import SeenPlan

HOUR, DAY = 3600, 24 * 3600


def plan(plan_id="crm", plan_hash="1", **fields):
    return SeenPlan(
        plan_id, plan_hash, f"{plan_id}.yaml", fields.get("document", {"id": plan_id, "name": "ü"})
    )


@pytest.fixture
def plans(store):
    return store.plans


def test_a_plan_is_read_as_it_was_recorded(plans):
    broken = SeenPlan("erp", "2", "erp.yaml", None, (("erp.yaml", "waves", "is missing"),))

    assert plans.record([plan(), broken]) == ["crm", "erp"]

    assert plans.get(["crm", "erp", "none"]) == {"crm": plan(), "erp": broken}
    assert plans.hashes() == {"crm": "1", "erp": "2"}


def test_only_what_changed_is_written(plans, clock):
    plans.record([plan(), plan("erp")])
    clock.advance(60)

    assert plans.record([plan(), plan("erp", "2")]) == ["erp"]
    assert plans.get(["erp"])["erp"].plan_hash == "2"


def test_that_a_file_is_still_there_is_told_once_an_hour(plans, clock):
    plans.record([plan()])
    clock.advance(HOUR + 1)

    assert plans.record([plan()]) == ["crm"]
    assert plans.record([plan()]) == []


def test_an_older_look_does_not_replace_a_newer_one(plans, store, clock):
    clock.advance(60)
    plans.record_one(plan(plan_hash="new"))
    slow = Plans(store.table, lambda: clock() - 30)

    assert slow.record_one(plan(plan_hash="old")) is False
    assert plans.hashes() == {"crm": "new"}
    assert plans.get(["crm"])["crm"].plan_hash == "new"


def test_a_plan_whose_file_nobody_has_seen_for_a_day_is_forgotten(plans, clock):
    plans.record([plan(), plan("erp")])
    clock.advance(DAY - HOUR)
    plans.record([plan()])
    assert set(plans.hashes()) == {"crm", "erp"}

    clock.advance(HOUR + 1)
    assert "erp" in plans.record([plan()])

    assert set(plans.hashes()) == {"crm"}


def test_a_process_without_any_plan_file_forgets_nothing(plans, clock):
    plans.record([plan()])
    clock.advance(2 * DAY)

    assert plans.record([]) == []
    assert set(plans.hashes()) == {"crm"}


def test_the_lock_of_a_plan_stays_when_the_plan_is_forgotten(plans, store, recovery, clock):
    recovery.open()
    execution = store.get_execution(recovery.id)
    store.locks.hold_plan(recovery.id)
    plans.record([plan(execution["planId"]), plan("other")])
    clock.advance(DAY + 1)
    plans.record([plan("other")])

    assert execution["planId"] not in plans.hashes()
    assert store.locks.read(execution)[0] is not None
