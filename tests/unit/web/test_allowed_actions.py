"""Who may do what to an execution now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drs_recovery.web.allowed_actions import ActionKind, Rights, StepPlace, confirmation_of, why_not
from tests.unit.web.documents import document, gate, server, step, wave

LEAD = Rights("dr-lead", "Dora Lead", may_act=True, may_terminate=True)
OTHER = Rights("somebody", "Somebody Else", may_act=True, may_terminate=True)
VIEWER = Rights("viewer", "viewer", may_act=False, may_terminate=False)

WAITING = wave("NOT_STARTED", server(phase="PENDING"), gate=gate())
ASKED = wave("FAILED", server(phase="FAILED"), failureGate=gate(attempt=1))
FAILED = wave("FAILED", server(phase="FAILED"))


def paused(**fields: Any) -> dict[str, Any]:
    return document("PAUSED", WAITING, **fields)


@pytest.mark.parametrize("kind", ActionKind)
def test_who_may_not_run_the_plan_may_do_nothing(kind: ActionKind) -> None:
    states = [paused(), document("PAUSED", ASKED), document("FAILED", FAILED), document("COMPLETED", wave())]
    reasons = [why_not(state, VIEWER, kind, 1) for state in states]
    assert all("right to trigger" in str(reason) for reason in reasons)


@pytest.mark.parametrize("kind", [ActionKind.APPROVE, ActionKind.REJECT])
def test_only_approvers_answer_a_gate(kind: ActionKind) -> None:
    assert why_not(paused(), LEAD, kind, 1) is None
    assert why_not(paused(), OTHER, kind, 1) == "Only dba-lead or dr-lead may answer."


def test_approvers_are_known_by_their_id_alone() -> None:
    somebody = Rights("4711", "dr-lead", may_act=True, may_terminate=True)
    assert why_not(paused(), somebody, ActionKind.APPROVE, 1) == "Only dba-lead or dr-lead may answer."


def test_a_gate_without_approvers_is_answered_by_whoever_may_run_the_plan() -> None:
    open_to_all = document("PAUSED", wave("NOT_STARTED", gate=gate(approvers=[])))
    assert why_not(open_to_all, OTHER, ActionKind.APPROVE, 1) is None


def test_who_started_it_may_reject_but_not_be_the_second_person() -> None:
    own = document("PAUSED", wave("NOT_STARTED", gate=gate(twoPerson=True)), initiatedBy="DR-Lead")
    assert why_not(own, LEAD, ActionKind.APPROVE, 1) == (
        "You started this execution: a second person must approve it."
    )
    assert why_not(own, LEAD, ActionKind.REJECT, 1) is None
    assert why_not(own, replace(LEAD, user_id="dba-lead"), ActionKind.APPROVE, 1) is None


def test_the_second_person_is_known_by_name_as_well() -> None:
    own = document("PAUSED", wave("NOT_STARTED", gate=gate(twoPerson=True)), initiatedBy="dora lead")
    assert why_not(own, LEAD, ActionKind.APPROVE, 1) is not None


@pytest.mark.parametrize(
    "settled",
    [
        document("POLLING", wave("POLLING", gate=gate("APPROVED", actor="dba-lead"))),
        document("PAUSED", ASKED),
        document("CANCELLING", WAITING),
        document("CANCELLED", wave("CANCELLED", gate=gate())),
    ],
    ids=["decided", "another question", "cancelled meanwhile", "ended"],
)
def test_an_answer_that_would_change_nothing_is_refused(settled: dict[str, Any]) -> None:
    assert why_not(settled, LEAD, ActionKind.APPROVE, 1) == "Wave 1 waits for no such answer."


def test_what_to_do_about_a_failure_is_decided_by_those_who_are_asked() -> None:
    asked = document("PAUSED", ASKED)
    assert why_not(asked, LEAD, ActionKind.DECIDE, 1) is None
    assert why_not(asked, OTHER, ActionKind.DECIDE, 1) == "Only dba-lead or dr-lead may answer."
    assert why_not(paused(), LEAD, ActionKind.DECIDE, 1) == "Wave 1 waits for no such answer."


def test_the_question_of_a_step_is_answered_by_those_who_are_asked() -> None:
    fence = step("Fence", "WAITING", kind="manual", side="before", gate=gate(attempt=1))
    asked = document("PAUSED", wave("PENDING", stage="BEFORE_STEPS", steps=(fence,)))
    first, second = StepPlace("before", 1), StepPlace("before", 2)
    assert why_not(asked, LEAD, ActionKind.ANSWER, 1, first) is None
    assert why_not(asked, OTHER, ActionKind.ANSWER, 1, first) == "Only dba-lead or dr-lead may answer."
    assert why_not(asked, LEAD, ActionKind.ANSWER, 1, second) == "This step waits for no answer."
    for status in ("CANCELLING", "CANCELLED"):
        ended = document(status, wave("PENDING", stage="BEFORE_STEPS", steps=(fence,)))
        told = why_not(ended, LEAD, ActionKind.ANSWER, 1, first)
        assert told == 'Step before 1 "Fence" waits for no answer.'


def test_a_retry_does_not_go_past_those_who_are_asked() -> None:
    reason = why_not(document("PAUSED", ASKED), OTHER, ActionKind.RETRY, 1)
    assert reason == "People are asked what to do about this wave: a retry is one of the answers."


@pytest.mark.parametrize("status", ["POLLING", "FAILED", "PARTIAL_SUCCESS", "CANCELLED"])
@pytest.mark.parametrize("wave_status", ["FAILED", "CANCELLED"])
def test_a_failed_or_interrupted_wave_is_retried_also_after_the_end(status: str, wave_status: str) -> None:
    assert why_not(document(status, wave(wave_status)), LEAD, ActionKind.RETRY, 1) is None


@pytest.mark.parametrize("wave_status", ["NOT_STARTED", "PENDING", "POLLING", "COMPLETED", "SKIPPED"])
def test_any_other_wave_is_not_retried(wave_status: str) -> None:
    reason = why_not(document("POLLING", wave(wave_status)), LEAD, ActionKind.RETRY, 1)
    assert reason == f"Wave 1 is {wave_status}: only a failed or interrupted wave is retried."


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (document("CANCELLING", FAILED), "The execution is ending"),
        (document("CANCELLED", wave("CANCELLED", startTime=None)), "was never started"),
        (document("FAILED", FAILED, terminationRequests=[{"actor": "admin"}]), "start a new execution"),
        (document("FAILED", FAILED, terminateJobs=[{"jobId": "drsjob-t"}]), "start a new execution"),
    ],
    ids=["ending", "never started", "termination asked for", "being terminated"],
)
def test_a_retry_that_the_store_would_refuse_is_refused(state: dict[str, Any], reason: str) -> None:
    assert reason in str(why_not(state, LEAD, ActionKind.RETRY, 1))


@pytest.mark.parametrize("status", ["PENDING", "POLLING", "PAUSED"])
def test_a_live_execution_is_cancelled(status: str) -> None:
    assert why_not(document(status, wave("NOT_STARTED")), LEAD, ActionKind.CANCEL) is None


def test_what_ends_or_has_ended_is_not_cancelled() -> None:
    ending = why_not(document("CANCELLING", wave("POLLING")), LEAD, ActionKind.CANCEL)
    assert ending == "The execution is ending already: nothing more starts."
    assert why_not(document("FAILED", FAILED), LEAD, ActionKind.CANCEL) == "The execution has ended."


LAUNCHED = wave("COMPLETED", server())


@pytest.mark.parametrize("status", ["COMPLETED", "PARTIAL_SUCCESS", "FAILED", "CANCELLED"])
def test_instances_of_an_execution_that_ended_are_terminated(status: str) -> None:
    assert why_not(document(status, LAUNCHED), LEAD, ActionKind.TERMINATE) is None


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (document("POLLING", LAUNCHED), "The execution is POLLING: wait for its end, or cancel it first."),
        (document("COMPLETED", LAUNCHED, instancesTerminated=True), "Its instances are terminated already."),
        (document("FAILED", FAILED), "It has no instance on record."),
    ],
    ids=["live", "terminated", "nothing launched"],
)
def test_there_must_be_something_to_terminate(state: dict[str, Any], reason: str) -> None:
    assert why_not(state, LEAD, ActionKind.TERMINATE) == reason


def test_terminating_takes_a_right_of_its_own() -> None:
    rights = replace(LEAD, may_terminate=False)
    reason = why_not(document("COMPLETED", LAUNCHED), rights, ActionKind.TERMINATE)
    assert "terminate_recovery_instances" in str(reason)


def test_only_for_a_real_recovery_the_plan_id_is_typed() -> None:
    assert confirmation_of(document("COMPLETED", LAUNCHED, recovery=True)) == "crm"
    assert confirmation_of(document("COMPLETED", LAUNCHED)) is None


def test_a_wave_that_is_not_there_is_named() -> None:
    assert why_not(paused(), LEAD, ActionKind.APPROVE, 9) == "This execution has no wave 9."
    assert why_not(paused(), LEAD, ActionKind.RETRY) == "This execution has no wave None."


@pytest.mark.parametrize("kind", ActionKind)
def test_what_another_installation_runs_is_acted_on_there(kind: ActionKind) -> None:
    states = [
        paused(controller="graz"),
        document("PAUSED", ASKED, controller="graz"),
        document("FAILED", FAILED, controller="graz"),
        document("COMPLETED", wave(), controller="graz"),
    ]
    for here in (None, "vienna"):
        reasons = [why_not(state, replace(LEAD, installation=here), kind, 1) for state in states]
        assert reasons == ["This execution belongs to the Airflow installation graz: act there."] * 4


def test_what_this_installation_runs_is_acted_on_here() -> None:
    own = paused(controller="vienna")
    assert why_not(own, replace(LEAD, installation="vienna"), ActionKind.APPROVE, 1) is None
