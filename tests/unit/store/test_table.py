"""The table: values, retries, lost races, creation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from drs_recovery.exceptions import StoreConflictError, StoreError
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store import table
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.expressions import Check, Condition, Key, Put, Update, decode, encode
from drs_recovery.store.records import ExecutionFilter
from drs_recovery.store.table import ExecutionsTable
from drs_recovery.store.table_definition import create_table, table_definition
from sandbox.testing import Sandbox, running_sandbox

IS_NEW = Condition("attribute_not_exists(recordKey)")
A, B = Key("e1", "A"), Key("e1", "B")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A server, whose faults need HTTP."""
    with running_sandbox(seed=False) as running:
        yield running


@pytest.fixture(scope="module")
def new_client(sandbox):
    return lambda: sandbox.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture(autouse=True)
def _no_faults(sandbox):
    yield
    sandbox.clear_faults()


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch):
    monkeypatch.setattr(table, "wait_random_exponential", lambda **limits: lambda attempt: 0.0)


def put(key: Key, **attributes) -> Put:
    return Put({**key.attributes, **attributes}, IS_NEW)


@pytest.mark.parametrize(
    ("value", "typed"),
    [
        ("text", {"S": "text"}),
        ("", {"S": ""}),
        (ExecutionStatus.PAUSED, {"S": "PAUSED"}),
        (True, {"BOOL": True}),
        (None, {"NULL": True}),
        (b"bytes", {"B": b"bytes"}),
        (7, {"N": "7"}),
        (1_800_000_000.125, {"N": "1800000000.125"}),
        (-0.5, {"N": "-0.5"}),
        (["a", 1, []], {"L": [{"S": "a"}, {"N": "1"}, {"L": []}]}),
        (("a",), {"L": [{"S": "a"}]}),
        ({"a": {"b": False}}, {"M": {"a": {"M": {"b": {"BOOL": False}}}}}),
    ],
)
def test_values_are_written_in_dynamodbs_notation_and_read_back(value, typed):
    assert encode({"x": value}) == {"x": typed}
    read = decode({"x": typed})["x"]
    assert read == (list(value) if isinstance(value, tuple) else value)


def test_numbers_come_back_as_int_or_float(table):
    table.transact([put(A, whole=3, part=2.5, big=1_800_000_000, huge=1e25, tiny=1e-7)])
    item = table.get(A)
    numbers = {name: item[name] for name in ("whole", "part", "big", "huge", "tiny")}
    assert numbers == {"whole": 3, "part": 2.5, "big": 1_800_000_000, "huge": 1e25, "tiny": 1e-7}
    assert [type(number) for number in numbers.values()][:3] == [int, float, int]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_dynamodb_does_not_have_are_refused(value):
    with pytest.raises(ValueError, match="DynamoDB has no number"):
        encode({"x": value})


@pytest.mark.parametrize("value", [bytearray(b"bytes"), {1, 2}, object()])
def test_values_without_a_place_in_the_store_are_refused(value):
    with pytest.raises(TypeError, match="the store cannot hold"):
        encode({"x": value})


def test_types_that_the_store_never_writes_are_not_guessed():
    with pytest.raises(TypeError, match="does not use the DynamoDB type SS"):
        decode({"x": {"SS": ["a"]}})


def test_update_sets_removes_and_adds(table):
    table.transact([put(A, status="OLD", gone=1, progress={"ready": 1, "failed": 2})])
    exists = Condition("#status = :old", {"old": "OLD"})
    table.transact(
        [Update(A, exists, {"status": "NEW", "gone": None}, {"progress.ready": 2, "progress.failed": -1})]
    )
    assert table.get(A) == {**A.attributes, "status": "NEW", "progress": {"ready": 3, "failed": 1}}


def test_transaction_is_carried_out_whole_or_not_at_all(table):
    table.transact([put(A)])
    with pytest.raises(StoreConflictError) as caught:
        table.transact([put(B), put(A, replaced=True)])
    assert caught.value.record_keys == ("A",)
    assert (table.get(A), table.get(B)) == (A.attributes, None)


def test_check_guards_a_transaction_without_a_write(table):
    with pytest.raises(StoreConflictError, match="other writers changed A at the same time"):
        table.transact([Check(A, Condition("attribute_exists(recordKey)")), put(B)])
    assert table.get(B) is None


def test_put_without_a_condition_replaces(table):
    table.transact([put(A, old=1)])
    table.transact([Put({**A.attributes, "new": 2})])
    assert table.get(A) == {**A.attributes, "new": 2}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "error", "status": 400, "code": "ThrottlingException"},
        {"kind": "error", "status": 400, "code": "ProvisionedThroughputExceededException"},
        {"kind": "error", "status": 400, "code": "TransactionInProgressException"},
        {"kind": "error", "status": 500, "code": "InternalServerError"},
        {"kind": "error", "status": 503, "code": "ServiceUnavailable"},
        {"kind": "reset"},
    ],
)
def test_passing_faults_are_survived(sandbox, table, fault):
    for operation in ("TransactWriteItems", "TransactGetItems", "GetItem", "BatchGetItem", "Query"):
        sandbox.add_fault(**fault, service="dynamodb", operation=operation, times=3)
    table.transact([put(A, x=1)])
    item = {**A.attributes, "x": 1}
    assert table.get(A) == item
    assert table.get_together([A, B]) == [item, None]
    assert table.get_many([B, A]) == [item]
    assert table.query("e1", "A", "B") == [item]


