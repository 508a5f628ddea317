"""The sandbox's DynamoDB answers as moto's does; only how long that takes differs."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.serialize import SERVICE_SPECIFIC_SERIALIZERS
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from sandbox.dynamodb.table import IndexedTable
from sandbox.testing import mocked_sandbox
from sandbox.world import WORLD
from tests.unit.sandbox.conftest import client

INDEXES = {
    None: ("id", "key"),
    "byColor": ("color", "at"),
    "byShade": ("shade", "at"),
    "bySize": ("id", "size"),
}
COLORS, SHADES, IDS = ("red", "green", "blue"), ("dark", "light"), ("a", "b")
KEYS = [f"{kind}#{number}" for kind in ("SERVER", "WAVE") for number in range(9)]
DEFINITION: dict[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in {"id": "S", "key": "S", "color": "S", "shade": "S", "at": "N", "size": "N"}.items()
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
                {"AttributeName": "at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note", "nested", "raw"]},
        },
        {
            "IndexName": "byShade",
            "KeySchema": [
                {"AttributeName": "shade", "KeyType": "HASH"},
                {"AttributeName": "at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        },
    ],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "bySize",
            "KeySchema": [
                {"AttributeName": "id", "KeyType": "HASH"},
                {"AttributeName": "size", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}


class Twins:
    """Two tables that get the same calls: the sandbox's and moto's own. Both must answer the same."""

    def __init__(self) -> None:
        self._client = client("dynamodb")
        backend = dynamodb_backends["123456789012"]["us-east-1"]
        self._client.create_table(TableName="indexed", **copy.deepcopy(DEFINITION))
        indexed = backend.get_table("indexed")
        backend.tables["plain"] = Table(
            "plain",
            account_id=indexed.account_id,
            region=indexed.region_name,
            schema=indexed.schema,
            attr=indexed.attr,
            indexes=copy.deepcopy(DEFINITION["LocalSecondaryIndexes"]),
            global_indexes=copy.deepcopy(DEFINITION["GlobalSecondaryIndexes"]),
        )
        assert isinstance(indexed, IndexedTable)
        assert not isinstance(backend.get_table("plain"), IndexedTable)

    def call(self, operation: str, **request: Any) -> Any:
        """Make a call of a single table to both."""
        return self._same(lambda table: getattr(self._client, operation)(TableName=table, **request))

    def transact(self, *actions: tuple[str, dict[str, Any]]) -> Any:
        """Carry out a transaction on both."""

        def of(table: str) -> list[dict[str, Any]]:
            return [{kind: {"TableName": table, **action}} for kind, action in actions]

        return self._same(lambda table: self._client.transact_write_items(TransactItems=of(table)))

    def everything(self) -> list[Any]:
        """All items, and all rows of each index."""
        return [self.call("scan", **({"IndexName": index} if index else {}))["Items"] for index in INDEXES]

    def _same(self, ask: Any) -> Any:
        indexed, plain = (_answer(lambda table=table: ask(table)) for table in ("indexed", "plain"))
        assert indexed == plain
        return indexed


def _answer(ask: Any) -> Any:
    try:
        answer = ask()
    except ClientError as error:
        answer = error.response
    named_by_table = ("ResponseMetadata", "ConsumedCapacity", "TableDescription")
    return {name: value for name, value in answer.items() if name not in named_by_table}


@pytest.fixture
def twins() -> Iterator[Twins]:
    with mocked_sandbox(seed=False):
        yield Twins()


class Chance:
    """Random items, writes and queries."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def key(self) -> dict[str, Any]:
        return {"id": {"S": self._random.choice(IDS)}, "key": {"S": self._random.choice(KEYS)}}

    def item(self) -> dict[str, Any]:
        """Some attributes are missing, so that it is not in each index; numbers are few: there are ties."""
        some = {
            "color": {"S": self._random.choice(COLORS)},
            "shade": {"S": self._random.choice(SHADES)},
            "at": self._number(),
            "size": self._number(),
            "note": {"S": self._random.choice(["", "ä note", "x" * 300])},
            "nested": {"M": {"list": {"L": [{"N": "1"}, {"NULL": True}, {"BOOL": False}]}}},
            "raw": {"B": b"\x00\xff"},
            "tags": {"SS": ["one"]},
        }
        return {**self.key(), **{name: value for name, value in some.items() if self._random.random() < 0.8}}

    def write(self, twins: Twins) -> None:
        """One of all kinds of writes, or a transaction of some, which may fail half-way."""
        kind = self._random.choice(["put_item", "update_item", "delete_item", "transaction"])
        match kind:
            case "put_item":
                twins.call("put_item", Item=self.item())
            case "delete_item":
                twins.call("delete_item", Key=self.key())
            case "update_item":
                twins.call("update_item", **self._update())
            case _:
                twins.transact(*(self._action() for _ in range(self._random.randint(1, 4))))

    def query(self, twins: Twins) -> None:
        """A query with all its pages, and one from a place that may be gone."""
        request = self._query()
        twins.call("query", **request, ExclusiveStartKey=self._any_end(request.get("IndexName")))
        while True:
            answer = twins.call("query", **request)
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _number(self) -> dict[str, str]:
        return {"N": self._random.choice(["-3", "0", "1.5", "2", "10", "10.0", "11"])}

    def _update(self) -> dict[str, Any]:
        expression = self._random.choice(
            [
                "SET #c = :c, note = :c",
                "REMOVE #c",
                "SET #a = :n",
                "ADD #a :n",
                "REMOVE #a SET shade = :c",
                "SET id = :c",
            ]
        )
        names = {"#c": "color", "#a": "at"}
        values = {":c": {"S": self._random.choice(COLORS)}, ":n": self._number()}
        return {
            "Key": self.key(),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": {name: value for name, value in names.items() if name in expression},
            "ExpressionAttributeValues": {name: value for name, value in values.items() if name in expression}
            or {":unused": {"S": ""}},
        }

    def _action(self) -> tuple[str, dict[str, Any]]:
        condition = {
            "ConditionExpression": self._random.choice(["attribute_exists(id)", "attribute_not_exists(id)"])
        }
        some = condition if self._random.random() < 0.4 else {}
        return self._random.choice(
            [
                ("Put", {"Item": self.item(), **some}),
                ("Update", {**self._update(), **some}),
                ("Delete", {"Key": self.key(), **some}),
                ("ConditionCheck", {"Key": self.key(), **condition}),
            ]
        )

    def _query(self) -> dict[str, Any]:
        index = self._random.choice(list(INDEXES))
        partition, order = INDEXES[index]
        condition, values = self._condition(is_text=order == "key")
        request = {
            "KeyConditionExpression": f"#p = :p{condition}",
            "ExpressionAttributeNames": {"#p": partition, **({"#o": order} if condition else {})},
            "ExpressionAttributeValues": {":p": self._partition(partition), **values},
            "ScanIndexForward": self._random.random() < 0.5,
            "ConsistentRead": self._random.random() < 0.2,
        }
        if index:
            request["IndexName"] = index
        if self._random.random() < 0.7:
            request["Limit"] = self._random.randint(1, 6)
        if self._random.random() < 0.3:
            request["FilterExpression"] = "attribute_exists(note)"
        if self._random.random() < 0.3:
            request["ProjectionExpression"] = "note, nested.list[0]"
        return request

    def _partition(self, name: str) -> dict[str, str]:
        choices = {"id": IDS, "color": COLORS, "shade": SHADES}[name]
        return {"S": self._random.choice([*choices, "nobody's"])}

    def _condition(self, *, is_text: bool) -> tuple[str, dict[str, Any]]:
        value = (lambda: {"S": self._random.choice(KEYS)}) if is_text else self._number
        kinds = ["", "=", "<", "<=", ">", ">=", "BETWEEN"] + (["begins_with"] if is_text else [])
        match self._random.choice(kinds):
            case "":
                return "", {}
            case "BETWEEN":
                return " AND #o BETWEEN :v AND :w", {":v": value(), ":w": value()}
            case "begins_with":
                return " AND begins_with(#o, :v)", {
                    ":v": {"S": self._random.choice(["SERVER#", "WAVE#1", "X"])}
                }
            case comparison:
                return f" AND #o {comparison} :v", {":v": value()}

    def _any_end(self, index: str | None) -> dict[str, Any]:
        names = {"id", "key", *INDEXES[index]}
        whole = {
            **self.key(),
            "color": self._partition("color"),
            "shade": self._partition("shade"),
            "at": self._number(),
            "size": self._number(),
        }
        return {name: value for name, value in whole.items() if name in names}


