"""
The records by which lists find executions: small, and in the table itself, so that they lag behind nothing.

Those of a type and of a ticket are written when an execution opens, and never changed: what changes, such as
a status, is in the indexes. One more is there for as long as the execution lives: nothing may rest on an
index in which an execution can be missing while its status changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from drs_recovery.statuses import ExecutionType
from drs_recovery.store.documents import HOUSEKEEPING, sortable_time
from drs_recovery.store.expressions import Item, Key
from drs_recovery.store.records import NewExecution

# What the trigger form lets in. DynamoDB takes 2048 bytes for a partition key.
_LONGEST_TICKET = 256

LIVE_PREFIX = "LIVE#"
"""What the record keys of live executions start with, in the partition ``HOUSEKEEPING``."""


def type_partition(execution_type: ExecutionType) -> str:
    """Partition with the listing records of all executions of a type."""
    return f"type:{execution_type}"


def ticket_partition(ticket: str) -> str:
    """
    Partition with the listing records of the executions of a ticket.

    :param ticket: as it was given; of a longer one than DynamoDB takes, those that start alike share it.
    """
    return f"ticket:{ticket[:_LONGEST_TICKET]}"


def listing_moment(time: float) -> str:
    """
    What the record keys of executions start with that were submitted at one moment.

    :param time: epoch seconds.
    """
    return f"{sortable_time(time)}#"


def listing_items(new: NewExecution, now: float) -> list[Item]:
    """
    The listing records of a new execution.

    :param new: the execution.
    :param now: when it is submitted.
    """
    partitions = [type_partition(new.execution_type)]
    if new.ticket:
        partitions.append(ticket_partition(new.ticket))
    return [
        {
            "executionId": partition,
            "recordKey": listing_moment(now) + new.execution_id,
            "listedExecutionId": new.execution_id,
            "openedTime": now,
            "planId": new.plan_id,
            "executionType": new.execution_type,
        }
        for partition in partitions
    ]


def live_key(execution_id: str) -> Key:
    """Key of the record that says that an execution lives."""
    return Key(HOUSEKEEPING, LIVE_PREFIX + execution_id)


def live_item(execution: Mapping[str, object]) -> Item:
    """
    The record that says that an execution lives.

    :param execution: EXECUTION record.
    """
    names = ("planId", "executionType")
    return {
        **live_key(str(execution["executionId"])).attributes,
        "liveExecutionId": execution["executionId"],
        **{name: execution[name] for name in names},
    }


def listed_row(record: Mapping[str, object]) -> Item:
    """
    A listing record as a row of an index would be.

    :param record: as it was read.
    """
    return {
        "executionId": record["listedExecutionId"],
        "submittedTime": record["openedTime"],
        "planId": record["planId"],
        "executionType": record["executionType"],
    }
