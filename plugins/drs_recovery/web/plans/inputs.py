"""What the views of plans are made from, beside the plan files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Record = Mapping[str, Any]


class PlanKind(StrEnum):
    """What became of a plan's file; NO_FILE is of a plan that only Airflow knows."""

    GOOD = "GOOD"
    BROKEN = "BROKEN"
    NO_FILE = "NO_FILE"


@dataclass(frozen=True)
class PlanPast:
    """
    The executions of a plan that its card shows, as EXECUTION records.

    :param live: those that have not ended, newest first.
    :param last_drill: the newest drill that has ended, however it ended; no dry run.
    :param last_good_drill: the newest that :func:`~drs_recovery.store.drills.is_good_drill` accepts.
    :param last_recovery: the newest real recovery that has ended; no dry run.
    :param looked_back: how many executions were looked at, if there are older ones; None if all were.
    """

    live: tuple[Record, ...] = ()
    last_drill: Record | None = None
    last_good_drill: Record | None = None
    last_recovery: Record | None = None
    looked_back: int | None = None

    @property
    def where(self) -> str:
        """What was looked at, if it was not all: a thing that is not found there may be older."""
        return "" if self.looked_back is None else f"among its last {self.looked_back} executions"
