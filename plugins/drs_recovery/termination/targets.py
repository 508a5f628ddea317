"""
Which instances may be terminated: those that an execution recorded as its own, as far as DRS still agrees.

With launch-into-instance a recovery instance can be the live primary of a server. So an id in our record is
not enough: at the last moment DRS itself must say that the instance is of our job, and of a drill.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from drs_recovery.hooks import Target, is_gone
from drs_recovery.store import instances_left, unconfirmed_instances

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, ServerStatus

# ``RecoveryInstanceFailbackState`` of an instance for which nobody started a failback.
_NO_FAILBACK = "FAILBACK_NOT_STARTED"

# ``ec2InstanceState`` of rows whose instance ended without DRS.
ENDED_STATES = frozenset({"TERMINATED", "NOT_FOUND"})


@dataclass(frozen=True)
class RecordedInstance:
    """
    An instance that an execution has on record.

    :param ec2_id: EC2 instance id; the same in every case that was seen.
    :param account: the AWS account of the launch, if it is known.
    :param launched: epoch seconds since when it may exist, as far as known.
    :param replaced_by: the execution of a later launch of the server that replaces it, if there is one.
    """

    instance_id: str
    ec2_id: str
    job_id: str
    target: Target
    server_id: str
    server_name: str
    account: str | None = None
    launched: float = 0.0
    replaced_by: str | None = None

    def __str__(self) -> str:
        """How messages name it."""
        return f"{self.instance_id} of {self.server_name} ({self.server_id}, {self.target.region})"


class TerminationState(Enum):
    """What is to be done about an instance."""

    GONE = auto()
    TERMINABLE = auto()
    NOT_OURS = auto()
    UNLISTED = auto()


def recorded_instances(
    document: ExecutionDocument, waves: Collection[int] | None = None
) -> list[RecordedInstance]:
    """
    Every instance of an execution that is called running, of all attempts.

    :param waves: only of these waves; None for all.
    """
    return [
        _recorded(server, instance_id, attempt)
        for wave in document["waves"]
        if waves is None or wave["waveNumber"] in waves
        for server in wave["serverStatuses"]
        for instance_id, attempt in instances_left(server).items()
    ]


def unconfirmed_of(document: ExecutionDocument) -> list[RecordedInstance]:
    """Every instance of an execution that was not seen to be gone, also those replaced by a later launch."""
    return [
        _recorded(server, instance_id, attempt)
        for wave in document["waves"]
        for server in wave["serverStatuses"]
        for instance_id, attempt in unconfirmed_instances(server).items()
    ]


def _recorded(server: ServerStatus, instance_id: str, attempt: Mapping[str, Any]) -> RecordedInstance:
    return RecordedInstance(
        instance_id=instance_id,
        ec2_id=attempt.get("instanceId") or instance_id,
        job_id=attempt.get("jobId", ""),
        target=Target(server["connection"], server["region"]),
        server_id=server["sourceServerId"],
        server_name=server["serverName"],
        account=attempt.get("accountId"),
        launched=float(server.get("launchedTime") or server.get("launchTime") or 0.0),
        replaced_by=server.get("replacedBy") or attempt.get("replacedBy"),
    )


def objection(recorded: RecordedInstance, row: Mapping[str, Any], *, allow_recovery: bool) -> str | None:
    """Say why an instance must not be terminated whatever our record says; None if it may."""
    if row.get("sourceServerID") != recorded.server_id:
        return f"DRS says that it is an instance of {row.get('sourceServerID', 'no known server')}"
    if row.get("jobID") != recorded.job_id:
        return f"DRS says that it is of {row.get('jobID', 'no known job')}, not of {recorded.job_id}"
    if row.get("isDrill") is not True and not allow_recovery:
        return "DRS does not call it a drill instance"
    return None


def termination_state_of(
    recorded: RecordedInstance,
    row: Mapping[str, Any] | None,
    instance: Mapping[str, Any] | None,
    *,
    allow_recovery: bool,
    job_ended: bool,
) -> TerminationState:
    """
    Say what is to be done about an instance.

    Gone is only what EC2 calls terminated or does not know: DRS's list alone can lag.

    :param row: of DescribeRecoveryInstances, None if it is not listed.
    :param instance: of EC2, None if EC2 does not know it.
    """
    if row is None:
        return TerminationState.GONE if is_gone(instance) else TerminationState.UNLISTED
    # The row of an instance that ended can outlive the job that removes it for a moment.
    if job_ended and is_gone(instance) and row.get("ec2InstanceState") in ENDED_STATES:
        return TerminationState.GONE
    if objection(recorded, row, allow_recovery=allow_recovery):
        return TerminationState.NOT_OURS
    return TerminationState.TERMINABLE


def failback_state(row: Mapping[str, Any]) -> str | None:
    """State of a failback that somebody started from an instance; DRS then may refuse to terminate it."""
    state = (row.get("failback") or {}).get("state", _NO_FAILBACK)
    return None if state == _NO_FAILBACK else str(state)
