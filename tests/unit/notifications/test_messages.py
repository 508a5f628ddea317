"""What is told of an execution, and in which words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator

from drs_recovery.notifications.events import Asked, happenings
from drs_recovery.notifications.messages import Notice, answer_link, notice_of, run_link, wave_summary
from drs_recovery.notifications.metrics import measurements
from tests.plan_documents import database, plan
from tests.record_types import as_read

BASE = "https://airflow.example.com"


def server(name: str, phase: str, **fields: Any) -> dict[str, Any]:
    record = {"sourceServerId": f"s-{name}", "serverName": name, "critical": True, "phase": phase, **fields}
    return as_read("SERVER", record)


def wave(number: int, status: str, *servers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    times = {"startTime": 1000.0, "endTime": 1000.0 + 100 * number, "duration": 100.0 * number}
    began = {} if status in ("NOT_STARTED", "SKIPPED") else times
    name = f"Tier {number}"
    record = {
        "waveNumber": number,
        "waveName": name,
        "status": status,
        "serverStatuses": servers,
        **began,
        **fields,
    }
    return as_read("WAVE", record)


def document(*waves: dict[str, Any], **fields: Any) -> dict[str, Any]:
    record = {
        "executionId": "e-1",
        "planId": "crm",
        "planName": "Three-tier CRM",
        "executionType": "DRILL",
        "status": "POLLING",
        "initiatedBy": "ann",
        "dagId": "recover_crm",
        "dagRunId": "CHG 1/2",
        "admittedTime": 990.0,
        "startTime": 1000.0,
        "progress": {"totalServers": 4, "ready": 2, "failed": 1},
        "waves": waves,
        **fields,
    }
    return as_read("EXECUTION", record)


def ended(status: str, *waves: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return document(*waves, **{"status": status, "endTime": 5000.0, "duration": 4000.0, **fields})


GATE = {"decision": "WAITING", "since": 900.0, "message": "Is the database consistent?", "approvers": ["dba"]}


def keys(of: dict[str, Any], asked: Asked | None = None) -> list[str]:
    return [happening.key for happening in happenings(of, asked)]


def notices(of: dict[str, Any], asked: Asked | None = None) -> list[Notice]:
    run = run_link(BASE, of)
    return [
        notice_of(happening, of, run, answer_link(run, asked))
        for happening in happenings(of, asked)
        if happening.is_told
    ]


def test_everything_that_happened_is_told_in_its_order() -> None:
    happened = document(
        wave(1, "COMPLETED", endTime=1300.0), wave(2, "FAILED", endTime=1200.0), wave(3, "POLLING")
    )

    assert keys(happened) == ["EXECUTION_STARTED", "WAVE_FAILED#2#attempt1", "WAVE_COMPLETED#1#attempt1"]


def test_a_wave_that_is_tried_again_is_told_of_again() -> None:
    assert "WAVE_FAILED#1#attempt2" in keys(document(wave(1, "FAILED", attempt=2)))


def test_a_retry_is_told_while_it_runs_and_not_measured_before_it_ends() -> None:
    running = document(wave(1, "POLLING", server("a", "LAUNCH", attempt=2), attempt=2, attemptTime=1080.0))

    notice = notices(running)[-1]

    assert (notice.key, notice.subject) == (
        "WAVE_RETRIED#1#attempt2",
        "RETRIED: DRILL of Three-tier CRM, wave 1 (Tier 1)",
    )
    assert "Attempt 2: the servers that failed are launched again." in notice.message
    assert measured(running) == {}
    assert keys(document(wave(1, "POLLING"))) == ["EXECUTION_STARTED"]


def step(status: str, **fields: Any) -> dict[str, Any]:
    record = {
        "executionId": "e-1",
        "waveNumber": 1,
        "side": "after",
        "stepNumber": 1,
        "name": "CRM answers",
        "kind": "http_probe",
        "onFailure": "stop",
        "status": status,
        "attempts": [{"number": 1}],
        **fields,
    }
    return as_read("STEP", record)


def with_step(one: dict[str, Any], status: str = "POLLING", **fields: Any) -> dict[str, Any]:
    snapshot = plan(database(after=[{"lambda": {"function": "f"}, "retries": 1}]))
    return document(wave(1, status, steps=[one]), planSnapshot=snapshot, **fields)


def test_a_step_that_asks_is_told_by_the_task_that_asks() -> None:
    gate = {**GATE, "attempt": 1, "taskId": "wave_01.before_1"}
    key = "STEP#01#after#01"
    manual = with_step(step("WAITING", gate=gate), waitingSteps=[key])
    asked = Asked(1, "wave_01.before_1")
    assert keys(manual, Asked(1, "wave_01.decide")) == keys(manual) == ["EXECUTION_STARTED"]
    notice = notices(manual, asked)[-1]
    assert (notice.key, notice.event) == ("STEP_ASKED#1#after1#900.0", "STEP_ASKED")
    assert notice.subject == ('ANSWER NEEDED: DRILL of Three-tier CRM, step "CRM answers" of wave 1 (Tier 1)')
    assert "Is the database consistent?" in notice.message
    assert notice.answer_link is not None
    assert "/tasks/wave_01.before_1/required_actions" in notice.answer_link

    failed = step("FAILED", gate={**gate, "isFailure": True}, attempts=[{"number": 1}, {"number": 2}])
    notice = notices(with_step(failed, waitingSteps=[key]), asked)[-1]
    assert notice.event == "STEP_FAILURE_ASKED"
    assert 'after the failure of step "CRM answers"' in notice.subject


def test_a_step_that_failed_is_told_once_its_retries_are_used_up() -> None:
    rows = [{"serverName": "crm-1", "sourceServerId": "s-1", "detail": "HTTP 503"}]
    servers = {"total": 2, "succeeded": 1, "failures": rows}
    once = step("TIMED_OUT", error="HTTP 503, 14 tries in 10 min", servers=servers, onFailure="continue")
    assert keys(with_step(once)) == ["EXECUTION_STARTED"]

    twice = {**once, "attempts": [{"number": 1}, {"number": 2}]}
    notice = notices(with_step(twice))[-1]
    assert (notice.key, notice.answer_link) == ("STEP_FAILED#1#after1#attempt2", None)
    assert notice.subject == 'TIMED_OUT: DRILL of Three-tier CRM, step "CRM answers" of wave 1 (Tier 1)'
    assert "is TIMED_OUT: HTTP 503, 14 tries in 10 min\n- crm-1 (s-1): HTTP 503\n" in notice.message
    assert "the plan calls this a warning" in notice.message
    assert keys(with_step(once, "FAILED"))[1:] == ["STEP_FAILED#1#after1#attempt1", "WAVE_FAILED#1#attempt1"]
    assert measured(with_step(twice)) == {}


def test_an_execution_that_was_opened_again_ends_again() -> None:
    first, second = ended("FAILED"), ended("FAILED", endTime=9000.0)

    assert keys(first) == ["EXECUTION_FAILED#5000.0"]
    assert keys(second) == ["EXECUTION_FAILED#9000.0"]


def test_a_wave_that_was_left_out_on_purpose_is_no_news_but_one_that_could_not_start_is() -> None:
    by_choice = wave(1, "SKIPPED", skipCause="NOT_CHOSEN")
    by_failure = wave(2, "SKIPPED", skipCause="DEPENDENCY", statusReason="wave 1 failed")

    assert keys(document(by_choice, by_failure)) == ["EXECUTION_STARTED", "WAVE_SKIPPED#2#attempt1"]


def test_a_message_says_who_cancelled_and_why() -> None:
    cancel = {"actor": "ann", "reason": "wrong plan", "time": 1100.0}
    of = ended("PARTIAL_SUCCESS", wave(1, "COMPLETED"), cancel=cancel, error="cancelled by ann: wrong plan")

    assert "\nCancelled by ann: wrong plan\n" in notices(of)[-1].message


def test_a_cancelled_wave_is_told_of_by_the_last_message_only() -> None:
    cancelled = ended("CANCELLED", wave(1, "CANCELLED"), error="ann ended it")

    assert [notice.event for notice in notices(cancelled)] == ["EXECUTION_CANCELLED"]
    assert "1 cancelled" in notices(cancelled)[0].message
    assert "ann ended it" in notices(cancelled)[0].message


def test_a_refused_start_is_told_once_and_with_its_reasons() -> None:
    refused = ended("FAILED", wave(1, "CANCELLED"), error="the execution may not start:\n- no such server")
    del refused["startTime"]

    (notice,) = notices(refused)
    assert notice.subject == "FAILED: DRILL of Three-tier CRM"
    assert "- no such server" in notice.message


def test_an_execution_starts_when_it_is_admitted_and_not_when_it_is_ending() -> None:
    ending, unchecked = document(wave(1, "NOT_STARTED"), status="CANCELLING"), document(status="PENDING")
    del unchecked["admittedTime"]

    assert keys(document(wave(1, "NOT_STARTED"), status="PENDING")) == ["EXECUTION_STARTED"]
    assert keys(ending) == keys(unchecked) == []


def test_of_a_dry_run_only_the_result_is_told() -> None:
    assert notices(document(wave(1, "SKIPPED"), dryRun=True)) == []
    (notice,) = notices(ended("COMPLETED", wave(1, "SKIPPED"), dryRun=True))
    assert notice.subject == "COMPLETED: dry run of Three-tier CRM"


def test_only_the_task_that_asks_tells_of_its_question() -> None:
    paused = document(wave(1, "NOT_STARTED", gate=GATE), wave(2, "NOT_STARTED", gate=GATE), status="PAUSED")

    assert keys(paused) == ["EXECUTION_STARTED"]
    assert keys(paused, Asked(2, "wave_02_tier.approve"))[-1] == "GATE_OPENED#2#900.0"


@pytest.mark.parametrize("decision", ["APPROVED", "REJECTED", "TIMED_OUT"])
def test_an_answered_question_is_no_news(decision: str) -> None:
    answered = document(wave(1, "NOT_STARTED", gate={**GATE, "decision": decision}))

    assert keys(answered, Asked(1, "approve")) == ["EXECUTION_STARTED"]


def test_a_question_says_what_who_until_when_and_where() -> None:
    asked = Asked(2, "wave_02_tier_2.approve")
    paused = document(
        wave(1, "COMPLETED"),
        wave(2, "NOT_STARTED", gate={**GATE, "deadline": 1_800_000_000.0}),
        status="PAUSED",
    )

    notice = notices(paused, asked)[-1]

    assert notice.subject == "ANSWER NEEDED: DRILL of Three-tier CRM, before wave 2 (Tier 2)"
    assert notice.answer_link == (
        f"{BASE}/dags/recover_crm/runs/CHG%201%2F2/tasks/wave_02_tier_2.approve/required_actions?map_index=-1"
    )
    for text in ("Is the database consistent?", "dba", "2027-01-15 08:00:00 UTC", notice.answer_link):
        assert text in notice.message
    assert notices(paused, asked)[0].answer_link is None


def test_a_question_after_a_failure_is_told_like_a_gate() -> None:
    failed = document(wave(1, "FAILED", failureGate=GATE), status="PAUSED")

    notice = notices(failed, Asked(1, "wave_01.decide"))[-1]

    assert notice.key == "FAILURE_GATE_OPENED#1#900.0"
    assert notice.subject == "ANSWER NEEDED: DRILL of Three-tier CRM, after the failure of wave 1 (Tier 1)"


def test_the_link_to_answer_is_the_one_that_airflow_makes() -> None:
    operator = ApprovalOperator(task_id="approve", subject="?")
    task = SimpleNamespace(dag_id="recover_crm", run_id="manual__1", task_id="approve", map_index=-1)
    theirs = operator.generate_link_to_ui(task_instance=task, base_url=BASE)

    assert answer_link(run_link(BASE, document(dagRunId="manual__1")), Asked(1, "approve")) == theirs


def test_links_keep_the_path_under_which_airflow_is_served() -> None:
    link = run_link(f"{BASE}/airflow/", document(dagRunId="r"))

    assert link == f"{BASE}/airflow/dags/recover_crm/runs/r"


def test_without_an_address_of_airflow_there_are_no_links() -> None:
    notice = notice_of(happenings(document())[0], document(), run_link(None, document()))

    assert notice.run_link is None
    assert "http" not in notice.message


def test_a_failed_wave_is_told_with_its_servers() -> None:
    reason = 'wave 2 "Tier 2" failed: 1 of 2\n- app-02: InsufficientInstanceCapacity'
    failed = document(wave(1, "COMPLETED"), wave(2, "FAILED", statusReason=reason), wave(3, "NOT_STARTED"))

    notice = notices(failed)[-1]

    assert notice.subject == "FAILED: DRILL of Three-tier CRM, wave 2 (Tier 2)"
    assert "Waves:      1 completed, 1 failed, 1 not started" in notice.message
    assert "Wave 2 (Tier 2) is FAILED after 3 min 20 s." in notice.message
    assert "- app-02: InsufficientInstanceCapacity" in notice.message


def test_a_completed_wave_names_the_optional_servers_that_failed() -> None:
    spare = server("spare", "FAILED", error="LAUNCH_FAILED", critical=False)

    notice = notices(document(wave(1, "COMPLETED", server("web", "READY"), spare)))[-1]

    assert "- spare (s-spare, not critical): LAUNCH_FAILED" in notice.message


def test_the_end_says_when_the_instances_go() -> None:
    (notice,) = notices(ended("COMPLETED", terminateAfter=1_800_000_000.0))

    assert "Its instances are terminated after 2027-01-15 08:00:00 UTC." in notice.message


def test_the_end_of_the_instances_is_told() -> None:
    gone = ended("COMPLETED", instancesTerminated=True, terminatedTime=6000.0)

    assert notices(gone)[-1].subject == "TERMINATED: instances of DRILL of Three-tier CRM"


def test_instances_that_do_not_go_are_told_of_once_for_each_request() -> None:
    stays = ended("COMPLETED", terminationError="denied", terminationRequests=[{"requestId": "r1"}])

    notice = notices(stays)[-1]

    assert notice.key == "TERMINATION_FAILED#r1"
    assert "denied\nInstances of it may still run." in notice.message


def test_filters_get_what_they_need() -> None:
    assert notices(ended("PARTIAL_SUCCESS"))[0].attributes == {
        "event": "EXECUTION_PARTIAL_SUCCESS",
        "planId": "crm",
        "executionType": "DRILL",
        "status": "PARTIAL_SUCCESS",
        "executionId": "e-1",
    }


@pytest.mark.parametrize(
    "name",
    [
        "a\nSubject: forged",
        "n" * 300,
        "\U0001f525" * 100,
        "\ud800",
        "tab\tand \x1b[31m",
        "{{ 1 }} {x} %s",
        " ",
    ],
)
def test_a_subject_is_one_short_line_whatever_the_names_are(name: str) -> None:
    hostile = ended("FAILED", wave(1, "FAILED", waveName=name), planName=name, error=f"{name}\x00")

    for notice in notices(hostile):
        assert notice.subject.isprintable()
        assert len(notice.subject.encode("utf-16-le")) // 2 <= 99
        assert notice.subject.startswith("FAILED: DRILL of")
        assert notice.message.encode()
        assert "\x00" not in notice.message


def test_a_plan_of_ninety_nine_waves_fits_into_a_message() -> None:
    waves = [wave(number, "FAILED", statusReason="é" * 100_000) for number in range(1, 100)]

    for notice in notices(ended("FAILED", *waves, error="é" * 1_000_000)):
        assert len(notice.message.encode()) < 200_000


def test_the_summary_counts_waves_in_the_order_of_interest() -> None:
    statuses = ("NOT_STARTED", "CANCELLED", "COMPLETED", "FAILED", "COMPLETED")
    waves = [wave(number, status) for number, status in enumerate(statuses, start=1)]

    assert wave_summary(document(*waves)) == "2 completed, 1 failed, 1 cancelled, 1 not started"


def measured(of: dict[str, Any], asked: Asked | None = None) -> dict[str, float]:
    return {
        entry.name: entry.value
        for happening in happenings(of, asked)
        for entry in measurements(happening, of)
    }


def test_a_wave_is_measured_when_it_ends() -> None:
    servers = server("a", "READY"), server("b", "READY"), server("c", "FAILED")

    assert measured(document(wave(1, "COMPLETED", *servers))) == {
        "WaveDuration": 100,
        "ServerLaunchSuccess": 2,
        "ServerLaunchFailure": 1,
    }


def test_in_a_failed_wave_what_was_not_up_in_time_did_not_launch() -> None:
    servers = server("a", "LAUNCHED"), server("b", "CONVERSION"), server("c", "FAILED")

    values = measured(document(wave(1, "FAILED", *servers)))

    assert (values["ServerLaunchSuccess"], values["ServerLaunchFailure"]) == (1, 2)


def test_of_a_second_attempt_only_its_own_servers_and_time_are_measured() -> None:
    servers = server("a", "READY"), server("b", "READY", attempt=2)

    values = measured(document(wave(1, "COMPLETED", *servers, attempt=2, attemptTime=1080.0)))

    assert values == {"WaveDuration": 20, "ServerLaunchSuccess": 1, "ServerLaunchFailure": 0}


def test_a_cancelled_wave_that_ran_is_measured_and_one_that_did_not_is_not() -> None:
    ran = wave(1, "CANCELLED", server("a", "READY"))
    waiting = wave(2, "CANCELLED", server("b", "PENDING"))
    del waiting["startTime"]

    assert measured(ended("CANCELLED", ran, waiting)) == {
        "WaveDuration": 100,
        "ServerLaunchSuccess": 1,
        "ServerLaunchFailure": 0,
        "ExecutionEnded": 1,
        "ExecutionDuration": 4000,
        "ExecutionPausedDuration": 0,
    }


def test_a_cancel_makes_no_launch_failures_of_what_it_cut_short() -> None:
    servers = server("a", "FAILED", launchStatus="FAILED"), server("b", "FAILED", launchStatus="IN_PROGRESS")

    assert measured(document(wave(1, "CANCELLED", *servers)))["ServerLaunchFailure"] == 1


def test_durations_tell_how_what_they_measure_ended() -> None:
    completed = wave(1, "COMPLETED", server("a", "READY")), wave(2, "FAILED", server("b", "FAILED"))
    partly = ended("PARTIAL_SUCCESS", *completed)
    told = {
        (entry.name, entry.status)
        for happening in happenings(partly)
        for entry in measurements(happening, partly)
    }

    assert told == {
        ("WaveDuration", "COMPLETED"),
        ("WaveDuration", "FAILED"),
        ("ServerLaunchSuccess", None),
        ("ServerLaunchFailure", None),
        ("ExecutionEnded", "PARTIAL_SUCCESS"),
        ("ExecutionDuration", "PARTIAL_SUCCESS"),
        ("ExecutionPausedDuration", "PARTIAL_SUCCESS"),
    }


def test_paused_time_is_counted_once_however_many_questions_wait() -> None:
    first = {"decision": "APPROVED", "since": 900.0, "decidedTime": 1200.0}
    second = {"decision": "APPROVED", "since": 1100.0, "decidedTime": 1300.0}
    third = {"decision": "TIMED_OUT", "since": 4900.0}
    asked = (
        wave(1, "COMPLETED", server("a", "READY"), gate=first),
        wave(2, "COMPLETED", server("b", "READY"), gate=second, failureGate={**second, "since": 1150.0}),
        wave(3, "NOT_STARTED", gate=third),
    )

    # From the start at 1000 to 1300, and the last hundred seconds.
    assert measured(ended("PARTIAL_SUCCESS", *asked))["ExecutionPausedDuration"] == 400


def test_instances_that_could_not_be_terminated_are_measured() -> None:
    stuck = ended("FAILED", wave(1, "NOT_STARTED"), terminationError="denied", lastUpdatedTime=6000.0)

    assert measured(stuck)["TerminationFailure"] == 1


def test_of_what_never_started_only_the_end_is_measured() -> None:
    refused = ended("FAILED", wave(1, "NOT_STARTED"))
    del refused["startTime"]

    assert measured(refused) == {"ExecutionEnded": 1}
    assert measured({**refused, "dryRun": True}) == {}
    assert measured(document(wave(1, "NOT_STARTED", gate=GATE)), Asked(1, "approve")) == {}
