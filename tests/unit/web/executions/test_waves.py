"""A wave: how far it is, and what belongs to it."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.web.executions.servers import ServersWanted, server_tables
from drs_recovery.web.executions.waves import WaveView, wave_view
from drs_recovery.web.shared.formatting import Timestamp
from tests.unit.web.documents import START, Fields, document, gate, server, wave

JOB = {"jobId": "drsjob-1", "region": "us-east-1", "status": "STARTED", "startTime": START + 70}

QUEUE = {"phase": "QUEUED", "position": 3, "reason": "2 jobs are ahead", "since": START}


def shown(status: str, *waves: Fields, number: int = 1) -> WaveView:
    state = document(status, *waves)
    table = server_tables(state, ServersWanted())[number]
    return wave_view(state, state["waves"][number - 1], [], table, START + 1000)


@pytest.mark.parametrize(
    ("status", "fields", "sentence"),
    [
        ("POLLING", wave("NOT_STARTED"), "Is about to start."),
        ("POLLING", wave("NOT_STARTED", gate=gate("REJECTED")), "Is not started: it was not approved."),
        ("PAUSED", wave("NOT_STARTED", gate=gate()), "Waits for dba-lead or dr-lead to approve it."),
        ("POLLING", wave("PENDING"), "DRS has not taken every job yet."),
        ("POLLING", wave("PENDING", attempt=2), "Attempt 2: DRS has not taken every job yet."),
        ("POLLING", wave("PENDING", queue=QUEUE), "Queued: position 3, 2 jobs are ahead."),
        (
            "POLLING",
            wave("PENDING", attempt=2, queue=QUEUE),
            "Attempt 2: queued: position 3, 2 jobs are ahead.",
        ),
        (
            "POLLING",
            wave("PENDING", attempt=2, restartPending=True),
            "Attempt 2: it is being decided which servers start again.",
        ),
        ("POLLING", wave("POLLING", server(phase="LAUNCH")), "DRS is launching instances: 1 of 1 server"),
        ("COMPLETED", wave("COMPLETED", server("a"), server("b")), "2 of 2 servers are ready."),
        (
            "PARTIAL_SUCCESS",
            wave("COMPLETED", server("a"), server("b", "FAILED")),
            "1 of 2 servers are ready, 1 failed.",
        ),
        (
            "PAUSED",
            wave("FAILED", server(phase="FAILED"), failureGate=gate(attempt=1)),
            "0 of 1 server is ready, 1 failed. Waits for dba-lead or dr-lead to decide.",
        ),
        ("CANCELLED", wave("CANCELLED", server()), "1 of 1 server is ready."),
        ("CANCELLED", wave("CANCELLED", startTime=None), "It was not started."),
        ("COMPLETED", wave("SKIPPED", skipCause="NOT_CHOSEN"), "Left out on purpose."),
        ("FAILED", wave("SKIPPED", skipCause="DEPENDENCY"), "Not started, because of a wave before it."),
    ],
)
def test_every_status_has_its_sentence(status: str, fields: Fields, sentence: str) -> None:
    assert shown(status, fields).sentence == sentence


def test_a_wave_behind_others_says_what_it_waits_for() -> None:
    waves = (wave("POLLING"), wave("POLLING", dependsOn=[]), wave("NOT_STARTED", dependsOn=[1, 2]))
    view = shown("POLLING", *waves, number=3)
    assert view.sentence == 'Starts when wave 1 "Database" and wave 2 "Application" have ended well.'
    assert view.after == 'wave 1 "Database" and wave 2 "Application"'


def test_a_wave_behind_one_that_was_left_out_waits_for_what_is_before_that() -> None:
    waves = (wave("POLLING"), wave("SKIPPED", skipCause="NOT_CHOSEN"), wave("NOT_STARTED"))
    assert shown("POLLING", *waves, number=3).sentence == 'Starts when wave 1 "Database" has ended well.'


def test_a_wave_whose_time_has_come_is_about_to_start() -> None:
    assert shown("POLLING", wave("COMPLETED"), wave("NOT_STARTED"), number=2).sentence == "Is about to start."


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (wave("FAILED"), "failed"),
        (wave("CANCELLED"), "was cancelled"),
        (wave("SKIPPED", skipCause="DEPENDENCY"), "was not started either"),
    ],
)
def test_a_wave_behind_one_that_did_not_end_well_says_so(before: Fields, words: str) -> None:
    view = shown("POLLING", before, wave("NOT_STARTED"), number=2)
    assert view.sentence == f'It depends on wave 1 "Database", which {words}.'


def test_its_clock_runs_from_its_start_and_stops_with_it() -> None:
    running, ended = shown("POLLING", wave("POLLING")), shown("COMPLETED", wave("COMPLETED"))
    assert running.clock is not None
    assert (running.clock.is_running, running.clock.text) == (True, "15 min 40 s")
    assert ended.clock is not None
    assert (ended.clock.is_running, ended.clock.text) == (False, "10 min")
    assert shown("POLLING", wave("NOT_STARTED")).clock is None


def test_its_jobs_are_linked_and_tell_their_attempt() -> None:
    jobs = [
        {**JOB, "status": "COMPLETED", "endTime": START + 500},
        {**JOB, "jobId": "drsjob-2", "attempt": 2},
    ]
    first, second = shown("POLLING", wave("POLLING", jobs=jobs)).jobs
    assert (first.mark.word, first.attempt, first.ended) == ("Ended", 1, Timestamp.at(START + 500))
    assert (second.mark.word, second.attempt, second.ended) == ("Running", 2, None)
    assert second.job.url is not None
    assert second.job.url.endswith("drsjob-2")


def test_a_look_that_failed_says_when_and_why() -> None:
    error: dict[str, Any] = {"message": "ThrottlingException", "time": START + 610}
    view = shown("POLLING", wave("POLLING", lastPollError=error))
    assert str(view.trouble) == (
        "The poll of DRS at 2027-01-15 08:10:10 UTC failed, it is tried again: ThrottlingException"
    )
