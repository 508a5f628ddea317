"""
Read what DRS and EC2 say of instances, as fields of their servers, and what is missing for READY.

Fields follow ``RecoveryInstance`` of botocore's drs model and ``Instance`` of its ec2 model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drs_recovery.durations import epoch, moment, words
from drs_recovery.statuses import JOB_PENDING

if TYPE_CHECKING:
    from drs_recovery.hooks import TargetTrouble
    from drs_recovery.store import ServerStatus

# EC2 instance states: on its way out, running, and halted.
GONE_STATES = frozenset({"shutting-down", "terminated"})
RUNNING = "running"
HALTED_STATES = frozenset({"stopping", "stopped"})

# Seconds by which DRS may tell the time of the same data differently.
_SAME_TIME = 60.0

# ``launchDisposition`` of a server whose launch settings ask for an instance that does not run.
_STOPPED = "STOPPED"


@dataclass(frozen=True)
class Found:
    """
    What one look found of a server's instance.

    :param row: of DescribeRecoveryInstances; None if it lists none of the server's job.
    :param instance: of EC2; None if it does not know it.
    :param trouble: why DRS or EC2 could not be asked; None if both answered.
    :param disposition: ``launchDisposition`` of its launch settings, read only of a halted instance.
    """

    row: Mapping[str, Any] | None
    instance: Mapping[str, Any] | None
    trouble: TargetTrouble | None = None
    disposition: str | None = None
    disposition_trouble: TargetTrouble | None = None

    @property
    def state(self) -> str | None:
        """EC2's state of the instance."""
        return state_of(self.instance)

    @property
    def is_up(self) -> bool:
        """Whether it is as its launch settings want it, and has an address."""
        as_wanted = self.state == RUNNING or self.is_halted_by_wish
        return as_wanted and address_of(self.instance or {}) is not None

    @property
    def is_halted_by_wish(self) -> bool:
        """Whether it does not run, as its launch settings want it."""
        return self.state in HALTED_STATES and self.disposition == _STOPPED


def state_of(instance: Mapping[str, Any] | None) -> str | None:
    """
    EC2's state of an instance; None if EC2 does not know it.

    :param instance: ``Instance``.
    """
    return ((instance or {}).get("State") or {}).get("Name")


def belongs_to(row: Mapping[str, Any], server: ServerStatus) -> bool:
    """Whether an instance is of a server's job: one of an earlier drill can still be listed."""
    if row.get("sourceServerID") != server["sourceServerId"]:
        return False
    if "jobID" in row:
        return bool(row["jobID"] == server.get("jobId"))
    return bool(row.get("recoveryInstanceID")) and row["recoveryInstanceID"] == server.get(
        "recoveryInstanceId"
    )


def row_of(
    server: ServerStatus,
    rows: Sequence[Mapping[str, Any]] | None,
    instances: Mapping[str, Mapping[str, Any]],
) -> Mapping[str, Any] | None:
    """
    The row of a server's instance, or what stands for it.

    The job itself may have named the instance, whose id is that of its EC2 instance. That is enough where DRS
    does not tell its rows, and for one that a later job of the server replaced, which DRS lists no more.

    :param rows: of DescribeRecoveryInstances; None if it could not be asked.
    :param instances: of EC2, by id.
    """
    row = next((row for row in rows or () if belongs_to(row, server)), None)
    named = server.get("recoveryInstanceId")
    if row is not None or not named:
        return row
    if rows is None or state_of(instances.get(named)) in GONE_STATES:
        return {"recoveryInstanceID": named, "ec2InstanceID": named}
    return None


def fields_of(found: Found) -> dict[str, Any]:
    """What goes into the server's record."""
    row, instance = found.row, found.instance
    if row is None:
        return {}
    hints = (row.get("recoveryInstanceProperties") or {}).get("identificationHints") or {}
    fields = {
        "recoveryInstanceId": row.get("recoveryInstanceID"),
        "instanceId": row.get("ec2InstanceID"),
        "hostname": hints.get("hostname"),
        "pointInTime": epoch(row.get("pointInTimeSnapshotDateTime")),
    }
    if instance is None:
        return fields
    launched = instance.get("LaunchTime")
    fields |= {
        "instanceType": instance.get("InstanceType"),
        "instanceState": found.state,
        "ec2LaunchTime": launched.timestamp() if launched else None,
        "privateIp": address_of(instance),
    }
    # The name that resolves in the VPC; without one, the name that the replication agent reported stays.
    if instance.get("PrivateDnsName"):
        fields["hostname"] = instance["PrivateDnsName"]
    return fields


