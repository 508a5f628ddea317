"""Gates: who decided is on record, and nothing behind a gate starts without a recorded approval."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator

from sandbox.testing import Sandbox
from tests.integration.evidence import accepted_starts, assert_ready_as_in_ec2, jobs_of
from tests.integration.people import approve, mark_run, mark_task, reject, wait_for_the_time_out
from tests.integration.runs import Ended, Runner
from tests.plan_documents import DB_1, DB_2, application, database, plan

pytestmark = pytest.mark.integration

PAUSE = {"message": "Rows counted?", "approvers": ["dba-lead"], "timeout": "PT1H"}
TWO_WAVES = plan(database(), application(pause_before=PAUSE))
GATE = "wave_02_application"

# Who starts the runs of ``dag.test()``.
INITIATOR = "dag_test"


def _gate_events(ended: Ended) -> list[tuple[str, str]]:
    return [(e["event"], e["actor"]) for e in ended.events if e["event"].startswith("GATE_")]


def test_an_approval_is_on_record_and_the_execution_was_paused_while_it_was_waited_for(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(TWO_WAVES, people={GATE: approve("dba-lead", "7 million")})

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    gate = ended.document["waves"][1]["gate"]
    assert (gate["decision"], gate["actor"], gate["comment"]) == ("APPROVED", "dba-lead", "7 million")
    assert (gate["message"], gate["approvers"]) == ("Rows counted?", ["dba-lead"])
    assert gate["since"] <= gate["decidedTime"] <= ended.document["waves"][1]["startTime"]
    assert _gate_events(ended) == [("GATE_OPENED", "engine"), ("GATE_APPROVED", "dba-lead")]
    at = ended.statuses.index("PAUSED")
    assert ended.statuses[at - 1 : at + 2] == ["POLLING", "PAUSED", "POLLING"]
    assert "paused" not in ended.document
    assert_ready_as_in_ec2(sandbox, ended)


def test_a_rejected_wave_never_starts_and_what_was_recovered_before_stays_on_record(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(TWO_WAVES, people={GATE: reject("dba-lead", "rows missing")})

    assert (ended.state, ended.document["status"]) == ("failed", "PARTIAL_SUCCESS")
    assert ended.waves == ["COMPLETED", "CANCELLED"]
    assert ended.document["cancelled"] is True
    assert _gate_events(ended)[-1] == ("GATE_REJECTED", "dba-lead")
    assert ended.document["waves"][1]["gate"]["comment"] == "rows missing"
    assert (
        'the gate of wave 2 "Application" was REJECTED by dba-lead: rows missing' in ended.document["error"]
    )
    assert (ended.events[-1]["event"], ended.events[-1]["actor"]) == ("EXECUTION_PARTIAL_SUCCESS", "dba-lead")
    assert accepted_starts(sandbox) == 1
    assert_ready_as_in_ec2(sandbox, ended, "crm-db-01", "crm-db-02")


def test_a_gate_that_is_rejected_before_anything_started_cancels_the_execution(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(
        plan(database(pause_before=True), application()), people={"wave_01_database": reject()}
    )

    assert (ended.state, ended.document["status"]) == ("failed", "CANCELLED")
    assert ended.waves == ["CANCELLED", "CANCELLED"]
    assert accepted_starts(sandbox) == 0


def test_a_gate_that_nobody_answers_in_time_cancels_what_is_behind_it(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(
        plan(database(), application(pause_before={"timeout": "PT2S"})),
        people={GATE: wait_for_the_time_out},
    )

    assert (ended.state, ended.document["status"]) == ("failed", "PARTIAL_SUCCESS")
    assert ended.waves == ["COMPLETED", "CANCELLED"]
    assert ended.document["waves"][1]["gate"]["decision"] == "TIMED_OUT"
    assert accepted_starts(sandbox) == 1


def test_a_gate_that_nobody_answers_lets_its_wave_start_if_the_plan_says_so(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(
        plan(database(), application(pause_before={"timeout": "PT2S", "on_timeout": "continue"})),
        people={GATE: wait_for_the_time_out},
    )

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert _gate_events(ended) == [("GATE_OPENED", "engine"), ("GATE_APPROVED", "time-out")]
    assert_ready_as_in_ec2(sandbox, ended)


def test_a_message_tells_the_results_so_far(runner: Runner, sandbox: Sandbox) -> None:
    sandbox.add_fault("launch_failed", server=DB_2)
    message = (
        "{{ waves.Database.servers_ready }} of {{ waves.Database.servers_total }} are ready"
        "{% if waves.Database.servers_failed %}, without {{ waves.Database.failed_servers }}{% endif %}"
        " ({{ execution.ticket }}). Start {{ wave.name }}?"
    )
    group = {"database": {"servers": [DB_1, {"id": DB_2, "critical": False}]}}

    ended = runner.run(
        plan(database(), application(pause_before={"message": message}), groups=group),
        {"ticket": "CHG-1"},
        people={GATE: approve()},
    )

    asked = ended.document["waves"][1]["gate"]["message"]
    assert asked == "1 of 2 are ready, without crm-db-02 (CHG-1). Start Application?"


def test_whoever_started_a_recovery_cannot_be_the_second_person_who_approves_it(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(
        plan(database(), approval={"recovery": {"message": "Fail over?", "two_person": True}}),
        {"execution_type": "RECOVERY"},
        people={"wave_01_database": [approve(INITIATOR, "it is me"), approve("dr-lead")]},
    )

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert _gate_events(ended) == [
        ("GATE_OPENED", "engine"),
        ("GATE_ANSWER_REFUSED", INITIATOR),
        ("GATE_APPROVED", "dr-lead"),
    ]
    refused = next(event for event in ended.events if event["event"] == "GATE_ANSWER_REFUSED")
    assert refused["detail"]["comment"] == "it is me"
    gate = ended.document["waves"][0]["gate"]
    assert (gate["actor"], gate["twoPerson"]) == ("dr-lead", True)
    assert gate["message"] == f"Fail over? The approval of a second person is needed: {INITIATOR} started it."
    assert ended.statuses.count("PAUSED") == 1


def test_an_approval_that_is_on_record_is_not_asked_for_again_when_its_task_is_tried_again(
    runner: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when Airflow takes a late report of the parked task for the end of the one that was resumed."""
    tries: list[str] = []

    def die(_self: ApprovalOperator, context: Any, event: Any) -> None:
        tries.append(event["responded_by_user"]["name"])
        raise RuntimeError("killed")

    monkeypatch.setattr(ApprovalOperator, "execute_complete", die)
    monkeypatch.setattr("drs_recovery.operators.base.RETRY_DELAY", timedelta(seconds=0))

    ended = runner.run(TWO_WAVES, people={GATE: approve("dba-lead")})

    assert tries == ["dba-lead"]
    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert _gate_events(ended) == [("GATE_OPENED", "engine"), ("GATE_APPROVED", "dba-lead")]


