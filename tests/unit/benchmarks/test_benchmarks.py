"""The benchmarks run, and report the same figures to people and to programs."""

from __future__ import annotations

import json

from benchmarks import list_executions, parse_plans
from benchmarks.report import Report

REPORT = Report("speed", "Speed of light", [{"distance m": 299_792_458, "seconds": 1.0004}])


def test_a_report_is_a_markdown_table():
    assert REPORT.markdown().splitlines() == [
        "### Speed of light",
        "",
        "| distance m | seconds |",
        "| ---: | ---: |",
        "| 299792458 | 1 |",
    ]


def test_a_report_keeps_exact_figures_and_the_machine_as_json(tmp_path):
    path = REPORT.write(tmp_path / "results")

    document = json.loads(path.read_text(encoding="utf-8"))
    assert path.name == "speed.json"
    assert document["rows"] == [{"distance m": 299_792_458, "seconds": 1.0004}]
    assert document["machine"]["cores"] >= 1


def test_plans_are_parsed_as_by_the_dag_processor_and_as_by_a_task(monkeypatch):
    monkeypatch.setattr(parse_plans, "PLAN_COUNTS", (3,))
    monkeypatch.setattr(parse_plans, "REPEATS", 1)

    (row,) = parse_plans.run().rows

    assert (row["plans"], row["servers"]) == (3, 150)
    assert 0 < row["parse in a task"] < row["import of Airflow"]
    assert row["ms a plan"] == 1000 * (row["parse"] + row["serialise"]) / 3


def test_lists_cost_the_same_calls_however_many_executions_there_are(monkeypatch):
    monkeypatch.setattr(list_executions, "COUNTS", (100, 400))
    monkeypatch.setattr(list_executions, "REPEATS", 1)

    short, long = list_executions.run().rows

    assert (short["executions"], long["executions"]) == (100, 400)
    # A query, or one for drills and one for real recoveries, and one read of the records.
    assert {name: long[f"{name}: calls"] for name in list_executions.WANTED} == {
        "all": 3,
        "of a plan": 2,
        "failed": 2,
        "recoveries": 2,
        "of a ticket": 2,
    }
    assert short["all: calls"] == long["all: calls"]
    assert all(long[f"{name}: ms"] > 0 for name in list_executions.WANTED)