@pytest.mark.parametrize("seed", range(2))
def test_after_any_writes_any_query_has_the_answer_that_moto_gives(twins: Twins, seed: int) -> None:
    chance = Chance(seed)
    for _ in range(12):
        for _ in range(10):
            chance.write(twins)
        for _ in range(8):
            chance.query(twins)
    assert twins.everything()[0]


def test_a_page_ends_where_moto_ends_it_when_it_is_full(twins: Twins) -> None:
    for number in range(8):
        twins.call(
            "put_item", Item={"id": {"S": "a"}, "key": {"S": f"{number}"}, "note": {"S": "x" * 200_000}}
        )
    condition = {
        "KeyConditionExpression": "id = :id AND #key < :last",
        "ExpressionAttributeNames": {"#key": "key"},
    }

    pages = [
        twins.call("query", **condition, ExpressionAttributeValues={":id": {"S": "a"}, ":last": {"S": last}})
        for last in ("8", "5", "4", "3")
    ]

    assert [("LastEvaluatedKey" in page, page["Count"]) for page in pages] == [
        (True, 4),
        (True, 4),
        (True, 4),
        (False, 3),
    ]


def test_an_item_that_dynamodb_would_refuse_is_found_as_with_moto(twins: Twins) -> None:
    twins.call(
        "put_item", Item={"id": {"S": "a"}, "key": {"S": "1"}, "color": {"S": "red"}, "at": {"S": "text"}}
    )
    twins.call("put_item", Item={"id": {"S": "a"}, "key": {"S": "2"}, "color": {"N": "1"}, "at": {"N": "1"}})

    answer = twins.call(
        "query",
        IndexName="byColor",
        KeyConditionExpression="color = :color",
        ExpressionAttributeValues={":color": {"S": "red"}},
    )

    assert answer["Count"] == 1


