"""What polls write, and what they leave alone."""

from __future__ import annotations

import pytest

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, ServerPhase
from drs_recovery.store import WaveRef
from drs_recovery.store.records import JobSeen, ServerSeen, WavePoll
from drs_recovery.store.server_types import progress_of


def assert_consistent(store):
    """Every progress is the count of its servers."""
    document = store.get_document("e1")
    phases = []
    for wave in document["waves"]:
        of_wave = [ServerPhase(server["phase"]) for server in wave["serverStatuses"]]
        assert wave["progress"] == progress_of(of_wave)
        phases += of_wave
    assert document["progress"] == progress_of(phases)


def test_drill_is_followed_from_pending_to_ready(store, running, clock):
    times = {}
    for phase, launch_status in [
        (ServerPhase.PENDING, "PENDING"),
        (ServerPhase.SNAPSHOT, "IN_PROGRESS"),
        (ServerPhase.CONVERSION, "IN_PROGRESS"),
        (ServerPhase.LAUNCH, "IN_PROGRESS"),
        (ServerPhase.LAUNCHED, "LAUNCHED"),
        (ServerPhase.READY, "LAUNCHED"),
    ]:
        clock.advance(30)
        server, _ = running.poll(1, phase, launch_status)
        assert (server["phase"], server["launchStatus"]) == (phase, launch_status)
        times.setdefault(launch_status, clock.now)
        assert_consistent(store)
    assert server["transitionHistory"] == [
        {"status": "IN_PROGRESS", "timestamp": times["IN_PROGRESS"]},
        {"status": "LAUNCHED", "timestamp": times["LAUNCHED"]},
    ]
    assert (server["launchTime"], server["launchedTime"]) == (times["IN_PROGRESS"], times["LAUNCHED"])


def test_answer_of_a_poll_is_what_the_store_has(store, running):
    servers = running.poll(1, ServerPhase.SNAPSHOT, "IN_PROGRESS", ids=("s-1001",), hostname="db-02")
    assert servers == store.get_servers(WaveRef("e1", 1))


def test_poll_is_counted_and_dated_everywhere(store, running, clock):
    running.poll()
    clock.advance(30)
    running.poll(1, ServerPhase.SNAPSHOT)
    document = store.get_document("e1")
    wave = document["waves"][0]
    assert (wave["pollAttempts"], wave["serverStatuses"][0]["pollAttempts"]) == (2, 2)
    assert wave["lastPolledTime"] == document["lastPolledTime"] == document["lastUpdatedTime"] == clock.now
    assert wave["serverStatuses"][0]["lastPolledTime"] == clock.now


def test_poll_without_news_writes_no_server(store, running, clock):
    running.poll(1, ServerPhase.SNAPSHOT, "IN_PROGRESS")
    before = [item for item in running.raw_items() if item["recordKey"]["S"].startswith("SERVER")]
    clock.advance(30)
    running.poll(1, ServerPhase.SNAPSHOT, "IN_PROGRESS")
    after = [item for item in running.raw_items() if item["recordKey"]["S"].startswith("SERVER")]
    assert after == before
    server = store.get_document("e1")["waves"][0]["serverStatuses"][0]
    assert (server["pollAttempts"], server["lastPolledTime"]) == (2, clock.now)


def test_poll_never_changes_the_status_of_wave_or_execution(store, running):
    running.poll(1, ServerPhase.FAILED, "FAILED", job_status="COMPLETED")
    assert store.get_wave(WaveRef("e1", 1))["status"] == "POLLING"
    assert store.get_execution("e1")["status"] == "POLLING"


def test_ended_servers_are_not_reopened(store, running):
    running.poll(1, ServerPhase.READY, "LAUNCHED", ids=("s-1000",))
    running.poll(1, ServerPhase.FAILED, "FAILED", ids=("s-1001",))
    for phase in set(ServerPhase) - {ServerPhase.TERMINATED}:
        servers = running.poll(1, phase, "IN_PROGRESS")
        assert [server["phase"] for server in servers] == ["READY", "FAILED"]
        assert [server["launchStatus"] for server in servers] == ["LAUNCHED", "FAILED"]
    assert_consistent(store)


