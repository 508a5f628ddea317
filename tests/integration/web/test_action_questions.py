"""Answers to the questions of a run: who may give them, who was first, and what the record says then."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.store.values import LONGEST_TEXT
from drs_recovery.web.actions import questions
from sandbox.testing import Sandbox
from tests.integration.evidence import accepted_starts, jobs_of
from tests.integration.people import mark_run
from tests.integration.runs import Ended, Runner
from tests.integration.web.acting import Answers, send
from tests.integration.web.conftest import Console
from tests.plan_documents import DB_2, application, database, plan

pytestmark = pytest.mark.integration

PAUSE = {"message": "Rows counted?", "approvers": ["dba-lead", "dr-lead"], "timeout": "PT1H"}
GATED = plan(database(), application(pause_before=PAUSE))
GATE = "wave_02_application"
ASKING = plan(database(on_failure="ask"), application())
WAVE = "wave_01_database"
APPROVE, REJECT = ("approve", {"wave": 2, "comment": "7 million"}), ("reject", {"wave": 2})

# Who starts the runs of ``dag.test()``.
INITIATOR = "dag_test"


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture(autouse=True)
def parked_at_once(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """In ``dag.test()`` nothing reports late: no time is needed for it."""
    monkeypatch.setattr(questions, "_PARKING", 0.0)
    monkeypatch.setattr(questions, "_ASKING_AGAIN", 0.0)


def problem(answers: Answers, number: int = -1) -> tuple[int, str]:
    answer = answers[number]
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["detail"]


def gate_events(ended: Ended) -> list[tuple[str, str]]:
    return [(e["event"], e["actor"]) for e in ended.events if "GATE_" in e["event"]]


def test_an_approval_starts_the_wave_and_is_on_record_with_name_and_comment(
    runner: Runner, answers: Answers
) -> None:
    ended = runner.run(GATED, people={GATE: answers.ask(*APPROVE, "dba-lead")})

    (answer,) = answers
    assert answer.status_code == 202
    said = answer.json()
    assert (said["action"], said["wave"], said["actor"]) == ("approve", 2, "dba-lead")
    assert 'your approval of wave 2 "Application": the wave starts within seconds' in said["outcome"]
    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    gate = ended.document["waves"][1]["gate"]
    assert (gate["decision"], gate["actor"], gate["comment"]) == ("APPROVED", "dba-lead", "7 million")
    assert said["executionId"] == ended.document["executionId"]
    assert abs(said["time"] - gate["decidedTime"]) < 0.01


def test_a_rejection_ends_the_execution(runner: Runner, sandbox: Sandbox, answers: Answers) -> None:
    ended = runner.run(GATED, people={GATE: answers.ask("reject", {"wave": 2, "comment": "gone"}, "dr-lead")})

    assert answers.statuses == [202]
    assert (ended.document["status"], ended.waves) == ("PARTIAL_SUCCESS", ["COMPLETED", "CANCELLED"])
    assert "was REJECTED by dr-lead: gone" in ended.document["error"]
    assert accepted_starts(sandbox) == 1


def test_who_may_not_answer_is_told_so_and_airflow_is_not_asked(runner: Runner, answers: Answers) -> None:
    ended = runner.run(
        GATED,
        people={
            GATE: answers.ask_all(
                answers.ask(*APPROVE, "admin", "admin"),
                answers.ask(*REJECT, "carol"),
                answers.ask(*APPROVE, "dba-lead", "viewer"),
                answers.ask("approve", {"wave": 1}, "dba-lead"),
                answers.ask("decide", {"wave": 2, "decision": "STOP"}, "dba-lead"),
                answers.ask("approve", {"wave": 7}, "dba-lead"),
                answers.ask(*APPROVE, "dba-lead"),
            )
        },
    )

    assert answers.statuses == [403, 403, 403, 409, 409, 422, 202]
    assert problem(answers, 0)[1] == "Only dba-lead or dr-lead may answer."
    assert "right to trigger recover_crm" in problem(answers, 2)[1]
    assert problem(answers, 5)[1] == "The execution has no wave 7; it has 1 (Database), 2 (Application)."
    assert gate_events(ended) == [("GATE_OPENED", "engine"), ("GATE_APPROVED", "dba-lead")]


def test_of_two_people_who_answer_at_once_one_wins_and_the_other_hears_who(
    runner: Runner, answers: Answers
) -> None:
    race = answers.race(answers.ask(*APPROVE, "dba-lead"), answers.ask(*REJECT, "dr-lead"))

    ended = runner.run(GATED, people={GATE: race})

    assert sorted(answers.statuses) == [202, 409]
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    gate = ended.document["waves"][1]["gate"]
    assert won.json()["actor"] == gate["actor"]
    assert won.json()["action"] == {"APPROVED": "approve", "REJECTED": "reject"}[gate["decision"]]
    assert f"by {gate['actor']}" in lost.json()["detail"]
    assert lost.json()["first"]["actor"] == gate["actor"]
    assert len([name for name, _ in gate_events(ended) if name != "GATE_OPENED"]) == 1


def test_a_double_click_is_one_approval(runner: Runner, answers: Answers) -> None:
    click = answers.ask(*APPROVE, "dba-lead")

    ended = runner.run(GATED, people={GATE: answers.race(click, click, click)})

    assert set(answers.statuses) == {202}
    assert {answer.json()["time"] for answer in answers} == {answers[0].json()["time"]}
    assert gate_events(ended) == [("GATE_OPENED", "engine"), ("GATE_APPROVED", "dba-lead")]
    assert ended.document["status"] == "COMPLETED"


def test_the_same_answer_once_more_is_answered_alike_and_changes_nothing(
    runner: Runner, console: Console, answers: Answers
) -> None:
    ended = runner.run(GATED, people={GATE: answers.ask(*APPROVE, "dba-lead")})
    execution = ended.document["executionId"]

    again = send(console.core_api, execution, "approve", {"wave": 2, "comment": "again"}, "dba-lead")

    assert again.status_code == 202
    assert 'Your approval of wave 2 "Application" is on record already' in again.json()["outcome"]
    assert again.json()["time"] == answers[0].json()["time"]
    assert runner.store.get_document(execution) == ended.document


def test_an_answer_after_the_answer_names_the_one_that_stands(
    runner: Runner, console: Console, answers: Answers
) -> None:
    ended = runner.run(GATED, people={GATE: answers.ask(*APPROVE, "dba-lead")})

    late = console.post(
        f"/api/v1/executions/{ended.document['executionId']}/actions/reject", {"wave": 2}, "admin"
    )

    assert late.status_code == 409
    assert "was answered already, APPROVED, by dba-lead, 20" in late.json()["detail"]
    assert late.json()["first"]["time"] == ended.document["waves"][1]["gate"]["decidedTime"]


def test_who_started_a_recovery_is_refused_as_its_second_person_before_airflow_takes_it(
    runner: Runner, answers: Answers
) -> None:
    ended = runner.run(
        plan(database(), approval={"recovery": {"two_person": True}}),
        {"execution_type": "RECOVERY"},
        people={
            WAVE: answers.ask_all(
                answers.ask("approve", {"wave": 1}, INITIATOR), answers.ask("approve", {"wave": 1}, "dr-lead")
            )
        },
    )

    assert answers.statuses == [403, 202]
    assert problem(answers, 0)[1] == "You started this execution: a second person must approve it."
    assert gate_events(ended) == [("GATE_OPENED", "engine"), ("GATE_APPROVED", "dr-lead")]


def test_a_question_about_a_failed_wave_is_decided(
    runner: Runner, sandbox: Sandbox, answers: Answers
) -> None:
    sandbox.add_fault("launch_failed", server=DB_2, raw_error="no capacity", times=1)
    retry = {"wave": 1, "decision": "RETRY", "comment": "capacity is back"}

    ended = runner.run(ASKING, people={WAVE: answers.ask("decide", retry, "dba-lead")})

    assert answers.statuses == [202]
    assert 'your answer RETRY about wave 1 "Database": the failed servers' in answers[0].json()["outcome"]
    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    gate = ended.document["waves"][0]["failureGate"]
    assert (gate["decision"], gate["actor"], gate["comment"]) == ("RETRY", "dba-lead", "capacity is back")
    assert len(jobs_of(sandbox, ended)) == 3


@pytest.mark.parametrize(
    ("decision", "status", "waves"),
    [("CONTINUE", "PARTIAL_SUCCESS", ["FAILED", "COMPLETED"]), ("STOP", "FAILED", ["FAILED", "SKIPPED"])],
)
def test_a_failed_wave_is_left_behind_or_stops_the_execution(
    runner: Runner, sandbox: Sandbox, answers: Answers, decision: str, status: str, waves: list[str]
) -> None:
    sandbox.add_fault("launch_failed", server=DB_2, raw_error="no capacity", times=1)

    ended = runner.run(ASKING, people={WAVE: answers.ask("decide", {"wave": 1, "decision": decision})})

    assert (ended.document["status"], ended.waves) == (status, waves)


def test_steps_are_answered_by_the_first_who_does_with_an_answer_to_what_is_asked(
    runner: Runner, answers: Answers
) -> None:
    fence = {"manual": {"message": "Fence it", "approvers": ["dba-lead", "dr-lead"]}, "name": "Fence"}
    probe = {
        "tcp_probe": {"port": 9},
        "name": "Port",
        "timeout": "PT1S",
        "interval": "PT1S",
        "on_failure": "ask",
    }
    before, after = ({"wave": 1, "side": side, "step": 1} for side in ("before", "after"))
    go_on, known = {**after, "decision": "GO_ON"}, {"comment": "known"}

    ended = runner.run(
        plan(database(before=[fence], after=[probe])),
        people={
            WAVE: [
                answers.ask_all(
                    answers.ask("answer", {**before, "decision": "DONE"}),
                    answers.ask("answer", {**before, "step": 7, "decision": "DONE"}, "dba-lead"),
                    answers.ask("answer", {**before, "decision": "STOP"}, "dba-lead"),
                    answers.race(
                        answers.ask("answer", {**before, "decision": "DONE", "comment": "off"}, "dba-lead"),
                        answers.ask("answer", {**before, "decision": "DONE", "comment": "off"}, "dr-lead"),
                    ),
                ),
                answers.ask_all(
                    answers.ask("answer", go_on),
                    answers.ask("answer", {**go_on, **known}, "dr-lead"),
                ),
            ]
        },
    )

    assert answers.statuses[:3] == [403, 422, 409]
    assert sorted(answers.statuses[3:5]) == [202, 409]
    assert answers.statuses[5:] == [422, 202]
    assert problem(answers, 0)[1] == "Only dba-lead or dr-lead may answer."
    assert problem(answers, 2)[1] == "Step before 1 of wave 1 asks for DONE or COULD_NOT."
    won, lost = sorted(answers[3:5], key=lambda answer: answer.status_code)
    fenced, port = ended.document["waves"][0]["steps"]
    assert (fenced["status"], fenced["gate"]["actor"]) == ("SUCCEEDED", won.json()["actor"])
    assert lost.json()["first"]["actor"] == won.json()["actor"]
    assert "takes a reason" in problem(answers, 5)[1]
    assert (port["gate"]["decision"], port["gate"]["comment"]) == ("GO_ON", "known")
    assert (ended.document["status"], ended.waves) == ("PARTIAL_SUCCESS", ["COMPLETED"])
    assert len([name for name in ended.event_names() if name.startswith("STEP_ANSWER")]) == 2


def test_a_retry_is_no_way_around_the_people_who_are_asked(
    runner: Runner, sandbox: Sandbox, answers: Answers
) -> None:
    sandbox.add_fault("launch_failed", server=DB_2, raw_error="no capacity", times=1)
    stop = answers.ask("decide", {"wave": 1, "decision": "STOP"})

    runner.run(ASKING, people={WAVE: answers.ask_all(answers.ask("retry", {"wave": 1}), stop)})

    assert answers.statuses == [409, 202]
    assert "a retry is one of the answers" in problem(answers, 0)[1]


def test_an_answer_after_a_cancellation_is_refused_and_names_who_cancelled(
    runner: Runner, answers: Answers
) -> None:
    deeds = answers.ask_all(mark_run("failed"), answers.ask(*APPROVE, "dba-lead"))

    ended = runner.run(GATED, people={GATE: deeds})

    assert answers.statuses == [409]
    assert "The execution was cancelled already by admin, 20" in problem(answers)[1]
    assert ended.waves == ["COMPLETED", "CANCELLED"]


def test_an_answer_in_the_moment_of_a_cancellation_is_not_called_an_approval(
    runner: Runner, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = questions._ready

    async def cancelled_meanwhile(acting: Any, answer: Any, path: str) -> Any:
        question = await ready(acting, answer, path)
        await acting.airflow.call("PATCH", acting.path_of_run(), json={"state": "failed"})
        return question

    monkeypatch.setattr(questions, "_ready", cancelled_meanwhile)

    ended = runner.run(GATED, people={GATE: answers.ask(*APPROVE, "dba-lead")})

    assert answers.statuses == [409]
    assert "came too late and changes nothing: the execution was cancelled by dba-lead" in problem(answers)[1]
    assert ended.waves == ["COMPLETED", "CANCELLED"]
    assert ended.document["waves"][1]["gate"]["decision"] == "WAITING"


@pytest.mark.parametrize(
    ("comment", "kept"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("rows \x00match\x1b[2J\r\nreally\u2028", "rows \ufffdmatch\ufffd[2J\nreally\ufffd"),
        ("x" * LONGEST_TEXT, "x" * LONGEST_TEXT),
    ],
)
def test_a_comment_is_kept_as_text(runner: Runner, answers: Answers, comment: str, kept: str) -> None:
    body = {"wave": 2, "comment": comment}

    ended = runner.run(GATED, people={GATE: answers.ask("approve", body, "dba-lead")})

    assert answers.statuses == [202]
    assert ended.document["waves"][1]["gate"]["comment"] == kept
