"""What a person is offered, and why other things are not."""

from __future__ import annotations

from dataclasses import replace

from drs_recovery.web.allowed_actions import Rights
from drs_recovery.web.executions.actions import Actions, actions_for
from drs_recovery.web.executions.costs import running_instances
from drs_recovery.web.executions.gates import briefings_of
from drs_recovery.web.executions.next_steps import next_step
from tests.unit.web.documents import START, Fields, document, gate, server, step, wave

LEAD = Rights("dr-lead", "Dora Lead", may_act=True, may_terminate=True)
VIEWER = Rights("viewer", "viewer", may_act=False, may_terminate=False)
WAITING = wave("NOT_STARTED", server("a", "PENDING"), server("b", "PENDING"), gate=gate())


def offered(state: Fields, rights: Rights = LEAD) -> list[tuple[str, int | None]]:
    return [(str(action.kind), action.wave) for action in actions_for(state, rights).offered]


def reasons(actions: Actions) -> list[tuple[str, str]]:
    return [(str(action.kind), action.reason) for action in actions.withheld]


def test_at_a_gate_an_approver_is_offered_its_answers_first() -> None:
    state = document("PAUSED", wave(), WAITING)
    assert offered(state) == [("approve", 2), ("reject", 2), ("cancel", None)]
    approve, reject, cancel = actions_for(state, LEAD).offered
    assert (approve.label, approve.title) == ("Approve wave 2", 'Approve wave 2 "Application"?')
    assert approve.consequences[0] == "DRS launches test instances for 2 servers."
    assert (approve.is_primary, approve.is_dangerous, approve.takes_comment) == (True, False, True)
    assert (reject.is_primary, reject.is_dangerous, cancel.is_dangerous) == (False, True, True)


def test_a_viewer_is_offered_nothing_and_told_why_once() -> None:
    found = actions_for(document("PAUSED", WAITING), VIEWER)
    assert found.offered == ()
    assert reasons(found) == [
        ("approve", "You may view this plan, but not act on it: that takes the right to trigger its DAG.")
    ]


def test_who_is_not_asked_is_told_who_is() -> None:
    found = actions_for(document("PAUSED", WAITING), replace(LEAD, user_id="admin"))
    assert [str(action.kind) for action in found.offered] == ["cancel"]
    assert reasons(found) == [("approve", "Only dba-lead or dr-lead may answer.")]


def test_the_approval_of_a_real_recovery_says_what_it_does_to_drills() -> None:
    approve = actions_for(document("PAUSED", WAITING, recovery=True), LEAD).offered[0]
    assert approve.consequences[:2] == (
        "DRS launches instances of the real recovery for 2 servers.",
        "Drills of this plan, and drills that use its servers, are cancelled.",
    )


def test_about_a_failed_wave_the_answers_of_airflow_are_offered() -> None:
    asked = wave("FAILED", server("a"), server("b", "FAILED"), failureGate=gate(attempt=1))
    state = document("PAUSED", asked)
    assert offered(state) == [("decide", 1), ("cancel", None)]
    decide = actions_for(state, LEAD).offered[0]
    assert [(choice.value, choice.label) for choice in decide.options] == [
        ("RETRY", "Retry the failed servers"),
        ("CONTINUE", "Continue with the next waves"),
        ("STOP", "Stop"),
    ]
    assert decide.options[0].consequence.startswith("DRS starts a new job for 1 of 2 servers alone")


def test_the_questions_of_steps_are_offered_with_their_own_answers() -> None:
    fence = step("Fence", "WAITING", kind="manual", side="before", gate=gate(attempt=1))
    probe = step("CRM answers", "FAILED", gate=gate(attempt=1, isFailure=True))
    state = document("PAUSED", wave("PENDING", steps=(fence,)), wave("POLLING", server(), steps=(probe,)))
    assert offered(state) == [("answer", 1), ("answer", 2), ("cancel", None)]
    manual, failed = actions_for(state, LEAD).offered[:2]
    assert (manual.label, manual.title) == ("Answer: Fence", "Is this done: Fence?")
    assert [one.value for one in manual.options] == ["DONE", "COULD_NOT"]
    assert [one.value for one in failed.options] == ["RETRY", "GO_ON", "STOP"]
    assert actions_for(state, LEAD).of_step(1, "before", 1) == (manual,)
    assert actions_for(state, LEAD).of_wave(1) == ()
    assert manual.subject != failed.subject
    first, second = briefings_of(state, START + 1000)
    assert (first.place, second.title) == (manual.place, "What to do about CRM answers, which failed")
    told = next_step(state, actions_for(state, LEAD), running_instances(state, START + 1000))
    assert (str(told.sentence), told.actions) == ("Answer 2 steps of waves 1 and 2.", (manual, failed))


