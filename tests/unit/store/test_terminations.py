"""The end of an execution's instances: when it is due, how it goes on record, and what it never changes."""

from __future__ import annotations

import pytest

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, ExecutionType, ServerPhase
from drs_recovery.store import WaveRef
from drs_recovery.store.records import JobSeen, TerminationRef

JOB = TerminationRef("drsjob-t1", "us-east-1", "aws", ("i-s-1000", "i-s-1001"))
HOURS = 3600.0


def launch(recovery, number=1, servers=2):
    """Bring every server of a wave to READY, each with an instance of its own."""
    for server_id in recovery.server_ids(number, servers):
        instance = f"i-{server_id}"
        recovery.poll(number, ServerPhase.LAUNCHED, "LAUNCHED", ids=(server_id,), job_status="COMPLETED")
        recovery.poll(
            number,
            ServerPhase.READY,
            ids=(server_id,),
            instanceId=instance,
            recoveryInstanceId=instance,
            privateIp="10.0.0.1",
        )


def end(recovery, status=ExecutionStatus.COMPLETED):
    recovery.store.waves.complete(WaveRef("e1", 1))
    recovery.store.ending.finalize("e1", status)
    return recovery.store.get_execution("e1")


@pytest.fixture
def drill(recovery):
    """A drill of one wave, its two servers with an instance each, not ended."""
    recovery.open(waves=1).start()
    launch(recovery)
    return recovery


@pytest.fixture
def ended(drill):
    end(drill)
    return drill


def request(store, request_id="run-1"):
    return store.terminations.request("e1", "dba", request_id, {"waves": None})


@pytest.mark.parametrize(
    ("after", "seconds"), [(None, 2 * HOURS), ("PT30M", 0.5 * HOURS), ("P1D", 24 * HOURS), ("now", 0.0)]
)
def test_drill_is_due_its_plans_time_after_its_end(store, recovery, clock, after, seconds):
    plan = {"id": "crm", "waves": [], **({"drill": {"terminate_after": after}} if after else {})}
    recovery.open(waves=1, plan_snapshot=plan).start()
    launch(recovery)
    execution = end(recovery)

    assert execution["terminateAfter"] == pytest.approx(execution["endTime"] + seconds)
    if seconds:
        clock.advance(seconds - 1)
        assert store.terminations.due() == []
    clock.advance(2)
    assert store.terminations.due() == [("e1", execution["terminateAfter"])]


@pytest.mark.parametrize("status", [ExecutionStatus.FAILED, ExecutionStatus.CANCELLED])
def test_drill_that_failed_or_was_cancelled_is_due_as_well(store, drill, status):
    store.waves.cancel(WaveRef("e1", 1), "enough")
    store.ending.finalize("e1", status)
    assert "terminateAfter" in store.get_execution("e1")


@pytest.mark.parametrize(
    "fields",
    [
        {"keep_instances": True},
        {"execution_type": ExecutionType.RECOVERY},
        {"plan_snapshot": {"id": "crm", "waves": [], "drill": {"terminate_after": "never"}}},
    ],
    ids=["keep_instances", "a real recovery", "never"],
)
def test_instances_that_are_to_stay_are_never_due(store, recovery, clock, fields):
    recovery.open(waves=1, **fields).start()
    launch(recovery)
    execution = end(recovery)
    clock.advance(1000 * HOURS)
    assert "terminateAfter" not in execution
    assert store.terminations.due() == []


def test_drill_without_instances_is_never_due(store, opened, clock):
    store.ending.finalize("e1", ExecutionStatus.CANCELLED)
    clock.advance(1000 * HOURS)
    assert not {"terminateAfter", "instancesLeft"} & store.get_execution("e1").keys()
    assert store.terminations.due() == []


def test_due_drills_come_in_the_order_of_time_and_can_be_forgotten(store, recovery, clock):
    for name, after in (("e1", "PT2H"), ("e2", "PT1H")):
        recovery.id = name
        plan = {"id": "crm", "waves": [], "drill": {"terminate_after": after}}
        store.create_execution(recovery.new(name, waves=1, plan_snapshot=plan))
        store.add_servers(WaveRef(name, 1), recovery.servers(1, 1))
        recovery.start()
        launch(recovery, servers=1)
        store.waves.complete(WaveRef(name, 1))
        store.ending.finalize(name, ExecutionStatus.COMPLETED)
        # As if they had other servers: a later launch of the same ones would replace the earlier instances.
        for one in store.instances.launches():
            store.instances.forget_launch(one)
    clock.advance(3 * HOURS)

    (first, since), second = store.terminations.due()
    assert (first, second[0]) == ("e2", "e1")
    store.terminations.forget_due(first, since)
    store.terminations.forget_due(first, since)
    assert store.terminations.due() == [second]


def test_termination_is_asked_for_by_somebody_once_a_request(store, ended):
    assert request(store) is True
    assert request(store) is False
    assert request(store, "run-2") is True
    asked = [event for event in store.get_events("e1") if event["event"] == "TERMINATION_REQUESTED"]
    assert [event["actor"] for event in asked] == ["dba", "dba"]


