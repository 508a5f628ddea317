"""Ids of executions, and where each record lies in the table: partitions and record keys."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from drs_recovery.store.expressions import Key

if TYPE_CHECKING:
    from drs_recovery.statuses import ExecutionType
    from drs_recovery.store.refs import WaveRef

EXECUTION = "EXECUTION"

# The one sorts before every digit and letter that a record key starts with, the other after those and '#'.
START_OF_RANGE = "!"
END_OF_RANGE = "~"

HOUSEKEEPING = "housekeeping"
"""Partition of the records that say what lives and what is due; no execution has this id."""

LAUNCH_PREFIX = "LAUNCH#"
"""What the record keys of jobs that may have left instances start with, in the partition ``HOUSEKEEPING``."""

PLANS = "plans"
"""Partition with a row for each current plan; no execution has this id."""

LIVE_PREFIX = "LIVE#"
"""Start of the record keys of live executions, in the partition ``HOUSEKEEPING``."""

# What the trigger form lets in. DynamoDB takes 2048 bytes for a partition key.
_LONGEST_TICKET = 256

TERMINATING_DAG = "terminate_recovery_instances"
"""Terminates instances of executions of any plan."""


def execution_id(dag_id: str, run_id: str) -> str:
    """
    Id of the execution that a DAG run stands for: the same on every retry and in every process.

    :return: a UUIDv5 as text.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"airflow:{dag_id}/{run_id}"))


def execution_key(execution_id: str) -> Key:
    """Key of the EXECUTION record."""
    return Key(execution_id, EXECUTION)


def wave_key(ref: WaveRef) -> Key:
    """Key of a WAVE record."""
    return Key(ref.execution_id, f"WAVE#{ref.number:02d}")


def server_prefix(number: int) -> str:
    """Start of the record keys of a wave's servers."""
    return f"SERVER#{number:02d}#"


def step_prefix(number: int) -> str:
    """Start of the record keys of a wave's steps."""
    return f"STEP#{number:02d}#"


def step_key(execution_id: str, wave: int, side: str, number: int) -> Key:
    """Key of a STEP record."""
    return Key(execution_id, f"{step_prefix(wave)}{side}#{number:02d}")


def wave_of_step(record_key: str) -> int:
    """Number of the wave of a STEP record, by its key."""
    return int(record_key.split("#")[1])


def step_order(item: Mapping[str, Any]) -> tuple[int, bool, int]:
    """Sort key of steps: the order in which they run."""
    return item["waveNumber"], item["side"] == "after", item["stepNumber"]


def event_prefix(time: float) -> str:
    """Start of the record keys of events of one moment."""
    return f"EVENT#{sortable_time(time)}#"


def due_prefix(time: float) -> str:
    """Start of the record keys of terminations that are due at one moment."""
    return f"DUE#{sortable_time(time)}#"


def sortable_time(time: float) -> str:
    """A moment as record keys have it: in the order of time."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def key_of(item: Mapping[str, Any]) -> Key:
    """Key of a record that was read."""
    return Key(item["executionId"], item["recordKey"])


def due_key(execution_id: str, time: float) -> Key:
    """Key of the record of a due termination."""
    return Key(HOUSEKEEPING, due_prefix(time) + execution_id)


def plan_lock_key(plan_id: str) -> Key:
    """Key of the record that says which executions of a plan live."""
    return Key(f"plan:{plan_id}", "LOCK")


def plan_key(plan_id: str) -> Key:
    """Key of the record of a plan as it was last seen."""
    return Key(f"plan:{plan_id}", "PLAN")


def plan_row_key(plan_id: str) -> Key:
    """Key of a plan's row in the list of current plans."""
    return Key(PLANS, plan_id)


def plan_points_key(plan_id: str) -> Key:
    """Key of the record of the times that a plan can be recovered to."""
    return Key(f"points:{plan_id}", "POINTS")


def action_lock_key(execution_id: str) -> Key:
    """Key of the record that names the person who acts on an execution."""
    return Key(f"turn:{execution_id}", "TURN")


def event_order(item: Mapping[str, Any]) -> tuple[str, int]:
    """Sort key of events: their moment, then their number."""
    moment, _, number = item["recordKey"].rpartition("#")
    return moment, int(number)


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
    """Start of the record keys of executions that were submitted at one moment."""
    return f"{sortable_time(time)}#"


def listing_keys(execution: Mapping[str, Any]) -> list[Key]:
    """Keys of the listing records of an execution."""
    partitions = [type_partition(execution["executionType"])]
    if "ticket" in execution:
        partitions.append(ticket_partition(execution["ticket"]))
    name = listing_moment(execution["submittedTime"]) + execution["executionId"]
    return [Key(partition, name) for partition in partitions]


def live_key(execution_id: str) -> Key:
    """Key of the record that says that an execution lives."""
    return Key(HOUSEKEEPING, LIVE_PREFIX + execution_id)


def installation_key(name: str) -> Key:
    """Key of the record that claims the name of an Airflow installation."""
    return Key(f"installation:{name}", "INSTALLATION")


def unrecorded_key(execution_id: str) -> Key:
    """Key of the record that says of which instances without an execution people were told."""
    return Key(HOUSEKEEPING, f"UNRECORDED#{execution_id}")


def launch_key(target: str, execution_id: str, job_id: str) -> Key:
    """
    Key of the record of a job that may have left instances.

    :param target: account and Region, such as ``123456789012:us-east-1``.
    """
    return Key(HOUSEKEEPING, f"{LAUNCH_PREFIX}{target}#{execution_id}#{job_id}")
