"""What the page says is to be done, and what must not be overlooked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drs_recovery.web.airflow import AirflowRun
from drs_recovery.web.allowed_actions import Rights
from drs_recovery.web.executions.actions import actions_for
from drs_recovery.web.executions.costs import running_instances
from drs_recovery.web.executions.failures import failures_in
from drs_recovery.web.executions.next_steps import NextStep, next_step, notices_for
from tests.unit.web.documents import START, Fields, document, event, gate, server, wave

LEAD = Rights("dr-lead", "Dora Lead", may_act=True, may_terminate=True)
OTHER = replace(LEAD, user_id="other", user_name="other")
VIEWER = Rights("viewer", "viewer", may_act=False, may_terminate=False)

WAITING = wave("NOT_STARTED", gate=gate())
ASKED = wave("FAILED", server(phase="FAILED"), failureGate=gate(attempt=1))
FAILED = wave("FAILED", server("a"), server("b", "FAILED"))


def step(state: Fields, rights: Rights = LEAD) -> NextStep:
    return next_step(state, actions_for(state, rights), running_instances(state, START + 1000))


def told(state: Fields, rights: Rights = LEAD) -> tuple[str, list[str]]:
    found = step(state, rights)
    return str(found.sentence), [str(action.kind) for action in found.actions]


def test_an_approver_is_to_answer() -> None:
    assert told(document("PAUSED", wave(), WAITING)) == ("Approve or reject wave 2.", ["approve", "reject"])


def test_two_gates_and_a_failure_are_answered_together() -> None:
    state = document("PAUSED", WAITING, WAITING, ASKED)
    assert told(state)[0] == "Approve or reject waves 1 and 2; decide what to do about wave 3."


def test_who_started_it_is_to_find_a_second_person() -> None:
    own = document("PAUSED", wave("NOT_STARTED", gate=gate(twoPerson=True)), initiatedBy="dr-lead")
    assert told(own) == ("Have a second person approve wave 1, or reject it.", ["reject"])


@pytest.mark.parametrize(
    ("rights", "why"),
    [
        (OTHER, "Only dba-lead or dr-lead may answer."),
        (VIEWER, "You may view this plan, but not act on it: that takes the right to trigger its DAG."),
    ],
)
def test_everyone_else_waits_for_the_answer_and_knows_why(rights: Rights, why: str) -> None:
    assert told(document("PAUSED", WAITING), rights) == (f"Wait for the answer. {why}", [])


@pytest.mark.parametrize("status", ["PENDING", "POLLING"])
def test_while_it_runs_there_is_nothing_to_do(status: str) -> None:
    assert told(document(status, wave("NOT_STARTED"))) == (
        "Nothing: wait. This page updates automatically.",
        [],
    )


def test_beside_waves_that_run_a_failed_one_can_be_retried() -> None:
    state = document("POLLING", FAILED, wave("POLLING", server(phase="LAUNCH"), dependsOn=[]))
    assert told(state) == ("Fix the cause, then retry wave 1; or wait for the other waves.", ["retry"])


def test_while_it_ends_one_waits_for_the_record() -> None:
    state = document("CANCELLING", wave("POLLING", server(phase="LAUNCH")))
    assert told(state) == ("Nothing: wait until everything that was launched is on record.", [])


def test_after_a_success_instances_may_be_terminated() -> None:
    state = document("COMPLETED", wave("COMPLETED", server()))
    assert told(state) == (
        "No action needed; terminate the instances when they are no longer needed.",
        ["terminate"],
    )
    assert told(state, VIEWER) == ("No action available: 1 instance of it may still run.", [])


def test_after_a_real_recovery_no_next_step_ends_what_users_need() -> None:
    state = document("COMPLETED", wave("COMPLETED", server()), recovery=True)
    assert told(state) == (
        "Send users to the recovered servers: their addresses, and what comes next, are on this page.",
        [],
    )
    partly = document("PARTIAL_SUCCESS", FAILED, recovery=True)
    assert told(partly) == ("Fix the cause, then retry wave 1.", ["retry"])
    cancelled = document("PARTIAL_SUCCESS", wave("COMPLETED", server()), recovery=True, cancelled=True)
    assert told(cancelled) == (
        "Decide what to do with the instances: they run until they are terminated.",
        [],
    )


def test_after_a_failure_the_wave_is_retried_or_its_instances_are_terminated() -> None:
    assert told(document("PARTIAL_SUCCESS", FAILED)) == (
        "Fix the cause, then retry wave 1; or terminate the instances, after which no wave can be retried.",
        ["retry", "terminate"],
    )


def test_after_a_failed_check_a_new_execution_is_started() -> None:
    state = document("FAILED", wave("CANCELLED", startTime=None), error="refused")
    assert told(state) == ("Fix the cause, then start a new execution.", [])


def test_after_a_cancellation_that_launched_nothing_nothing_is_left() -> None:
    state = document("CANCELLED", wave("CANCELLED", startTime=None))
    assert told(state) == ("Nothing is left to do.", [])


def test_a_job_that_outlived_the_record_is_to_be_looked_at() -> None:
    job = {"jobId": "drsjob-1", "region": "us-east-1", "status": "STARTED"}
    state = document("CANCELLED", wave("CANCELLED", server(phase="LAUNCH"), jobs=[job], startTime=None))
    assert told(state)[0].startswith("Check the jobs in the DRS console")


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED"])
def test_a_termination_that_failed_is_to_be_mended_first(status: str) -> None:
    state = document(status, wave("COMPLETED", server()), terminationError="rights")
    assert told(state) == (
        "Fix the problem that blocks the termination, then request it again.",
        ["terminate"],
    )


def test_a_termination_under_way_is_waited_for() -> None:
    request = {"actor": "admin", "time": START, "requestId": "r"}
    state = document("COMPLETED", wave("COMPLETED", server()), terminationRequests=[request])
    assert told(state)[0] == "Nothing: wait until the instances are terminated."


def test_after_a_skipped_drill_there_is_nothing_to_mend() -> None:
    skipped = wave("SKIPPED", skipCause="EXECUTION_SKIPPED", statusReason="in use")
    state = document("SKIPPED", skipped, error="in use")
    assert told(state) == (
        "Nothing: the schedule starts the next drill. To drill before that, start one.",
        [],
    )
    assert failures_in(state).total == 0


@pytest.mark.parametrize(
    ("findings", "sentence"),
    [
        ([], "Nothing is left to do."),
        (
            [{"severity": "WARNING", "what": "old data", "remedy": "look"}],
            "Fix the findings (1 warning), then check again.",
        ),
    ],
)
def test_after_a_dry_run_its_findings_are_mended(findings: list[Any], sentence: str) -> None:
    state = document("COMPLETED", wave("SKIPPED", skipCause="DRY_RUN"), dryRun=True, findings=findings)
    assert told(state) == (sentence, [])


RUNS = AirflowRun("running")
LAUNCHING = wave("POLLING", server(phase="LAUNCH"), lastPolledTime=START + 600)


def notices_of(
    state: Fields,
    airflow: AirflowRun | None = RUNS,
    later: float = 620,
    events: list[dict[str, Any]] | None = None,
) -> list[tuple[str, bool]]:
    found = notices_for(state, events or [], airflow, START + later)
    return [(str(notice.text), notice.is_serious) for notice in found]


def test_a_healthy_execution_has_none() -> None:
    assert notices_of(document("POLLING", LAUNCHING)) == []


def test_that_airflow_could_not_be_asked_is_said_while_it_matters() -> None:
    ((text, is_serious),) = notices_of(document("POLLING", LAUNCHING), None)
    assert text == "Airflow could not be asked about the DAG run: what you see is the record alone."
    assert not is_serious
    assert notices_of(document("COMPLETED", wave()), None) == []


@pytest.mark.parametrize(
    ("state", "words"), [("failed", "is failed"), ("success", "is success"), (None, "was deleted")]
)
def test_a_run_that_is_over_before_its_record_is_a_serious_matter(state: str | None, words: str) -> None:
    ((text, is_serious),) = notices_of(document("POLLING", LAUNCHING), AirflowRun(state))
    assert text.startswith(f"The DAG run {words}, and the record is not closed yet.")
    assert is_serious


def test_of_an_ended_execution_the_state_of_the_run_is_no_news() -> None:
    assert notices_of(document("FAILED", wave("FAILED")), AirflowRun("failed")) == []


def test_a_wave_that_nobody_looked_at_for_long_may_be_further() -> None:
    state = document("POLLING", LAUNCHING)
    assert notices_of(state, later=900) == []
    ((text, is_serious),) = notices_of(state, later=901)
    assert text == (
        'There has been no news of wave 1 "Database" since 2027-01-15 08:10:00 UTC: '
        "DRS may be further ahead than this page shows."
    )
    assert is_serious


def test_a_wave_that_was_never_looked_at_counts_from_its_attempt() -> None:
    first = document("POLLING", wave("POLLING"))
    assert notices_of(first, later=360) == []
    assert len(notices_of(first, later=361)) == 1
    assert notices_of(document("POLLING", wave("POLLING", attemptTime=START + 300)), later=361) == []


def test_a_look_that_failed_is_told_of() -> None:
    error = {"message": "ThrottlingException", "time": START + 610}
    ((text, is_serious),) = notices_of(document("POLLING", {**LAUNCHING, "lastPollError": error}))
    assert text.endswith("it is tried again: ThrottlingException")
    assert not is_serious


def test_what_is_waited_for_before_a_start_is_told_of_with_the_time_since_when() -> None:
    waiting = {"message": "ThrottlingException: Rate exceeded", "since": START + 10, "time": START + 600}

    ((opening, is_serious),) = notices_of({**document("PENDING"), "waitingFor": waiting})
    ((start, _),) = notices_of(document("POLLING", wave("PENDING", waitingFor=waiting)))

    assert opening == (
        "Since 2027-01-15 08:00:10 UTC the opening of this execution waits; "
        "it is tried again: ThrottlingException: Rate exceeded"
    )
    assert start.startswith('Since 2027-01-15 08:00:10 UTC the start of wave 1 "Database" waits;')
    assert not is_serious
    assert notices_of({**document("FAILED", wave("FAILED")), "waitingFor": waiting}) == []


def test_messages_that_could_not_be_sent_are_counted() -> None:
    failed = [event("NOTIFICATION_FAILED", n, error=f"no topic {n}") for n in (10, 20)]
    ((text, _),) = notices_of(
        document("COMPLETED", wave()), events=[*failed, event("WAVE_COMPLETED", 30, wave=1)]
    )
    assert text == (
        "2 messages about this execution could not be sent, "
        "the last one at 2027-01-15 08:00:20 UTC: no topic 20"
    )
