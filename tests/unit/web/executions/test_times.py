"""Times of an execution: forecasts, objectives, the time that has passed."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.web.executions.times import Objective, Times, times_of
from drs_recovery.web.shared.formatting import Timestamp
from tests.unit.web.documents import START, document, gate, server, wave

RUNS = wave("POLLING", server(phase="LAUNCH"))
NO_HISTORY = "the usual time of DRS, since no earlier drill of these waves completed"


def times(status: str = "POLLING", *waves: dict[str, Any], later: float = 600, **fields: Any) -> Times:
    return times_of(document(status, *(waves or (RUNS,)), **fields), START + later)


def rto(*args: Any, **fields: Any) -> Objective:
    return times(*args, **fields).objectives[0]


def test_the_clock_runs_from_the_start_of_the_first_wave() -> None:
    told = times()
    assert (told.elapsed.since, told.elapsed.text, told.elapsed.is_running) == (
        Timestamp.at(START + 60),
        "9 min",
        True,
    )


def test_before_the_first_wave_it_runs_from_the_opening() -> None:
    told = times("PENDING", wave("NOT_STARTED"), expectedDuration=1200)
    assert (told.elapsed.since, told.estimated_end) == (Timestamp.at(START), None)
    assert str(told.sentence) == f"Expected: 20 min, {NO_HISTORY}."


def test_the_end_is_estimated_from_what_completed_earlier() -> None:
    told = times(expectedDuration=1200, expectedSamples=3)
    assert told.estimated_end == Timestamp.at(START + 1260)
    assert str(told.sentence) == (
        "It should end at about 2027-01-15 08:21:00 UTC "
        "(20 min, the medians of its waves in at least 3 drills)."
    )
    assert not told.is_late


@pytest.mark.parametrize(
    ("recovery", "samples", "label", "basis"),
    [
        (False, None, "Should take", NO_HISTORY),
        (False, 0, "Should take", NO_HISTORY),
        (True, 0, "Should take", NO_HISTORY.replace("drill", "recovery")),
        (False, 1, "Usually takes", "as its waves took in the last drill"),
        (False, 2, "Usually takes", "the medians of its waves in at least 2 drills"),
        (True, 5, "Usually takes", "the medians of its waves in at least 5 recoveries"),
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
    assert str(told.sentence) == "It takes longer than expected (5 min, as its waves took in the last drill)."


@pytest.mark.parametrize("status", ["PAUSED", "CANCELLING"])
def test_while_people_or_the_end_are_waited_for_there_is_no_estimate(status: str) -> None:
    assert times(status, wave("COMPLETED"), expectedDuration=1200).estimated_end is None


def test_waits_for_answers_are_no_part_of_what_is_expected() -> None:
    told = times("PAUSED", wave("COMPLETED"), expectedDuration=1200, expectedSamples=1)
    assert str(told.sentence) == (
        "Expected: 20 min, as its waves took in the last drill, not counting the wait for an answer."
    )


def test_a_history_of_some_waves_only_is_said_to_be_one() -> None:
    waves = (wave("NOT_STARTED", expectedDuration=60), wave("NOT_STARTED"))
    told = times("PENDING", *waves, expectedDuration=1260, expectedSamples=0)
    assert str(told.sentence) == (
        "Expected: 21 min, as its waves took earlier, with the usual time of DRS for those without a history."
    )
    assert told.expected_label == "Should take"


def test_who_waits_for_people_is_not_late() -> None:
    assert not times("PAUSED", wave("COMPLETED"), expectedDuration=60).is_late


def test_after_the_end_the_clock_stands_still() -> None:
    told = times("COMPLETED", wave(), expectedDuration=1200, later=90_000)
    assert (told.elapsed.text, told.elapsed.is_running, told.is_late) == ("11 min", False, False)
    assert told.ended == Timestamp.at(START + 720)


@pytest.mark.parametrize(("status", "fields"), [("COMPLETED", {"dryRun": True}), ("SKIPPED", {})])
def test_what_launches_nothing_has_no_usual_duration(status: str, fields: dict[str, Any]) -> None:
    told = times(status, wave("SKIPPED"), expectedDuration=1200, **fields)
    assert (told.expected, str(told.sentence)) == ("", "")


def test_the_recovery_time_runs_down_and_is_missed() -> None:
    running = rto(objectives={"rto": 3600})
    assert (running.mark.word, running.due) == ("Time runs", Timestamp.at(START + 3660))
    assert str(running.sentence) == "RTO 1 h: the time is over at 2027-01-15 09:01:00 UTC."
    missed = rto(objectives={"rto": 300})
    assert (missed.mark.word, missed.due) == ("Missed", Timestamp.at(START + 360))
    assert str(missed.sentence) == "RTO 5 min: the time was over at 2027-01-15 08:06:00 UTC."


def test_the_own_estimate_says_whether_it_ends_in_time() -> None:
    in_time = rto(objectives={"rto": 3600}, expectedDuration=1200)
    assert in_time.mark.word == "In time"
    assert str(in_time.sentence) == (
        "RTO 1 h: expected at about 2027-01-15 08:21:00 UTC; the time is over at 2027-01-15 09:01:00 UTC."
    )
    at_risk = rto(objectives={"rto": 3600}, expectedDuration=5400)
    assert (at_risk.mark.word, at_risk.mark.tone) == ("At risk", "warning")
    assert str(at_risk.sentence) == (
        "RTO 1 h: expected 30 min after the objective; the time is over at 2027-01-15 09:01:00 UTC."
    )


@pytest.mark.parametrize(
    ("expected", "word", "text"),
    [
        (1200, "In time", "expected in 20 min from the start of the first wave"),
        (5400, "At risk", "expected 30 min after the objective"),
    ],
)
@pytest.mark.parametrize("later", [60, 90_000])
def test_before_the_approval_the_outlook_is_known_too(
    expected: int, word: str, text: str, later: float
) -> None:
    waits = wave("NOT_STARTED", gate=gate())
    told = rto("PAUSED", waits, objectives={"rto": 3600}, expectedDuration=expected, later=later)
    assert (told.mark.word, told.due, str(told.sentence)) == (word, None, f"RTO 1 h: {text}.")


def test_the_wait_at_a_gate_between_waves_uses_the_recovery_time_up() -> None:
    waves = (wave("COMPLETED"), wave("NOT_STARTED", gate=gate()))

    def word(later: float) -> str:
        told = rto("PAUSED", *waves, objectives={"rto": 3600}, expectedDuration=1200, later=later)
        return told.mark.word

    assert [word(later) for later in (700, 3200, 3700)] == ["In time", "At risk", "Missed"]


@pytest.mark.parametrize(
    ("waves", "reason"),
    [
        ((wave("FAILED"), RUNS), 'wave 1 "Database" failed'),
        (
            (wave("COMPLETED", server(), server("db-2", "FAILED")), RUNS),
            'wave 1 "Database" is without 1 server',
        ),
        ((RUNS, wave("NOT_STARTED", gate=gate("REJECTED"))), 'wave 2 "Application" was not approved'),
    ],
)
def test_what_cannot_complete_as_things_stand_is_at_risk(waves: Any, reason: str) -> None:
    told = rto("POLLING", *waves, objectives={"rto": 36_000}, expectedDuration=1200)
    assert told.mark.word == "At risk"
    assert f"{reason}, and only an execution that completes has a recovery time" in str(told.sentence)


def test_what_is_being_ended_has_no_outlook() -> None:
    told = rto("CANCELLING", RUNS, objectives={"rto": 3600}, expectedDuration=1200)
    assert (told.mark.word, told.due) == ("Not measured", None)
    assert str(told.sentence) == "RTO 1 h: not measured, the execution is being ended."


def test_the_recovery_time_does_not_run_before_the_first_wave() -> None:
    waiting = rto("PENDING", wave("NOT_STARTED"), objectives={"rto": 3600})
    assert (waiting.due, str(waiting.sentence)) == (None, "RTO 1 h: its clock starts with the first wave.")


def test_a_live_real_recovery_tells_how_long_ago_it_was_declared() -> None:
    told = times_of(document("PAUSED", wave("NOT_STARTED"), recovery=True), START + 600).declared
    assert told
    assert (told.since, told.is_running) == (Timestamp.at(START), True)
    assert times().declared is None


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
    assert (told.target, told.mark.word) == ("", "No objective")
    assert str(told.sentence) == "RTO 10 min; the plan has no objective."


def test_the_age_of_the_data_is_measured_at_the_end() -> None:
    rpo = times(objectives={"rpo": 900}).objectives[1]
    assert (rpo.name, rpo.due, str(rpo.sentence)) == ("RPO", None, "RPO 15 min: measured at the end.")
