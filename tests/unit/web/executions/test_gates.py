"""Questions to people and their answers."""

from __future__ import annotations

from typing import Any

from drs_recovery.web.executions.gates import GateView, answers_to, failure_gate_of, gate_of
from tests.unit.web.documents import START, document, event, gate, wave


def before(status: str, wave_status: str, **fields: Any) -> GateView:
    state = document(status, wave(wave_status, gate=gate(**fields)))
    found = gate_of(state, state["waves"][0])
    assert found is not None
    return found


def test_an_open_question_says_what_is_asked_whom_and_until_when() -> None:
    shown = before("PAUSED", "NOT_STARTED", deadline=START + 4300, twoPerson=True)
    assert (shown.title, shown.question) == ('Approval before wave 1 "Database"', "Check the database")
    assert (shown.is_open, shown.needs_second_person, shown.decision.word) == (True, True, "Waiting")
    assert str(shown.sentence) == (
        "Waits for dba-lead or dr-lead, until 2027-01-15 09:11:40 UTC; asked 2027-01-15 08:11:40 UTC"
    )


def test_an_answer_says_who_gave_it_and_when() -> None:
    shown = before(
        "POLLING", "POLLING", decision="APPROVED", actor="dba-lead", decidedTime=START + 760, comment="go"
    )
    assert (shown.is_open, shown.comment) == (False, "go")
    assert str(shown.sentence) == (
        "Approved by dba-lead, 2027-01-15 08:12:40 UTC; asked 2027-01-15 08:11:40 UTC"
    )


def test_a_question_that_the_end_closed_was_not_answered() -> None:
    shown = before("CANCELLED", "CANCELLED")
    assert not shown.is_open
    assert str(shown.sentence).startswith("Not answered before the execution ended")


def test_a_gate_without_approvers_is_for_whoever_may_run_the_plan() -> None:
    shown = before("PAUSED", "NOT_STARTED", approvers=[])
    assert str(shown.sentence).startswith("Waits for anyone who may run the plan; asked ")


def test_the_question_about_a_failure_is_another_one() -> None:
    state = document("PAUSED", wave("FAILED", failureGate=gate(attempt=1)))
    shown = failure_gate_of(state, state["waves"][0])
    assert shown is not None
    assert shown.title == 'What to do about wave 1 "Database", which failed'
    assert (shown.is_open, gate_of(state, state["waves"][0])) == (True, None)


def test_every_answer_stays_on_record_those_that_do_not_count_too() -> None:
    events = [
        event("GATE_OPENED", 1, wave=1, message="?"),
        event("GATE_ANSWER_REFUSED", 2, "admin", wave=1, reason="admin started it", comment="ok"),
        event("GATE_APPROVED", 3, "dba-lead", wave=1, comment="go"),
        event("GATE_APPROVED", 4, "dba-lead", wave=2),
        event("FAILURE_GATE_RETRY", 5, "dr-lead", wave=1, attempt=1),
    ]
    told = [(answer.actor, answer.what, answer.comment) for answer in answers_to(events, 1)]
    assert told == [
        ("admin", "An answer for wave 1 does not count", "admin started it: ok"),
        ("dba-lead", "Wave 1 approved", "go"),
        ("dr-lead", "The failed servers of wave 1 are to be tried again", None),
    ]
