"""
What will happen to one server of a launch job, written down when the job starts.

The times of the phases were recorded in real drills: two Linux servers in 8 min 53 s, two Windows servers in
23 min 56 s. All times are simulated seconds after StartRecovery.
"""

from __future__ import annotations

from collections.abc import Mapping
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

    :param server_id: the source server.
    :param pace: durations for its operating system.
    :param waits: how much later than the first its conversion starts.
    :param cleans_up: an earlier recovery instance has to go first.
    :param snapshot_given: launched from a stored snapshot rather than from the latest data.
    :param takes_snapshot: its replication lets a new snapshot be taken.
    :param has_data: its first sync has ended.
    :param skips_conversion: its recovery mode is FAST.
    :param actions: post-launch actions to run.
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
