"""The page of executions: what a row says, the filter above it, and older pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.web import dependencies
from drs_recovery.web.executions import list as executions_list
from tests.integration.web.conftest import Console
from tests.integration.web.html_page import HtmlPage, read_page
from tests.integration.web.on_record import opened


def listed(page: HtmlPage) -> list[str]:
    """Ids of the executions that a page lists, in its order; live real recoveries stand above it, too."""
    paths = [link.rpartition("/executions/") for link in page.links]
    found = [found for path, _, found in paths if path == "/recovery"]
    return found[page.text.count(": open it") :]


def three(store: ExecutionStore) -> dict[str, str]:
    """An ended drill, a drill with a ticket of another plan, and a real recovery; ids by run id."""
    ids = {
        "a": opened(store, "a"),
        "b": opened(store, "b", "erp", ticket="CHG9"),
        "c": opened(store, "c", execution_type=ExecutionType.RECOVERY),
    }
    store.ending.finalize(ids["a"], ExecutionStatus.CANCELLED)
    return ids


def test_a_row_says_whether_it_is_real_how_it_stands_and_who_started_it(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    ids = three(store)

    found = read_page(console, "/executions")

    assert listed(found) == [ids["c"], ids["b"], ids["a"]]
    assert "3 executions, newest first" in found.text
    assert "REAL RECOVERY ◔ Being checked" in found.text
    assert "DRILL ■ Cancelled" in found.text
    assert "admin CHG9" in found.text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"plan": "erp"}, "b"),
        ({"status": "CANCELLED"}, "a"),
        ({"cancelled": "true"}, "a"),
        ({"cancelled": "false"}, "cb"),
        ({"type": "RECOVERY"}, "c"),
        ({"ticket": "CHG9"}, "b"),
        ({"since": "2026-01-01T00:00", "until": "2999-01-01T00:00"}, "cba"),
        ({"plan": "crm", "type": "DRILL", "status": "CANCELLED"}, "a"),
    ],
)
def test_the_filter_shows_what_fits_and_keeps_what_was_asked_for(
    console: Console, store: ExecutionStore, known_dags: None, query: dict[str, str], expected: str
) -> None:
    ids = three(store)

    # A browser sends the fields that nobody filled in, too.
    found = read_page(console, f"/executions?{urlencode({'ticket': '', 'since': '', **query})}")

    assert listed(found) == [ids[name] for name in expected]
    assert found.fields == query
    assert "/recovery/executions" in found.links


def test_a_filter_that_fits_nothing_says_so_and_an_empty_list_says_what_to_do(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    assert "Nothing has been run yet. Start a drill of a plan." in read_page(console, "/executions").text
    three(store)

    assert "No execution fits." in read_page(console, "/executions?ticket=CHG").text


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (f"plan={'x' * 64}", "is not a plan id"),
        ("since=yesterday", "'yesterday' is not a time; write it as 2026-11-21T05:42"),
        ("status=DONE", "'DONE' is not a valid ExecutionStatus"),
        ("cancelled=perhaps", "cancelled='perhaps' is invalid; it is true or false"),
        ("type=TEST", "'TEST' is not a valid ExecutionType"),
        ("cursor=nonsense", "cursor"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(
    console: Console, store: ExecutionStore, query: str, why: str
) -> None:
    assert why in read_page(console, f"/executions?{query}", status=422).text


def test_older_ones_are_a_page_away_with_the_same_filter(
    console: Console, store: ExecutionStore, known_dags: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executions_list, "_ON_A_PAGE", 2)
    ids = [opened(store, f"run-{number}") for number in range(3)]
    opened(store, "other", "erp")

    first = read_page(console, "/executions?plan=crm")
    (older,) = [link for link in first.links if "cursor=" in link]
    second = read_page(console, older.removeprefix("/recovery"))

    assert (listed(first), listed(second)) == ([ids[2], ids[1]], [ids[0]])
    assert second.fields == {"plan": "crm"}
    assert not [link for link in second.links if "cursor=" in link]
    assert "/recovery/executions?plan=crm" in second.links


def test_plans_that_a_person_may_not_see_are_neither_listed_nor_offered(
    console: Console, store: ExecutionStore, plans: Any, hidden_plan: str
) -> None:
    hidden, shown = opened(store, "a", hidden_plan), opened(store, "b")

    assert listed(read_page(console, "/executions", "viewer")) == [shown]
    assert listed(read_page(console, "/executions", "admin")) == [shown, hidden]
    assert listed(read_page(console, f"/executions?plan={hidden_plan}", "viewer")) == []


def test_without_the_table_the_list_says_so_and_tries_again(
    console: Console, known_dags: None, unreachable_table: None
) -> None:
    found = read_page(console, "/executions", status=503)

    assert "the table of executions cannot be read" in found.text
    assert "This page tries again automatically." in found.text


def test_a_setting_that_makes_no_sense_is_named_with_what_is_expected(
    console: Console, known_dags: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__EXECUTIONS_TABLE", "dr executions!")
    dependencies.forget_store()

    for path in ("/executions", "/"):
        found = read_page(console, path, status=500)
        assert "A setting is wrong" in found.text
        assert "[drs_recovery] executions_table" in found.text
        assert "'dr executions!': expected" in found.text

    answer = console.get("/api/v1/executions")
    assert answer.json()["type"] == "urn:drs-recovery:problem:misconfigured"
    assert "executions_table" in answer.json()["detail"]
