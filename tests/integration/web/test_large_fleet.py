"""The page of an execution of 500 servers: what it asks of the store, and what an update transfers."""

from __future__ import annotations

from uuid import UUID

import pytest

from benchmarks.made_executions import fleet, write
from drs_recovery.store.executions import ExecutionStore
from sandbox.testing import Sandbox
from tests.iam_policies import preparing_table
from tests.integration.web.conftest import Console

PAGE = f"/executions/{UUID(int=1)}"

# Bytes of an update at most, without compression.
MOST = 100_000


@pytest.fixture(params=[1, 10], ids=["one wave", "ten waves"])
def large(request: pytest.FixtureRequest, console: Console, store: ExecutionStore) -> Console:
    write(preparing_table(store.table), fleet(500, request.param))
    return console


@pytest.mark.parametrize("query", ["", "?wave=1", "?q=host"])
def test_an_update_transfers_less_than_100_kb(large: Console, query: str) -> None:
    page = large.get(PAGE + query, html=True)

    assert page.status_code == 200
    assert "500 servers" in page.text or "host-01-" in page.text
    assert len(page.content) < MOST


def test_an_update_without_a_change_transfers_nothing(large: Console) -> None:
    tag = large.get(PAGE, html=True).headers["ETag"]
    again = large.get(PAGE, html=True, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_the_page_reads_the_store_with_few_calls(large: Console, sandbox: Sandbox) -> None:
    before = len(sandbox.calls("dynamodb"))
    large.get(PAGE, html=True)
    operations = [call["operation"] for call in sandbox.calls("dynamodb")[before:]]
    # Whether a real recovery lives is looked up on every page: by its list, and once for each live status.
    looks = ["Query"] * 5 + ["BatchGetItem"]
    assert sorted(operations) == sorted(["GetItem", "GetItem", "Query", "Query", *looks])