def test_after_a_failure_a_retry_and_the_end_of_the_instances_are_offered() -> None:
    state = document(
        "FAILED", wave("FAILED", server("a", "FAILED", instanceId="i-1"), server("b", "PENDING"))
    )
    assert offered(state) == [("retry", 1), ("terminate", None)]
    retry, terminate = actions_for(state, LEAD).offered
    assert "2 of 2 servers" in retry.consequences[0]
    assert "opened again" in retry.consequences[1]
    assert (retry.is_primary, retry.takes_comment) == (True, True)
    assert (terminate.title, terminate.confirmation) == ("Terminate 1 instance of this drill?", None)


def test_a_retry_beside_waves_that_run_opens_nothing_again() -> None:
    state = document("POLLING", wave("FAILED", server("a", "FAILED")), wave("POLLING", dependsOn=[]))
    retry = actions_for(state, LEAD).offered[0]
    assert (len(retry.consequences), retry.is_primary) == (1, False)


def test_the_dialogs_of_a_real_recovery_cannot_be_mistaken_for_those_of_a_drill() -> None:
    real, drill = (
        actions_for(document("PAUSED", WAITING, recovery=one), LEAD).offered for one in (True, False)
    )
    assert (real[0].title, real[0].sure) == (
        'Approve wave 1 "Database" of this REAL RECOVERY?',
        "Approve the REAL RECOVERY, wave 1",
    )
    assert (drill[0].title, drill[0].sure) == ('Approve wave 1 "Database"?', "")


def test_what_an_action_is_about_is_another_thing_once_the_record_shows_it() -> None:
    def subjects(state: Fields) -> list[str]:
        return [action.subject for action in actions_for(state, LEAD).offered]

    approve, reject, cancel = subjects(document("PAUSED", WAITING))
    assert approve == reject
    assert cancel != approve
    asked_again = {**WAITING, "gate": gate(since=9)}
    assert subjects(document("PAUSED", asked_again))[0] != approve
    failed = wave("FAILED", server(phase="FAILED"))
    (first, *_), (second, *_) = (
        subjects(document("FAILED", one)) for one in (failed, {**failed, "attempt": 2})
    )
    assert first != second
    ended = document("COMPLETED", wave("COMPLETED", server()))
    again = document(
        "COMPLETED",
        wave("COMPLETED", server()),
        terminationRequests=[{"actor": "a", "time": 1, "requestId": "r", "endTime": 2}],
    )
    assert subjects(ended) != subjects(again)


def test_terminating_stands_apart_only_where_users_may_need_the_instances() -> None:
    for recovery in (True, False):
        (terminate,) = actions_for(
            document("COMPLETED", wave("COMPLETED", server()), recovery=recovery), LEAD
        ).offered
        assert terminate.is_set_aside is recovery


def test_to_terminate_a_real_recovery_takes_the_plan_id() -> None:
    state = document("COMPLETED", wave("COMPLETED", server()), recovery=True)
    (terminate,) = actions_for(state, LEAD).offered
    assert terminate.confirmation == "crm"
    assert terminate.title == "Terminate 1 instance of this REAL RECOVERY?"
    assert "your business may run on them" in terminate.consequences[0]


def test_while_it_is_cancelled_people_are_told_that_it_ends() -> None:
    found = actions_for(document("CANCELLING", wave("POLLING", server())), LEAD)
    assert found.offered == ()
    assert reasons(found) == [
        ("cancel", "The execution is ending already: nothing more starts."),
        ("terminate", "The execution is CANCELLING: wait for its end."),
    ]


def test_a_wave_that_was_never_started_is_not_spoken_of() -> None:
    found = actions_for(document("CANCELLED", wave("CANCELLED", startTime=None)), LEAD)
    assert (found.offered, found.withheld) == ((), ())


def test_when_everything_is_over_nothing_is_offered() -> None:
    gone = server("a", "TERMINATED", terminatedTime=1)
    found = actions_for(document("COMPLETED", wave("COMPLETED", gone), instancesTerminated=True), LEAD)
    assert (found.offered, found.withheld) == ((), ())


def test_actions_of_a_wave_can_be_asked_for() -> None:
    found = actions_for(document("PAUSED", wave(), WAITING), LEAD)
    assert [str(action.kind) for action in found.of_wave(2)] == ["approve", "reject"]
    assert found.of_wave(1) == ()
