"""Writes the course of a server: the usual story, bent by the faults that struck it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.drs.course import (
    CLEANUP_SECONDS,
    JOB_START_AFTER,
    POST_LAUNCH_SECONDS,
    ActionRun,
    Course,
    LaunchOrder,
    LogEntry,
)
from sandbox.faults import Values

_STRUCK_ACTION = {"name": "Validate application", "actionCode": "AWSDisasterRecovery-ValidateApplication"}


@dataclass(frozen=True)
class _PlannedRun:
    action: Mapping[str, Any]
    failure: str | None = None
    ends: bool = True


def write_course(order: LaunchOrder, strikes: Mapping[str, Values]) -> Course:
    """
    Write down what will happen to a server.

    :param order: what StartRecovery knows about it.
    :param strikes: faults that struck it, kind to values.
    """
    return _CourseWriter(order, strikes).write()


def stable_digest(*parts: str) -> str:
    """64 hexadecimal digits that are the same for the same parts, in every process."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()


def _uuid(*parts: str) -> str:
    return str(uuid.UUID(stable_digest(*parts)[:32]))


class _CourseWriter:
    def __init__(self, order: LaunchOrder, strikes: Mapping[str, Values]) -> None:
        self._order = order
        self._strikes = strikes
        self._now = JOB_START_AFTER
        self._log: list[LogEntry] = []
        self._statuses: list[tuple[float, str]] = [(0.0, "PENDING")]
        self._snapshot_at: float | None = None
        self._cleaned_at: float | None = None
        self._launched_at: float | None = None
        # No two servers take the same time; up to 5 % less than the recorded durations.
        self._factor = 0.95 + 0.05 * int(stable_digest(order.server_id)[:4], 16) / 0xFFFF

    def write(self) -> Course:
        steps: tuple[Callable[[], bool], ...] = (
            self._begin, self._clean_up, self._snapshot, self._convert, self._launch,
        )  # fmt: skip
        for step in steps:
            if not step():
                break
        runs = self._post_launch()
        return Course(
            server_id=self._order.server_id,
            log=tuple(self._log),
            statuses=tuple(self._statuses),
            ended_at=self._now,
            snapshot_at=self._snapshot_at,
            cleaned_at=self._cleaned_at,
            launched_at=self._launched_at,
            runs=runs,
            strikes=self._strikes,
        )

    def _begin(self) -> bool:
        if "skipped" in self._strikes:
            return self._fail("SERVER_SKIPPED")
        return True

    def _clean_up(self) -> bool:
        strike = self._strikes.get("cleanup_failed")
        if not self._order.cleans_up and strike is None:
            return True
        self._note("CLEANUP_START")
        self._now += CLEANUP_SECONDS
        if strike is not None:
            return self._fail("CLEANUP_FAIL", rawError=strike["raw_error"])
        self._cleaned_at = self._now
        self._note("CLEANUP_END")
        return True

    def _snapshot(self) -> bool:
        if self._order.snapshot_given:
            self._snapshot_at = self._now
            return self._goes_on_after_snapshot()
        if "previous_snapshot" in self._strikes or not self._order.takes_snapshot:
            return self._use_previous_snapshot()
        self._note("SNAPSHOT_START")
        self._now += self._order.pace.snapshot
        if "snapshot_failed" in self._strikes:
            return self._fail("SNAPSHOT_FAIL", rawError=self._strikes["snapshot_failed"]["raw_error"])
        if not self._order.has_data:
            return self._fail("SNAPSHOT_FAIL", rawError="The initial sync has not finished.")
        self._note("SNAPSHOT_END")
        self._snapshot_at = self._now
        return self._goes_on_after_snapshot()

    def _use_previous_snapshot(self) -> bool:
        self._note("USING_PREVIOUS_SNAPSHOT")
        if self._strikes.get("previous_snapshot", {}).get("failed"):
            return self._fail("USING_PREVIOUS_SNAPSHOT_FAILED")
        return self._goes_on_after_snapshot()

    def _goes_on_after_snapshot(self) -> bool:
        if "silent_no_launch" in self._strikes:
            self._now += self._order.pace.idle_gap
            self._statuses.append((self._now, "FAILED"))
            return False
        return "stays_pending" not in self._strikes

    def _convert(self) -> bool:
        self._now += self._order.pace.idle_gap + self._order.waits
        if self._order.skips_conversion or "fast_mode" in self._strikes:
            return True
        converter = "i-" + stable_digest(self._order.server_id, "conversion")[:17]
        self._note("CONVERSION_START", conversionServerID=converter)
        self._now += self._order.pace.conversion * self._factor
        if "conversion_failed" in self._strikes:
            return self._fail("CONVERSION_FAIL", rawError=self._strikes["conversion_failed"]["raw_error"])
        self._note("CONVERSION_END", conversionServerID=converter)
        return True

    def _launch(self) -> bool:
        self._note("LAUNCH_START")
        odd = self._strikes.get("unknown_launch_status")
        self._statuses.append((self._now, odd["status"] if odd else "IN_PROGRESS"))
        self._now += self._order.pace.launch * self._factor
        self._now += self._strikes.get("slow_launch", {"seconds": 0})["seconds"]
        strike = self._strikes.get("launch_failed")
        if strike is not None:
            self._now += strike["seconds"]
            return self._fail("LAUNCH_FAILED", rawError=strike["raw_error"])
        self._note("LAUNCH_END")
        self._launched_at = self._now
        ended = self._strikes.get("failed_after_launch")
        if ended is not None:
            self._statuses.append((self._now, ended["status"]))
            return False
        if not (odd and odd["forever"]):
            self._statuses.append((self._now, "LAUNCHED"))
        return True

    def _post_launch(self) -> tuple[ActionRun, ...]:
        if self._launched_at is None or "failed_after_launch" in self._strikes:
            return ()
        plans = [*(_PlannedRun(action) for action in self._order.actions), *self._struck_runs()]
        return tuple(
            self._run(plan, index, POST_LAUNCH_SECONDS / len(plans)) for index, plan in enumerate(plans)
        )

    def _struck_runs(self) -> Iterator[_PlannedRun]:
        failed, forever = (self._strikes.get(kind) for kind in ("post_launch_failed", "post_launch_forever"))
        if failed is not None:
            yield _PlannedRun({**_STRUCK_ACTION, "optional": failed["optional"]}, failure=failed["reason"])
        if forever is not None:
            yield _PlannedRun({**_STRUCK_ACTION, "optional": forever["optional"]}, ends=False)

    def _run(self, plan: _PlannedRun, index: int, seconds: float) -> ActionRun:
        started = self._now
        self._now += seconds
        action = {
            "actionId": _uuid(self._order.server_id, "action", str(index)),
            "type": "SSM_COMMAND",
            "active": True,
            "order": 1001 + index,
            "actionVersion": "1",
            "optional": False,
            "parameters": {},
            "category": "VALIDATION",
            **plan.action,
        }
        run_id = _uuid(self._order.server_id, "run", str(index))
        return ActionRun(action, run_id, started, self._now if plan.ends else None, plan.failure)

    def _note(self, event: str, **data: Any) -> None:
        self._log.append(LogEntry(self._now, event, {"sourceServerID": self._order.server_id, **data}))

    def _fail(self, event: str, **data: Any) -> bool:
        self._note(event, **data)
        self._statuses.append((self._now, "FAILED"))
        return False
