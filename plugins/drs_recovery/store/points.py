"""Which recovery snapshot each server is launched from, in the execution store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from drs_recovery.store.base import StoreBase
from drs_recovery.store.documents import public
from drs_recovery.store.expressions import Put
from drs_recovery.store.first_forms import ENGINE, NewEvent
from drs_recovery.store.keys import plan_points_key
from drs_recovery.store.progress import ServerChange
from drs_recovery.store.rules import EXECUTION_SUBJECT, demand_live
from drs_recovery.store.transaction import (
    execution_growth,
    execution_update,
    in_transactions,
    record_update,
    retried_on_conflict,
)

if TYPE_CHECKING:
    from drs_recovery.store.expressions import Item, Update
    from drs_recovery.store.point_types import PlanPoints
    from drs_recovery.store.records import ChosenPoint


class Points(StoreBase):
    """The points in time of an execution's servers."""

    @retried_on_conflict
    def choose(self, execution_id: str, points: Mapping[str, ChosenPoint], actor: str | None = None) -> None:
        """
        Record what servers are launched from, before their jobs are started; what is on record already stays.

        :param points: by source server id.
        :param actor: who chose it, if a person did.
        :raises TransitionRefusedError: the execution has ended.
        """
        execution, _, servers, _ = self._read_all(execution_id)
        changes = [
            ServerChange(server, changed)
            for server in servers
            if (point := points.get(server["sourceServerId"])) and (changed := _changes(server, point))
        ]
        if not changes:
            return
        demand_live(execution, EXECUTION_SUBJECT, "given points in time")
        *earlier, last = in_transactions(changes)
        for part in earlier:
            self.table.transact([execution_growth(execution, self._now(), {}, {}), *_updates(part)])
        event = NewEvent("POINTS_IN_TIME_CHOSEN", _detail(changes), actor or ENGINE)
        self._commit(event, [execution_update(execution, self._now(), {}), *_updates(last)])

    def note_plan(self, plan_id: str, points: PlanPoints, read_by: str) -> None:
        """
        Record which times a plan can be recovered to; a later look replaces it.

        :param read_by: id of the execution that looked.
        """
        key = plan_points_key(plan_id)
        item = {**key.attributes, **points, "readTime": self._now(), "readBy": read_by}
        self.table.transact([Put(item)])

    def of_plan(self, plan_id: str) -> PlanPoints | None:
        """The times that a plan can be recovered to, as they were read last; None if nobody has looked."""
        item = self.table.get(plan_points_key(plan_id))
        if item is None:
            return None
        shown = {name: value for name, value in public(item).items() if name != "executionId"}
        return cast("PlanPoints", shown)


def _updates(changes: Sequence[ServerChange]) -> list[Update]:
    return [record_update(change.stored, change.changes) for change in changes]


def _changes(server: Item, point: ChosenPoint) -> Item:
    """Fields that differ; the latest data is no snapshot yet."""
    wanted = {
        "requestedPointInTime": point.wish,
        "recoverySnapshotId": point.snapshot and point.snapshot.snapshot_id,
        "recoverySnapshotTime": point.snapshot and point.snapshot.time,
        "pointInTime": point.snapshot and point.snapshot.time,
    }
    return {name: value for name, value in wanted.items() if server.get(name) != value}


def _detail(changes: Sequence[ServerChange]) -> Item:
    times = [change.after["pointInTime"] for change in changes if change.after.get("pointInTime")]
    return {
        "servers": sorted(change.stored["sourceServerId"] for change in changes),
        "oldest": min(times, default=None),
        "newest": max(times, default=None),
    }
