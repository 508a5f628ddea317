"""Lists of executions: newest first, filtered, page by page."""

from __future__ import annotations

import base64
import math
import random

import pytest

from drs_recovery.exceptions import StoreError
from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.expressions import Delete
from drs_recovery.store.keys import live_key
from drs_recovery.store.records import ExecutionFilter
from drs_recovery.store.table import ExecutionsTable
from sandbox.world import WORLD


@pytest.fixture(scope="module")
def six_executions(records_of):
    return records_of(write_six_executions)


def write_six_executions(recovery):
    """Two plans, three live executions, one of them a recovery; the oldest first."""
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
        kind = ExecutionType.RECOVERY if status == "POLLING" else ExecutionType.DRILL
        ticket = "INC-7" if status in ("FAILED", "POLLING") else None
        new = recovery.new(execution_id, plan_id=plan, waves=1, execution_type=kind, ticket=ticket)
        store.create_execution(new)
        if status == "POLLING":
            store.waves.request(WaveRef(execution_id, 1))
        elif status:
            store.ending.finalize(execution_id, ExecutionStatus(status))


@pytest.fixture
def listed(store, recovery, six_executions, clock):
    recovery.restore(six_executions)
    clock.advance(1)
    return store


def ids(items):
    return [item["executionId"] for item in items]


def test_what_was_cancelled_is_found_whatever_it_ended_with(store, recovery):
    ends = {"c": "CANCELLED", "p": "PARTIAL_SUCCESS", "r": "FAILED", "f": "FAILED", "l": ""}
    for name, status in ends.items():
        store.create_execution(recovery.new(name, waves=1))
        if name in ("p", "l"):
            store.ending.request_cancel(name, "admin", "wrong plan")
        if status:
            store.ending.finalize(name, ExecutionStatus(status), cancelled=name == "r")

    assert set(ids(store.listings.page(ExecutionFilter(cancelled=True)).items)) == {
        "c",
        "p",
        "r",
        "l",
    }
    assert ids(store.listings.page(ExecutionFilter(cancelled=False)).items) == ["f"]
    partly = ExecutionFilter(cancelled=True, status=ExecutionStatus.PARTIAL_SUCCESS)
    assert ids(store.listings.page(partly).items) == ["p"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["e5", "e4", "e3", "e2", "e1", "e0"]),
        ({"plan_id": "crm"}, ["e5", "e3", "e1", "e0"]),
        ({"status": ExecutionStatus.FAILED}, ["e5", "e0"]),
        ({"plan_id": "crm", "status": ExecutionStatus.FAILED}, ["e5", "e0"]),
        ({"plan_id": "web", "status": ExecutionStatus.POLLING}, ["e2"]),
        ({"plan_id": "nothing"}, []),
        ({"plan_ids": {"web", "nothing"}}, ["e4", "e2"]),
        ({"plan_ids": {"web", "nothing"}, "plan_id": "crm"}, []),
        ({"plan_ids": set()}, []),
        ({"execution_type": ExecutionType.RECOVERY}, ["e2"]),
        ({"ticket": "INC-7"}, ["e5", "e2", "e0"]),
        ({"ticket": "INC-7", "plan_id": "crm"}, ["e5", "e0"]),
        ({"ticket": "INC-7", "status": ExecutionStatus.POLLING}, ["e2"]),
        ({"ticket": "INC"}, []),
    ],
)
def test_list_is_newest_first(listed, filters, expected):
    assert ids(listed.listings.page(ExecutionFilter(**filters)).items) == expected


def test_list_is_no_longer_than_wanted(listed):
    assert ids(listed.listings.page(limit=2).items) == ["e5", "e4"]


@pytest.mark.parametrize("ticket", [None, "INC-7"])
def test_list_of_a_time_has_both_of_its_ends(listed, ticket):
    whole = listed.listings.page(ExecutionFilter(ticket=ticket)).items
    times = [item["submittedTime"] for item in whole]
    for since, until, expected in (
        (times[2], None, whole[:3]),
        (None, times[1], whole[1:]),
        (times[1], times[1], whole[1:2]),
        (times[0] + 1, None, []),
        (times[0], times[1], []),
    ):
        wanted = ExecutionFilter(ticket=ticket, since=since, until=until)
        assert listed.listings.page(wanted).items == expected


@pytest.mark.parametrize(
    "filters", [{}, {"plan_id": "crm"}, {"status": ExecutionStatus.FAILED}, {"ticket": "INC-7"}]
)
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_make_up_the_list(listed, filters, limit):
    wanted = ExecutionFilter(**filters)
    whole = listed.listings.page(wanted)
    *first, last = pages(listed, wanted, limit)
    assert whole.cursor is None
    assert [item for page in (*first, last) for item in page.items] == whole.items
    assert {len(page.items) for page in first} <= {limit}


def pages(store, wanted, limit):
    """Every page of a list."""
    cursor = None
    while True:
        page = store.listings.page(wanted, limit, cursor)
        yield page
        cursor = page.cursor
        if cursor is None:
            return


