"""The waves along the time."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.web.executions.timeline import Timeline, WavePhaseKind, timeline_of
from drs_recovery.web.shared.formatting import Timestamp
from tests.unit.web.documents import START, Fields, document, event, gate, wave

END = 98.0


def drawn(status: str, *waves: Fields, events: list[Fields], later: float = 1000, **fields: Any) -> Timeline:
    return timeline_of(document(status, *waves, **fields), events, START + later)


def kinds(timeline: Timeline, row: int = 0) -> list[WavePhaseKind]:
    return [bar.kind for bar in timeline.rows[row].bars]


STARTED = event("WAVE_REQUESTED", 100, wave=1)


def test_a_wave_that_runs_grows_to_now() -> None:
    timeline = drawn("POLLING", wave("POLLING"), events=[STARTED])
    (bar,) = timeline.rows[0].bars
    assert (bar.kind, bar.label) == (WavePhaseKind.LAUNCHING, "Launching")
    assert (bar.x, round(bar.x + bar.width, 2)) == (9.8, END)
    assert timeline.now_x == END


def test_a_gate_an_attempt_and_their_ends_lie_side_by_side() -> None:
    events = [
        event("GATE_OPENED", 100, wave=1),
        event("GATE_APPROVED", 400, wave=1),
        event("WAVE_REQUESTED", 400, wave=1),
        event("WAVE_COMPLETED", 700, wave=1),
    ]
    timeline = drawn(
        "COMPLETED", wave("COMPLETED", gate=gate("APPROVED")), events=events, endTime=START + 1000
    )
    assert kinds(timeline) == [WavePhaseKind.GATE, WavePhaseKind.COMPLETED]
    assert [(bar.x, bar.width) for bar in timeline.rows[0].bars] == [(9.8, 29.4), (39.2, 29.4)]
    assert timeline.rows[0].summary == "waiting for approval for 5 min, then completed after 5 min"
    assert timeline.now_x is None


def test_every_attempt_has_its_bar_and_a_retried_wave_has_failed_no_more() -> None:
    first = [STARTED, event("WAVE_FAILED", 300, wave=1)]
    failed = drawn("FAILED", wave("FAILED"), events=first, endTime=START + 1000)
    assert kinds(failed) == [WavePhaseKind.FAILED]
    assert failed.rows[0].fail_x == 29.4
    again = [*first, event("EXECUTION_REOPENED", 600, wave=1, attempt=2)]
    retried = drawn("POLLING", wave("PENDING", attempt=2), events=again)
    assert kinds(retried) == [WavePhaseKind.FAILED, WavePhaseKind.LAUNCHING]
    assert retried.rows[0].fail_x is None
    assert retried.rows[0].bars[1].label == "Attempt 2 launching"


def test_a_question_about_a_failure_stands_behind_it() -> None:
    events = [STARTED, event("WAVE_FAILED", 300, wave=1), event("FAILURE_GATE_OPENED", 310, wave=1)]
    timeline = drawn("PAUSED", wave("FAILED", failureGate=gate(attempt=1)), events=events)
    assert kinds(timeline) == [WavePhaseKind.FAILED, WavePhaseKind.QUESTION]
    assert timeline.rows[0].bars[1].label == "Waiting for a decision about the failure"
    assert timeline.rows[0].fail_x == 29.4


def test_a_retry_answers_the_question_that_was_open() -> None:
    events = [
        STARTED,
        event("WAVE_FAILED", 300, wave=1),
        event("FAILURE_GATE_OPENED", 310, wave=1),
        event("WAVE_RETRY_REQUESTED", 500, wave=1, attempt=2),
    ]
    timeline = drawn("POLLING", wave("PENDING"), events=events)
    assert kinds(timeline) == [WavePhaseKind.FAILED, WavePhaseKind.QUESTION, WavePhaseKind.LAUNCHING]
    assert [bar.label for bar in timeline.rows[0].bars] == [
        "Failed after 3 min 20 s",
        "Waiting for a decision about the failure for 3 min 10 s",
        "Attempt 2 launching",
    ]


def test_the_end_of_an_execution_ends_what_nobody_answered() -> None:
    events = [event("GATE_OPENED", 100, wave=1)]
    waves = wave("CANCELLED", startTime=None, gate=gate())
    timeline = drawn("CANCELLED", waves, events=events, endTime=START + 1000)
    (bar,) = timeline.rows[0].bars
    assert bar.label == "Waiting for approval for 15 min"


def test_waves_side_by_side_have_their_own_rows() -> None:
    events = [STARTED, event("WAVE_REQUESTED", 500, wave=2)]
    timeline = drawn("POLLING", wave("POLLING"), wave("POLLING", dependsOn=[]), events=events)
    assert [row.bars[0].x for row in timeline.rows] == [9.8, 49.0]


def test_a_bar_is_never_too_narrow_to_be_seen_nor_outside() -> None:
    events = [STARTED, event("WAVE_COMPLETED", 100.2, wave=1), event("WAVE_REQUESTED", 86_400, wave=2)]
    timeline = drawn("POLLING", wave(), wave("PENDING"), events=events, later=86_400)
    bars = [row.bars[0] for row in timeline.rows]
    assert [bar.width for bar in bars] == [0.7, 0.7]
    assert bars[1].x == pytest.approx(97.3)


def test_waves_to_come_are_planned_one_after_another() -> None:
    waves = (wave("POLLING"), wave("NOT_STARTED"), wave("NOT_STARTED"))
    timeline = drawn("POLLING", *waves, events=[STARTED], later=200, expectedDuration=1800)
    assert kinds(timeline, 1) == kinds(timeline, 2) == [WavePhaseKind.PLANNED]
    first, second = timeline.rows[1].bars[0], timeline.rows[2].bars[0]
    assert round(first.x + first.width, 2) == pytest.approx(second.x)
    assert (timeline.rows[1].summary, bool(timeline.rows[1].expected)) == ("planned", True)


def test_a_wave_behind_a_failed_one_is_not_planned() -> None:
    timeline = drawn("POLLING", wave("FAILED"), wave("NOT_STARTED"), events=[STARTED], expectedDuration=1800)
    assert timeline.rows[1].bars == ()
    assert timeline.rows[1].summary == "not started"


@pytest.mark.parametrize("status", ["CANCELLING", "FAILED"])
def test_nothing_is_planned_any_more_in_what_ends(status: str) -> None:
    timeline = drawn(status, wave("POLLING"), wave("NOT_STARTED"), events=[STARTED], expectedDuration=1800)
    assert timeline.rows[1].bars == ()


def test_the_axis_counts_from_the_opening_in_round_times() -> None:
    timeline = drawn("POLLING", wave("POLLING"), events=[STARTED], later=1500)
    assert timeline.origin == Timestamp.at(START)
    assert [tick.label for tick in timeline.ticks] == [
        "opened",
        "5 min",
        "10 min",
        "15 min",
        "20 min",
        "25 min",
    ]
    assert [tick.x for tick in timeline.ticks] == sorted(tick.x for tick in timeline.ticks)


def test_the_objective_and_the_usual_end_are_drawn_where_the_axis_reaches() -> None:
    waves = (wave("POLLING"),)
    near = drawn("POLLING", *waves, events=[STARTED], objectives={"rto": 1200}, expectedDuration=1100)
    assert near.objective_x == END
    assert near.estimated_end_x == pytest.approx(1160 / 1260 * END, abs=0.01)
    late = drawn("POLLING", *waves, events=[STARTED], objectives={"rto": 1200}, expectedDuration=600)
    assert late.estimated_end_x is None
    far = drawn("POLLING", *waves, events=[STARTED], objectives={"rto": 90_000})
    assert far.objective_x is None
    none = drawn("PENDING", wave("NOT_STARTED"), events=[], objectives={"rto": 1200})
    assert (none.objective_x, none.estimated_end_x) == (None, None)


def test_an_execution_that_just_opened_has_an_axis() -> None:
    timeline = drawn("PENDING", wave("NOT_STARTED"), events=[], later=0)
    assert (timeline.now_x, timeline.ticks[0].label) == (0, "opened")
    assert timeline.rows[0].bars == ()


def test_the_description_says_every_wave_in_words() -> None:
    events = [STARTED, event("WAVE_COMPLETED", 400, wave=1)]
    timeline = drawn("POLLING", wave(), wave("NOT_STARTED"), events=events)
    assert timeline.description == (
        'Wave 1 "Database": completed after 5 min. Wave 2 "Application": not started.'
    )
    assert timeline.title == "Waves of CRM along the time"
