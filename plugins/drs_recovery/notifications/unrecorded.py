"""
Tells people of instances whose execution has no record: the table was lost, or is not the one.

No record could hold what was told: that is kept with what is housekeeping's. What reached nobody is told by
its next run.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from drs_recovery.notifications.channels import metric_channels, notifier_channels, send_all
from drs_recovery.notifications.messages import Notice, plain_notice
from drs_recovery.notifications.metrics import Measurement
from drs_recovery.recorded_plans import read_plans
from drs_recovery.statuses import ExecutionType

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionStore

INSTANCES_UNRECORDED = "INSTANCES_UNRECORDED"
METRIC = "UnrecordedInstances"

# What a message says in place of what only a record knows.
_UNKNOWN = "UNKNOWN"

log = logging.getLogger(__name__)


@dataclass
class Unrecorded:
    """
    Instances of one execution that has no record.

    :param plan_id: the same; empty if there is no such tag.
    """

    execution_id: str
    plan_id: str
    is_drill: bool
    instances: dict[str, str] = field(default_factory=dict)

    @property
    def execution_type(self) -> str:
        """As records have it."""
        return ExecutionType.DRILL if self.is_drill else ExecutionType.RECOVERY


def tell_unrecorded(store: ExecutionStore, found: Iterable[Unrecorded]) -> None:
    """
    Measure what was found, and tell of each instance once.

    :param store: where it is kept what was told.
    """
    plans = read_plans(store).plans
    for one in found:
        told = store.notifications.told_instances(one.execution_id)
        contexts = [] if one.instances.keys() <= told else [_context(store, one)]
        messages = list(notifier_channels(plans.get(one.plan_id), contexts)) if contexts else []
        channels = [*messages, *metric_channels(_measured(one), INSTANCES_UNRECORDED)]
        send_all(channels)
        for channel in channels:
            for key, error in channel.failures():
                log.warning("execution %s: %s: %s: %s", one.execution_id, channel.name, key, error)
        if any(channel.done for channel in messages):
            store.notifications.record_told_instances(one.execution_id, {*told, *one.instances})


def _measured(one: Unrecorded) -> Sequence[Measurement]:
    if not one.plan_id:
        return ()
    count = float(len(one.instances))
    return [Measurement(METRIC, count, "Count", time.time(), one.plan_id, one.execution_type)]


def _context(store: ExecutionStore, one: Unrecorded) -> dict[str, Any]:
    execution = {"executionId": one.execution_id, "planId": one.plan_id, "executionType": one.execution_type}
    return {"notice": _notice(store, one), "execution": execution, "wave": None}


def _notice(store: ExecutionStore, one: Unrecorded) -> Notice:
    headline = f"NO RECORD: {one.execution_type} instances of {one.plan_id or 'an unknown plan'}"
    attributes = {
        "event": INSTANCES_UNRECORDED,
        "planId": one.plan_id or _UNKNOWN,
        "executionType": one.execution_type,
        "status": _UNKNOWN,
        "executionId": one.execution_id,
    }
    # What is new makes another message, also for a topic that drops what it had before.
    key = f"{INSTANCES_UNRECORDED}#{len(one.instances)}#{max(one.instances)}"
    return plain_notice(key, headline, list(_lines(store, one)), attributes)


def _lines(store: ExecutionStore, one: Unrecorded) -> Iterator[str]:
    yield (
        f"{len(one.instances)} instances run and cost money, and the execution that launched them is not in "
        f"the table {store.table.table_name}: its records were lost or replaced, or another Airflow, with "
        "another table, has launched them."
    )
    yield "They are not touched. Check them in DRS:"
    yield from (f"- {name} in {where}" for name, where in sorted(one.instances.items()))
    yield ""
    yield f"Execution: {one.execution_id}"
