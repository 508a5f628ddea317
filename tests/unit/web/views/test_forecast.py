"""When waves that have not begun should run."""

from __future__ import annotations

from drs_recovery.web.views.forecast import Forecast, forecasts, usual_wave_seconds
from tests.unit.web.views.documents import START, document, wave

NOW = START + 300


def test_waves_one_after_another_share_the_usual_duration() -> None:
    state = document("POLLING", wave("POLLING"), wave("NOT_STARTED"), expectedDuration=1200)
    assert usual_wave_seconds(state) == 600
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
    assert usual_wave_seconds(state) == 600
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
