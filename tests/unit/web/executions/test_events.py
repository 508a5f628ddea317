"""What happened, in words, the newest first."""

from __future__ import annotations

from drs_recovery.web.executions.events import event_log
from tests.unit.web.documents import event


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
