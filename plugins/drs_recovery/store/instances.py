"""
Which jobs may have left instances, target by target, and what became of those.

Each job that launches has a record in the partition of housekeeping until all of its instances are seen to be
gone. By these a launch finds what it replaces, and housekeeping what to compare with DRS and EC2: no search.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from drs_recovery.exceptions import StoreError
from drs_recovery.store.base import StoreBase
from drs_recovery.store.documents import compose
from drs_recovery.store.expressions import Action, Delete, Item, Put
from drs_recovery.store.facts import has_instances_left
from drs_recovery.store.first_forms import NewEvent, due_item
from drs_recovery.store.keys import END_OF_RANGE, HOUSEKEEPING, LAUNCH_PREFIX, due_key
from drs_recovery.store.launches import (
    InstancesSeen,
    compared,
    launch_key_of,
    launch_of,
    launch_put,
    replaced,
    target_of,
)
from drs_recovery.store.records import Launch
from drs_recovery.store.rules import termination_time
from drs_recovery.store.transaction import (
    execution_update,
    in_transactions,
    record_update,
    retried_on_conflict,
)

log = logging.getLogger(__name__)


class Instances(StoreBase):
    """Launches of which something may be left, and marks of what is not."""

    def launches(self, target: str | None = None) -> list[Launch]:
        """
        Every job whose instances were not all seen to be gone.

        :param target: account and Region, such as ``123456789012:us-east-1``; None for all.
        """
        first = LAUNCH_PREFIX if target is None else f"{LAUNCH_PREFIX}{target}#"
        return [launch_of(item) for item in self.table.query(HOUSEKEEPING, first, first + END_OF_RANGE)]

    def forget_launch(self, launch: Launch) -> None:
        """Take a job off the list: nothing of it is left."""
        self.table.transact([Delete(launch_key_of(launch))])

    def mark_replaced(self, launch: Launch) -> None:
        """
        Mark the instances that a launch replaces: DRS ends all earlier ones of its servers.

        A launch that is recorded late can itself have been replaced. Trouble with another execution's record
        is survived: housekeeping sees what became of its instances.
        """
        for other in self.launches(launch.target):
            shared = set(launch.server_ids).intersection(other.server_ids)
            if other.execution_id == launch.execution_id or not shared:
                continue
            earlier, later = sorted((launch, other), key=lambda one: (one.created, one.job_id))
            try:
                self._replace(earlier, later.execution_id, shared)
            except StoreError as error:
                log.warning("execution %s: not marked as replaced: %s", earlier.execution_id, error)

    @retried_on_conflict
    def _replace(self, launch: Launch, by: str, server_ids: set[str]) -> None:
        execution, waves, servers, _ = self._read_all(launch.execution_id)
        changes = {
            server["recordKey"]: found
            for server in servers
            if server["waveNumber"] == launch.wave_number and server["sourceServerId"] in server_ids
            if (found := replaced(server, launch.job_id, by))
        }
        if changes:
            names = sorted(s["sourceServerId"] for s in servers if s["recordKey"] in changes)
            event = NewEvent("INSTANCES_REPLACED", {"wave": launch.wave_number, "servers": names, "by": by})
            self._write_marks(execution, waves, servers, changes, {}, event)

    @retried_on_conflict
    def record_seen(self, execution_id: str, seen: InstancesSeen) -> bool:
        """
        Record what AWS says of the instances of an execution that has ended, and when that was asked.

        :return: False if the execution lives, so that nothing is recorded.
        """
        execution, waves, servers, _ = self._read_all(execution_id)
        if not execution["status"].is_final:
            return False
        now = self._now()
        changes = {server["recordKey"]: found for server in servers if (found := compared(server, seen, now))}
        checked = {"instancesCheckedTime": now} if seen.is_all else {}
        if not (changes or checked):
            return True
        self._write_marks(execution, waves, servers, changes, checked, _seen_event(execution, seen))
        return True

    def tell_unchecked(self, execution_id: str, reason: str) -> bool:
        """
        Record why instances of an execution cannot be compared with AWS until the cause is fixed, once.

        :return: False if that is on record already.
        """
        event = NewEvent("INSTANCES_NOT_CHECKED", {"reason": reason}, HOUSEKEEPING)
        return self._tell_once(execution_id, event, of="reason")

    def _write_marks(
        self,
        execution: Item,
        waves: Sequence[Item],
        servers: Sequence[Item],
        changes: Mapping[str, Item],
        execution_changes: Item,
        event: NewEvent | None,
    ) -> None:
        """Write what is true of instances together with what that makes of their execution."""
        after = [_after(server, changes.get(server["recordKey"], {})) for server in servers]
        more, due = _consequences(execution, compose(execution, waves, after))
        updates = [record_update(s, changes[s["recordKey"]]) for s in servers if s["recordKey"] in changes]
        *earlier, last = in_transactions(updates) if updates else [()]
        for part in earlier:
            self.table.transact(part)
        update = execution_update(execution, self._now(), {**execution_changes, **more})
        if event is None:
            self.table.transact([update, *last, *due])
        else:
            # A launch of any installation replaces instances, and AWS says the same to all.
            self._commit(event, [update, *last, *due], by_anybody=True)

    def late_launch(self, execution: Item, server: Item, instance: Mapping[str, str]) -> Put:
        """The record of a job that has an instance after all."""
        launch = Launch(
            execution_id=execution["executionId"],
            wave_number=server["waveNumber"],
            job_id=instance["jobId"],
            target=target_of(instance.get("accountId") or server["connection"], server["region"]),
            server_ids=(server["sourceServerId"],),
            created=float(execution.get("startTime") or execution["submittedTime"]),
        )
        known = self.table.get(launch_key_of(launch))
        if known is None:
            return launch_put(launch)
        servers = sorted({*known["servers"], *launch.server_ids})
        return Put({**known, "servers": servers})


def _after(server: Item, changes: Item) -> Item:
    return {name: value for name, value in {**server, **changes}.items() if value is not None}


def _seen_event(execution: Item, seen: InstancesSeen) -> NewEvent | None:
    asked_for = {one for job in execution.get("terminateJobs", []) for one in job["instances"]}
    if surprises := sorted(set(seen.gone) - asked_for):
        return NewEvent("INSTANCES_GONE", {"instances": surprises}, HOUSEKEEPING)
    if seen.still_running:
        return NewEvent("INSTANCES_STILL_RUN", {"instances": sorted(seen.still_running)}, HOUSEKEEPING)
    return None


def _consequences(execution: Item, after: Mapping[str, Any]) -> tuple[Item, list[Action]]:
    """Changes of an ended execution by the instances that are left, and of when those are due."""
    if not execution["status"].is_final:
        return {}, []
    execution_id, due = execution["executionId"], execution.get("terminateAfter")
    if not has_instances_left(after):
        return {"instancesLeft": False}, [] if due is None else [Delete(due_key(execution_id, due))]
    if execution.get("instancesLeft") and not execution["instancesTerminated"]:
        return {}, []
    due = termination_time(after, execution["endTime"]) if due is None else due
    changes = {
        "instancesLeft": True,
        "instancesTerminated": False,
        "terminatedTime": None,
        "terminateAfter": due,
    }
    return changes, [] if due is None else [Put(due_item(execution_id, due))]
