"""Points in time of a source server: which snapshots its policy has taken and kept, and those of launches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.drs.api import Document, Reading
from sandbox.drs.course import stable_digest
from sandbox.fields import is_count

_UNIT_SECONDS = {"MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}


@dataclass(frozen=True)
class PitRule:
    """
    One rule of a policy: how often a snapshot is taken, and for how long it is kept.

    :param units: of both numbers: ``MINUTE``, ``HOUR`` or ``DAY``.
    """

    units: str
    interval: int
    retention: int
    enabled: bool = True

    @property
    def spacing(self) -> int:
        """Seconds between two snapshots."""
        return self.interval * _UNIT_SECONDS[self.units]

    @property
    def reach(self) -> int:
        """Seconds for which a snapshot is kept."""
        return self.retention * _UNIT_SECONDS[self.units]

    def document(self, number: int) -> Document:
        """As GetReplicationConfiguration shows it."""
        return {
            "ruleID": number,
            "units": self.units,
            "interval": self.interval,
            "retentionDuration": self.retention,
            "enabled": self.enabled,
        }


PitPolicy = tuple[PitRule, ...]

# A policy has three rules, says the model; these are the service's own until somebody changes them.
DEFAULT_POLICY: PitPolicy = (PitRule("MINUTE", 10, 60), PitRule("HOUR", 1, 24), PitRule("DAY", 1, 7))


def is_policy(value: Any) -> bool:
    """Whether a description of a policy is one: three rules as the model has them."""
    return isinstance(value, list) and len(value) == len(DEFAULT_POLICY) and all(map(_is_rule, value))


def _is_rule(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and {"units", "interval", "retentionDuration"} <= set(value) <= {*_RULE_KEYS}
        and value["units"] in _UNIT_SECONDS
        and is_count(value["interval"])
        and is_count(value["retentionDuration"])
        and isinstance(value.get("enabled", True), bool)
    )


_RULE_KEYS = ("ruleID", "units", "interval", "retentionDuration", "enabled")


def policy_from(described: list[Mapping[str, Any]] | None) -> PitPolicy:
    """The policy that a description gives; the service's own where there is none."""
    if described is None:
        return DEFAULT_POLICY
    return tuple(
        PitRule(rule["units"], rule["interval"], rule["retentionDuration"], rule.get("enabled", True))
        for rule in described
    )


@dataclass(frozen=True)
class OnDemand:
    """
    A snapshot that a launch takes for itself.

    :param due: simulated second in which it is taken.
    :param taken_at: time of its data, UTC.
    """

    snapshot_id: str
    due: float
    taken_at: datetime


@dataclass(frozen=True)
class Snapshot:
    """A point in time of one server."""

    snapshot_id: str
    server_id: str
    taken_at: datetime

    def document(self, reading: Reading) -> Document:
        """As DescribeRecoverySnapshots shows it."""
        stamp = reading.stamp_wall(self.taken_at)
        volume = "snap-" + stable_digest(self.snapshot_id)[:17]
        return {
            "snapshotID": self.snapshot_id,
            "sourceServerID": self.server_id,
            "expectedTimestamp": stamp,
            "timestamp": stamp,
            "ebsSnapshots": [volume],
        }


@dataclass
class Snapshots:
    """
    The points in time of one server.

    :param on_demand: the snapshots that launches have taken, and will.
    """

    server_id: str
    policy: PitPolicy = DEFAULT_POLICY
    on_demand: list[OnDemand] = field(default_factory=list)

    def kept(self, lag: timedelta, reading: Reading) -> list[Snapshot]:
        """
        Those that are there, newest first.

        :param lag: how far the replication is behind: it ends the row of snapshots that long ago.
        """
        newest = reading.age - lag.total_seconds()
        moments = {moment for rule in self.policy for moment in _moments(rule, newest, reading.age)}
        aged = [*((moment, self._scheduled(moment, reading)) for moment in moments), *self._launched(reading)]
        # By age: all that a jump of the clock passed over has the same wall time.
        kept = [one for _, one in sorted(aged, key=lambda pair: pair[0], reverse=True)]
        gone = {fault["snapshot"] for fault in reading.faults("snapshots_gone", server=self.server_id)}
        return [] if None in gone else [one for one in kept if one.snapshot_id not in gone]

    def _scheduled(self, moment: int, reading: Reading) -> Snapshot:
        snapshot_id = "pit-" + stable_digest(self.server_id, str(moment))[:17]
        return Snapshot(snapshot_id, self.server_id, reading.dated(moment))

    def _launched(self, reading: Reading) -> Iterator[tuple[float, Snapshot]]:
        """Those of launches with their ages, kept like those of the most frequent rule: AWS does not say."""
        kept_for = min((rule.reach for rule in self.policy if rule.enabled), default=0)
        for one in self.on_demand:
            age = reading.age_at(one.due)
            if one.due <= reading.elapsed and age > reading.age - kept_for:
                yield age, Snapshot(one.snapshot_id, self.server_id, one.taken_at)


def _moments(rule: PitRule, newest: float, now: float) -> Iterator[int]:
    """When a rule took the snapshots that it still keeps, in seconds of the age of the world."""
    if rule.enabled:
        first = int(now - rule.reach) // rule.spacing + 1
        for tick in range(first, int(newest) // rule.spacing + 1):
            yield tick * rule.spacing
