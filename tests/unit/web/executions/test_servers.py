"""Rows of servers, the share of them that a page shows, and where they are reached."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from drs_recovery.statuses import ServerPhase
from drs_recovery.web.executions.servers import (
    MOST_ROWS,
    MOST_WANTED_ROWS,
    ServerRow,
    ServersWanted,
    ServerTable,
    addresses_csv,
    addresses_of,
    phase_counts,
    server_row,
    server_tables,
)
from drs_recovery.web.shared.formatting import Timestamp
from tests.unit.web.documents import START, Fields, document, server, wave


def row(fields: Fields) -> ServerRow:
    state = document("POLLING", wave("POLLING", fields))
    return server_row(state["waves"][0]["serverStatuses"][0], 2_000)


def test_a_ready_server_has_its_instance_address_and_links() -> None:
    shown = row(server("db-1", hostname="ip-10-0-0-7", pointInTime=START - 300))
    assert (shown.name, shown.phase.word, shown.launch_status) == ("db-1", "Ready", "LAUNCHED")
    assert shown.instance is not None
    assert shown.instance.text == "i-db-1"
    assert (shown.instance_type, shown.instance_state) == ("m5.large", "running")
    assert (shown.address, shown.hostname) == ("10.0.0.7", "ip-10-0-0-7")
    assert shown.source.url == (
        "https://us-east-1.console.aws.amazon.com/drs/home?region=us-east-1#/sourceServers/s-01000"
    )
    assert shown.point_in_time == Timestamp.at(START - 300)


def test_a_server_of_which_nothing_is_known_has_no_links_to_nowhere() -> None:
    shown = row(server("db-1", "PENDING"))
    assert (shown.instance, shown.address, shown.error) == (None,) * 3
    assert shown.launch_status is None
    assert (shown.attempt, shown.earlier, shown.actions) == (1, (), ())


def test_an_instance_without_details_is_linked_by_its_recovery_instance_id() -> None:
    shown = row(server("db-1", "LAUNCHED", recoveryInstanceId="i-9"))
    assert shown.instance is not None
    assert shown.instance.text == "i-9"


def test_post_launch_actions_tell_their_state_and_why_they_failed() -> None:
    actions = [
        {"name": "CloudWatch", "optional": True, "status": "FAILED", "reason": "no role"},
        {"name": "Verify", "optional": False, "status": "SKIPPED_BY_AWS"},
    ]
    failed, unknown = row(server(postLaunchActions=actions)).actions
    assert (failed.name, failed.mark.word, failed.is_optional, failed.reason) == (
        "CloudWatch",
        "Failed",
        True,
        "no role",
    )
    assert (unknown.mark.word, unknown.is_optional, unknown.reason) == ("Skipped by aws", False, None)


def test_what_earlier_attempts_left_is_shown() -> None:
    left = [{"jobId": "drsjob-0", "instanceId": "i-0"}, {"jobId": "drsjob-00"}]
    shown = row(server(attempt=3, previousInstances=left))
    assert shown.attempt == 3
    assert [link.text for link in shown.earlier] == ["i-0"]


def test_a_state_that_aws_added_is_shown_as_it_is() -> None:
    assert row(server("db-1", "LAUNCH", launchStatus="WARMING_UP")).launch_status == "WARMING_UP"


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
    assert [row.phase.word == "Failed" or bool(row.warning) for row in table.rows] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    assert (table.total, table.note) == (6, None)


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
    assert (table.total, table.note) == (300, "1 of 300 servers found")


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


DONE = wave("COMPLETED", server("db-1"), server("db-2", privateIp="fd00::7"))


def test_after_a_real_recovery_every_ready_server_has_its_address() -> None:
    found = addresses_of(document("COMPLETED", DONE, wave("FAILED", server("c", "FAILED")), recovery=True))
    assert found
    assert (found.text, found.shown, found.total) == ("db-1\t10.0.0.7\ndb-2\tfd00::7", 2, 2)


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        ("COMPLETED", {}),
        ("POLLING", {"recovery": True}),
        ("COMPLETED", {"recovery": True, "instancesTerminated": True}),
    ],
)
def test_a_drill_and_what_lives_or_is_gone_has_none(status: str, fields: dict[str, Any]) -> None:
    assert addresses_of(document(status, DONE, **fields)) is None


def test_of_very_many_the_first_are_shown_and_all_are_in_the_file() -> None:
    many = document("COMPLETED", wave("COMPLETED", *(server(f"s{n}") for n in range(300))), recovery=True)
    found = addresses_of(many)
    assert found
    assert (found.shown, found.total, len(found.text.splitlines())) == (200, 300, 200)
    assert len(addresses_csv(many).splitlines()) == 301


def test_the_file_has_every_server_and_no_formula() -> None:
    evil = document("COMPLETED", wave("COMPLETED", server('=HYPERLINK("x")')), recovery=True)
    rows = list(csv.DictReader(io.StringIO(addresses_csv(evil))))
    assert rows == [
        {
            "wave": "1",
            "server": '\'=HYPERLINK("x")',
            "source server": "s-01000",
            "private address": "10.0.0.7",
            "host name": "",
            "instance": 'i-=HYPERLINK("x")',
            "region": "us-east-1",
            "phase": "READY",
        }
    ]
