"""Records, documents and events."""

from __future__ import annotations

import pytest

from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.statuses import ExecutionStatus, SkipCause
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore


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
        store.waves.complete(WaveRef("e1", 1))
        store.ending.finalize("e1", ExecutionStatus.PARTIAL_SUCCESS)
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
            store.waves.complete(WaveRef("e1", 1))
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
        frozen.waves.skip(WaveRef("e1", number), "reason", SkipCause.DEPENDENCY)
    events = frozen.get_events("e1")
    assert [event["detail"].get("wave") for event in events] == [None, *range(1, 13)]
    assert {event["time"] for event in events} == {1_800_000_000}


def test_event_has_actor_time_and_detail(store, recovery):
    recovery.open(ticket="INC-7")
    event = store.get_events("e1")[0]
    assert (event["event"], event["actor"]) == ("EXECUTION_OPENED", "admin")
    assert event["detail"] == {"executionType": "DRILL", "ticket": "INC-7"}
    assert event["time"] == pytest.approx(1_800_000_000, abs=1)


def test_execution_that_is_reopened_while_it_is_read_is_read_again(store, running, monkeypatch):
    store.waves.fail(WaveRef("e1", 1), "failed")
    store.ending.finalize("e1", ExecutionStatus.FAILED)
    query = store.table.query

    def query_after_a_retry(*arguments, **options):
        monkeypatch.setattr(store.table, "query", query)
        store.retries.begin(WaveRef("e1", 1), "ann", asked_by=1)
        return query(*arguments, **options)

    monkeypatch.setattr(store.table, "query", query_after_a_retry)
    document = store.get_document("e1")
    assert (document["status"], document["waves"][0]["status"]) == ("POLLING", "PENDING")


def test_executions_are_read_in_the_order_of_their_ids(store, recovery, monkeypatch):
    monkeypatch.setattr("drs_recovery.store.table.MAX_BATCH_KEYS", 2)
    for name in "abc":
        store.create_execution(recovery.new(name, waves=0))
    found = store.get_executions(["c", "nothing", "a", "c", "b"])
    assert [item["executionId"] for item in found] == ["c", "a", "b"]
    assert not {"planSnapshot", "recordKey", "version"} & found[0].keys()
    assert store.get_executions([]) == []
