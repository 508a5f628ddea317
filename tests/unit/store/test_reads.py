"""Documents, events and lists."""

from __future__ import annotations

import pytest

from drs_recovery.dynamodb import ExecutionsTable
from drs_recovery.exceptions import ExecutionNotFoundError, StoreError
from drs_recovery.statuses import ExecutionStatus, SkipCause
from drs_recovery.store import ExecutionStore


def test_document_has_waves_and_servers_in_order(store, recovery):
    recovery.open(waves=3)
    document = store.get_document("e1")
    assert [wave["waveNumber"] for wave in document["waves"]] == [1, 2, 3]
    assert [server["sourceServerId"] for server in document["waves"][1]["serverStatuses"]] == [
        "s-2000",
        "s-2001",
    ]
    internal = {"recordKey", "version"}
    assert not internal & document.keys()
    assert not any(internal & wave.keys() for wave in document["waves"])


def test_document_longer_than_a_page_is_read_whole(store, running):
    """DynamoDB ends a page at 1 MB."""
    for number in (1, 2):
        for server_id in running.server_ids(number, 2):
            running.force(f"SERVER#{number:02d}#{server_id}", error="x" * 380_000)
    servers = [server for wave in store.get_document("e1")["waves"] for server in wave["serverStatuses"]]
    assert [len(server["error"]) for server in servers] == [380_000] * 4


def test_parts_of_a_document_are_read_after_the_whole(store, ready, monkeypatch):
    """An execution that ends while it is read is never shown ended with a wave that still runs."""
    query = store.table.query

    def end_then_query(*arguments, **options):
        monkeypatch.setattr(store.table, "query", query)
        store.complete_wave("e1", 1)
        store.finalize("e1", ExecutionStatus.PARTIAL_SUCCESS)
        return query(*arguments, **options)

    monkeypatch.setattr(store.table, "query", end_then_query)
    document = store.get_document("e1")
    assert (document["status"], document["waves"][0]["status"]) == ("POLLING", "COMPLETED")
    assert document["waves"][0]["serverStatuses"][0]["instanceId"] == "i-1"


def test_servers_of_a_document_are_read_after_their_wave(store, running, client, monkeypatch):
    """A wave that is completed while its servers are read is never shown COMPLETED without their details."""
    query, pages = client.query, []

    def one_record_a_page(**request):
        page = query(**{**request, "Limit": 1})
        pages.append(page["Items"][0]["recordKey"]["S"] if page["Items"] else None)
        if len(pages) == 1:
            monkeypatch.setattr(client, "query", query)
            running.launch()
            store.complete_wave("e1", 1)
            monkeypatch.setattr(client, "query", one_record_a_page)
        return page

    monkeypatch.setattr(client, "query", one_record_a_page)
    wave = store.get_document("e1")["waves"][0]
    assert len(pages) > 5
    details = [server.get("instanceId") for server in wave["serverStatuses"]]
    assert wave["status"] != "COMPLETED" or details == ["i-1", "i-1"]


def test_missing_execution_is_an_error(store):
    for read in (store.get_execution, store.get_document):
        with pytest.raises(ExecutionNotFoundError, match="there is no execution e9 in the store"):
            read("e9")


def test_events_of_the_same_moment_keep_their_order(table, recovery):
    frozen = ExecutionStore(table, lambda: 1_800_000_000.0)
    frozen.create_execution(recovery.new(waves=12))
    for number in range(1, 13):
        frozen.skip_wave("e1", number, "reason", SkipCause.DEPENDENCY)
    events = frozen.get_events("e1")
    assert [event["detail"].get("wave") for event in events] == [None, *range(1, 13)]
    assert {event["time"] for event in events} == {1_800_000_000}


def test_event_has_actor_time_and_detail(store, recovery):
    recovery.open(ticket="INC-7")
    event = store.get_events("e1")[0]
    assert (event["event"], event["actor"]) == ("EXECUTION_OPENED", "admin")
    assert event["detail"] == {"executionType": "DRILL", "ticket": "INC-7"}
    assert event["time"] == pytest.approx(1_800_000_000, abs=1)


@pytest.fixture(scope="module")
def six_executions(records_of):
    return records_of(write_six_executions)


def write_six_executions(recovery):
    """Two plans, three live executions; the oldest first."""
    store = recovery.store
    for number, (plan, status) in enumerate(
        [
            ("crm", "FAILED"),
            ("crm", "CANCELLED"),
            ("web", "POLLING"),
            ("crm", ""),
            ("web", ""),
            ("crm", "FAILED"),
        ]
    ):
        execution_id = f"e{number}"
        store.create_execution(recovery.new(execution_id, plan_id=plan, waves=1))
        if status == "POLLING":
            store.request_wave(execution_id, 1)
        elif status:
            store.finalize(execution_id, ExecutionStatus(status))


