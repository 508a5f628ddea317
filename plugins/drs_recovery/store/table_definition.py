"""Definition and creation of the table of executions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.exceptions import StoreError
from drs_recovery.store.table import INDEX_PARTITIONS, retry_transient

# Attributes that lists of executions need. All change seldom: an attribute that a poll writes would make
# every poll pay for the indexes too.
_INDEXED_SUMMARY = (
    "planId",
    "planName",
    "executionType",
    "isDrill",
    "status",
    "dagId",
    "dagRunId",
    "initiatedBy",
    "ticket",
    "startTime",
    "endTime",
    "duration",
    "totalWaves",
    "completedWaves",
    "instancesTerminated",
    "terminateAfter",
)


def table_definition(name: str) -> dict[str, Any]:
    """Give the arguments of CreateTable."""
    attributes = {"executionId": "S", "recordKey": "S", "planId": "S", "status": "S", "submittedTime": "N"}
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": attribute, "AttributeType": kind} for attribute, kind in attributes.items()
        ],
        "KeySchema": _key_schema("executionId", "recordKey"),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index,
                "KeySchema": _key_schema(partition, "submittedTime"),
                "Projection": {
                    "ProjectionType": "INCLUDE",
                    "NonKeyAttributes": [field for field in _INDEXED_SUMMARY if field != partition],
                },
            }
            for index, partition in INDEX_PARTITIONS.items()
        ],
    }


def _key_schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def create_table(client: Any, name: str) -> bool:
    """
    Make the table with point-in-time recovery and wait until it can be used; a table that is there stays.

    :returns: whether the table is new.
    :raises StoreError: a table of that name has other keys or lacks an index.
    """
    try:
        client.create_table(**table_definition(name))
        is_new = True
    except client.exceptions.ResourceInUseException:
        is_new = False
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 150})
    if not is_new:
        _demand_keys(client.describe_table(TableName=name)["Table"])
    retry_transient(lambda: _enable_point_in_time_recovery(client, name))
    return is_new


def _demand_keys(table: Mapping[str, Any]) -> None:
    wanted = table_definition(table["TableName"])
    if _key_schemas(table) | _key_schemas(wanted) != _key_schemas(table):
        raise StoreError(
            f"table {table['TableName']} exists and is not a table of executions: "
            f"its keys are {_key_schemas(table)}, expected {_key_schemas(wanted)}"
        )


def _key_schemas(table: Mapping[str, Any]) -> dict[str, list[str]]:
    """Name of the index (empty for the table itself) to its partition and sort attribute."""
    holders = [
        ("", table),
        *((index["IndexName"], index) for index in table.get("GlobalSecondaryIndexes", [])),
    ]
    return {name: [key["AttributeName"] for key in holder["KeySchema"]] for name, holder in holders}


def _enable_point_in_time_recovery(client: Any, name: str) -> None:
    state = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    if state.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED":
        return
    client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