def test_instances_of_a_live_execution_are_not_terminated(store, drill):
    before = drill.raw_items()
    with pytest.raises(TransitionRefusedError, match="an execution that is POLLING"):
        request(store)
    assert drill.raw_items() == before


def test_execution_without_instances_has_nothing_to_terminate(store, opened):
    store.ending.finalize("e1", ExecutionStatus.FAILED)
    with pytest.raises(TransitionRefusedError, match="launched is nothing"):
        request(store)


def test_termination_goes_on_record_step_by_step_and_ends_once(store, ended, clock):
    before = store.get_document("e1")
    request(store)
    store.terminations.record_job("e1", JOB, adopted=False)
    store.terminations.record_job("e1", JOB, adopted=True)
    store.terminations.record_poll("e1", [JobSeen("drsjob-t1", "STARTED")])
    assert store.terminations.finish("e1") is False

    store.terminations.record_terminated("e1", {"i-s-1000"})
    assert store.terminations.finish("e1") is False
    store.terminations.record_poll("e1", [JobSeen("drsjob-t1", "COMPLETED", 1_800_000_100.0)])
    store.terminations.record_poll("e1", [JobSeen("drsjob-t1", "STARTED")])
    store.terminations.record_terminated("e1", {"i-s-1000", "i-s-1001"})
    assert store.terminations.finish("e1") is True
    assert store.terminations.finish("e1") is False

    document = store.get_document("e1")
    assert document["instancesTerminated"] is True
    assert document["terminatedTime"] >= before["endTime"]
    (job,) = document["terminateJobs"]
    assert (job["jobId"], job["status"], job["endTime"]) == ("drsjob-t1", "COMPLETED", 1_800_000_100.0)
    servers = document["waves"][0]["serverStatuses"]
    assert {(s["phase"], s["instanceState"], "terminatedTime" in s) for s in servers} == {
        ("TERMINATED", "terminated", True)
    }
    assert ended.events()[-3:] == ["TERMINATION_REQUESTED", "TERMINATION_JOB_STARTED", "INSTANCES_TERMINATED"]
    # What the drill reached stays what it was.
    assert (document["status"], document["progress"]) == (before["status"], before["progress"])
    clock.advance(1000 * HOURS)
    assert store.terminations.due() == []


def test_request_names_its_waves_and_ends_when_nothing_is_left(store, ended):
    store.terminations.request("e1", "dba", "run-1", {"waves": [1]})
    store.terminations.record_terminated("e1", {"i-s-1000", "i-s-1001"})
    (open_request,) = store.get_execution("e1")["terminationRequests"]
    assert (open_request["waves"], "endTime" in open_request) == ([1], False)

    store.terminations.finish("e1")
    (request,) = store.get_execution("e1")["terminationRequests"]
    assert request["endTime"] == store.get_execution("e1")["terminatedTime"]


def test_server_that_failed_after_its_launch_stays_failed(store, recovery):
    recovery.open(waves=1, servers=1).start()
    recovery.poll(1, ServerPhase.FAILED, "LAUNCHED", instanceId="i-1", recoveryInstanceId="i-1")
    store.waves.fail(WaveRef("e1", 1), "its action failed")
    store.ending.finalize("e1", ExecutionStatus.FAILED)
    before = store.get_execution("e1")["progress"]
    # Its instance runs: lists say so without reading servers.
    assert store.get_execution("e1")["instancesLeft"] is True

    store.terminations.record_terminated("e1", {"i-1"})

    (server,) = store.get_servers(WaveRef("e1", 1))
    assert (server["phase"], "terminatedTime" in server) == ("FAILED", True)
    assert store.terminations.finish("e1") is True
    assert store.get_execution("e1")["progress"] == before


def test_server_is_gone_only_with_the_instances_of_its_earlier_attempts(store, ended):
    earlier = [{"jobId": "drsjob-0", "recoveryInstanceId": "i-old", "instanceId": "i-old"}]
    ended.force("SERVER#01#s-1000", previousInstances=earlier)

    store.terminations.record_terminated("e1", {"i-s-1000", "i-s-1001"})
    assert store.terminations.finish("e1") is False
    assert ["terminatedTime" in server for server in store.get_servers(WaveRef("e1", 1))] == [False, True]
    store.terminations.record_terminated("e1", {"i-s-1000", "i-old"})
    assert store.terminations.finish("e1") is True


def test_failure_to_terminate_is_told_once_until_it_is_another(store, ended):
    request(store)
    assert store.terminations.record_failure("e1", "in failback") is True
    assert store.terminations.record_failure("e1", "in failback") is False
    assert store.get_execution("e1")["terminationError"] == "in failback"
    request(store, "run-2")
    assert "terminationError" not in store.get_execution("e1")
    assert ended.events().count("TERMINATION_FAILED") == 1


def test_what_is_swept_is_an_event_of_the_execution(store, ended):
    store.terminations.record_sweep("e1", ["i-9"], "drsjob-t9")
    assert store.get_events("e1")[-1]["detail"] == {"instances": ["i-9"], "jobId": "drsjob-t9"}
