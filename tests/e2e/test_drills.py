"""Drills through real Airflow processes and a sandbox that behaves like DRS."""

from __future__ import annotations

import psutil
import pytest

from devstack.records import shortcomings
from devstack.stack import Stack
from tests.e2e.connections import connections_of
from tests.e2e.drills import Drills, until

# By signal: the thread would end the whole process, and leave that of the stack behind.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, method="signal")]

# How long the task that is about to be killed waits for DRS's answer.
_HANGING_SECONDS = 25


def test_every_reading_of_a_three_wave_drill_is_true_and_it_ends_completed(drills: Drills) -> None:
    ended = drills.follow(*drills.start("three-tier-crm", ticket="CHG-1", reason="e2e"))

    assert ended.witness.lies == []
    assert ended.witness.readings > 10
    assert ended.run_state == "success"
    assert shortcomings(ended.document) == []
    assert [wave["status"] for wave in ended.document["waves"]] == ["COMPLETED"] * 3
    assert ended.document["ticket"] == "CHG-1"
    assert ended.document["initiatedBy"] == "admin"
    assert len(drills.jobs_of(ended.document, "us-east-1")) == 3
    gates = [wave["gate"] for wave in ended.document["waves"] if "gate" in wave]
    assert [(gate["decision"], gate["actor"]) for gate in gates] == [("APPROVED", "dba-lead")]


def test_killing_the_task_after_start_recovery_was_accepted_leaves_one_job(
    drills: Drills, stack: Stack
) -> None:
    drills.sandbox.add_fault("late_answer", operation="StartRecovery", seconds=_HANGING_SECONDS, times=1)
    dag_id, run_id = drills.start("billing-database")
    until(lambda: drills.document(dag_id, run_id) is not None, "the execution opens", 60)
    document = drills.document(dag_id, run_id)
    assert document is not None
    until(lambda: bool(drills.jobs_of(document, "us-west-2")), "DRS accepts the job", 60)

    _kill_the_process_that_waits_for(drills.url, stack)
    ended = drills.follow(dag_id, run_id)

    assert ended.witness.lies == []
    assert shortcomings(ended.document) == []
    assert len(drills.jobs_of(ended.document, "us-west-2")) == 1
    events = [event["event"] for event in drills.store.get_events(document["executionId"])]
    assert "JOB_ADOPTED" in events
    assert "JOB_STARTED" not in events


def test_marking_the_run_as_failed_follows_the_running_job_and_ends_partial_success(drills: Drills) -> None:
    dag_id, run_id = drills.start("three-tier-crm")

    def second_wave_runs() -> bool:
        document = drills.document(dag_id, run_id)
        drills.approve(dag_id, run_id)
        return document is not None and document["waves"][1]["status"] == "POLLING"

    until(second_wave_runs, "wave 2 runs", 120)
    drills.fail_run(dag_id, run_id)
    ended = drills.follow(dag_id, run_id, approve=False)

    assert ended.witness.lies == []
    assert ended.run_state == "failed"
    assert ended.document["status"] == "PARTIAL_SUCCESS"
    assert [wave["status"] for wave in ended.document["waves"]] == ["COMPLETED", "CANCELLED", "CANCELLED"]
    late = ended.document["waves"][1]["serverStatuses"]
    assert all(server["phase"] == "READY" and server["instanceId"] for server in late)
    assert len(drills.jobs_of(ended.document, "us-east-1")) == 2


def test_a_job_that_is_started_while_the_run_is_marked_as_failed_is_found_and_followed(
    drills: Drills,
) -> None:
    drills.sandbox.add_fault("late_answer", operation="StartRecovery", seconds=_HANGING_SECONDS, times=1)
    dag_id, run_id = drills.start("billing-database")
    until(lambda: drills.document(dag_id, run_id) is not None, "the execution opens", 60)
    document = drills.document(dag_id, run_id)
    assert document is not None
    until(lambda: bool(drills.jobs_of(document, "us-west-2")), "DRS accepts the job", 60)

    drills.fail_run(dag_id, run_id)
    ended = drills.follow(dag_id, run_id)

    assert ended.witness.lies == []
    assert ended.run_state == "failed"
    assert ended.document["status"] == "CANCELLED"
    (wave,) = ended.document["waves"]
    jobs = drills.jobs_of(ended.document, "us-west-2")
    assert [job["jobId"] for job in wave["jobs"]] == [job["jobID"] for job in jobs]
    assert all(server["instanceId"] and server["privateIp"] for server in wave["serverStatuses"])


def _has_a_call_open(process: psutil.Process, port: int) -> bool:
    return any(
        one.raddr and one.raddr.port == port and one.status == psutil.CONN_ESTABLISHED
        for one in connections_of(process)
    )


def _kill_the_process_that_waits_for(url: str, stack: Stack) -> None:
    """SIGKILL the one task process that has a call to the sandbox open."""
    port = int(url.rsplit(":", 1)[1])
    scheduler = next(record for record in stack.state.processes if record.name == "scheduler")
    tasks = psutil.Process(scheduler.pid).children(recursive=True)
    waiting = [process for process in tasks if _has_a_call_open(process, port)]
    assert waiting, "no task process has a connection to the sandbox"
    for process in waiting:
        process.kill()
