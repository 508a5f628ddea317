"""
Every fault that the sandbox can play, as one table.

Four families, by when a fault is looked at:

* ``CALL``: at each AWS call over HTTP, of any service. Its times are real seconds.
* ``START``: when StartRecovery accepts a job; the job keeps it to its end. Its times are simulated seconds.
* ``RUN``: when Systems Manager or Lambda starts something, which keeps it to its end. Simulated seconds, too.
* ``READ``: at each DRS call, at AssumeRole, of DynamoDB's indexes, and at each request to an application, for
  as long as the fault stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sandbox.fields import (
    Field,
    anything,
    count,
    flag,
    is_count,
    is_number,
    one_of,
    outputs,
    seconds,
    seconds_or_text,
    text,
)

# Source: ``DataReplicationState`` in botocore's model.
REPLICATION_STATES = (
    "STOPPED", "INITIATING", "INITIAL_SYNC", "BACKLOG", "CREATING_SNAPSHOT",
    "CONTINUOUS", "PAUSED", "RESCAN", "STALLED", "DISCONNECTED",
)  # fmt: skip

CHECKS = ("ok", "impaired", "insufficient-data", "initializing")
CERTIFICATE_FLAWS = ("self_signed", "other_name", "expired")


class Family(StrEnum):
    """When a fault is looked at."""

    CALL = "call"
    START = "start"
    RUN = "run"
    READ = "read"


@dataclass(frozen=True)
class FaultKind:
    """
    One kind of fault.

    :param fields: its keys beside ``kind``, those of the family included.
    """

    name: str
    family: Family
    fields: Mapping[str, Field]


def _status(lowest: int, default: int | None = None) -> Field:
    def accepts(value: Any) -> bool:
        return is_count(value) and lowest <= value <= 599

    return Field(accepts, f"an HTTP status from {lowest} to 599", default, required=default is None)


def _rate() -> Field:
    return Field(lambda value: is_number(value) and value > 0, "calls a second, more than 0", required=True)


FAMILY_FIELDS: Mapping[Family, Mapping[str, Field]] = {
    Family.CALL: {
        "service": text(),
        "operation": text(),
        "region": text(),
        "after": Field(is_number, "how many calls to let pass first", 0),
        "every": count(1),
        "times": count(),
        "for_seconds": seconds(),
    },
    Family.START: {"server": text(), "region": text(), "times": count()},
    Family.RUN: {"region": text(), "times": count()},
    Family.READ: {"region": text()},
}

_OUT_OF_CAPACITY = (
    "InsufficientInstanceCapacity: There is not enough capacity in the Availability Zone you requested."
)
_OWN_FIELDS: Mapping[Family, Mapping[str, Mapping[str, Field]]] = {
    Family.CALL: {
        "error": {
            "status": _status(400),
            "code": text(required=True),
            "message": text("an error made by the sandbox"),
            "retry_after": seconds_or_text(),
        },
        "nonsense": {
            "status": _status(200, default=200),
            "body": text("<html><body>Your network asks you to log in.<br></body></html>"),
            "content_type": text("text/html"),
            "carried_out": flag(),
        },
        "throttle": {"per_second": _rate(), "retry_after": seconds_or_text()},
        "expired_token": {},
        "reset": {},
        "lost_answer": {"as": one_of("500", "reset", default="500")},
        "late_answer": {"seconds": seconds(required=True)},
        "delay": {"seconds": seconds(required=True)},
    },
    Family.START: {
        "launch_failed": {"raw_error": text(_OUT_OF_CAPACITY), "seconds": seconds(0)},
        "conversion_failed": {"raw_error": text("The conversion server did not answer.")},
        "snapshot_failed": {"raw_error": text("SnapshotCreationPerVolumeRateExceeded")},
        "cleanup_failed": {"raw_error": text("OperationNotPermitted: termination protection is on.")},
        "previous_snapshot": {"failed": flag()},
        "skipped": {},
        "silent_no_launch": {},
        "stays_pending": {},
        "slow_launch": {"seconds": seconds(600)},
        "fast_mode": {},
        "stuck_job": {},
        "job_cancel": {"seconds": seconds(100)},
        "unknown_event": {"event": text("SERVER_REHYDRATED"), "seconds": seconds(10)},
        "unknown_launch_status": {"status": text("QUEUED"), "forever": flag()},
        "no_recovery_instance_id": {},
        "lagging_recovery_instances": {"polls": count(), "seconds": seconds()},
        "unlisted_job": {"seconds": seconds()},
        "missing_participating_servers": {
            "form": one_of("missing", "empty", default="missing"),
            "seconds": seconds(10),
        },
        "missing_end_time": {},
        "failed_after_launch": {"status": one_of("FAILED", "TERMINATED", default="FAILED")},
        "no_launch_status": {},
        "no_ec2_instance_id": {},
        "stopped_instance": {},
        "died_instance": {
            "code": text("Client.VolumeLimitExceeded"),
            "message": text("Volume limit exceeded"),
        },
        "ipv6_only": {},
        "vanished_instance": {"seconds": seconds(0)},
        "instance_not_found": {"reads": count(2)},
        "post_launch_failed": {"optional": flag(), "reason": text("The SSM document ended with Failed")},
        "post_launch_forever": {"optional": flag()},
    },
    Family.RUN: {
        "automation_ends": {
            "document": text(), "status": text("Failed"), "message": text("Step failed."),
            "outputs": outputs(), "seconds": seconds(),
        },
        "automation_hangs": {"document": text(), "status": text("InProgress")},
        "command_ends": {
            "document": text(), "server": text(), "status": text("Failed"), "details": text(),
            "output": text(), "error_output": text(), "exit_code": count(1), "seconds": seconds(5),
        },
        "command_hangs": {"document": text(), "server": text()},
        "function_ends": {
            "function": text(), "error": one_of("Unhandled", "Handled", "none", default="Unhandled"),
            "message": text("The function failed."), "payload": anything(), "seconds": seconds(1),
        },
        "function_hangs": {"function": text()},
    },
    Family.READ: {
        "uninitialized": {},
        "extra_keys": {},
        "offset_timestamps": {},
        "page_size": {"operation": text(), "size": count(required=True)},
        "empty_page_with_token": {"operation": text()},
        "replication": {
            "server": text(), "state": one_of(*REPLICATION_STATES, required=True), "lag": text(),
        },
        "no_lag_duration": {"server": text()},
        "staging_error": {"server": text(), "message": text("The staging account denied access.")},
        "snapshot_without_timestamp": {"server": text()},
        "snapshots_gone": {"server": text(), "snapshot": text()},
        "failback": {"server": text(), "state": text("FAILBACK_IN_PROGRESS")},
        "terminate_without_job": {},
        "jobs_without_tags": {},
        "lagging_index": {},
        "native_execution": {
            "server": text(required=True), "plan": text("payroll"),
            "mode": one_of("DRILL", "RECOVERY", default="RECOVERY"),
        },
        "short_session": {"role": text(), "seconds": seconds(required=True), "told": seconds()},
        "ssm_agent": {"server": text(), "state": one_of("missing", "lost", default="missing")},
        "status_checks": {
            "server": text(), "system": one_of(*CHECKS, default="ok"),
            "instance": one_of(*CHECKS, default="impaired"), "ebs": one_of(*CHECKS, default="ok"),
        },
        "target_health": {
            "server": text(), "state": text("unhealthy"), "reason": text("Target.Timeout"),
            "description": text("Request timed out"),
        },
        "routing_control_stays": {"control": text()},
        "safety_rule": {
            "control": text(), "state": one_of("On", "Off"), "rule": text("arn:aws:sandbox:safetyrule/1"),
        },
        "application_down": {"server": text()},
        "application_slow": {"server": text(), "seconds": seconds(required=True)},
        "application_unready": {
            "server": text(), "requests": count(3), "status": _status(200, default=503),
        },
        "application_answer": {
            "server": text(), "path": text(), "status": _status(200, default=200),
            "body": text("broken"), "location": text(),
        },
        "application_certificate": {
            "server": text(), "flaw": one_of(*CERTIFICATE_FLAWS, default="self_signed"),
        },
    },
}  # fmt: skip

FAULT_KINDS: Mapping[str, FaultKind] = {
    name: FaultKind(name, family, {**FAMILY_FIELDS[family], **fields})
    for family, kinds in _OWN_FIELDS.items()
    for name, fields in kinds.items()
}
