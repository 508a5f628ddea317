"""The benchmarks run, and report the same figures to people and to programs."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import __main__ as command
from benchmarks import list_executions, parse_plans
from benchmarks.plots import Plot, figure_text
from benchmarks.report import DOCS, Report
from devstack.errors import NoPostgresError

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


@pytest.mark.parametrize(
    ("figure", "text"), [(0.12345, "0.123"), (12.345, "12.3"), (1234.5, "1,234"), (0.0, "0")]
)
def test_a_figure_has_the_digits_that_a_second_run_would_give_again(figure: float, text: str) -> None:
    assert figure_text(figure) == text


@pytest.mark.parametrize("options", [{}, {"is_stacked": True}, {"is_logarithmic": True}], ids=str)
def test_a_plot_is_a_picture_that_needs_nothing_else_and_is_the_same_each_time(options):
    plot = Plot(["one", "two"], {"drs": [1.5, 300.0], "dynamodb": [0.0, 20.0]}, "calls", **options)

    picture = plot.svg("calls")

    texts = {element.text for element in ElementTree.fromstring(picture).iter()}
    assert {"one", "two", "drs", "dynamodb", "calls"} <= texts
    assert "<script" not in picture
    assert plot.svg("calls") == picture


def test_drawing_leaves_no_odd_finder_of_modules_behind():
    assert [finder for finder in sys.meta_path if not hasattr(finder, "find_spec")] == []


@pytest.fixture
def _keep_signal_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "performance.md").write_text(
        "before\n<!-- begin: speed -->\nold\n<!-- end: speed -->\nafter\n"
    )
    return tmp_path


def test_a_report_takes_its_place_on_the_page_and_leaves_the_rest(docs):
    for _ in range(2):
        Report("speed", "Speed", [{"m": 1}], Plot(["light"], {"m": [1.0]}, "m")).publish(docs)

    lines = (docs / "performance.md").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "old" not in lines
    assert lines.count("| 1 |") == 1
    assert "![Speed](images/performance-speed.svg)" in lines
    assert (docs / "images" / "performance-speed.svg").exists()
    assert any(line.startswith("Measured on ") for line in lines)


def test_a_report_without_a_place_is_an_error(docs):
    with pytest.raises(ValueError, match="add the lines <!-- begin: light -->"):
        Report("light", "Light", [{"m": 1}]).publish(docs)


def test_every_benchmark_has_its_place_on_the_page():
    page = (DOCS / "performance.md").read_text(encoding="utf-8")

    assert [name for name in command.NAMES if f"<!-- begin: {name} -->" not in page] == []


def test_an_unknown_name_is_refused_before_anything_runs(capsys):
    with pytest.raises(SystemExit):
        command.main(["parse_plans", "speed"])

    assert "there is no benchmark speed" in capsys.readouterr().err


@pytest.mark.usefixtures("_keep_signal_handlers")
def test_whoever_ends_a_benchmark_lets_it_clean_up(monkeypatch):
    monkeypatch.setattr("benchmarks.triggerer_load.run", lambda: signal.raise_signal(signal.SIGTERM))

    with pytest.raises(SystemExit, match="143"):
        command.main(["triggerer_load"])


@pytest.mark.usefixtures("_keep_signal_handlers")
def test_what_cannot_run_here_says_so_and_the_others_go_on(monkeypatch, capsys):
    def refuse() -> Report:
        raise NoPostgresError("no initdb here")

    monkeypatch.setattr("benchmarks.triggerer_load.run", refuse)

    command.main(["triggerer_load"])

    assert capsys.readouterr().out == "triggerer_load is skipped: no initdb here\n"


def test_plans_are_parsed_as_by_the_dag_processor_and_as_by_a_task(monkeypatch):
    monkeypatch.setattr(parse_plans, "PLAN_COUNTS", (3,))
    monkeypatch.setattr(parse_plans, "REPEATS", 1)

    (row,) = parse_plans.run().rows

    assert (row["plans"], row["servers"]) == (3, 150)
    assert 0 < row["parse in a task"] < row["import of Airflow"]
    assert row["ms per plan"] == 1000 * (row["parse"] + row["serialize"]) / 3


def test_lists_cost_the_same_calls_however_many_executions_there_are(monkeypatch):
    monkeypatch.setattr(list_executions, "COUNTS", (100, 400))
    monkeypatch.setattr(list_executions, "REPEATS", 1)

    short, long = list_executions.run().rows

    assert (short["executions"], long["executions"]) == (100, 400)
    # A query, or one for drills and one for real recoveries, and one read of the records.
    assert {name: long[f"{name}: calls"] for name in list_executions.WANTED} == {
        "all": 3,
        "by plan": 2,
        "failed": 2,
        "recoveries": 2,
        "by ticket": 2,
    }
    assert short["all: calls"] == long["all: calls"]
    assert all(long[f"{name}: ms"] > 0 for name in list_executions.WANTED)
