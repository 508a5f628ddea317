"""What failed and why, and what happened, as people read it."""

from __future__ import annotations

from drs_recovery.web.executions.failures import Failure, event_log, failures_in
from tests.unit.web.documents import Fields, document, event, server, step, wave

REASON = (
    'wave 1 "Database" failed: 1 of 2 servers failed, and all are needed\n'
    "- db-2 (s-01001): launchStatus FAILED in drsjob-1: LAUNCH_FAILED: no capacity"
)
FAILED = wave(
    "FAILED",
    server("db-1"),
    server("db-2", "FAILED", error="launchStatus FAILED in drsjob-1: LAUNCH_FAILED: no capacity"),
    statusReason=REASON,
)


def shown(state: Fields) -> list[tuple[str, str | None, str]]:
    return [(failure.where, failure.server, failure.text) for failure in failures_in(state).shown]


def test_a_failed_wave_and_its_servers_say_each_thing_once() -> None:
    assert shown(document("FAILED", FAILED, error=REASON)) == [
        ('Wave 1 "Database"', None, "1 of 2 servers failed, and all are needed"),
        (
            'Wave 1 "Database"',
            "db-2 (s-01001)",
            "launchStatus FAILED in drsjob-1: LAUNCH_FAILED: no capacity",
        ),
    ]


def test_a_step_that_failed_is_told_unless_the_reason_of_its_wave_names_it() -> None:
    failed = step(status="TIMED_OUT", error="HTTP 503, 14 tries in 10 min")
    (told,) = shown(document("COMPLETED", wave("COMPLETED", server(), steps=(failed,))))
    assert told == ('Wave 1 "Database"', None, 'step after 1 "CRM answers": HTTP 503, 14 tries in 10 min')
    why = 'wave 1 "Database" failed: step after 1 "CRM answers" TIMED_OUT: HTTP 503'
    state = document("FAILED", wave("FAILED", server(), steps=(failed,), statusReason=why))
    assert [text for _, _, text in shown(state)] == [why.partition(" failed: ")[2]]


def test_where_nothing_failed_there_is_nothing() -> None:
    found = failures_in(document("COMPLETED", wave("COMPLETED", server())))
    assert (found.shown, found.total) == ((), 0)


def test_what_stood_against_the_start_is_told_whole() -> None:
    error = "the execution may not start:\n- db-1 (s-1): replication is STALLED\n- the plan has a live drill"
    found = failures_in(document("FAILED", wave("CANCELLED", startTime=None), error=error))
    assert found.shown[0] == Failure(None, "The execution", None, error)


def test_what_the_execution_says_beside_its_waves_is_kept() -> None:
    state = document("PARTIAL_SUCCESS", FAILED, error=f"{REASON}\ncancelled by admin: wrong plan")
    assert shown(state)[0] == ("The execution", None, "cancelled by admin: wrong plan")


def test_a_failed_server_of_a_completed_wave_is_told_of_once() -> None:
    failed = server("db-2", "FAILED", error="no capacity", critical=False)
    state = document(
        "PARTIAL_SUCCESS",
        wave("COMPLETED", server("db-1"), failed),
        error='wave 1 "Database" is completed without db-2 (s-01001, not critical): no capacity',
    )
    assert shown(state) == [('Wave 1 "Database"', "db-2 (s-01001)", "no capacity")]


def test_critical_servers_come_first() -> None:
    servers = [server(n, "FAILED", critical=n == "b", error=n) for n in "ab"]
    state = document("POLLING", wave("POLLING", *servers))
    assert [text for _, _, text in shown(state)] == ["b", "a"]


def test_a_wave_that_failed_without_a_server_gives_its_reason() -> None:
    state = document("FAILED", wave("FAILED", server("a", "PENDING"), statusReason="DRS refused\n- why"))
    assert shown(state) == [('Wave 1 "Database"', None, "DRS refused\n- why")]


def test_even_without_a_reason_something_is_said() -> None:
    state = document("FAILED", wave("FAILED", server("a", "FAILED")))
    assert [text for _, _, text in shown(state)] == [
        "it failed, and no reason is known",
        "no reason is known",
    ]


def test_instances_that_could_not_be_terminated_are_a_failure_until_they_are_gone() -> None:
    left = document("COMPLETED", wave("COMPLETED", server()), terminationError="i-1: in failback")
    assert shown(left) == [("The cleanup", None, "i-1: in failback")]
    gone = document("COMPLETED", wave(), terminationError="i-1: in failback", instancesTerminated=True)
    assert shown(gone) == []


def test_of_very_many_failures_the_first_are_shown_and_all_are_counted() -> None:
    servers = [server(f"db-{n}", "FAILED", error="x" * 2000) for n in range(500)]
    found = failures_in(document("FAILED", wave("FAILED", *servers, statusReason="too many")))
    assert (len(found.shown), found.total) == (10, 501)
    assert max(len(failure.text) for failure in found.shown) == 400


def test_few_failures_are_shown_whole() -> None:
    failed = server("db-1", "FAILED", error="x" * 2000)
    found = failures_in(document("FAILED", wave("FAILED", failed, statusReason="one")))
    assert [len(failure.text) for failure in found.shown] == [3, 2000]


def test_events_are_told_in_words_the_newest_first() -> None:
    log = event_log(
        [
            event("EXECUTION_OPENED", 0, "admin", executionType="DRILL", ticket="INC-7"),
            event("JOB_STARTED", 10, wave=1, jobId="drsjob-1", servers=["a", "b", "c", "d"]),
        ]
    )
    assert [(row.sentence, row.actor, row.details) for row in log.rows] == [
        ("Wave 1: DRS job drsjob-1 started", "engine", (("servers", "(4)"),)),
        ("DRILL opened", "admin", (("ticket", "INC-7"),)),
    ]
    assert (log.total, log.note) == (2, None)


def test_trouble_is_marked() -> None:
    log = event_log([event("WAVE_COMPLETED", 1, wave=1), event("WAVE_FAILED", 2, wave=2, reason="why")])
    assert [row.is_trouble for row in log.rows] == [True, False]


def test_an_event_of_tomorrow_is_shown_by_its_name() -> None:
    (row,) = event_log([event("SOMETHING_NEW", 1, text="x" * 1000)]).rows
    assert (row.sentence, row.is_trouble) == ("Something new", False)
    assert len(row.details[0][1]) == 300


def test_of_very_many_events_the_newest_are_shown_and_all_are_counted() -> None:
    events = [event("JOB_STARTED", n, wave=1, jobId=f"drsjob-{n}") for n in range(1203)]
    log = event_log(events)
    assert (len(log.rows), log.note) == (200, "the newest 200 of 1,203 events")
    assert log.rows[0].sentence == "Wave 1: DRS job drsjob-1202 started"


def test_beside_many_servers_there_is_room_for_fewer() -> None:
    events = [event("JOB_STARTED", n, wave=1) for n in range(300)]
    assert [len(event_log(events, rows).rows) for rows in (10, 35, 100)] == [160, 60, 60]
