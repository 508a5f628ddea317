"""How the last drills ended: an honest count, whatever there is to count."""

from typing import Any

import pytest

from drs_recovery.web.plans.charts import outcome_chart
from tests.unit.web.plan_records import execution, live

FAILED: dict[str, Any] = {"status": "FAILED", "progress": {"totalServers": 4, "ready": 1, "failed": 1}}
CANCEL = {"cancel": {"actor": "ann", "time": 1.0, "reason": "wrong day"}}


def test_without_a_drill_nothing_is_counted() -> None:
    found = outcome_chart([execution(dryRun=True), execution(executionType="RECOVERY"), live()])

    assert (found.sentence, found.note, found.segments) == ("No drills yet", "", ())


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [({}, "The only drill succeeded"), (FAILED, "The only drill did not succeed")],
)
def test_one_drill_is_no_rate(fields: dict[str, Any], sentence: str) -> None:
    assert outcome_chart([execution(**fields)]).sentence == sentence


@pytest.mark.parametrize(
    ("good", "bad", "sentence"),
    [
        (3, 1, "3 of the last 4 drills succeeded"),
        (4, 1, "4 of the last 5 drills succeeded (80 %)"),
        (199, 1, "199 of the last 200 drills succeeded (99 %)"),
        (0, 5, "0 of the last 5 drills succeeded (0 %)"),
    ],
)
def test_a_rate_needs_some_drills_and_is_never_rounded_up(good: int, bad: int, sentence: str) -> None:
    assert outcome_chart([execution()] * good + [execution(**FAILED)] * bad).sentence == sentence


def test_parts_are_in_proportion_and_fill_the_bar() -> None:
    partial = execution(status="PARTIAL_SUCCESS", progress={"failed": 1})

    found = outcome_chart([execution(), execution(), partial, execution(**FAILED)])

    assert [(part.mark.code, part.count, part.x, part.width) for part in found.segments] == [
        ("COMPLETED", 2, 0.0, 50.0),
        ("PARTIAL_SUCCESS", 1, 50.0, 25.0),
        ("FAILED", 1, 75.0, 25.0),
    ]
    assert found.table.rows == (("Completed", "2"), ("Partly successful", "1"), ("Failed", "1"))


def test_parts_of_thirds_leave_no_gap() -> None:
    partial = execution(status="PARTIAL_SUCCESS", progress={"failed": 1})

    parts = outcome_chart([execution(), partial, execution(**FAILED)]).segments

    assert [round(part.x + part.width, 2) for part in parts] == [parts[1].x, parts[2].x, 100.0]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "CANCELLED", "completedWaves": 0},
        {"status": "PARTIAL_SUCCESS", **CANCEL},
        {"status": "FAILED", "progress": {"failed": 0}, **CANCEL},
    ],
)
def test_a_cancelled_drill_is_counted_apart(fields: dict[str, Any]) -> None:
    found = outcome_chart([execution(1), execution(2, **fields)])

    assert found.sentence == "The only drill succeeded"
    assert found.note == "Not counted: 1 drill cancelled"
    assert ("Not counted: cancelled", "1") in found.table.rows


def test_a_drill_that_was_cancelled_after_a_server_failed_did_not_succeed() -> None:
    found = outcome_chart([execution(1), execution(2, **FAILED, **CANCEL)])

    assert found.sentence == "1 of the last 2 drills succeeded"


def test_a_drill_of_some_waves_is_no_success_of_the_plan() -> None:
    found = outcome_chart([execution(completedWaves=1)])

    assert found.sentence == "No drill of the whole plan has come to its end yet"
    assert found.note == "Not counted: 1 drill of some waves only"
    assert found.segments == ()


def refused(**fields: Any) -> dict[str, Any]:
    record = execution(2, status="FAILED", completedWaves=0, **fields)
    return {name: value for name, value in record.items() if name not in ("admittedTime", "startTime")}


def test_a_drill_that_was_refused_at_its_start_says_nothing_of_the_plan() -> None:
    found = outcome_chart([execution(1), refused()])

    assert found.sentence == "The only drill succeeded"
    assert found.note == "Not counted: 1 drill refused at the start"


def test_a_plan_that_the_preflight_found_something_against_did_not_succeed() -> None:
    found = outcome_chart([execution(1), refused(findings=[{"severity": "WARNING"}, {"severity": "ERROR"}])])

    assert found.sentence == "1 of the last 2 drills succeeded"