def test_search_for_something_rare_stops_and_goes_on_with_the_cursor(listed, monkeypatch):
    monkeypatch.setattr("drs_recovery.store.listings.MOST_ROWS", 2)
    wanted = ExecutionFilter(status=ExecutionStatus.FAILED, plan_id="crm")
    found = list(pages(listed, wanted, 10))
    assert [ids(page.items) for page in found] == [["e5"], ["e0"]]


def readable_text(cursor):
    return base64.urlsafe_b64decode(cursor.encode()).decode()


@pytest.mark.parametrize("hidden", ["plan_ids", "may_list"])
def test_a_cursor_names_no_execution_that_the_reader_may_not_see(store, recovery, monkeypatch, hidden):
    monkeypatch.setattr("drs_recovery.store.listings.MOST_ROWS", 3)
    names = [f"{kind}-{number}" for number in range(4) for kind in ("theirs", "mine")]
    for name in names:
        store.create_execution(recovery.new(name, plan_id=name[:-2], waves=0))
    wanted = {
        "plan_ids": ExecutionFilter(plan_ids={"mine", *"abcdefghi"}),
        "may_list": ExecutionFilter(may_list=lambda plan_id: plan_id == "mine"),
    }[hidden]

    found = list(pages(store, wanted, 1)) + list(pages(store, wanted, 10))

    assert [name for page in found for name in ids(page.items)] == 2 * [
        "mine-3",
        "mine-2",
        "mine-1",
        "mine-0",
    ]
    cursors = [readable_text(page.cursor) for page in found if page.cursor]
    assert len(cursors) >= 4
    assert not [cursor for cursor in cursors if "theirs" in cursor]


def test_search_stops_between_moments_only(table, recovery, monkeypatch):
    monkeypatch.setattr("drs_recovery.store.listings.MOST_ROWS", 2)
    for moment, names in ((1_800_000_000.0, "abc"), (1_800_000_001.0, "defg")):
        store = ExecutionStore(table, lambda moment=moment: moment)
        for name in names:
            store.create_execution(recovery.new(name, plan_id=name, waves=0))
    found = list(pages(store, ExecutionFilter(may_list=lambda plan_id: plan_id in "cg"), 10))
    assert [ids(page.items) for page in found] == [["g"], ["c"]]


_PLANS = ("crm", "web", "erp", "hr")


@pytest.fixture(scope="module")
def many_executions(records_of):
    return records_of(write_many_executions)


