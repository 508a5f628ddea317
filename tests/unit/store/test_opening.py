"""Opening an execution and giving its waves servers."""

from __future__ import annotations

import dataclasses

import pytest

from drs_recovery.exceptions import ExecutionNotFoundError, TransitionRefusedError
from drs_recovery.statuses import ExecutionType, SkipCause
from drs_recovery.store import WaveRef
from drs_recovery.store.expressions import Put
from drs_recovery.store.keys import execution_key
from drs_recovery.store.records import NewServer, NewWave


def test_new_execution_has_the_fields_of_its_record(store, recovery, clock):
    clock.now = 1_800_000_100.0
    new = recovery.new(ticket="INC-7", reason="monthly", expected_duration=1800, objectives={"rto": 3600})
    assert store.create_execution(new) is True
    assert store.get_execution("e1") == {
        "executionId": "e1",
        "recordVersion": 1,
        "planId": "crm",
        "planName": "CRM",
        "planHash": "abc",
        "planSnapshot": {"id": "crm", "waves": []},
        "dagId": "recover_crm",
        "dagRunId": "run-e1",
        "executionType": "DRILL",
        "isDrill": True,
        "status": "PENDING",
        "initiatedBy": "admin",
        "ticket": "INC-7",
        "reason": "monthly",
        "expectedDuration": 1800,
        "expectedSamples": 0,
        "objectives": {"rto": 3600},
        "submittedTime": 1_800_000_100.001,
        "lastUpdatedTime": 1_800_000_100.001,
        "totalWaves": 2,
        "completedWaves": 0,
        "currentWave": 0,
        "activeWaves": [],
        "waitingGates": [],
        "progress": dict.fromkeys(store.get_execution("e1")["progress"], 0),
        "instancesTerminated": False,
    }


def test_real_recovery_is_no_drill(store, recovery):
    store.create_execution(recovery.new(execution_type=ExecutionType.RECOVERY, dry_run=True))
    execution = store.get_execution("e1")
    assert (execution["isDrill"], execution["dryRun"]) == (False, True)


def test_opening_twice_changes_nothing(store, running):
    before = store.get_document("e1")
    assert store.create_execution(running.new(plan_name="Another", waves=3)) is False
    assert store.get_document("e1") == before
    assert running.events().count("EXECUTION_OPENED") == 1


def test_wave_with_a_reason_is_skipped_from_the_start(store, recovery):
    waves = (NewWave(1, "Database"), NewWave(2, "Web", (1,), SkipCause.NOT_CHOSEN, "not chosen"))
    store.create_execution(dataclasses.replace(recovery.new(), waves=waves))
    first, second = store.get_document("e1")["waves"]
    assert (first["status"], "statusReason" in first) == ("NOT_STARTED", False)
    told = (second["status"], second["skipCause"], second["statusReason"])
    assert told == ("SKIPPED", "NOT_CHOSEN", "not chosen")
    assert second["dependsOn"] == [1]


def test_execution_is_admitted_once_and_not_after_its_end(store, opened):
    assert "admittedTime" not in store.get_execution("e1")
    assert [store.admit("e1"), store.admit("e1")] == [True, False]
    assert opened.events().count("EXECUTION_ADMITTED") == 1
    opened.force("EXECUTION", status="CANCELLED")
    assert store.admit("e1") is False


def test_execution_that_has_ended_is_not_admitted(store, opened):
    opened.force("EXECUTION", status="CANCELLED")
    with pytest.raises(TransitionRefusedError, match="CANCELLED"):
        store.admit("e1")


def test_plan_may_have_more_waves_than_one_transaction(store, recovery, small_transactions):
    store.create_execution(recovery.new(waves=6))
    assert [wave["waveNumber"] for wave in store.get_document("e1")["waves"]] == [1, 2, 3, 4, 5, 6]
    assert store.create_execution(recovery.new(waves=6)) is False


def test_waves_left_by_an_opening_that_died_are_replaced(store, recovery, small_transactions, monkeypatch):
    """The next try may come from a changed plan."""

    def die(event, actions):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "_commit", die)
        with pytest.raises(KeyboardInterrupt):
            store.create_execution(recovery.new(waves=6))
    waves = tuple(NewWave(number, f"New name {number}") for number in range(1, 7))
    assert store.create_execution(dataclasses.replace(recovery.new(), waves=waves)) is True
    assert [wave["waveName"] for wave in store.get_document("e1")["waves"]] == [wave.name for wave in waves]


def test_added_servers_have_the_fields_of_their_record(store, recovery):
    recovery.open(servers=0)
    server = NewServer(
        "s-1", "db-01", critical=False, region="us-west-2", connection="aws", point_in_time=5.5
    )
    store.add_servers(WaveRef("e1", 2), [server])
    assert store.get_servers(WaveRef("e1", 2)) == [
        {
            "executionId": "e1",
            "sourceServerId": "s-1",
            "serverName": "db-01",
            "waveNumber": 2,
            "critical": False,
            "region": "us-west-2",
            "connection": "aws",
            "isDrill": True,
            "phase": "PENDING",
            "launchStatus": "PENDING",
            "transitionHistory": [],
            "pollAttempts": 0,
            "pointInTime": 5.5,
        }
    ]


def test_adding_servers_twice_counts_them_once(store, recovery):
    recovery.open(servers=0)
    store.add_servers(WaveRef("e1", 1), recovery.servers(1, 2))
    store.add_servers(WaveRef("e1", 1), recovery.servers(1, 3))
    store.add_servers(WaveRef("e1", 1), recovery.servers(1, 3))
    assert store.get_wave(WaveRef("e1", 1))["progress"]["totalServers"] == 3
    assert store.get_execution("e1")["progress"] == {**store.get_wave(WaveRef("e1", 1))["progress"]}
    assert store.get_execution("e1")["progress"]["pending"] == 3


def test_wave_takes_more_servers_than_one_transaction(store, recovery, small_transactions):
    recovery.open(waves=1, servers=5)
    assert len(store.get_servers(WaveRef("e1", 1))) == 5
    assert store.get_execution("e1")["progress"]["totalServers"] == 5


def test_wave_takes_no_servers_once_its_jobs_are_started(store, running):
    with pytest.raises(
        TransitionRefusedError, match="wave 1 is POLLING and cannot become open for more servers"
    ):
        store.add_servers(WaveRef("e1", 1), running.servers(1, 5))
    assert store.get_wave(WaveRef("e1", 1))["progress"]["totalServers"] == 2


def test_servers_need_an_execution(store, recovery):
    with pytest.raises(ExecutionNotFoundError):
        store.add_servers(WaveRef("e1", 1), recovery.servers(1, 1))


def test_a_long_plan_makes_the_record_little_longer(store, recovery):
    servers = [{"id": f"s-{number:017}", "critical": True} for number in range(500)]
    snapshot = {"id": "crm", "protection_groups": {"database": {"servers": servers}}, "waves": []}
    store.create_execution(recovery.new(plan_snapshot=snapshot))

    assert len(store.table.get(execution_key("e1"))["planSnapshot"]) < 5_000
    assert store.get_execution("e1")["planSnapshot"] == snapshot


def test_a_plan_that_was_recorded_as_text_is_read_as_well(store, recovery):
    store.create_execution(recovery.new())
    text = Put({**store.table.get(execution_key("e1")), "planSnapshot": '{"id": "crm"}'})
    store.table.transact([text])

    assert store.get_execution("e1")["planSnapshot"] == {"id": "crm"}
