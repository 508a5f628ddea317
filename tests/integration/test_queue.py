"""Waves that DRS has no room for: they wait in order, visibly, and DRS never has to refuse one."""

from __future__ import annotations

import pytest

from sandbox.testing import Sandbox
from tests.integration.core_api import CoreApi
from tests.integration.evidence import accepted_starts, answers, assert_ready_as_in_ec2, is_queued, jobs_of
from tests.integration.meanwhile import once
from tests.integration.runs import SPEED, Runner
from tests.plan_documents import WEB_1, application, database, plan

pytestmark = pytest.mark.integration


@pytest.fixture
def full(sandbox: Sandbox) -> Sandbox:
    """One job may run, and somebody else's does; time stands almost still."""
    sandbox.set_speed(1)
    sandbox.control("PUT", "/quotas", {"jobs_in_progress": 1})
    sandbox.client("drs").start_recovery(sourceServers=[{"sourceServerID": WEB_1}], isDrill=True)
    return sandbox


def make_room(sandbox: Sandbox) -> None:
    sandbox.advance(3600)
    sandbox.set_speed(SPEED)


def test_a_drill_waits_for_the_jobs_of_others_and_completes(runner: Runner, full: Sandbox) -> None:
    with once(lambda: is_queued(runner.store), lambda: make_room(full)):
        ended = runner.run(plan(database()))

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED"), ended.document.get("error")
    assert ended.event_names().count("WAVE_QUEUED") == 1
    wave = ended.document["waves"][0]
    assert "queue" not in wave
    assert wave["startTime"] <= wave["queuedTime"] < wave["queueEndTime"] < wave["endTime"]
    assert_ready_as_in_ec2(full, ended)
    assert answers(full, "StartRecovery") == [202, 202]


def test_waves_side_by_side_run_one_after_the_other_where_one_job_is_allowed(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.control("PUT", "/quotas", {"jobs_in_progress": 1})

    ended = runner.run(plan(database(), application(depends_on=[])))

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED"), ended.document.get("error")
    assert answers(sandbox, "StartRecovery") == [202, 202]
    first, second = jobs_of(sandbox, ended)
    assert first["endDateTime"] <= second["creationDateTime"]


def test_a_drill_that_is_cancelled_while_it_waits_starts_nothing_and_leaves_the_queue(
    runner: Runner,
    full: Sandbox,
    core_api: CoreApi,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drs_recovery.closing.close.LATE_START_SECONDS", 1)

    def cancel() -> None:
        (execution,) = runner.store.listings.live()
        run = f"/dags/{execution['dagId']}/dagRuns/{execution['dagRunId']}"
        core_api.call("alice", "PATCH", run, json={"state": "failed"})

    with once(lambda: is_queued(runner.store), cancel):
        ended = runner.run(plan(database(), application()))

    assert (ended.state, ended.document["status"]) == ("failed", "CANCELLED")
    assert ended.waves == ["CANCELLED", "CANCELLED"]
    assert "queue" not in ended.document["waves"][0]
    assert runner.store.queue.read("123456789012:us-east-1").entries == ()
    assert accepted_starts(full) == 1


def test_a_wave_that_never_gets_room_fails_with_what_it_waited_for(runner: Runner, full: Sandbox) -> None:
    ended = runner.run(plan(database(timeout="PT3S"), application()))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert ended.waves == ["FAILED", "SKIPPED"]
    assert "not started within its timeout: 1 of 1 jobs run" in ended.document["error"]
    assert accepted_starts(full) == 1


def test_room_of_a_start_that_failed_without_an_answer_is_still_ones_own(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.control("PUT", "/quotas", {"jobs_in_progress": 1})
    sandbox.add_fault("reset", operation="StartRecovery", times=2)

    ended = runner.run(plan(database()))

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED"), ended.document.get("error")
    assert len(jobs_of(sandbox, ended)) == accepted_starts(sandbox) == 1
    assert not {402, 409} & set(answers(sandbox, "StartRecovery"))
