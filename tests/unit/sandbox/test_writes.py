"""Writes are metered as DynamoDB bills them: by the kilobyte, twice in a transaction, and for each index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.testing import Sandbox, mocked_sandbox, running_sandbox
from sandbox.world import World
from tests.unit.sandbox.conftest import client

TABLE: dict[str, Any] = {
    "TableName": "records",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("id", "key", "color")
    ],
    "KeySchema": [
        {"AttributeName": "id", "KeyType": "HASH"},
        {"AttributeName": "key", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "byColor",
            "KeySchema": [
                {"AttributeName": "color", "KeyType": "HASH"},
                {"AttributeName": "key", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note"]},
        }
    ],
}


class Records:
    """A table, and what its writes cost."""

    def __init__(self, world: World) -> None:
        self.meter, self.dynamodb = world.writes, client("dynamodb")
        self.dynamodb.create_table(**TABLE)

    def put(self, **texts: str) -> int:
        return self.cost(lambda: self.dynamodb.put_item(TableName="records", Item=_item(texts)))

    def set(self, name: str, value: str) -> int:
        return self.cost(lambda: self.dynamodb.update_item(**_setting(name, value)))

    def transact(self, *actions: dict[str, Any]) -> int:
        return self.cost(lambda: self.dynamodb.transact_write_items(TransactItems=list(actions)))

    def cost(self, call: Callable[[], object]) -> int:
        before = self.total("units")
        call()
        return self.total("units") - before

    def total(self, what: str) -> int:
        return self.meter.report().get("a", {}).get(what, 0)


@pytest.fixture
def records() -> Iterator[Records]:
    with mocked_sandbox() as world:
        yield Records(world)


def _item(texts: dict[str, str]) -> dict[str, Any]:
    return {name: {"S": text} for name, text in {"id": "a", "key": "1", **texts}.items()}


def _setting(name: str, value: str) -> dict[str, Any]:
    return {
        "TableName": "records",
        "Key": _item({}),
        "UpdateExpression": "SET #name = :value",
        "ExpressionAttributeNames": {"#name": name},
        "ExpressionAttributeValues": {":value": {"S": value}},
    }


def test_a_begun_kilobyte_is_a_unit(records: Records) -> None:
    assert records.put(text="x" * 900) == 1
    assert records.put(text="x" * 1100) == 2


def test_the_larger_of_the_item_before_and_after_counts(records: Records) -> None:
    records.put(text="x" * 3000)

    assert records.set("text", "short") == 3
    assert records.set("text", "shorter") == 1


def test_a_transaction_costs_twice_as_much(records: Records) -> None:
    puts = [{"Put": {"TableName": "records", "Item": _item({"key": key})}} for key in ("1", "2")]

    assert records.transact(*puts) == 4


def test_an_index_pays_for_its_own_entry(records: Records) -> None:
    assert records.put(color="red", note="x" * 1500) == 2 + 2
    assert records.set("text", "not in the index") == 2
    assert records.set("note", "changed") == 2 + 2
    # The entry is deleted in one place and put in another.
    assert records.set("color", "green") == 1 + 2


def test_an_item_leaves_its_bytes_behind_and_takes_them_away(records: Records) -> None:
    records.put(text="x" * 2000)
    stored = records.total("stored")
    records.dynamodb.delete_item(TableName="records", Key=_item({}))

    assert 2000 < stored < 2030
    assert (records.total("stored"), records.total("largest")) == (0, stored)
    assert records.total("writes") == 2


def test_a_refused_write_is_none_and_one_that_is_undone_stores_nothing(records: Records) -> None:
    refused = {
        "TableName": "records",
        "Item": _item({"key": "9"}),
        "ConditionExpression": "attribute_exists(id)",
    }

    with pytest.raises(ClientError):
        records.dynamodb.put_item(**refused)
    assert records.total("writes") == 0
    with pytest.raises(ClientError):
        records.transact({"Put": {"TableName": "records", "Item": _item({})}}, {"Put": refused})
    assert (records.total("writes"), records.total("stored")) == (1, 0)


def test_an_update_of_a_new_item_is_one_write(records: Records) -> None:
    records.set("text", "new")

    assert (records.total("writes"), records.total("units")) == (1, 1)


def test_writes_are_told_by_partition_and_can_be_forgotten() -> None:
    with running_sandbox(seed=False) as sandbox:
        _put_one(sandbox)
        assert sandbox.writes() == {"a": {"writes": 1, "units": 1, "stored": 7, "largest": 7}}
        sandbox.control("DELETE", "/writes")
        assert sandbox.writes() == {}


def _put_one(sandbox: Sandbox) -> None:
    dynamodb = sandbox.client("dynamodb")
    dynamodb.create_table(**TABLE)
    dynamodb.put_item(TableName="records", Item=_item({}))
