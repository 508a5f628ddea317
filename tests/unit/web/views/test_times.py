"""Elapsed of expected, and the objectives."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.web.views.moments import Moment
from drs_recovery.web.views.times import Objective, Times, times_of
from tests.unit.web.views.documents import START, document, server, wave

RUNS = wave("POLLING", server(phase="LAUNCH"))
NO_HISTORY = "the usual time of DRS, since no earlier drill of this plan completed"


def times(status: str = "POLLING", *waves: dict[str, Any], later: float = 600, **fields: Any) -> Times:
    return times_of(document(status, *(waves or (RUNS,)), **fields), START + later)


def rto(*args: Any, **fields: Any) -> Objective:
    return times(*args, **fields).objectives[0]


def test_the_clock_runs_from_the_start_of_the_first_wave() -> None:
    told = times()
    assert (told.elapsed.since, told.elapsed.text, told.elapsed.is_running) == (
        Moment.at(START + 60),
        "9 min",
        True,
    )


def test_before_the_first_wave_it_runs_from_the_opening() -> None:
    told = times("PENDING", wave("NOT_STARTED"), expectedDuration=1200)
    assert (told.elapsed.since, told.started, told.estimated_end) == (Moment.at(START), None, None)
    assert str(told.sentence) == f"Expected: 20 min, {NO_HISTORY}."


def test_the_end_is_estimated_from_what_completed_earlier() -> None:
    told = times(expectedDuration=1200, expectedSamples=3)
    assert told.estimated_end == Moment.at(START + 1260)
    assert str(told.sentence) == (
        "It should end at about 2027-01-15 08:21:00 UTC (20 min, the median of the last 3 drills)."
    )
    assert not told.is_late


@pytest.mark.parametrize(
    ("recovery", "samples", "label", "basis"),
    [
        (False, None, "Should take", NO_HISTORY),
        (False, 0, "Should take", NO_HISTORY),
        (True, 0, "Should take", NO_HISTORY.replace("drill", "recovery")),
        (False, 1, "Usually takes", "as the last drill"),
        (False, 2, "Usually takes", "the median of the last 2 drills"),
        (True, 5, "Usually takes", "the median of the last 5 recoveries"),
    ],
)
def test_what_is_expected_says_whether_it_was_ever_seen(
    recovery: bool, samples: int | None, label: str, basis: str
) -> None:
    told = times(
        "PENDING", wave("NOT_STARTED"), recovery=recovery, expectedDuration=1200, expectedSamples=samples
    )
    assert (told.expected_label, str(told.sentence)) == (label, f"Expected: 20 min, {basis}.")


def test_what_takes_longer_than_expected_is_late_and_has_no_estimate() -> None:
    told = times(expectedDuration=300, expectedSamples=1)
    assert (told.is_late, told.estimated_end) == (True, None)
    assert str(told.sentence) == "It takes longer than expected (5 min, as the last drill)."


@pytest.mark.parametrize("status", ["PAUSED", "CANCELLING"])
def test_while_people_or_the_end_are_waited_for_there_is_no_estimate(status: str) -> None:
    assert times(status, wave("COMPLETED"), expectedDuration=1200).estimated_end is None


@pytest.mark.parametrize(
    ("samples", "text"),
    [
        (1, "Expected: 20 min, as the last drill, with the waits for answers."),
        (
            0,
            "Expected: 20 min, the usual time of DRS, since no earlier drill of this plan completed, "
            "not counting the wait for an answer.",
        ),
    ],
)
def test_a_pause_says_whether_waits_are_part_of_what_is_expected(samples: int, text: str) -> None:
    told = times("PAUSED", wave("COMPLETED"), expectedDuration=1200, expectedSamples=samples)
    assert str(told.sentence) == text


def test_who_waits_for_people_is_not_late() -> None:
    assert not times("PAUSED", wave("COMPLETED"), expectedDuration=60).is_late


def test_after_the_end_the_clock_stands_still() -> None:
    told = times("COMPLETED", wave(), expectedDuration=1200, later=90_000)
    assert (told.elapsed.text, told.elapsed.is_running, told.is_late) == ("11 min", False, False)
    assert told.ended == Moment.at(START + 720)


@pytest.mark.parametrize(("status", "fields"), [("COMPLETED", {"dryRun": True}), ("SKIPPED", {})])
def test_what_launches_nothing_has_no_usual_duration(status: str, fields: dict[str, Any]) -> None:
    told = times(status, wave("SKIPPED"), expectedDuration=1200, **fields)
    assert (told.expected, str(told.sentence)) == (None, "")


def test_the_recovery_time_runs_down_and_is_exceeded() -> None:
    running = rto(objectives={"rto": 3600})
    assert (running.mark.word, running.due) == ("In time", Moment.at(START + 3660))
    assert str(running.sentence) == "RTO 1 h: the time is over at 2027-01-15 09:01:00 UTC."
    exceeded = rto(objectives={"rto": 300})
    assert (exceeded.mark.word, exceeded.due) == ("Exceeded", Moment.at(START + 360))
    assert str(exceeded.sentence) == "RTO 5 min: the time was over at 2027-01-15 08:06:00 UTC."


def test_the_recovery_time_does_not_run_before_the_first_wave() -> None:
    waiting = rto("PENDING", wave("NOT_STARTED"), objectives={"rto": 3600})
    assert (waiting.due, str(waiting.sentence)) == (None, "RTO 1 h: its clock starts with the first wave.")


@pytest.mark.parametrize(("measured", "word"), [(3600, "Met"), (3601, "Missed")])
def test_what_was_measured_is_compared(measured: float, word: str) -> None:
    told = rto("COMPLETED", wave(), objectives={"rto": 3600}, measured={"rto": measured})
    assert (told.mark.word, told.due) == (word, None)


def test_only_a_completed_execution_has_a_recovery_time() -> None:
    told = rto("FAILED", wave("FAILED"), objectives={"rto": 3600})
    assert told.mark.word == "Not measured"
    assert str(told.sentence) == (
        "RTO 1 h: not measured, only an execution that completed has a recovery time."
    )


def test_without_a_promise_a_measure_is_still_shown() -> None:
    told = rto("COMPLETED", wave(), measured={"rto": 600})
    assert (told.target, told.mark.word) == (None, "No objective")
    assert str(told.sentence) == "RTO 10 min; the plan has no objective."


def test_the_age_of_the_data_is_measured_at_the_end() -> None:
    rpo = times(objectives={"rpo": 900}).objectives[1]
    assert (rpo.name, rpo.due, str(rpo.sentence)) == ("RPO", None, "RPO 15 min: measured at the end.")