def test_marking_a_gates_task_as_success_approves_nothing(runner: Runner, sandbox: Sandbox) -> None:
    ended = runner.run(TWO_WAVES, people={GATE: mark_task("success")})

    assert (ended.state, ended.document["status"]) == ("failed", "PARTIAL_SUCCESS")
    assert ended.waves == ["COMPLETED", "CANCELLED"]
    assert ended.document["error"] == 'the gate of wave 2 "Application" was not answered'
    assert ended.tasks[f"{GATE}.approve"] == "success"
    assert ended.tasks[f"{GATE}.start_recovery"] == "failed"
    assert accepted_starts(sandbox) == 1


def test_marking_the_run_as_failed_at_a_gate_ends_the_record(runner: Runner, sandbox: Sandbox) -> None:
    ended = runner.run(TWO_WAVES, people={GATE: mark_run("failed")})

    assert (ended.state, ended.document["status"]) == ("failed", "PARTIAL_SUCCESS")
    assert ended.waves == ["COMPLETED", "CANCELLED"]
    assert ended.document["error"] == "cancelled by admin: the DAG run was marked as failed"
    assert accepted_starts(sandbox) == 1


def test_marking_the_run_as_failed_before_the_first_wave_cancels_the_execution(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(plan(database(pause_before=True)), people={"wave_01_database": mark_run("failed")})

    assert (ended.state, ended.document["status"]) == ("failed", "CANCELLED")
    assert accepted_starts(sandbox) == 0


def test_a_real_recovery_asks_for_approval_first_and_is_no_drill_to_drs(
    runner: Runner, sandbox: Sandbox
) -> None:
    recovery = {"approval": {"recovery": {"approvers": ["dr-lead"], "message": "Fail over?"}}}

    ended = runner.run(
        plan(database(), **recovery),
        {"execution_type": "RECOVERY"},
        people={"wave_01_database": approve("dr-lead", "site is down")},
    )

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert ended.document["isDrill"] is False
    assert _gate_events(ended) == [("GATE_OPENED", "engine"), ("GATE_APPROVED", "dr-lead")]
    assert [job["initiatedBy"] for job in jobs_of(sandbox, ended)] == ["START_RECOVERY"]
    rows = sandbox.client("drs").describe_recovery_instances()["items"]
    assert [row["isDrill"] for row in rows] == [False, False]


def test_a_drill_of_the_same_plan_asks_nobody(runner: Runner, sandbox: Sandbox) -> None:
    ended = runner.run(plan(database()))

    assert ended.document["status"] == "COMPLETED"
    assert _gate_events(ended) == []
    assert [job["initiatedBy"] for job in jobs_of(sandbox, ended)] == ["START_DRILL"]
    assert jobs_of(sandbox, ended)[0]["tags"]["dr:executionType"] == "DRILL"
