"""The current plans, as processes that have their files last saw them, for readers that have none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from drs_recovery.exceptions import StoreConflictError
from drs_recovery.store.base import StoreBase
from drs_recovery.store.expressions import Condition, Delete, Put
from drs_recovery.store.keys import END_OF_RANGE, PLANS, START_OF_RANGE, plan_key, plan_row_key
from drs_recovery.store.records import SeenPlan
from drs_recovery.store.values import compressed, uncompressed

# Seconds. A plan that did not change is written again that seldom: only to say that its file is still there.
_REFRESH = 3600.0

# Seconds for which nobody saw the file of a plan before it counts as deleted: while a release is rolled out,
# not every worker has all files.
_GONE = 24 * 3600.0

_NOT_NEWER = "attribute_not_exists(recordKey) OR #seenTime <= :seen"


class Plans(StoreBase):
    """The PLAN record of each current plan, and the rows that list them."""

    def hashes(self) -> dict[str, str]:
        """Read the hash of each current plan, by its id."""
        return {plan_id: row["planHash"] for plan_id, row in self._rows().items()}

    def get(self, plan_ids: Collection[str]) -> dict[str, SeenPlan]:
        """Read plans, by id, without those of which there is no record."""
        items = self.table.get_many([plan_key(plan_id) for plan_id in plan_ids])
        return {item["planId"]: _seen_plan(item) for item in items}

    def record(self, plans: Sequence[SeenPlan]) -> list[str]:
        """
        Record plans as they are now, and forget those whose files nobody has seen for a day.

        :param plans: every plan that the caller has a file of. Of none at all, nothing is forgotten: then the
            caller lacks the folder.
        :return: ids of the plans whose record changed.
        """
        rows, now = self._rows(), self._now()
        due = [plan for plan in plans if _is_due(rows.get(plan.plan_id), plan, now)]
        changed = [plan.plan_id for plan in due if self.record_one(plan)]
        here = {plan.plan_id for plan in plans}
        for plan_id, row in rows.items():
            if here and plan_id not in here and row["seenTime"] < now - _GONE:
                changed.append(plan_id)
                self._forget(plan_id, row["seenTime"])
        return changed

    def record_one(self, plan: SeenPlan) -> bool:
        """
        Record one plan as it is now.

        :return: False if a later look at it was recorded first.
        """
        now = self._now()
        row = {"planId": plan.plan_id, "planHash": plan.plan_hash, "seenTime": now}
        not_newer = Condition(_NOT_NEWER, {"seen": now})
        record = {**plan_key(plan.plan_id).attributes, **row, **_content(plan)}
        try:
            self.table.transact(
                [
                    Put(record, not_newer),
                    Put({**plan_row_key(plan.plan_id).attributes, **row}),
                ]
            )
        except StoreConflictError:
            return False
        return True

    def _rows(self) -> dict[str, Mapping[str, Any]]:
        found = self.table.query(PLANS, START_OF_RANGE, END_OF_RANGE)
        return {row["planId"]: row for row in found}

    def _forget(self, plan_id: str, seen: float) -> None:
        """
        Take a plan off the list, unless somebody has seen its file in this very moment.

        Its record stays: nobody may delete in the partition of the plan, where its lock is.
        """
        as_read = Condition(_NOT_NEWER, {"seen": seen})
        try:
            self.table.transact([Delete(plan_row_key(plan_id), as_read)])
        except StoreConflictError:
            return


def _is_due(row: Mapping[str, Any] | None, plan: SeenPlan, now: float) -> bool:
    return row is None or row["planHash"] != plan.plan_hash or row["seenTime"] < now - _REFRESH


def _content(plan: SeenPlan) -> dict[str, Any]:
    problems = [{"file": file, "place": place, "message": message} for file, place, message in plan.problems]
    content = {"file": plan.file, "problems": problems}
    return content if plan.document is None else {**content, "document": compressed(plan.document)}


def _seen_plan(item: Mapping[str, Any]) -> SeenPlan:
    return SeenPlan(
        plan_id=item["planId"],
        plan_hash=item["planHash"],
        file=item["file"],
        document=uncompressed(item["document"]) if "document" in item else None,
        problems=tuple((one["file"], one["place"], one["message"]) for one in item["problems"]),
    )
