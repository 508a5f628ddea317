"""Questions, their answers, and what an approver must know."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.web.executions.gates import (
    Briefing,
    GateView,
    answers_to,
    briefings_of,
    failure_gate_of,
    gate_of,
)
from tests.plan_documents import application, database, plan, web
from tests.unit.web.documents import START, document, event, gate, server, wave


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


NOW = START + 900
WAITS = wave("NOT_STARTED", server("a", "PENDING"), server("b", "PENDING"), gate=gate())
AFTER = wave("NOT_STARTED", server("c", "PENDING"))


def briefing(*waves: dict[str, Any], **fields: Any) -> Briefing:
    (found,) = briefings_of(document("PAUSED", *waves, **fields), NOW)
    return found


def row(name: str, *waves: dict[str, Any], **fields: Any) -> str:
    return "\n".join(
        str(line)
        for one in briefing(*(waves or (WAITS,)), **fields).rows
        for line in one.lines
        if one.label == name
    )


def snapshot(*waves: dict[str, Any], **fields: Any) -> str:
    return json.dumps(RecoveryPlan.model_validate(plan(*waves, **fields)).model_dump(mode="json"))


def test_it_says_what_is_asked_who_started_it_and_why() -> None:
    found = briefing(wave(), WAITS, ticket="INC-7", reason="the data center burns")
    assert (found.wave, found.title) == (2, 'Approval before wave 2 "Application"')
    assert found.question == "Check the database"
    told = {one.label: str(one.lines[0]) for one in found.rows}
    assert told["Started by"] == "admin, 2027-01-15 08:00:00 UTC"
    assert (told["Ticket"], told["Reason"]) == ("INC-7", "the data center burns")
    assert row("Ticket") == row("Reason") == "none was given"


def test_the_question_about_a_failure_has_one_too() -> None:
    found = briefing(wave("FAILED", server(phase="FAILED"), failureGate=gate(attempt=1, message="Now?")))
    assert (found.title, found.question) == ('What to do about wave 1 "Database", which failed', "Now?")


@pytest.mark.parametrize("status", ["POLLING", "CANCELLING", "CANCELLED"])
def test_without_an_open_question_there_is_none(status: str) -> None:
    answered = wave("NOT_STARTED", gate=gate("APPROVED"))
    assert briefings_of(document(status, answered), NOW) == ()
    if status != "POLLING":
        assert briefings_of(document(status, WAITS), NOW) == ()


def finding(number: int | None, what: str = "replication is STALLED", **fields: Any) -> dict[str, Any]:
    return {"severity": "WARNING", "what": what, "remedy": "fix it", **fields} | (
        {} if number is None else {"waveNumber": number}
    )


def test_open_warnings_of_what_is_launched_are_named() -> None:
    findings = [finding(None, "no quota"), finding(2, serverName="c"), finding(1, "of wave 1")]
    found = briefing(wave(), WAITS, findings=findings)
    (checks,) = [one for one in found.rows if one.label == "Checks"]
    assert [str(line) for line in checks.lines] == [
        "no quota: fix it",
        "c: replication is STALLED: fix it",
    ]
    assert checks.mark
    assert (checks.mark.word, checks.mark.tone) == ("Warning", "warning")


def test_of_very_many_warnings_the_first_are_named_and_the_others_counted() -> None:
    told = row("Checks", findings=[finding(1, f"x{number}") for number in range(9)]).splitlines()
    assert len(told) == 6
    assert told[-1] == "and 4 more, see the checks below"


def test_checks_that_found_nothing_or_left_no_record_say_so() -> None:
    assert row("Checks", findings=[]) == "nothing was found"
    assert row("Checks", wave(), WAITS, findings=[finding(1)]) == (
        "nothing was found; 1 finding about other waves"
    )
    assert row("Checks").startswith("not known")


def lagging(*lags: float | None) -> dict[str, Any]:
    servers = [
        server(f"s{n}", "PENDING", **({} if lag is None else {"replicationLag": lag}))
        for n, lag in enumerate(lags)
    ]
    return wave("NOT_STARTED", *servers, gate=gate())


@pytest.mark.parametrize(
    ("lags", "fields", "told"),
    [
        ((12, 5), {}, "at most 12 s behind the source when checked, 2027-01-15 08:00:05 UTC"),
        (
            (12, None),
            {"objectives": {"rpo": 900}},
            "at most 12 s behind the source when checked, 2027-01-15 08:00:05 UTC, within the RPO of 15 min; "
            "not known of 1 server",
        ),
        (
            (3600,),
            {"objectives": {"rpo": 900}},
            "at most 1 h behind the source when checked, 2027-01-15 08:00:05 UTC, "
            "more than the RPO of 15 min",
        ),
        ((None,), {}, "not known: the record does not say how far the replication was behind"),
    ],
)
def test_the_age_of_the_data_is_what_the_checks_saw(lags: Any, fields: Any, told: str) -> None:
    assert row("Age of the data", lagging(*lags), admittedTime=START + 5, **fields) == told


def test_the_outlook_says_whether_it_would_be_in_time() -> None:
    late = briefing(WAITS, objectives={"rto": 3600}, expectedDuration=5400)
    (outlook,) = [one for one in late.rows if one.label == "RTO outlook"]
    assert outlook.mark
    assert (outlook.mark.word, str(outlook.lines[0])) == (
        "At risk",
        "RTO 1 h: expected 30 min after the objective.",
    )
    assert row("RTO outlook") == "the plan has no recovery time objective"


@pytest.mark.parametrize(
    ("gated", "told"),
    [
        ((), "4 servers in 3 waves; none of them asks again"),
        ((2,), "4 servers in 3 waves; only wave 2 asks again"),
        ((2, 3), "4 servers in 3 waves; waves 2 and 3 ask again"),
    ],
)
def test_what_follows_counts_waves_and_servers_and_names_who_asks_again(
    gated: tuple[int, ...], told: str
) -> None:
    made = [
        kind(**({"pause_before": True} if number in gated else {}))
        for number, kind in enumerate((database, application, web), 1)
    ]
    waves = (WAITS, AFTER, AFTER)
    assert row("What follows", *waves, planSnapshot=snapshot(*made)) == told


def test_what_follows_does_not_count_what_goes_on_without_it_or_is_left_out() -> None:
    beside = wave("NOT_STARTED", server("d", "PENDING"), dependsOn=[])
    left_out = wave("SKIPPED", server("e", "PENDING"), skipCause="NOT_CHOSEN", dependsOn=[1])
    told = row(
        "What follows", WAITS, beside, left_out, planSnapshot=snapshot(database(), application(), web())
    )
    assert told == "2 servers in this wave; no other wave waits for it"


def test_behind_a_wave_that_was_left_out_waves_follow_too() -> None:
    left_out = wave("SKIPPED", server("e", "PENDING"), skipCause="NOT_CHOSEN")
    told = row(
        "What follows", WAITS, left_out, AFTER, planSnapshot=snapshot(database(), application(), web())
    )
    assert told == "3 servers in 2 waves; none of them asks again"


def test_a_plan_of_another_version_leaves_open_who_asks_again() -> None:
    assert row("What follows", WAITS, AFTER).endswith("whether one of them asks again is not known")
