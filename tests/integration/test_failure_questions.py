"""A plan that asks after a failure: the answer is on record, and it alone decides how the run goes on."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.statuses import CONTINUE, RETRY, STOP
from sandbox.testing import Sandbox
from tests.integration.evidence import assert_ready_as_in_ec2, jobs_of
from tests.integration.people import choose, mark_run, wait_for_the_time_out
from tests.integration.runs import Ended, Runner
from tests.plan_documents import DB_1, DB_2, application, database, plan

pytestmark = pytest.mark.integration

ASKING = plan(database(on_failure="ask"), application())
WAVE = "wave_01_database"


def _servers(job: dict[str, Any]) -> list[str]:
    return sorted(server["sourceServerID"] for server in job["participatingServers"])


def _answers(ended: Ended) -> list[tuple[str, str]]:
    return [(e["event"], e["actor"]) for e in ended.events if e["event"].startswith("FAILURE_GATE_")]


def _fail_once(sandbox: Sandbox) -> None:
    sandbox.add_fault("launch_failed", server=DB_2, raw_error="InsufficientInstanceCapacity", times=1)


def test_a_retry_that_succeeds_makes_the_run_green(runner: Runner, sandbox: Sandbox) -> None:
    _fail_once(sandbox)

    ended = runner.run(ASKING, people={WAVE: choose(RETRY, "dba-lead", "capacity is back")})

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert ended.waves == ["COMPLETED", "COMPLETED"]
    first, second, _ = jobs_of(sandbox, ended)
    assert (_servers(first), _servers(second)) == ([DB_1, DB_2], [DB_2])
    assert _answers(ended) == [("FAILURE_GATE_OPENED", "engine"), ("FAILURE_GATE_RETRY", "dba-lead")]
    gate = ended.document["waves"][0]["failureGate"]
    assert (gate["decision"], gate["comment"], gate["attempt"]) == ("RETRY", "capacity is back", 1)
    assert "crm-db-02" in gate["message"]
    assert "InsufficientInstanceCapacity" in gate["message"]
    assert "PAUSED" in ended.statuses
    assert_ready_as_in_ec2(sandbox, ended)


def test_a_retry_that_fails_is_asked_about_again(runner: Runner, sandbox: Sandbox) -> None:
    sandbox.add_fault("launch_failed", server=DB_2, raw_error="no capacity", times=2)
    sandbox.add_fault("lost_answer", operation="StartRecovery", after=1, times=1)

    ended = runner.run(ASKING, people={WAVE: [choose(RETRY), choose(CONTINUE, "bob")]})

    assert (ended.state, ended.document["status"]) == ("failed", "PARTIAL_SUCCESS")
    assert ended.waves == ["FAILED", "COMPLETED"]
    assert [name for name, _ in _answers(ended)] == [
        "FAILURE_GATE_OPENED",
        "FAILURE_GATE_RETRY",
        "FAILURE_GATE_OPENED",
        "FAILURE_GATE_CONTINUE",
    ]
    assert [_servers(job) for job in jobs_of(sandbox, ended)][:2] == [[DB_1, DB_2], [DB_2]]
    assert ended.tasks[f"{WAVE}.decide"] == "success"


def test_stop_passes_over_what_depends_on_the_wave(runner: Runner, sandbox: Sandbox) -> None:
    _fail_once(sandbox)

    ended = runner.run(ASKING, people={WAVE: choose(STOP, "bob")})

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert ended.waves == ["FAILED", "SKIPPED"]
    assert _answers(ended)[-1] == ("FAILURE_GATE_STOP", "bob")
    assert len(jobs_of(sandbox, ended)) == 1


def test_a_question_that_nobody_answers_stops(runner: Runner, sandbox: Sandbox) -> None:
    _fail_once(sandbox)
    quick = plan(database(on_failure="ask", timeout="PT1M"), application())
    quick["waves"][0]["pause_before"] = {"timeout": "PT2S", "on_timeout": "continue"}

    ended = runner.run(quick, people={WAVE: wait_for_the_time_out})

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert ended.waves == ["FAILED", "SKIPPED"]
    assert _answers(ended)[-1] == ("FAILURE_GATE_TIMED_OUT", "time-out")


def test_a_run_that_is_cancelled_at_the_question_stays_cancelled(runner: Runner, sandbox: Sandbox) -> None:
    _fail_once(sandbox)

    ended = runner.run(ASKING, people={WAVE: mark_run("failed")})

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert ended.waves == ["FAILED", "CANCELLED"]
    assert "cancelled by admin" in ended.document["error"]
    assert len(jobs_of(sandbox, ended)) == 1


def test_a_wave_that_does_not_fail_asks_nobody(runner: Runner) -> None:
    ended = runner.run(ASKING)

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert _answers(ended) == []