def test_the_older_kind_of_filter_is_left_to_moto(twins: Twins) -> None:
    for number in range(4):
        twins.call("put_item", Item={"id": {"S": "a"}, "key": {"S": f"{number}"}, "size": {"N": f"{number}"}})

    answer = twins.call(
        "query",
        KeyConditions={"id": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}},
        QueryFilter={"size": {"ComparisonOperator": "GT", "AttributeValueList": [{"N": "1"}]}},
    )

    assert answer["Count"] == 2


def test_an_index_that_is_made_anew_with_other_attributes_shows_those(twins: Twins) -> None:
    chance = Chance(1)
    for _ in range(20):
        twins.call("put_item", Item=chance.item())
    by_color = {"IndexName": "byColor", "ExpressionAttributeValues": {":value": {"S": "dark"}}}
    twins.call("query", **by_color, KeyConditionExpression="color = :value")
    schema = [{"AttributeName": "shade", "KeyType": "HASH"}, {"AttributeName": "size", "KeyType": "RANGE"}]
    new = {"IndexName": "byColor", "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}}

    for change in ({"Delete": {"IndexName": "byColor"}}, {"Create": new}):
        twins.call("update_table", GlobalSecondaryIndexUpdates=[change])

    assert twins.call("query", **by_color, KeyConditionExpression="shade = :value")["Items"]


def test_a_backup_keeps_what_is_changed_later(twins: Twins) -> None:
    dynamodb = client("dynamodb")
    old = {"id": {"S": "a"}, "key": {"S": "1"}, "note": {"S": "old"}}
    twins.call("put_item", Item=old)
    backup = dynamodb.create_backup(TableName="indexed", BackupName="before")["BackupDetails"]["BackupArn"]
    twins.call("put_item", Item={**old, "note": {"S": "new"}})

    dynamodb.restore_table_from_backup(TargetTableName="restored", BackupArn=backup)

    assert dynamodb.scan(TableName="restored")["Items"] == [old]


def test_a_failed_transaction_leaves_no_trace_in_a_table_with_a_stream(twins: Twins) -> None:
    dynamodb = client("dynamodb")
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    dynamodb.update_table(TableName="indexed", StreamSpecification=stream)
    put = {"TableName": "indexed", "Item": {"id": {"S": "a"}, "key": {"S": "1"}}}
    refused = {"TableName": "indexed", "Key": {"id": {"S": "b"}, "key": {"S": "1"}}}
    check = {**refused, "ConditionExpression": "attribute_exists(id)"}

    with pytest.raises(ClientError, match="TransactionCanceled"):
        dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"ConditionCheck": check}])

    assert dynamodb.scan(TableName="indexed")["Items"] == []
    assert dynamodb_backends["123456789012"]["us-east-1"].get_table("indexed").stream_shard.items == []


