"""The types of records name every field that the store writes."""

from __future__ import annotations

from typing import get_type_hints

from drs_recovery.statuses import (
    ExecutionStatus,
    ExecutionType,
    FailureDecision,
    FindingSeverity,
    GateDecision,
    ServerPhase,
    SkipCause,
    WaveStatus,
)
from drs_recovery.store import WaveRef
from drs_recovery.store.execution_types import ExecutionDocument
from drs_recovery.store.records import ChosenPoint, JobSeen, NewFinding, NewWave, SnapshotRef, TerminationRef
from drs_recovery.store.wave_types import Wave
from tests.record_types import misfits
from tests.unit.store.conftest import Recovery

DEADLINE = 1_800_003_600.0


def open_everything(recovery: Recovery) -> None:
    left_out = NewWave(3, "Web", skip_cause=SkipCause.NOT_CHOSEN, skip_reason="not chosen")
    recovery.store.create_execution(
        recovery.new(
            waves=(NewWave(1, "Database", expected_duration=900), NewWave(2, "Application", (1,)), left_out),
            controller="vienna",
            run_start=1_800_000_000.0,
            ticket="CHG1",
            reason="quarterly",
            replaces=("e0",),
            expected_duration=1800,
            expected_samples=2,
            requested_point_in_time="2026-11-17T03:00:00Z",
            objectives={"rto": 3600, "rpo": 900},
        )
    )
    for number in (1, 2):
        recovery.store.add_servers(WaveRef(recovery.id, number), recovery.servers(number, 2))


def test_a_document_has_no_field_that_its_types_do_not_name(recovery: Recovery) -> None:
    store, id_ = recovery.store, recovery.id
    seen: set[str] = set()

    def look() -> None:
        document = store.get_document(id_)
        assert misfits(document, store.get_events(id_)) == []
        seen.update(document, *document["waves"])

    open_everything(recovery)
    store.waits.note(id_, "ThrottlingException")
    store.set_findings(id_, [NewFinding(FindingSeverity.WARNING, "lag", "wait", "s-1000", "db", 1)])
    chosen = ChosenPoint("2026-11-17T03:00:00Z", SnapshotRef("pit-1", 1_790_000_000.0))
    store.points.choose(id_, {"s-1000": chosen})
    look()

    store.admit(id_)
    store.gates.open(WaveRef(id_, 1), "Go?", ["dba"], DEADLINE, two_person=True)
    store.gates.refuse_answer(
        WaveRef(id_, 1), "admin", "a second person is needed", answered_time=1_800_000_001.0
    )
    look()

    store.gates.decide(WaveRef(id_, 1), GateDecision.APPROVED, "dba", "go")
    store.waves.request(WaveRef(id_, 1))
    store.waits.note(id_, "ThrottlingException", 1)
    store.waits.queue_wave(WaveRef(id_, 1), 2, "2 jobs are ahead")
    look()

    recovery.start()
    store.polls.record_failure(WaveRef(id_, 1), "ThrottlingException")
    look()

    recovery.poll(1, ServerPhase.LAUNCHED, "LAUNCHED", job_status="COMPLETED")
    recovery.poll(1, ServerPhase.FAILED, ids=("s-1000",), instanceId="i-9", error="no address")
    store.waves.fail(WaveRef(id_, 1), "1 critical server failed")
    store.gates.open_failure_gate(WaveRef(id_, 1), "What now?", [], DEADLINE)
    look()

    store.gates.decide_failure_gate(WaveRef(id_, 1), FailureDecision.RETRY, "dba", "again")
    store.retries.request(WaveRef(id_, 1), "dba", 2, "again", {"s-1000": "pit-2"})
    store.retries.begin(WaveRef(id_, 1), "dba", 2)
    look()

    store.retries.restart_failed(WaveRef(id_, 1))
    store.waves.start_polling(WaveRef(id_, 1))
    store.notifications.claim(id_, "EXECUTION_OPENED")
    store.set_error(id_, "wave 1 failed")
    store.ending.request_cancel(id_, "dba", "enough")
    store.waves.cancel(WaveRef(id_, 1), "cancelled")
    store.ending.finalize(id_, ExecutionStatus.CANCELLED, cancelled=True)
    look()

    store.terminations.request(id_, "dba", "run-1", {"waves": [1]})
    store.terminations.record_job(
        id_, TerminationRef("drsjob-t", "us-east-1", "aws", ("i-9",)), adopted=False
    )
    store.terminations.record_poll(id_, [JobSeen("drsjob-t", "COMPLETED", 1_800_000_100.0)])
    store.terminations.record_failure(id_, "1 instance is left")
    look()

    store.terminations.record_terminated(id_, ["i-9"])
    store.terminations.finish(id_)
    look()

    # What only other histories have; the random ones of test_random_histories.py look at their types, too.
    rare = {"dryRun", "keepInstances", "rebuilt", "reconcilingTime", "instancesCheckedTime", "terminateAfter"}
    rare |= {"takeovers", "purgingTime", "bundleName", "bundleVersion"}
    of_steps = {
        *("steps", "beforeSteps", "afterSteps", "waitBefore", "waitUntil", "launchTime", "launchedTime"),
        *("waitingSteps", "otherTypeWaves"),
    }
    named = get_type_hints(ExecutionDocument).keys() | get_type_hints(Wave).keys()
    assert named - seen <= rare | of_steps


def test_statuses_are_read_as_the_enums_that_the_types_name(recovery: Recovery) -> None:
    store, id_ = recovery.store, recovery.id
    open_everything(recovery)
    store.set_findings(id_, [NewFinding(FindingSeverity.ERROR, "lag", "wait")])
    store.gates.open(WaveRef(id_, 1), "Go?", [], DEADLINE)

    document, (listed,) = store.get_document(id_), store.listings.page().items

    first, _, left_out = document["waves"]
    for execution in (document, listed, store.get_execution(id_)):
        assert execution["status"] is ExecutionStatus.PAUSED
        assert execution["executionType"] is ExecutionType.DRILL
        assert execution["findings"][0]["severity"] is FindingSeverity.ERROR
    assert first["status"] is WaveStatus.NOT_STARTED
    assert first["gate"]["decision"] is GateDecision.WAITING
    assert left_out["skipCause"] is SkipCause.NOT_CHOSEN
    assert first["serverStatuses"][0]["phase"] is ServerPhase.PENDING


def test_a_status_of_a_later_release_is_shown_as_it_is(recovery: Recovery) -> None:
    open_everything(recovery)
    recovery.force("EXECUTION", status="ARCHIVED", executionType="REHEARSAL")
    recovery.force("WAVE#01", status="HELD", gate={"decision": "DELEGATED"})
    recovery.force("SERVER#01#s-1000", phase="WARMING")

    document = recovery.store.get_document(recovery.id)

    assert (document["status"], document["executionType"]) == ("ARCHIVED", "REHEARSAL")
    wave = document["waves"][0]
    assert (wave["status"], wave["gate"]["decision"]) == ("HELD", "DELEGATED")
    assert wave["serverStatuses"][0]["phase"] == "WARMING"
