"""What the charts of recovery times show, from no drill to many."""

import dataclasses
from typing import Any

import pytest

from drs_recovery.web.plans.charts import BarState, DrillChart
from drs_recovery.web.plans.drill_charts import (
    MOST_DRILLS,
    chart_drills,
    recovery_time_chart,
    wave_time_charts,
)
from tests.unit.web.plan_records import SCRIPT, execution, live, wave


def chart(executions: list[dict[str, Any]], rto: float | None = 3600.0) -> DrillChart:
    found = recovery_time_chart(chart_drills(executions), rto)
    assert found is not None
    return found


def test_without_a_drill_there_is_no_chart() -> None:
    dry_run, recovery = execution(1, dryRun=True), execution(2, executionType="RECOVERY")

    assert recovery_time_chart(chart_drills([dry_run, recovery, live()]), 3600.0) is None


def test_a_drill_that_ended_before_its_first_wave_has_no_bar() -> None:
    refused = execution(status="FAILED")
    del refused["startTime"]

    assert recovery_time_chart(chart_drills([refused]), 3600.0) is None


def test_drills_stand_from_the_oldest_to_the_newest_and_the_table_begins_with_the_newest() -> None:
    found = chart([execution(2, days_ago=1, duration=60.0), execution(1, days_ago=30, duration=120.0)])

    assert [bar.execution_id for bar in found.bars] == ["e1", "e2"]
    assert found.bars[0].center < found.bars[1].center
    assert [row[2] for row in found.table.rows] == ["1 min", "2 min"]


def test_a_bar_is_as_high_as_its_time_on_the_scale_of_the_lines() -> None:
    found = chart([execution(duration=1800.0)], rto=3600.0)

    heights = {tick.label: found.bottom - tick.y for tick in found.ticks}
    assert found.bars[0].height == heights["30 min"]
    assert found.objective is not None
    assert found.bottom - found.objective.y == heights["1 h"]
    assert found.objective.label == "RTO 1 h"


@pytest.mark.parametrize(
    ("duration", "rto", "state", "mark", "verdict"),
    [
        (3600.0, 3600.0, BarState.MET, "", "met"),
        (3601.0, 3600.0, BarState.MISSED, "!", "missed"),
        (60.0, None, BarState.NO_OBJECTIVE, "", "no objective"),
    ],
)
def test_a_recovery_time_is_held_against_the_objective(
    duration: float, rto: float | None, state: BarState, mark: str, verdict: str
) -> None:
    found = chart([execution(duration=duration)], rto)

    assert (found.bars[0].state, found.bars[0].mark) == (state, mark)
    assert found.table.rows[0][-1] == verdict
    assert (found.objective is None) is (rto is None)


@pytest.mark.parametrize(
    ("fields", "mark", "outcome"),
    [
        ({"status": "FAILED"}, "✗", "Failed, 1 of 2 waves completed"),
        ({"status": "PARTIAL_SUCCESS"}, "◐", "Partly successful, 1 of 2 waves completed"),
        ({"status": "CANCELLED", "completedWaves": 0}, "■", "Cancelled, 0 of 2 waves completed"),
        ({"status": "COMPLETED", "completedWaves": 1}, "◐", "Completed, 1 of 2 waves completed"),
        ({"status": "COMPLETED", "measured": {}}, "◐", "Completed"),
    ],
)
def test_a_drill_without_a_recovery_time_of_the_whole_plan_has_a_sign_and_no_number(
    fields: dict[str, Any], mark: str, outcome: str
) -> None:
    found = chart([execution(duration=600.0, **fields)])

    assert (found.bars[0].state, found.bars[0].mark) == (BarState.UNMEASURED, mark)
    assert found.table.rows[0][1:] == (outcome, "", "0 s", "not measured")
    assert found.description == "0 of 1 drill measured"


def test_a_drill_that_waited_a_day_for_nothing_does_not_flatten_the_others() -> None:
    cancelled = execution(1, duration=86_400.0, status="CANCELLED")

    found = chart([execution(2, duration=1800.0), cancelled], rto=3600.0)

    assert found.ticks[-1].label == "1 h"
    assert found.bars[0].y == found.ticks[-1].y


def test_a_drill_of_no_time_is_seen() -> None:
    found = chart([execution(duration=0.0)], rto=None)

    assert found.bars[0].height > 0
    assert found.bars[0].y + found.bars[0].height == found.bottom


