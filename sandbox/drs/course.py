"""
What will happen to one server of a launch job: written down when the job starts, and bent by faults.

The times of the phases were recorded in real drills: two Linux servers in 8 min 53 s, two Windows servers in
23 min 56 s. All times are simulated seconds after StartRecovery.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.faults import Values

JOB_START_AFTER = 0.4
# Not recorded anywhere; long enough that a poller sees it at the usual intervals.
CLEANUP_SECONDS = 30.0
# A real recovery with post-launch actions took ten minutes longer than a drill of the same servers without.
POST_LAUNCH_SECONDS = 600.0
COURSE_FAULTS = frozenset(
    {
        "launch_failed", "conversion_failed", "snapshot_failed", "cleanup_failed", "previous_snapshot",
        "skipped", "silent_no_launch", "stays_pending", "slow_launch", "fast_mode", "unknown_launch_status",
        "post_launch_failed", "post_launch_forever", "no_recovery_instance_id", "lagging_recovery_instances",
        "stopped_instance", "vanished_instance", "instance_not_found", "failed_after_launch",
        "no_launch_status", "no_ec2_instance_id", "died_instance", "ipv6_only",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Pace:
    """How long each phase takes, in simulated seconds."""

    snapshot: float
    idle_gap: float
    conversion: float
    launch: float
    wrap_up: float


PACES = {
    "linux": Pace(snapshot=1.0, idle_gap=52.0, conversion=198.0, launch=278.0, wrap_up=3.6),
    "windows": Pace(snapshot=3.0, idle_gap=194.0, conversion=840.0, launch=345.0, wrap_up=53.6),
}


@dataclass(frozen=True)
class LogEntry:
    """One line of the job log; ``at`` is in simulated seconds after StartRecovery."""

    at: float
    event: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class ActionRun:
    """One post-launch action; ``ended_at`` None never ends."""

    action: Mapping[str, Any]
    run_id: str
    started_at: float
    ended_at: float | None
    failure: str | None = None

    def document(self, offset: float) -> dict[str, Any]:
        """As DescribeJobs shows it at a moment."""
        document = {"action": dict(self.action), "runId": self.run_id, "status": "IN_PROGRESS"}
        if self.ended_at is not None and offset >= self.ended_at:
            document["status"] = "FAILED" if self.failure else "SUCCEEDED"
            if self.failure:
                document["failureReason"] = self.failure
        return document


@dataclass(frozen=True)
class LaunchOrder:
    """
    What StartRecovery knows about one server.

    :param waits: how much later than the first its conversion starts.
    :param cleans_up: an earlier recovery instance has to go first.
    :param has_data: its first sync has ended.
    """

    server_id: str
    pace: Pace
    waits: float = 0.0
    cleans_up: bool = False
    snapshot_given: bool = False
    takes_snapshot: bool = True
    has_data: bool = True
    skips_conversion: bool = False
    actions: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Course:
    """The whole story of one server in one job."""

    server_id: str
    log: tuple[LogEntry, ...]
    statuses: tuple[tuple[float, str], ...]
    ended_at: float
    snapshot_at: float | None = None
    cleaned_at: float | None = None
    launched_at: float | None = None
    runs: tuple[ActionRun, ...] = ()
    strikes: Mapping[str, Values] = field(default_factory=dict)

    def status(self, offset: float) -> str:
        """``launchStatus`` at a moment."""
        return next(status for since, status in reversed(self.statuses) if offset >= since)

    def cancelled(self, at: float) -> Course:
        """The same course when the job is cancelled at a moment; what was launched by then stays."""
        if self.ended_at <= at:
            return self
        launched = self.launched_at is not None and self.launched_at <= at
        statuses = tuple(entry for entry in self.statuses if entry[0] <= at)
        return replace(
            self,
            log=tuple(entry for entry in self.log if entry.at <= at),
            statuses=statuses if launched else (*statuses, (at, "FAILED")),
            ended_at=at,
            launched_at=self.launched_at if launched else None,
            cleaned_at=self.cleaned_at if self.cleaned_at is not None and self.cleaned_at <= at else None,
            runs=(),
        )


_STRUCK_ACTION = {"name": "Validate application", "actionCode": "AWSDisasterRecovery-ValidateApplication"}


@dataclass(frozen=True)
class _PlannedRun:
    action: Mapping[str, Any]
    failure: str | None = None
    ends: bool = True


def write_course(order: LaunchOrder, strikes: Mapping[str, Values]) -> Course:
    """Write down what will happen to a server."""
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
