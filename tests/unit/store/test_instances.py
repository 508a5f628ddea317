"""Launches of which something may be left: who replaces whom, whatever is recorded first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drs_recovery.statuses import ExecutionStatus, ServerPhase
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.launches import InstancesSeen
from drs_recovery.store.records import ServerSeen, WavePoll
from tests.unit.store.conftest import Recovery

ACCOUNT, TARGET = "123456789012", "123456789012:us-east-1"


def launched(
    store: ExecutionStore, recovery: Recovery, name: str, created: float | None, *, end: bool = True
) -> str:
    """Launch the one server of an execution; id of its instance."""
    recovery.id = name
    store.create_execution(recovery.new(name, waves=1))
    store.add_servers(WaveRef(name, 1), recovery.servers(1, 1))
    store.waves.request(WaveRef(name, 1))
    job = recovery.job(1, recovery.server_ids(1, 1))
    job = replace(job, job_id=f"drsjob-{name}", account=ACCOUNT, created=created)
    store.waves.record_job(WaveRef(name, 1), job, adopted=False)
    store.waves.start_polling(WaveRef(name, 1))
    details = {"recoveryInstanceId": f"i-{name}", "instanceId": f"i-{name}", "privateIp": "10.0.0.1"}
    seen = ServerSeen(job.server_ids[0], "LAUNCHED", ServerPhase.READY, details)
    store.polls.record(WaveRef(name, 1), WavePoll((), (seen,)))
    if end:
        store.waves.complete(WaveRef(name, 1))
        store.ending.finalize(name, ExecutionStatus.COMPLETED)
    return f"i-{name}"


def replaced_by(store: ExecutionStore, name: str) -> str | None:
    return store.get_servers(WaveRef(name, 1))[0].get("replacedBy")


def test_the_later_launch_replaces_the_earlier_one_also_if_it_is_recorded_first(store, recovery):
    launched(store, recovery, "later", 2000.0)
    launched(store, recovery, "earlier", 1000.0, end=False)

    # The job of "earlier" was adopted late; its instance is on record after the mark was due.
    store.instances.mark_replaced(
        next(one for one in store.instances.launches(TARGET) if one.execution_id == "earlier")
    )

    assert replaced_by(store, "later") is None
    assert replaced_by(store, "earlier") == "later"


def test_other_places_and_other_servers_are_not_replaced(store, recovery):
    launched(store, recovery, "e1", 1000.0)
    (mine,) = store.instances.launches()

    store.instances.mark_replaced(
        replace(mine, execution_id="e2", target="999999999999:us-east-1", created=2000.0)
    )
    store.instances.mark_replaced(replace(mine, execution_id="e2", server_ids=("s-other",), created=2000.0))

    assert replaced_by(store, "e1") is None
    assert [one.target for one in store.instances.launches()] == [TARGET]


def test_a_live_execution_ends_without_instances_that_were_replaced(store, recovery):
    launched(store, recovery, "drill", 1000.0, end=False)
    launched(store, recovery, "recovery", 2000.0, end=False)
    store.waves.complete(WaveRef("drill", 1))
    store.ending.finalize("drill", ExecutionStatus.COMPLETED)

    ended = store.get_execution("drill")
    assert (ended["instancesLeft"], "terminateAfter" in ended) == (False, False)
    assert store.terminations.due() == []

    instance = InstancesSeen(still_running=["i-drill"])
    assert store.instances.record_seen("drill", instance) is True
    again = store.get_execution("drill")
    assert (again["instancesLeft"], "terminateAfter" in again) == (True, True)


def test_trouble_with_a_replaced_record_does_not_keep_a_launch_off_the_record(store, recovery):
    launched(store, recovery, "gone", 1000.0)
    recovery.id = "gone"
    store.table.client.delete_item(
        TableName=store.table.table_name,
        Key={"executionId": {"S": "gone"}, "recordKey": {"S": "EXECUTION"}},
    )

    launched(store, recovery, "e2", 2000.0)

    assert store.get_wave(WaveRef("e2", 1))["jobs"][0]["jobId"] == "drsjob-e2"


def test_what_is_seen_of_a_live_execution_is_not_recorded(store, recovery):
    instance = launched(store, recovery, "e1", 1000.0, end=False)

    assert store.instances.record_seen("e1", InstancesSeen(gone=[instance])) is False

    assert "terminatedTime" not in store.get_servers(WaveRef("e1", 1))[0]


@pytest.mark.parametrize("known", [True, False])
def test_an_instance_that_comes_up_late_is_compared_from_then_on(store, recovery, known):
    instance = launched(store, recovery, "e1", 1000.0)
    (launch,) = store.instances.launches()
    store.instances.record_seen("e1", InstancesSeen(gone=[instance]))
    store.terminations.finish("e1")
    if not known:
        store.instances.forget_launch(launch)
    server = recovery.server_ids(1, 1)[0]
    late = {"jobId": "drsjob-e1", "accountId": ACCOUNT, "recoveryInstanceId": "i-x", "instanceId": "i-x"}

    assert store.terminations.record_late_instance("e1", server, late) is True

    (again,) = store.instances.launches(TARGET)
    assert (again.job_id, again.server_ids) == ("drsjob-e1", (server,))
    assert store.get_execution("e1")["instancesLeft"] is True