def test_fault_that_does_not_pass_is_raised_in_the_end(sandbox, table):
    sandbox.add_fault(
        "error", service="dynamodb", operation="GetItem", status=500, code="InternalServerError"
    )
    before = len(sandbox.calls("dynamodb", "GetItem"))
    with pytest.raises(ClientError, match="InternalServerError"):
        table.get(A)
    assert len(sandbox.calls("dynamodb", "GetItem")) - before == 6


@pytest.mark.parametrize(("patience", "requests"), [(0.0, 1), (60.0, 6)])
def test_who_has_no_patience_is_not_kept_waiting_by_a_table_that_does_not_answer(
    monkeypatch, patience, requests
):
    class Silent:
        asked = 0

        def get_item(self, **request):
            self.asked += 1
            raise ReadTimeoutError(endpoint_url="http://table")

    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    client = Silent()
    with pytest.raises(ReadTimeoutError):
        ExecutionsTable(client, "t", patience).get(A)
    assert client.asked == requests


def test_answer_that_a_retry_cannot_change_is_raised_at_once(client):
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        ExecutionsTable(client, "no-such-table").get(A)


def test_retried_write_carries_the_same_token(sandbox, client, table, monkeypatch):
    """DynamoDB then knows a write that it carried out, although its answer was lost."""
    tokens = []
    write = client.transact_write_items

    def remember(**request):
        tokens.append(request["ClientRequestToken"])
        return write(**request)

    monkeypatch.setattr(client, "transact_write_items", remember)
    sandbox.add_fault("reset", service="dynamodb", operation="TransactWriteItems", times=2)
    table.transact([put(A)])
    table.transact([put(B)])
    assert len(tokens) == 4
    assert len(set(tokens)) == 2


class Cancelling:
    """A client whose transactions are cancelled for given reasons."""

    def __init__(self, *codes):
        self.codes = codes

    def transact_write_items(self, **request):
        reasons = [{"Code": code} for code in self.codes]
        error = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
        raise ClientError(error, "TransactWriteItems")


@pytest.mark.parametrize(
    "code",
    ["ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"],
)
def test_lost_race_names_the_records(code):
    with pytest.raises(StoreConflictError) as caught:
        ExecutionsTable(Cancelling("None", code), "t").transact([put(A), put(B)])
    assert caught.value.record_keys == ("B",)


@pytest.mark.parametrize(
    "codes", [("ValidationError", "None"), ("ConditionalCheckFailed", "ValidationError"), ()]
)
def test_request_that_is_wrong_in_itself_is_no_race(codes):
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        ExecutionsTable(Cancelling(*codes), "t").transact([put(A), put(B)])


def test_keys_left_unanswered_are_asked_for_again(table, client, monkeypatch):
    table.transact([put(A), put(B)])
    read, asked = client.batch_get_item, []

    def answer_one(RequestItems):  # noqa: N803  # boto3's name
        (name, content), *_ = RequestItems.items()
        first, *rest = content["Keys"]
        asked.append(len(content["Keys"]))
        answer = read(RequestItems={name: {**content, "Keys": [first]}})
        return {**answer, "UnprocessedKeys": {name: {**content, "Keys": rest}} if rest else {}}

    monkeypatch.setattr(client, "batch_get_item", answer_one)
    assert table.get_many([A, B]) == [A.attributes, B.attributes]
    assert asked == [2, 1]
    assert table.get_many([]) == []


def test_created_table_is_as_the_store_needs_it(client):
    assert create_table(client, "created") is True
    table = client.describe_table(TableName="created")["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is False
    keys = {index["IndexName"]: index["KeySchema"] for index in table["GlobalSecondaryIndexes"]}
    assert {name: [key["AttributeName"] for key in schema] for name, schema in keys.items()} == {
        "byPlan": ["planId", "submittedTime"],
        "byStatus": ["status", "submittedTime"],
    }
    backups = client.describe_continuous_backups(TableName="created")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_creating_a_table_twice_keeps_it(client):
    create_table(client, "kept")
    table = ExecutionsTable(client, "kept")
    table.transact([put(A)])
    assert create_table(client, "kept") is False
    assert table.get(A) == A.attributes


def test_table_of_something_else_is_not_taken_over(client):
    definition = table_definition("orders")
    del definition["GlobalSecondaryIndexes"]
    definition["AttributeDefinitions"] = definition["AttributeDefinitions"][:2]
    client.create_table(**definition)
    with pytest.raises(StoreError, match="table orders exists and is not a table of executions"):
        create_table(client, "orders")


def test_only_execution_records_are_indexed(store, recovery, table):
    recovery.open().complete()
    for index, value in (("byPlan", "crm"), ("byStatus", "POLLING")):
        assert [row["recordKey"] for row in table.index_rows(index, value)] == ["EXECUTION"]


def test_index_with_other_projections_serves_lists_too(client, recovery):
    """A table made by others may index keys alone."""
    definition = table_definition("keys-only")
    for index in definition["GlobalSecondaryIndexes"]:
        index["Projection"] = {"ProjectionType": "KEYS_ONLY"}
    client.create_table(**definition)
    store = ExecutionStore(ExecutionsTable(client, "keys-only"))
    store.create_execution(recovery.new())
    assert [item["planName"] for item in store.listings.page(ExecutionFilter(plan_id="crm")).items] == ["CRM"]
    assert [item["status"] for item in store.listings.live()] == ["PENDING"]
