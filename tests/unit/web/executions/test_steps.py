"""Steps of a wave on the page: what each is at, what was seen last, who answered."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.web.executions.headline import now_sentence
from drs_recovery.web.executions.next_steps import notices_for
from drs_recovery.web.executions.servers import ServersWanted, server_tables
from drs_recovery.web.executions.steps import StepView, step_views
from drs_recovery.web.executions.timeline import timeline_of
from drs_recovery.web.executions.waves import wave_view
from tests.unit.web.documents import START, Fields, document, event, gate, server, step, wave

SEEN = "crm-app-01: HTTP 503 from 10.0.1.20"


def shown(one: Fields, status: str = "POLLING", wave_status: str = "POLLING", **fields: Any) -> StepView:
    state = document(status, wave(wave_status, server(), steps=(one,), **fields))
    (view,) = step_views(state, state["waves"][0], START + 1000)
    return view


def question(**fields: Any) -> Fields:
    return gate(attempt=1, message="Fence the old database", **fields)


def test_a_probe_that_runs_says_what_it_saw_last_how_often_and_where() -> None:
    failures = [{"sourceServerId": "s-1", "serverName": "crm-app-01", "detail": "HTTP 503"}]
    servers = {"total": 4, "succeeded": 1, "failures": failures}
    view = shown(
        step(status="RUNNING", detail=SEEN, tries=14, lastLookTime=START + 900, servers=servers, output="{}")
    )
    assert (view.name, view.kind, view.mark.icon, view.mark.word) == (
        "CRM answers",
        "http_probe",
        "▶",
        "Running",
    )
    assert str(view.seen) == f"{SEEN}, 14 tries in 10 min; last looked at 2027-01-15 08:15:00 UTC"
    assert (view.servers, view.more_failures, view.output) == ("1 of 4 servers", 2, "{}")
    assert (view.failures[0].name, view.failures[0].detail) == ("crm-app-01", "HTTP 503")
    assert view.clock is not None
    assert view.clock.is_running


def test_a_step_that_failed_says_why_and_a_look_that_failed_does_too() -> None:
    failed = shown(step(status="TIMED_OUT", detail=SEEN, error=f"{SEEN}, 14 tries in 10 min"))
    assert (str(failed.seen), failed.is_trouble) == (f"{SEEN}, 14 tries in 10 min", True)
    stuck = shown(step(status="RUNNING", lastLookError="ThrottlingException"))
    assert (stuck.seen, stuck.trouble) == (None, "ThrottlingException")


def test_what_a_person_did_has_their_name_and_their_note() -> None:
    done = question(decision="DONE", actor="dba-lead", decidedTime=START + 760, comment="fenced at noon")
    view = shown(step("Fence", kind="manual", side="before", detail="done by dba-lead", gate=done))
    assert view.gate is not None
    assert (view.gate.title, view.gate.question) == ("To be done: Fence", "Fence the old database")
    assert (view.gate.decision.word, view.gate.comment) == ("Done", "fenced at noon")
    assert str(view.gate.sentence).startswith("Done by dba-lead, 2027-01-15 08:12:40 UTC")
    assert (view.is_before, view.seen) == (True, None)


def test_a_drill_shows_what_it_leaves_out_as_what_would_be_done() -> None:
    left_out = step("Traffic", "SKIPPED", kind="routing_control", detail="would be done in a RECOVERY")
    assert shown(left_out).mark.word == "Would be done"
    assert str(shown(left_out).seen) == "would be done in a RECOVERY"
    of_left_out_wave = shown(left_out, "COMPLETED", "SKIPPED", skipCause="NOT_CHOSEN")
    assert (of_left_out_wave.mark.word, of_left_out_wave.seen) == ("Left out", None)


def test_a_kind_and_a_status_of_a_later_release_are_shown_as_they_are() -> None:
    view = shown(step(status="RUNNING") | {"kind": "carrier_pigeon", "status": "FLYING"})
    assert (view.kind, view.title, view.mark.word) == ("carrier_pigeon", "", "Flying")


def test_beside_very_many_steps_outputs_are_short() -> None:
    steps = tuple(step(f"Step {n}", output="x" * 4000) for n in range(20))
    few, many = (
        document("POLLING", *(wave("POLLING", steps=steps) for _ in range(waves))) for waves in (1, 2)
    )
    assert len(step_views(few, few["waves"][0], START)[0].output or "") == 4000
    assert len(step_views(many, many["waves"][0], START)[0].output or "") == 500


MANUAL = step("Fence", "WAITING", kind="manual", side="before", gate=question())
PORT = step("Port", "RUNNING", side="before", detail=SEEN)
ASKED = step(status="FAILED", gate=question(isFailure=True))


@pytest.mark.parametrize(
    ("status", "fields", "sentence", "word"),
    [
        (
            "POLLING",
            wave("PENDING", stage="BEFORE_STEPS", steps=(PORT,)),
            f'Step "Port" before the launch runs: {SEEN}.',
            "Before its launch",
        ),
        (
            "POLLING",
            wave("PENDING", stage="BEFORE_STEPS", waitUntil=START + 60, steps=(step(status="NOT_STARTED"),)),
            "It waits until 2027-01-15 08:01:00 UTC.",
            "Before its launch",
        ),
        (
            "PAUSED",
            wave("PENDING", stage="BEFORE_STEPS", steps=(MANUAL,)),
            'Step "Fence" before the launch waits for an answer.',
            "Before its launch",
        ),
        (
            "POLLING",
            wave("POLLING", server(), stage="AFTER_STEPS", steps=(step(),)),
            "Its steps after the launch run.",
            "Being proven",
        ),
        (
            "POLLING",
            wave("PENDING", stage="LAUNCHING", steps=(step(status="NOT_STARTED"),)),
            "DRS has not taken every job yet.",
            "Starting",
        ),
    ],
)
def test_a_wave_at_its_steps_says_so(status: str, fields: Fields, sentence: str, word: str) -> None:
    state = document(status, fields)
    tables = server_tables(state, ServersWanted())
    view = wave_view(state, state["waves"][0], [], tables[1], START + 1000)
    assert (view.sentence, view.mark.word) == (sentence, word)


def test_the_headline_says_who_is_waited_for() -> None:
    manual = document("PAUSED", wave("PENDING", stage="BEFORE_STEPS", steps=(MANUAL,)))
    assert str(now_sentence(manual)) == (
        'Waiting for dba-lead or dr-lead to do step "Fence" of wave 1 "Database" since '
        "2027-01-15 08:11:40 UTC."
    )
    failed = document("PAUSED", wave("POLLING", stage="AFTER_STEPS", steps=(ASKED,)))
    assert str(now_sentence(failed)).startswith(
        'Step "CRM answers" of wave 1 "Database" failed: waiting for dba-lead or dr-lead to decide'
    )
    running = document("POLLING", wave("POLLING", stage="AFTER_STEPS", steps=(step(status="RUNNING"),)))
    assert str(now_sentence(running)) == 'Wave 1 "Database": step "CRM answers" after the launch runs.'


def test_a_wave_whose_steps_run_needs_no_news_of_drs() -> None:
    proven = document("POLLING", wave("POLLING", stage="AFTER_STEPS", steps=(step(status="RUNNING"),)))
    assert notices_for(proven, [], None, START + 9000)[1:] == ()


def test_the_timeline_has_the_steps_and_their_questions() -> None:
    about = {"wave": 1, "side": "before", "step": 1, "name": "Fence"}
    events = [
        event("WAVE_BEGUN", 100, wave=1),
        event("STEP_ASKED", 160, **about),
        event("STEP_ANSWER_REFUSED", 170, **about),
        event("STEP_ANSWER_DONE", 220, **about),
        event("WAVE_REQUESTED", 225, wave=1),
        event("WAVE_LAUNCHED", 825, wave=1),
        event("WAVE_COMPLETED", 1005, wave=1),
    ]
    (row,) = timeline_of(document("COMPLETED", wave("COMPLETED", server())), events, START + 1005).rows
    assert row.summary == (
        "steps before the launch for 1 min, then waiting for an answer about Fence for 1 min, then steps "
        "before the launch for 5 s, then launched after 10 min, then completed after 3 min"
    )
    again = [
        *events[:-1],
        event("WAVE_FAILED", 900, wave=1),
        event("WAVE_RETRY_REQUESTED", 960, wave=1, attempt=2),
        event("WAVE_REQUESTED", 970, wave=1),
    ]
    (row,) = timeline_of(document("POLLING", wave("PENDING")), again, START + 1005).rows
    assert [bar.label for bar in row.bars[-3:]] == [
        "Failed after 1 min 15 s",
        "Attempt 2 launching after 10 s",
        "Attempt 2 launching",
    ]