def test_details_of_a_failed_server_are_kept(store, running):
    """Whatever it left behind must be found for the clean-up."""
    running.poll(1, ServerPhase.FAILED, "FAILED", error="LAUNCH_FAILED")
    store.waves.fail(WaveRef("e1", 1), "all failed")
    running.poll(1, None, None, instanceId="i-7", instanceState="running")
    server = store.get_servers(WaveRef("e1", 1))[0]
    assert (server["phase"], server["instanceId"], server["error"]) == ("FAILED", "i-7", "LAUNCH_FAILED")


def test_known_details_are_not_emptied(store, running):
    running.poll(1, None, None, instanceId="i-7", privateIp="10.0.0.1")
    running.poll(1, None, None, instanceId="", privateIp=None)
    server = store.get_servers(WaveRef("e1", 1))[0]
    assert (server["instanceId"], server["privateIp"]) == ("i-7", "10.0.0.1")


def test_job_ends_once_and_does_not_go_back(store, running):
    for status, end in [("STARTED", None), ("COMPLETED", 7.0), ("STARTED", None), ("COMPLETED", 9.0)]:
        store.polls.record(WaveRef("e1", 1), WavePoll(jobs=(JobSeen("drsjob-1-1", status, end),)))
    job = store.get_wave(WaveRef("e1", 1))["jobs"][0]
    assert (job["status"], job["endTime"]) == ("COMPLETED", 7)


def test_unknown_states_of_aws_are_kept_as_they_are(store, running):
    running.poll(1, None, "REHYDRATING", job_status="DREAMING")
    assert store.get_servers(WaveRef("e1", 1))[0]["launchStatus"] == "REHYDRATING"
    assert store.get_wave(WaveRef("e1", 1))["jobs"][0]["status"] == "DREAMING"


def test_servers_and_jobs_that_the_wave_does_not_have_are_ignored(store, running):
    seen = WavePoll((JobSeen("drsjob-9", "STARTED"),), (ServerSeen("s-9", "LAUNCHED", ServerPhase.LAUNCHED),))
    store.polls.record(WaveRef("e1", 1), seen)
    assert [job["jobId"] for job in store.get_wave(WaveRef("e1", 1))["jobs"]] == ["drsjob-1-1"]
    assert [server["phase"] for server in store.get_servers(WaveRef("e1", 1))] == ["PENDING", "PENDING"]


def test_fields_with_rules_of_their_own_cannot_be_set_freely(store, running):
    with pytest.raises(ValueError, match="a poll cannot set phase of a server"):
        store.polls.record(
            WaveRef("e1", 1), WavePoll(servers=(ServerSeen("s-1000", fields={"phase": "READY"}),))
        )


def test_failed_poll_is_counted_and_cleared_by_the_next_good_one(store, running):
    store.polls.record_failure(WaveRef("e1", 1), "ThrottlingException")
    wave = store.get_wave(WaveRef("e1", 1))
    assert (wave["pollAttempts"], wave["lastPollError"]["message"]) == (1, "ThrottlingException")
    assert "lastPolledTime" not in wave
    running.poll()
    wave = store.get_wave(WaveRef("e1", 1))
    assert (wave["pollAttempts"], "lastPollError" in wave) == (2, False)


