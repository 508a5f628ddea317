"""Which servers a page shows."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.statuses import ServerPhase
from drs_recovery.web.executions.servers import (
    MOST_ROWS,
    MOST_WANTED_ROWS,
    ServersWanted,
    ServerTable,
    phase_counts,
    server_tables,
)
from tests.unit.web.documents import document, server, wave

ALL = ServersWanted()


def tables(*waves: dict[str, Any], wanted: ServersWanted = ALL) -> dict[int, ServerTable]:
    return server_tables(document("POLLING", *waves), wanted)


def many(count: int, failed: int = 0, **fields: Any) -> dict[str, Any]:
    """A wave whose last servers, by name, failed."""
    servers = [
        server(f"srv-{n:03d}", "FAILED" if n >= count - failed else "READY", **fields) for n in range(count)
    ]
    return wave("POLLING", *servers)


def names(table: ServerTable) -> list[str]:
    return [row.name for row in table.rows]


def test_few_servers_are_all_shown_problems_first() -> None:
    table = tables(
        wave(
            "POLLING",
            server("ready"),
            server("waits", "PENDING"),
            server("gone", "TERMINATED"),
            server("launches", "LAUNCH"),
            server("warned", warning="optional action failed"),
            server("failed", "FAILED"),
        )
    )[1]
    assert names(table) == ["failed", "warned", "launches", "waits", "ready", "gone"]
    assert [row.needs_attention for row in table.rows] == [True, True, False, False, False, False]
    assert (table.total, table.found, table.note) == (6, 6, None)


def test_counts_are_of_all_servers_in_the_order_of_the_phases() -> None:
    counts = tables(many(500, failed=7))[1].counts
    assert [(count.mark.word, count.count) for count in counts] == [("Ready", 493), ("Failed", 7)]


def test_500_servers_in_ten_waves_share_the_rows() -> None:
    found = tables(*(many(50) for _ in range(10)))
    assert [len(table.rows) for table in found.values()] == [4] * 10
    assert {table.note for table in found.values()} == {"4 of 50 servers shown, problems first"}


def test_500_servers_in_one_wave_are_cut_and_failed_ones_come_first() -> None:
    table = tables(many(500, failed=3))[1]
    assert len(table.rows) == MOST_ROWS
    assert names(table)[:4] == ["srv-497", "srv-498", "srv-499", "srv-000"]


def test_problems_of_one_wave_outrank_good_news_of_the_others() -> None:
    found = tables(many(200), many(200, failed=38), many(200))
    assert [len(table.rows) for table in found.values()] == [1, 38, 1]


def test_a_small_wave_beside_a_large_one_is_shown_whole() -> None:
    found = tables(many(400), many(5))
    assert [len(table.rows) for table in found.values()] == [35, 5]
    assert found[2].note is None


def test_more_waves_than_rows_stay_within_the_budget() -> None:
    found = tables(*(many(2) for _ in range(99)))
    assert sum(len(table.rows) for table in found.values()) == MOST_ROWS


def test_a_wave_that_is_asked_for_gets_its_rows_first() -> None:
    found = tables(many(50), many(50), wanted=ServersWanted(wave=2))
    assert [len(table.rows) for table in found.values()] == [MOST_WANTED_ROWS - 50, 50]
    assert len(tables(many(80), many(500), wanted=ServersWanted(wave=2))[2].rows) == MOST_WANTED_ROWS


def test_a_wave_that_does_not_exist_changes_nothing() -> None:
    assert tables(many(8), many(8), wanted=ServersWanted(wave=9)) == tables(many(8), many(8))


@pytest.mark.parametrize("query", ["SRV-123", " srv-123 ", "10.9.9.9", "s-01123", "i-srv-123"])
def test_a_search_finds_a_server_by_name_id_instance_or_address(query: str) -> None:
    waves = many(300)
    waves["servers"][123]["privateIp"] = "10.9.9.9"
    table = tables(waves, wanted=ServersWanted(query=query))[1]
    assert names(table) == ["srv-123"]
    assert (table.total, table.found, table.note) == (300, 1, "1 of 300 servers found")


def test_a_search_with_too_many_results_says_so() -> None:
    table = tables(many(300), wanted=ServersWanted(query="srv"))[1]
    assert table.note == "300 of 300 servers found, 60 of them shown, problems first"


def test_a_search_without_result_still_counts_all() -> None:
    table = tables(many(3), wanted=ServersWanted(query="<script>"))[1]
    assert (table.rows, table.note, table.counts[0].count) == ((), "0 of 3 servers found", 3)


def test_long_errors_are_cut_only_where_there_are_many() -> None:
    error = "x" * 2000
    few = tables(many(2, failed=1, error=error))[1].rows[0]
    lot = tables(many(200, failed=100, error=error))[1].rows[0]
    assert few.error == error
    assert lot.error is not None
    assert len(lot.error) == 240
    assert lot.error.endswith("…")


def test_every_phase_has_a_count() -> None:
    servers = [{"phase": phase} for phase in ServerPhase]
    assert [count.mark.code for count in phase_counts(servers)] == list(ServerPhase)