def write_many_executions(recovery):
    """Forty executions of every kind; some share a moment."""
    rng = random.Random(4)
    for number in range(40):
        store = ExecutionStore(recovery.store.table, lambda moment=1_800_000_000 + number // 3: moment)
        recovery.id = f"e{rng.random()}"
        kind = rng.choice(list(ExecutionType))
        ticket = rng.choice([None, "INC-7", "CHG-1"])
        plan = rng.choice(_PLANS)
        store.create_execution(
            recovery.new(recovery.id, plan_id=plan, execution_type=kind, ticket=ticket, waves=0)
        )
        recovery.force("EXECUTION", status=rng.choice(list(ExecutionStatus)))


def test_pages_of_any_list_are_what_its_filter_says(store, recovery, many_executions, monkeypatch):
    recovery.restore(many_executions)
    monkeypatch.setattr("drs_recovery.store.listings.MOST_ROWS", 7)
    everything = [item for page in pages(store, ExecutionFilter(), 50) for item in page.items]
    assert len(everything) == 40
    for seed in range(60):
        rng = random.Random(seed)
        wanted = any_filter(rng)
        found = [item for page in pages(store, wanted, rng.randint(1, 10)) for item in page.items]
        assert found == [item for item in everything if is_wanted(wanted, item)], (seed, wanted)


def any_filter(rng):
    moments = (None, 1_800_000_003, 1_800_000_009)
    return ExecutionFilter(
        plan_id=rng.choice([None, None, *_PLANS]),
        plan_ids=rng.choice([None, rng.sample(_PLANS, rng.randint(0, 4))]),
        may_list=rng.choice([None, {*_PLANS[1:]}.__contains__]),
        status=rng.choice([None, None, *ExecutionStatus]),
        execution_type=rng.choice([None, *ExecutionType]),
        ticket=rng.choice([None, None, "INC-7"]),
        since=rng.choice(moments),
        until=rng.choice(moments),
    )


def is_wanted(wanted, item):
    fields = {
        "planId": wanted.plan_id,
        "status": wanted.status,
        "executionType": wanted.execution_type,
        "ticket": wanted.ticket,
    }
    return (
        all(value is None or item.get(name) == value for name, value in fields.items())
        and (wanted.plan_ids is None or item["planId"] in wanted.plan_ids)
        and (wanted.may_list is None or wanted.may_list(item["planId"]))
        and (wanted.since or 0) <= item["submittedTime"] <= (wanted.until or math.inf)
    )


@pytest.mark.parametrize(
    "filters",
    [{}, {"ticket": "INC-7"}, {"execution_type": ExecutionType.DRILL}, {"plan_ids": set("abcdefghi")}],
)
def test_execution_is_listed_before_any_index_shows_it(store, recovery, table, monkeypatch, filters):
    monkeypatch.setattr(table, "index_rows", lambda *_, **__: iter(()))
    store.create_execution(recovery.new(ticket="INC-7", plan_id="c"))
    assert ids(store.listings.page(ExecutionFilter(**filters)).items) == ["e1"]


def test_tickets_that_start_alike_are_told_apart_however_long_they_are(store, recovery):
    for name in "ab":
        store.create_execution(recovery.new(name, ticket="\N{SNOWMAN}" * 2000 + name))
    assert ids(store.listings.page(ExecutionFilter(ticket="\N{SNOWMAN}" * 2000 + "a")).items) == ["a"]


def test_listing_records_are_in_no_index(store, recovery, table):
    store.create_execution(recovery.new(ticket="INC-7"))
    rows = [*table.index_rows("byPlan", "crm"), *table.index_rows("byStatus", "PENDING")]
    assert ids(rows) == ["e1", "e1"]


def test_small_page_reads_few_rows(listed, client, monkeypatch):
    limits = []
    query = client.query

    def recorded(**request):
        limits.append(request["Limit"])
        return query(**request)

    monkeypatch.setattr(client, "query", recorded)
    assert ids(listed.listings.page(ExecutionFilter(plan_id="crm"), limit=1).items) == ["e5"]
    assert limits == [3]


def test_pages_lose_no_execution_of_the_same_moment(table, recovery):
    frozen = ExecutionStore(table, lambda: 1_800_000_000.0)
    for name in "dbac":
        frozen.create_execution(recovery.new(name, waves=0))
    first = frozen.listings.page(limit=3)
    second = frozen.listings.page(limit=3, cursor=first.cursor)
    assert ids(first.items) + ids(second.items) == ["a", "b", "c", "d"]


def test_list_shows_no_plan_snapshots(listed):
    assert "planSnapshot" not in listed.listings.page().items[0]


def test_list_shows_what_is_true_now_when_the_index_lags(listed, table, monkeypatch):
    """The index still calls e2 POLLING."""
    rows = {status: list(table.index_rows("byStatus", status)) for status in ExecutionStatus}
    listed.waves.cancel(WaveRef("e2", 1), "cancelled")
    listed.ending.finalize("e2", ExecutionStatus.CANCELLED)
    monkeypatch.setattr(table, "index_rows", lambda index, value, *_, **__: iter(rows[value]))
    assert listed.listings.page(ExecutionFilter(status=ExecutionStatus.POLLING)).items == []
    everything = listed.listings.page().items
    assert {item["executionId"]: item["status"] for item in everything}["e2"] == "CANCELLED"


@pytest.mark.parametrize(
    "cursor",
    ["", "nonsense", "W10=", "eyJhIjoxfQ==", "WyJ4IiwieSJd", "ÿ", pytest.param("W1tb" * 5000, id="deep")],
)
def test_foreign_cursor_is_refused(store, cursor):
    with pytest.raises(StoreError, match="is not a cursor"):
        store.listings.page(cursor=cursor)


@pytest.fixture
def lagging_index():
    WORLD.faults.add({"kind": "lagging_index"})
    yield
    WORLD.faults.clear()


def test_an_execution_whose_status_changes_is_never_missing_among_the_live_ones(
    listed, recovery, lagging_index
):
    listed.waves.request(WaveRef("e3", 1))
    listed.create_execution(recovery.new("new", execution_type=ExecutionType.RECOVERY))
    assert ids(listed.listings.live()) == ["new", "e4", "e3", "e2"]
    assert ids(listed.listings.live(ExecutionType.RECOVERY)) == ["new", "e2"]
    listed.waves.cancel(WaveRef("e3", 1), "cancelled")
    listed.ending.finalize("e3", ExecutionStatus.CANCELLED)
    assert ids(listed.listings.live()) == ["new", "e4", "e2"]


def test_an_execution_that_is_reopened_lives_again_at_once(recovery, store, lagging_index):
    recovery.open(waves=1).start()
    store.waves.fail(WaveRef("e1", 1), "failed")
    store.ending.finalize("e1", ExecutionStatus.FAILED)
    assert store.listings.live() == []
    store.retries.begin(WaveRef("e1", 1), "ann", asked_by=7)
    assert ids(store.listings.live()) == ["e1"]


def test_a_live_execution_of_an_earlier_release_is_found_by_the_index(listed, table):
    for execution_id in ("e2", "e3", "e4"):
        table.transact([Delete(live_key(execution_id))])
    assert ids(listed.listings.live()) == ["e4", "e3", "e2"]
    assert ids(listed.listings.live(ExecutionType.RECOVERY)) == ["e2"]


def test_live_executions_of_all_plans_are_found(listed):
    assert ids(listed.listings.live()) == ["e4", "e3", "e2"]
    listed.ending.finalize("e3", ExecutionStatus.CANCELLED)
    assert ids(listed.listings.live()) == ["e4", "e2"]


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
    store.get_servers(WaveRef("e1", 1))
    store.listings.page()
    store.listings.page(ExecutionFilter(ticket="INC-7"))
    store.get_executions(["e1"])
    store.listings.live()