def test_many_drills_fit_and_only_some_are_labelled_the_newest_always() -> None:
    found = chart([execution(number, days_ago=number) for number in range(50)])

    assert len(found.bars) == MOST_DRILLS
    assert found.bars[-1].execution_id == "e0"
    assert all(found.left <= bar.x and bar.x + bar.width <= 100 for bar in found.bars)
    assert all(left.x + left.width < right.x for left, right in zip(found.bars, found.bars[1:], strict=False))
    assert len(found.labels) <= 6
    assert found.labels[0].x == found.bars[-1].center
    assert len(found.table.rows) == MOST_DRILLS


def test_the_description_counts_what_was_measured_and_what_was_met() -> None:
    drills = [execution(1, duration=60.0), execution(2, duration=7200.0), execution(3, status="FAILED")]

    assert chart(drills).description == "2 of 3 drills measured, 1 within the objective of 1 h"


def test_a_bar_says_in_words_what_its_row_says() -> None:
    found = chart([execution(duration=1800.0)])

    assert found.bars[0].text == ", ".join(found.table.rows[0])


def test_a_chart_does_not_change_by_itself() -> None:
    assert chart([execution()]) == chart([execution()])


def two_drills() -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    old, new = execution(1, days_ago=30, duration=900.0), execution(2, duration=1200.0)
    return chart_drills([new, old]), {
        "e1": [wave(old, 1, "Database", 0, 600), wave(old, 2, "Web", 600, 900)],
        "e2": [wave(new, 1, "Database", 0, 300), wave(new, 2, "Web", 600, 1200)],
    }


def test_a_bar_of_a_wave_begins_where_the_wave_began_and_ends_when_it_was_ready() -> None:
    drills, waves = two_drills()

    database, web = wave_time_charts(drills, waves, ["Database", "Web"], 1200.0)

    heights = {tick.label: tick.y for tick in web.ticks}
    newest = web.bars[-1]
    assert (newest.y, newest.y + newest.height) == (heights["20 min"], heights["10 min"])
    assert (database.title, web.title) == ("Wave 1 Database", "Wave 2 Web")
    assert web.table.rows[0][1:] == ("Completed", "20 min", "10 min", "met")
    assert database.ticks == web.ticks


def test_a_wave_keeps_its_history_when_it_gets_another_number() -> None:
    drills, waves = two_drills()

    web, _ = wave_time_charts(drills, waves, ["Web", "Database"], None)

    assert web.title == "Wave 1 Web"
    assert [row[2] for row in web.table.rows] == ["20 min", "15 min"]


def test_a_wave_that_failed_has_a_sign_and_one_that_never_ran_no_bar() -> None:
    drills, waves = two_drills()
    waves["e2"][0] |= {"status": "FAILED"}
    waves["e2"][1] = {"waveNumber": 2, "waveName": "Web", "status": "SKIPPED"}

    database, web = wave_time_charts(drills, waves, ["Database", "Web"], 1200.0)

    assert (database.bars[-1].state, database.bars[-1].mark) == (BarState.UNMEASURED, "✗")
    assert [bar.execution_id for bar in web.bars] == ["e1"]
    assert web.table.rows[0][1:] == ("Left out", "", "", "not measured")


def test_a_new_wave_has_no_chart_before_it_ran() -> None:
    drills, waves = two_drills()

    found = wave_time_charts(drills, waves, ["Database", "New"], 1200.0)

    assert [one.title for one in found] == ["Wave 1 Database"]


def test_a_drill_whose_waves_are_not_known_has_no_bars() -> None:
    drills, _ = two_drills()

    assert wave_time_charts(drills, {}, ["Database"], 1200.0) == ()


def test_markup_in_the_name_of_a_wave_stays_text() -> None:
    drills, waves = two_drills()
    for each in waves.values():
        each[0]["waveName"] = SCRIPT

    (found,) = wave_time_charts(drills, waves, [SCRIPT], None)

    assert found.title == f"Wave 1 {SCRIPT}"


def test_the_newest_drill_keeps_its_place_when_it_has_no_bar() -> None:
    refused = execution(2, status="FAILED")
    del refused["startTime"]

    found = chart([refused, execution(1, days_ago=3)])

    assert found.bars[0].center < found.labels[0].x
    assert dataclasses.astuple(found.table)[1][0][1:3] == ("Failed, 1 of 2 waves completed", "")
