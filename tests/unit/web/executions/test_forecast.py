"""Forecasts: when waves that have not begun should run, and when the execution ends."""

from __future__ import annotations

from drs_recovery.web.executions.forecast import Forecast, expected_end, forecasts, is_late, usual_seconds
from tests.unit.web.documents import START, document, wave

NOW = START + 300


def test_waves_one_after_another_share_the_usual_duration() -> None:
    state = document("POLLING", wave("POLLING"), wave("NOT_STARTED"), expectedDuration=1200)
    assert usual_seconds(state) == {1: 600, 2: 600}
    assert forecasts(state, NOW) == {2: Forecast(START + 660, START + 1260)}


def test_waves_side_by_side_take_no_longer_than_one() -> None:
    waves = (wave("POLLING"), wave("NOT_STARTED", dependsOn=[]), wave("NOT_STARTED", dependsOn=[1, 2]))
    state = document("POLLING", *waves, expectedDuration=1200)
    assert forecasts(state, NOW) == {
        2: Forecast(NOW, NOW + 600),
        3: Forecast(NOW + 600, NOW + 1200),
    }


def test_a_wave_that_depends_on_a_later_one_of_the_plan_comes_after_it() -> None:
    waves = (wave("NOT_STARTED", dependsOn=[2]), wave("NOT_STARTED", dependsOn=[]))
    found = forecasts(document("POLLING", *waves, expectedDuration=1200), NOW)
    assert found == {1: Forecast(NOW + 600, NOW + 1200), 2: Forecast(NOW, NOW + 600)}


def test_a_wave_that_was_left_out_takes_no_time_and_passes_on_what_it_waits_for() -> None:
    left_out = wave("SKIPPED", skipCause="NOT_CHOSEN")
    state = document("POLLING", wave("POLLING"), left_out, wave("NOT_STARTED"), expectedDuration=1200)
    assert usual_seconds(state) == {1: 600, 3: 600}
    assert forecasts(state, NOW)[3].start == START + 660


def test_a_wave_that_takes_longer_than_usual_pushes_the_next_one_ahead_of_it() -> None:
    state = document("POLLING", wave("POLLING"), wave("NOT_STARTED"), expectedDuration=120)
    assert forecasts(state, NOW)[2].start == NOW


def test_the_time_of_an_attempt_counts_from_its_own_start() -> None:
    state = document(
        "POLLING", wave("POLLING", attemptTime=NOW - 100), wave("NOT_STARTED"), expectedDuration=1200
    )
    assert forecasts(state, NOW)[2].start == NOW + 500


def test_without_a_usual_duration_nothing_is_forecast() -> None:
    assert forecasts(document("POLLING", wave("NOT_STARTED")), NOW) == {}
    assert forecasts(document("POLLING", wave("NOT_STARTED"), expectedDuration=1200, dryRun=True), NOW) == {}


def test_each_wave_takes_its_own_time_and_one_without_a_history_that_of_drs() -> None:
    waves = (
        wave("POLLING", expectedDuration=300),
        wave("NOT_STARTED", expectedDuration=60),
        wave("NOT_STARTED"),
    )
    state = document("POLLING", *waves, expectedDuration=1560)
    assert usual_seconds(state) == {1: 300, 2: 60, 3: 1200}
    assert forecasts(state, NOW) == {
        2: Forecast(START + 360, START + 420),
        3: Forecast(START + 420, START + 1620),
    }
    assert expected_end(state, NOW) == START + 1620


def test_a_wave_that_waits_for_room_in_drs_begins_to_launch_now_at_the_earliest() -> None:
    queue = {"position": 1, "reason": "1 job is ahead"}
    state = document("POLLING", wave("PENDING", queue=queue, expectedDuration=100), expectedDuration=100)
    assert (expected_end(state, NOW), is_late(state, NOW)) == (NOW + 100, False)
    launching = wave("POLLING", queueEndTime=NOW - 50, expectedDuration=100)
    state = document("POLLING", launching, expectedDuration=100)
    assert (expected_end(state, NOW), is_late(state, NOW)) == (NOW + 50, False)


def test_behind_a_wave_that_failed_no_end_is_foreseen() -> None:
    assert (
        expected_end(document("POLLING", wave("FAILED"), wave("NOT_STARTED"), expectedDuration=60), NOW)
        is None
    )


def test_an_end_that_waits_for_an_answer_is_counted_from_now() -> None:
    waves = (wave("COMPLETED"), wave("NOT_STARTED"))
    state = document("PAUSED", *waves, expectedDuration=1200)
    assert expected_end(state, START + 9000) == START + 9600