def address_of(instance: Mapping[str, Any]) -> str | None:
    """
    The private IPv4 address of an instance, or its IPv6 address where its subnet has no other.

    :param instance: ``Instance``.
    """
    return instance.get("PrivateIpAddress") or instance.get("Ipv6Address") or next(_ipv6_of(instance), None)


def _ipv6_of(instance: Mapping[str, Any]) -> Iterator[str]:
    listed = [
        address
        for interface in instance.get("NetworkInterfaces") or ()
        for address in interface.get("Ipv6Addresses") or ()
        if address.get("Ipv6Address")
    ]
    for address in sorted(listed, key=lambda address: not address.get("IsPrimaryIpv6")):
        yield str(address["Ipv6Address"])


def why_gone(found: Found) -> str:
    """Say of an instance that was launched that it is on its way out, with EC2's reason."""
    return f"instance {_name(found)} was launched and is {found.state} in EC2{_reason(found)}"


def what_is_missing(found: Found) -> str:
    """Say what a launched server lacks to be ready."""
    if found.trouble is not None:
        return f"the details of its instance cannot be read: {found.trouble}"
    if found.row is None:
        return "DescribeRecoveryInstances lists no recovery instance of its job"
    if not found.row.get("ec2InstanceID"):
        named = found.row.get("recoveryInstanceID") or "its recovery instance"
        return f"DescribeRecoveryInstances gives no ec2InstanceID of {named}"
    if found.instance is None:
        return f"EC2 does not know its instance {_name(found)}"
    return f"its instance {_name(found)} {' and '.join(_shortcomings(found))}"


def _shortcomings(found: Found) -> Iterator[str]:
    if found.state in HALTED_STATES and not found.is_halted_by_wish:
        yield f"is {found.state} in EC2{_reason(found)}{_wish(found)}"
    elif found.state != RUNNING and not found.is_halted_by_wish:
        yield f"is {found.state or 'without a state'} in EC2{_reason(found)}"
    if address_of(found.instance or {}) is None:
        yield "has no private address, neither IPv4 nor IPv6"


def _wish(found: Found) -> str:
    if found.disposition_trouble is not None:
        return f", and whether its launch settings ask for that cannot be read: {found.disposition_trouble}"
    return f", while its launch settings ask for {found.disposition or 'no launchDisposition'}"


def warning_of(found: Found) -> str | None:
    """What a person should know of the instance of a server that is ready; None if there is nothing."""
    if found.is_halted_by_wish:
        return (
            f"instance {_name(found)} is {found.state}, as its launch settings ask (launchDisposition "
            f"{_STOPPED}): start it manually"
        )
    if found.trouble is not None:
        return f"the point in time of its data is not known: {found.trouble}"
    return None


def data_warning_of(server: ServerStatus, point_in_time: float | None) -> str | None:
    """
    What a person should know of the data of a server that is ready.

    :param point_in_time: of its data, as DRS tells it.
    """
    if point_in_time is None:
        return None
    if server.get("previousSnapshotUsed"):
        starts = [o["timestamp"] for o in server["transitionHistory"] if o["status"] == JOB_PENDING]
        age = words(max(0.0, max(starts, default=point_in_time) - point_in_time))
        told = f"its data is of {moment(point_in_time)}, {age} before its launch began"
        return f"DRS took no new snapshot and used the previous one: {told}"
    chosen = server.get("recoverySnapshotTime")
    if chosen is not None and abs(chosen - point_in_time) > _SAME_TIME:
        wanted = f"{server['recoverySnapshotId']} ({moment(chosen)})"
        return f"its data is of {moment(point_in_time)}, not of its recovery snapshot {wanted}"
    return None


def _name(found: Found) -> str:
    return str((found.row or {}).get("ec2InstanceID"))


def _reason(found: Found) -> str:
    """EC2's reason of a state, such as ``: Client.VolumeLimitExceeded: Volume limit exceeded``."""
    instance = found.instance or {}
    reason = instance.get("StateReason") or {}
    told = ": ".join(filter(None, (reason.get("Code"), reason.get("Message"))))
    told = told or str(instance.get("StateTransitionReason") or "")
    # EC2 often writes the code into the message, too.
    code = f"{reason.get('Code')}: "
    told = told.removeprefix(code) if told.startswith(code * 2) else told
    return f" ({told})" if told else ""