@pytest.fixture
def listed(store, recovery, six_executions, clock):
    recovery.restore(six_executions)
    clock.advance(1)
    return store


def ids(items):
    return [item["executionId"] for item in items]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["e5", "e4", "e3", "e2", "e1", "e0"]),
        ({"plan_id": "crm"}, ["e5", "e3", "e1", "e0"]),
        ({"status": ExecutionStatus.FAILED}, ["e5", "e0"]),
        ({"plan_id": "crm", "status": ExecutionStatus.FAILED}, ["e5", "e0"]),
        ({"plan_id": "web", "status": ExecutionStatus.POLLING}, ["e2"]),
        ({"plan_id": "nothing"}, []),
        ({"limit": 2}, ["e5", "e4"]),
    ],
)
def test_list_is_newest_first(listed, filters, expected):
    assert ids(listed.list_executions(**filters).items) == expected


@pytest.mark.parametrize("filters", [{}, {"plan_id": "crm"}, {"status": ExecutionStatus.FAILED}])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_make_up_the_list(listed, filters, limit):
    whole = listed.list_executions(**filters)
    assert whole.cursor is None
    found, cursor = [], None
    while True:
        page = listed.list_executions(**filters, limit=limit, cursor=cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            break
        assert len(page.items) == limit
    assert found == whole.items


def test_pages_lose_no_execution_of_the_same_moment(table, recovery):
    frozen = ExecutionStore(table, lambda: 1_800_000_000.0)
    for name in "dbac":
        frozen.create_execution(recovery.new(name, waves=0))
    first = frozen.list_executions(limit=3)
    second = frozen.list_executions(limit=3, cursor=first.cursor)
    assert ids(first.items) + ids(second.items) == ["a", "b", "c", "d"]


def test_list_shows_no_plan_snapshots(listed):
    assert "planSnapshot" not in listed.list_executions().items[0]


def test_list_shows_what_is_true_now_when_the_index_lags(listed, table, monkeypatch):
    """The index still calls e2 POLLING, and lists it under its new status as well."""
    rows = {status: list(table.index_rows("byStatus", status)) for status in ExecutionStatus}
    listed.cancel_wave("e2", 1, "cancelled")
    listed.finalize("e2", ExecutionStatus.CANCELLED)
    rows[ExecutionStatus.CANCELLED] += rows[ExecutionStatus.POLLING]
    monkeypatch.setattr(table, "index_rows", lambda index, value, until: iter(rows[value]))
    assert ids(listed.list_executions(status=ExecutionStatus.POLLING).items) == []
    everything = listed.list_executions().items
    assert ids(everything).count("e2") == 1
    assert {item["executionId"]: item["status"] for item in everything}["e2"] == "CANCELLED"


@pytest.mark.parametrize("cursor", ["", "nonsense", "W10=", "eyJhIjoxfQ==", "WyJ4IiwieSJd", "ÿ"])
def test_foreign_cursor_is_refused(store, cursor):
    with pytest.raises(StoreError, match="is not a cursor"):
        store.list_executions(cursor=cursor)


def test_live_executions_of_a_plan_are_found(listed):
    assert ids(listed.find_live("crm")) == ["e3"]
    assert ids(listed.find_live("web")) == ["e4", "e2"]
    listed.finalize("e3", ExecutionStatus.CANCELLED)
    assert listed.find_live("crm") == []


def test_live_executions_of_all_plans_are_found(listed):
    assert ids(listed.find_all_live()) == ["e4", "e3", "e2"]
    listed.finalize("e3", ExecutionStatus.CANCELLED)
    assert ids(listed.find_all_live()) == ["e4", "e2"]


def test_no_read_scans_the_table(listed, table):
    """The client of this store has no Scan."""

    class WithoutScan:
        def __getattr__(self, name: str) -> object:
            if name in ("scan", "get_paginator", "execute_statement"):
                raise AssertionError(f"{name} is used")
            return getattr(table.client, name)

    store = ExecutionStore(ExecutionsTable(WithoutScan(), table.table_name))
    store.get_document("e1")
    store.get_events("e1")
    store.get_servers("e1", 1)
    store.list_executions()
    store.find_live("crm")
    store.find_all_live()


def test_execution_that_is_reopened_while_it_is_read_is_read_again(store, running, monkeypatch):
    store.fail_wave("e1", 1, "failed")
    store.finalize("e1", ExecutionStatus.FAILED)
    query = store.table.query

    def query_after_a_retry(*arguments, **options):
        monkeypatch.setattr(store.table, "query", query)
        store.retry_wave("e1", 1, "ann", asked_by=1)
        return query(*arguments, **options)

    monkeypatch.setattr(store.table, "query", query_after_a_retry)
    document = store.get_document("e1")
    assert (document["status"], document["waves"][0]["status"]) == ("POLLING", "PENDING")
