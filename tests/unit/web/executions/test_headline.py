"""What happens now, or how it ended, in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.web.executions.headline import now_sentence
from drs_recovery.web.shared.formatting import Timestamp
from tests.unit.web.documents import START, document, gate, server, wave

TEN_TO_NINE = "2027-01-15 08:11:40 UTC"


def said_of(*args: Any, **fields: Any) -> str:
    return str(now_sentence(document(*args, **fields)))


def launching(*phases: str, **fields: Any) -> dict[str, Any]:
    return wave("POLLING", *(server(f"db-{n}", phase) for n, phase in enumerate(phases)), **fields)


def test_before_the_checks_are_over_nothing_is_launched() -> None:
    assert said_of("PENDING", wave("NOT_STARTED")) == (
        "Its servers are being found and checked; nothing is launched yet."
    )


def test_after_the_checks_the_first_wave_is_about_to_start() -> None:
    told = said_of("PENDING", wave("NOT_STARTED"), admittedTime=START + 5)
    assert told == "Everything is checked: the first wave is about to start."


@pytest.mark.parametrize(
    ("phases", "told"),
    [
        (["PENDING"] * 3, "DRS has not begun yet: 3 of 3 servers"),
        (["SNAPSHOT", "PENDING", "PENDING"], "DRS is taking snapshots: 1 of 3 servers; 2 not begun"),
        (["CONVERSION", "CONVERSION", "READY"], "DRS is converting snapshots: 2 of 3 servers; 1 ready"),
        (["LAUNCH", "FAILED"], "DRS is launching instances: 1 of 2 servers; 1 failed"),
        (["LAUNCH", "CONVERSION"], "DRS is converting snapshots: 1 of 2 servers; 1 launching"),
        (["LAUNCHED"], "the details of launched instances are being read from EC2: 1 of 1 server"),
        (["POST_LAUNCH", "READY"], "post-launch actions run: 1 of 2 servers; 1 ready"),
        (["READY", "FAILED"], "every server has come to its end: the wave is being judged"),
    ],
)
def test_of_a_wave_that_runs_it_tells_what_drs_does(phases: list[str], told: str) -> None:
    assert said_of("POLLING", launching(*phases)) == f'Wave 1 "Database": {told}.'


def test_every_wave_that_runs_is_told_of() -> None:
    told = said_of("POLLING", launching("LAUNCH"), wave("PENDING", server(phase="PENDING")))
    assert told == (
        'Wave 1 "Database": DRS is launching instances: 1 of 1 server. '
        'Wave 2 "Application": it is starting, DRS has not taken every job yet.'
    )


def test_a_wave_that_waits_for_room_says_where_it_stands() -> None:
    queue = {"phase": "QUEUED", "position": 3, "reason": "2 jobs are ahead", "since": 0}

    told = said_of("POLLING", wave("PENDING", server(phase="PENDING"), queue=queue))

    assert told == 'Wave 1 "Database": queued: position 3, 2 jobs are ahead.'


def test_of_very_many_waves_side_by_side_only_some_are_told_of() -> None:
    told = said_of("POLLING", *(launching("LAUNCH", dependsOn=[]) for _ in range(5)))
    assert told.count("DRS is launching") == 3
    assert told.endswith(" 2 more waves run.")


def test_a_question_beside_a_wave_that_runs_is_told_of_too() -> None:
    told = said_of("POLLING", launching("LAUNCH"), wave("NOT_STARTED", gate=gate()))
    assert told.endswith(
        f'Waiting for dba-lead or dr-lead to approve wave 2 "Application" since {TEN_TO_NINE}.'
    )


def test_between_waves_and_before_the_result() -> None:
    assert said_of("POLLING", wave(), wave("NOT_STARTED")) == "The next wave is about to start."
    assert said_of("POLLING", wave()) == "Every wave has come to its end: the result is being written."


def test_between_a_rejection_and_the_end_nothing_is_said_to_start() -> None:
    refused = wave("NOT_STARTED", gate=gate("REJECTED", actor="dba-lead", comment="not today"))
    end = (
        'Wave 2 "Application" was rejected by dba-lead: not today. '
        "Nothing more starts: the execution is about to end."
    )

    assert said_of("POLLING", wave(), refused) == end
    assert said_of("POLLING", launching("LAUNCH"), refused).endswith(end)


def test_a_pause_names_who_may_answer_since_when_and_until_when() -> None:
    sentence = now_sentence(document("PAUSED", wave(), wave("NOT_STARTED", gate=gate(deadline=START + 4300))))
    assert str(sentence) == (
        f'Waiting for dba-lead or dr-lead to approve wave 2 "Application" since {TEN_TO_NINE} '
        "(until 2027-01-15 09:11:40 UTC)."
    )
    assert [part for part in sentence.parts if isinstance(part, Timestamp)] == [
        Timestamp.at(START + 700),
        Timestamp.at(START + 4300),
    ]


def test_a_pause_about_a_failure_says_that_the_wave_failed() -> None:
    told = said_of("PAUSED", wave("FAILED", failureGate=gate(attempt=1, approvers=[])))
    who = "anyone who may run the plan"
    assert told == f'Wave 1 "Database" failed: waiting for {who} to decide what to do since {TEN_TO_NINE}.'


JOB = {"jobId": "drsjob-1", "region": "us-east-1", "status": "STARTED"}


@pytest.mark.parametrize(
    ("status", "jobs", "told"),
    [
        ("STARTED", 2, "DRS still launches 2 servers, which are recorded"),
        ("A_STATE_OF_TOMORROW", 1, "DRS still launches 1 server, which is recorded"),
        ("COMPLETED", 1, "what was launched is being recorded"),
        ("UNLISTED", 1, "what was launched is being recorded"),
    ],
)
def test_while_it_is_cancelled_it_tells_what_drs_still_launches(status: str, jobs: int, told: str) -> None:
    servers = (server(f"db-{n}", "LAUNCH", jobId="drsjob-1") for n in range(jobs))
    state = document(
        "CANCELLING",
        wave("POLLING", *servers, server("ok"), server("never", "PENDING"), jobs=[{**JOB, "status": status}]),
        cancel={"actor": "admin", "reason": "wrong plan", "time": START},
    )
    assert str(now_sentence(state)) == f"Being cancelled by admin: nothing more starts; {told}."


def test_an_end_that_nobody_asked_for_blames_nobody() -> None:
    told = said_of("CANCELLING", wave("FAILED"))
    assert told == "Ending: nothing more starts; what was launched is being recorded."


def test_a_success_counts_servers_and_compares_the_recovery_time() -> None:
    told = said_of(
        "COMPLETED",
        wave("COMPLETED", server("a"), server("b")),
        objectives={"rto": 3600},
        measured={"rto": 2520},
    )
    assert told == "Finished: 2 of 2 servers are ready. RTO 42 min of 1 h: met."


def test_after_the_clean_up_servers_were_ready() -> None:
    told = said_of("COMPLETED", wave("COMPLETED", server(phase="TERMINATED")), instancesTerminated=True)
    assert told == "Finished: 1 of 1 server was ready. RTO not measured; the plan has no objective."


def test_waves_that_were_left_out_do_not_count_and_are_named() -> None:
    left_out = wave("SKIPPED", server(phase="PENDING"), skipCause="NOT_CHOSEN")
    told = said_of("COMPLETED", wave("COMPLETED", server("a"), server("b")), left_out)
    assert told.startswith("Finished: 2 of 2 servers are ready; 1 wave left out on purpose.")


@pytest.mark.parametrize(
    ("findings", "told"),
    [
        ([], ": everything was found to be fine"),
        ([{"severity": "ERROR", "what": "", "remedy": ""}], ": 1 error"),
    ],
)
def test_a_dry_run_launched_nothing_whatever_it_found(findings: list[Any], told: str) -> None:
    skipped = wave("SKIPPED", skipCause="DRY_RUN")
    state = said_of("COMPLETED", skipped, dryRun=True, findings=findings)
    assert state == f"Dry run finished, nothing was launched{told}."


def test_what_was_skipped_says_why() -> None:
    state = said_of(
        "SKIPPED", wave("SKIPPED", skipCause="EXECUTION_SKIPPED"), error="a recovery uses a. Wait"
    )
    assert state == "Not run, nothing was started: a recovery uses a. Wait."


def test_a_partial_result_says_what_is_missing() -> None:
    told = said_of(
        "PARTIAL_SUCCESS",
        wave("COMPLETED", server("a"), server("b")),
        wave("FAILED", server("c", "FAILED")),
        wave("SKIPPED", skipCause="DEPENDENCY"),
    )
    assert told == (
        "Partly successful: 1 of 3 waves completed, 2 of 3 servers are ready, 1 failed. "
        'Wave 2 "Application" failed (0 of 1 server is ready, 1 failed).'
    )


def test_a_failure_names_the_wave_and_how_many_more() -> None:
    told = said_of("FAILED", wave("FAILED", server("a", "FAILED")), wave("FAILED"))
    assert told == 'Failed: wave 1 "Database" failed (0 of 1 server is ready, 1 failed), and 1 more wave.'


def test_a_failed_check_says_that_nothing_was_launched() -> None:
    error = "the execution may not start:\n- db-1 (s-1): replication is STALLED"
    told = said_of("FAILED", wave("CANCELLED", startTime=None), error=error)
    assert told == (
        "Failed before anything was launched: the execution may not start: "
        "db-1 (s-1): replication is STALLED."
    )
    many = said_of("FAILED", wave("CANCELLED", startTime=None), error=f"{error}\n- db-2: x\n- db-3: y")
    assert many.endswith("db-1 (s-1): replication is STALLED; and 2 more, see below.")


@pytest.mark.parametrize(
    ("fields", "gate_fields", "told"),
    [
        (
            {"cancel": {"actor": "admin", "reason": "wrong plan\nsorry", "time": START}},
            None,
            "Cancelled by admin: wrong plan. Nothing was launched.",
        ),
        (
            {},
            gate("REJECTED", actor="dba-lead", comment="not today"),
            'Wave 1 "Database" was rejected by dba-lead: not today. Nothing was launched.',
        ),
        (
            {},
            gate("TIMED_OUT", actor="time-out"),
            'The gate of wave 1 "Database" was not answered in time. Nothing was launched.',
        ),
        ({"error": "its DAG run was deleted"}, None, "Its DAG run was deleted. Nothing was launched."),
        ({}, None, "Cancelled, reason unknown. Nothing was launched."),
    ],
)
def test_what_was_cancelled_says_by_whom_and_why(
    fields: dict[str, Any], gate_fields: dict[str, Any] | None, told: str
) -> None:
    assert said_of("CANCELLED", wave("CANCELLED", startTime=None, gate=gate_fields), **fields) == told