def test_answers_are_written_as_moto_writes_them(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    item = {
        "id": {"S": "a"},
        "key": {"S": "ä"},
        "numbers": {"NS": ["1", "2.50"]},
        "raws": {"BS": [b"\x00", b"\xff"]},
        "raw": {"B": b"\x01"},
        "nothing": {"NULL": True},
        "empty": {"M": {}},
        "deep": {"L": [{"M": {"raw": {"B": b"\x02"}, "no": {"BOOL": False}, "text": {"S": ""}}}, {"L": []}]},
    }
    client("dynamodb").put_item(TableName="indexed", Item=item)
    key = {"id": item["id"], "key": item["key"]}
    quick = client("dynamodb").get_item(TableName="indexed", Key=key)

    monkeypatch.delitem(SERVICE_SPECIFIC_SERIALIZERS, "dynamodb")
    slow = client("dynamodb").get_item(TableName="indexed", Key=key)

    assert quick["Item"] == item
    checksums = {answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-crc32"] for answer in (quick, slow)}
    assert len(checksums) == 1


def test_items_that_change_while_an_index_lags_are_missing_in_it_until_it_has_caught_up() -> None:
    red = {"color": {"S": "red"}, "at": {"N": "1"}, "id": {"S": "a"}}
    asked = {
        "TableName": "lagging",
        "IndexName": "byColor",
        "KeyConditionExpression": "color = :color",
        "ExpressionAttributeValues": {":color": {"S": "red"}},
    }

    def shown() -> list[str]:
        return sorted(item["key"]["S"] for item in dynamodb.query(**asked)["Items"])

    with mocked_sandbox(seed=False):
        dynamodb = client("dynamodb")
        dynamodb.create_table(TableName="lagging", **copy.deepcopy(DEFINITION))
        for key in ("calm", "moved", "gone"):
            dynamodb.put_item(TableName="lagging", Item={**red, "key": {"S": key}})
        WORLD.faults.add({"kind": "lagging_index"})
        for key in ("moved", "new"):
            dynamodb.put_item(TableName="lagging", Item={**red, "key": {"S": key}, "note": {"S": "changed"}})
        dynamodb.delete_item(TableName="lagging", Key={"id": {"S": "a"}, "key": {"S": "gone"}})

        assert shown() == ["calm"]
        assert "Item" in dynamodb.get_item(TableName="lagging", Key={"id": {"S": "a"}, "key": {"S": "new"}})

        WORLD.faults.clear()
        assert shown() == ["calm", "moved", "new"]