def test_polls_without_news_are_counted_together_and_dated_by_the_last_question(store, running, clock):
    running.poll(1, ServerPhase.SNAPSHOT, "IN_PROGRESS")
    before = store.get_execution("e1")
    clock.advance(30)
    store.polls.record_looks(WaveRef("e1", 1), 3, clock.now - 2)
    wave = store.get_wave(WaveRef("e1", 1))
    assert (wave["pollAttempts"], wave["lastPolledTime"]) == (4, clock.now - 2)
    document = store.get_document("e1")
    assert document["lastPolledTime"] == document["waves"][0]["serverStatuses"][0]["lastPolledTime"]
    assert store.get_execution("e1") == before
    store.polls.record_looks(WaveRef("e1", 1), 1, clock.now - 9)
    assert store.get_wave(WaveRef("e1", 1))["lastPolledTime"] == clock.now - 2
    ended = store.waves.fail(WaveRef("e1", 1), "timed out")
    store.polls.record_looks(WaveRef("e1", 1), 1, clock.now)
    assert store.get_wave(WaveRef("e1", 1)) == ended


def test_a_conclusion_is_no_look(store, running, clock):
    store.polls.record_failure(WaveRef("e1", 1), "ThrottlingException", looks=2)
    clock.advance(30)
    seen = ServerSeen("s-1000", phase=ServerPhase.FAILED, fields={"error": "gave up"})
    store.polls.record(WaveRef("e1", 1), WavePoll(servers=(seen,), is_look=False))
    wave = store.get_wave(WaveRef("e1", 1))
    assert (wave["pollAttempts"], "lastPolledTime" in wave) == (2, False)
    assert wave["lastPollError"]["message"] == "ThrottlingException"


def test_failed_poll_of_an_ended_wave_is_no_news(store, running):
    wave = store.waves.fail(WaveRef("e1", 1), "timed out")
    store.polls.record_failure(WaveRef("e1", 1), "ThrottlingException")
    assert store.get_wave(WaveRef("e1", 1)) == wave


def test_late_instances_are_recorded_while_the_execution_is_cancelled(store, running):
    store.ending.begin_cancelling("e1", "admin", "enough")
    store.waves.cancel(WaveRef("e1", 1), "cancelled")
    running.launch()
    assert store.get_servers(WaveRef("e1", 1))[0]["instanceId"] == "i-1"
    assert_consistent(store)


def test_poll_after_the_end_of_the_execution_changes_nothing(store, running):
    store.waves.fail(WaveRef("e1", 1), "timed out")
    store.ending.finalize("e1", ExecutionStatus.FAILED)
    record = store.get_document("e1")
    with pytest.raises(TransitionRefusedError, match="wave 1 is part of an execution that is FAILED"):
        running.poll(1, ServerPhase.LAUNCHED, "LAUNCHED")
    assert store.get_document("e1") == record


def test_wave_that_nobody_asked_for_is_not_polled(store, opened):
    with pytest.raises(TransitionRefusedError, match="wave 2 is NOT_STARTED"):
        opened.poll(2, ServerPhase.LAUNCHED, "LAUNCHED")


def test_poll_of_many_servers_counts_right_after_every_transaction(store, recovery, small_transactions):
    recovery.open(waves=1, servers=5).start()
    transact, sums = store.table.transact, []

    def transact_and_count(actions):
        transact(actions)
        progress = store.get_execution("e1")["progress"]
        sums.append(sum(progress.values()) - progress["totalServers"])
        assert_consistent(store)

    store.table.transact = transact_and_count
    recovery.poll(1, ServerPhase.LAUNCHED, "LAUNCHED")
    assert sums == [5, 5, 5]
    assert store.get_wave(WaveRef("e1", 1))["pollAttempts"] == 1


def test_times_do_not_go_back_with_the_clock_of_another_host(store, running, clock):
    clock.advance(100)
    running.poll(1, ServerPhase.SNAPSHOT)
    ahead = store.get_document("e1")
    clock.advance(-50)
    running.poll(1, ServerPhase.CONVERSION)
    behind = store.get_document("e1")
    assert behind["lastPolledTime"] == behind["lastUpdatedTime"] == ahead["lastUpdatedTime"]
    assert behind["waves"][0]["lastPolledTime"] == ahead["waves"][0]["lastPolledTime"]
